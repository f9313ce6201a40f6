//! Segments that were written before there was a file of uids: they have them among their stored values.

use std::io;

use tantivy::directory::TerminatingWrite;
use tantivy::index::{Segment, SegmentComponent};
use tantivy::schema::{Field, Value};
use tantivy::store::StoreReader;
use tantivy::{TantivyDocument, TantivyError};

use super::file::write;
use super::{component, corrupt};

/// Blocks of stored values that are kept unpacked: each is read from first to last.
const CACHED_BLOCKS: usize = 1;
/// How many documents are read between two looks at whether to go on.
const STEP: usize = 1_000;

/// Writes the file from the stored values. `may_go_on` is asked now and then, and its error ends it.
pub(crate) fn write_stored(
    segment: &Segment,
    uid: Field,
    may_go_on: &dyn Fn() -> io::Result<()>,
) -> tantivy::Result<()> {
    let stored = StoreReader::open(segment.open_read(SegmentComponent::Store)?, CACHED_BLOCKS)?;
    let mut file = segment.open_write(component()).map_err(TantivyError::from)?;
    write(&mut file, segment.meta().max_doc(), &|visit| {
        for (at, document) in stored.iter::<TantivyDocument>(None).enumerate() {
            if at % STEP == 0 {
                may_go_on()?;
            }
            let document = document?;
            let uid = document.get_first(uid).and_then(|uid| uid.as_str());
            visit(uid.ok_or_else(|| corrupt("a document has none"))?.as_bytes())?;
        }
        Ok(())
    })?;
    Ok(file.terminate()?)
}
