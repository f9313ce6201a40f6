//! Upgrading: a segment of a build that kept uids elsewhere gets its file of uids when its shard is opened.

use std::io;

use tantivy::index::{Segment, SegmentComponent};
use tantivy::schema::Field;

use super::EngineError;
use crate::store::{ShardDirectory, damage_of};
use crate::uids;

/// Writes the file of a segment that has none; gives whether there was anything to do. A flush must follow: until then the file is
/// made again whenever the shard is opened.
pub(super) fn upgrade(
    directory: &ShardDirectory,
    segment: &Segment,
    uid: Field,
    may_go_on: &dyn Fn() -> io::Result<()>,
) -> Result<bool, EngineError> {
    if uids::exists(segment)? {
        return Ok(false);
    }
    let documents = segment.meta().max_doc();
    let store = directory.folder().join(segment.relative_path(SegmentComponent::Store));
    tracing::info!(store = %store.display(), documents, "writing the uids of a segment of an older build");
    // What was damaged since it was written must not live on under a fresh checksum.
    if let Some(damage) = damage_of(&store, may_go_on)? {
        return Err(damage.into());
    }
    uids::write_stored(segment, uid, may_go_on).map_err(|error| {
        directory.remove([uids::path(segment)]);
        EngineError::Io(io::Error::other(format!(
            "{}: the segment is of an older build and needs a file of the uids of its {documents} documents, which could not be written: {error}; where the disk is full, free some space and ask again",
            store.display()
        )))
    })?;
    Ok(true)
}
