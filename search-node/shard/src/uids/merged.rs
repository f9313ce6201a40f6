//! The uids of a merged segment.
//!
//! tantivy does not tell in which order a merge put the documents, and an index that is sorted mixes them. But no two documents
//! have the same sequence number, except nested objects and what they are in, which are of one input; and those of each input keep
//! their order: so at each step exactly one input's next document is the one that has the number.

use tantivy::DocId;
use tantivy::columnar::Column;
use tantivy::directory::TerminatingWrite;
use tantivy::index::{Segment, SegmentReader};

use super::file::write;
use super::index::{UidIndex, UidScan};
use super::{component, corrupt};

/// A segment that was merged.
pub(crate) struct MergeInput {
    pub(crate) uids: UidIndex,
    pub(crate) reader: SegmentReader,
    pub(crate) seq_nos: Column<u64>,
}

/// Writes the file of the segment that `inputs` became; `seq_nos` are its sequence numbers.
pub(crate) fn write_merged(
    inputs: &[MergeInput],
    target: &Segment,
    seq_nos: &Column<u64>,
) -> tantivy::Result<()> {
    let documents = target.meta().max_doc();
    let mut file = target.open_write(component()).map_err(tantivy::TantivyError::from)?;
    write(&mut file, documents, &|visit| {
        let mut cursors: Vec<_> = inputs.iter().map(Cursor::new).collect();
        let mut last = 0;
        for document in 0..documents {
            let seq_no =
                seq_nos.first(document).ok_or_else(|| corrupt("a document has no sequence number"))?;
            last = place_of(&cursors, last, seq_no)?;
            visit(cursors[last].take()?)?;
        }
        Ok(())
    })?;
    Ok(file.terminate()?)
}

/// The input whose next document has a sequence number. Most often it is the one of the document before.
fn place_of(cursors: &[Cursor<'_>], last: usize, seq_no: u64) -> tantivy::Result<usize> {
    let has_it = |at: &usize| cursors[*at].seq_no == Some(seq_no);
    let place = Some(last).filter(has_it).or_else(|| (0..cursors.len()).find(has_it));
    place.ok_or_else(|| corrupt("a merge left a document out or changed the order of its inputs"))
}

/// An input and its next document.
struct Cursor<'i> {
    input: &'i MergeInput,
    scan: UidScan<'i>,
    document: DocId,
    seq_no: Option<u64>,
}

impl<'i> Cursor<'i> {
    fn new(input: &'i MergeInput) -> Self {
        let mut cursor = Self { input, scan: input.uids.scan(), document: 0, seq_no: None };
        cursor.settle();
        cursor
    }

    /// Moves on to a document that is not deleted.
    fn settle(&mut self) {
        let reader = &self.input.reader;
        while self.document < reader.max_doc() && reader.is_deleted(self.document) {
            self.document += 1;
        }
        // A column may not be asked for what lies beyond its end.
        let is_over = self.document >= reader.max_doc();
        self.seq_no = if is_over { None } else { self.input.seq_nos.first(self.document) };
    }

    /// Takes the uid of the next document.
    fn take(&mut self) -> tantivy::Result<&[u8]> {
        let document = self.document;
        self.document += 1;
        self.settle();
        self.scan.seek(document)
    }
}
