//! The uids of a segment that is being filled.

use tantivy::directory::TerminatingWrite;
use tantivy::index::Segment;
use tantivy::{DocId, TantivyError};

use super::file::write;
use super::{component, corrupt};

/// Uids in the order in which their documents came.
#[derive(Debug, Default)]
pub(crate) struct PendingUids {
    letters: Vec<u8>,
    ends: Vec<usize>,
}

impl PendingUids {
    pub(crate) fn push(&mut self, uid: &str) {
        self.letters.extend_from_slice(uid.as_bytes());
        self.ends.push(self.letters.len());
    }

    /// The number that the next document gets.
    pub(crate) fn next(&self) -> DocId {
        self.ends.len() as DocId
    }

    /// Bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.letters.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Writes the file. `order` has for each document of the segment its number when it came.
    pub(crate) fn write(&self, segment: &Segment, order: &[u64]) -> tantivy::Result<()> {
        let mut file = segment.open_write(component()).map_err(TantivyError::from)?;
        let documents = self.ends.len() as u32;
        write(&mut file, documents, &|visit| order.iter().try_for_each(|came| visit(self.uid(*came)?)))?;
        Ok(file.terminate()?)
    }

    fn uid(&self, came: u64) -> tantivy::Result<&[u8]> {
        let at = usize::try_from(came).unwrap_or(usize::MAX);
        let from = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = from.zip(self.ends.get(at).copied());
        let uid = range.and_then(|(from, to)| self.letters.get(from..to));
        uid.ok_or_else(|| corrupt("a document is in the segment that was not put there"))
    }
}
