//! The uids of a segment: which documents have a uid, and which uid a document has.
//!
//! A uid is nearly always a document's own, so a dictionary of terms with a list of documents for each is more than it takes:
//! it costs a tenth of indexing, and again at each merge. Instead each segment has one more file, `<segment>.uid`, with a table of
//! hashes and the uids in the order of the documents. Its bytes are described in `docs/formats/segment.md`.
//!
//! ```text
//!  uid ──hash──▶ bucket of some dozen documents ──16 bits of the hash──▶ most often one ──its uid──▶ sure
//! ```

mod file;
mod index;
mod letters;
mod merged;
mod pending;
mod upgrade;

use std::path::PathBuf;

use tantivy::error::DataCorruption;
use tantivy::index::{Segment, SegmentComponent};
use tantivy::{Directory, TantivyError};

pub(crate) use index::{UidIndex, UidScan};
pub(crate) use merged::{MergeInput, write_merged};
pub(crate) use pending::PendingUids;
pub(crate) use upgrade::write_stored;

/// The name of the file of a segment.
pub(crate) fn path(segment: &Segment) -> PathBuf {
    segment.relative_path(component())
}

/// Whether a segment has the file.
pub(crate) fn exists(segment: &Segment) -> tantivy::Result<bool> {
    Ok(segment.index().directory().exists(&path(segment))?)
}

/// The file of a segment that has them.
pub(crate) fn component() -> SegmentComponent {
    SegmentComponent::Custom("uid".to_owned())
}

/// What is read is not what was written.
fn corrupt(what: &str) -> TantivyError {
    DataCorruption::comment_only(format!("the uids of a segment: {what}")).into()
}
