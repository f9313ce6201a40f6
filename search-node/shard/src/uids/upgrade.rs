//! Segments that were written before there was a file of uids: they have them among their stored values.

use tantivy::TantivyDocument;
use tantivy::directory::TerminatingWrite;
use tantivy::index::Segment;
use tantivy::schema::{Field, Value};
use tantivy::store::StoreReader;

use super::file::write;
use super::{component, corrupt};

/// Blocks of stored values that are kept unpacked: each is read once, from first to last.
const CACHED_BLOCKS: usize = 1;

/// Writes the file of a segment that has none; gives whether there was anything to do.
pub(crate) fn write_missing(segment: &Segment, uid: Field) -> tantivy::Result<bool> {
    let directory = segment.index().directory();
    if tantivy::Directory::exists(directory, &segment.relative_path(component()))? {
        return Ok(false);
    }
    let stored = segment.open_read(tantivy::index::SegmentComponent::Store)?;
    let stored = StoreReader::open(stored, CACHED_BLOCKS)?;
    let mut file = segment.open_write(component()).map_err(tantivy::TantivyError::from)?;
    write(&mut file, segment.meta().max_doc(), &|visit| {
        stored.iter::<TantivyDocument>(None).try_for_each(|document| {
            let document = document?;
            let uid = document.get_first(uid).and_then(|uid| uid.as_str());
            visit(uid.ok_or_else(|| corrupt("a document has none"))?.as_bytes())
        })
    })?;
    file.terminate()?;
    Ok(true)
}
