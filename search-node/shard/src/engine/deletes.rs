//! Deletes: which older copies of documents a refresh takes away, and the list of deletes of a segment.

use std::path::PathBuf;

use hashbrown::HashMap;
use tantivy::directory::TerminatingWrite;
use tantivy::fastfield::write_alive_bitset;
use tantivy::index::{Index, SegmentComponent, SegmentMeta, SegmentReader};
use tantivy::{BitSet, DocId};

use super::EngineError;
use super::layout::SEQ_NO;
use crate::uids::UidIndex;

/// Documents that have newer operations, with the sequence number of the newest.
#[derive(Debug, Default)]
pub(super) struct Superseded {
    newest: HashMap<String, u64>,
}

impl Superseded {
    pub(super) fn push(&mut self, uid: &str, seq_no: u64) {
        match self.newest.get_mut(uid) {
            Some(known) => *known = seq_no.max(*known),
            None => {
                self.newest.insert(uid.to_owned(), seq_no);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// The documents of a segment that are older than the newest operation on them.
    fn documents(&self, reader: &SegmentReader, uids: &UidIndex) -> Result<Vec<DocId>, EngineError> {
        let seq_nos = reader.fast_fields().u64(SEQ_NO)?;
        let mut older = Vec::new();
        for (uid, newest) in &self.newest {
            let is_older = |document: &DocId| {
                seq_nos.first(*document).is_some_and(|seq_no| seq_no < *newest)
                    && !reader.is_deleted(*document)
            };
            older.extend(uids.documents(uid)?.into_iter().filter(is_older));
        }
        Ok(older)
    }
}

/// Takes superseded documents away from a segment: its description with the new list of deletes, if there is any change.
/// `known` is a reader of the segment as `meta` describes it, if somebody has one.
pub(super) fn apply(
    index: &Index,
    meta: &SegmentMeta,
    known: Option<&SegmentReader>,
    superseded: &Superseded,
    uids: &UidIndex,
    stamp: u64,
) -> Result<Option<SegmentMeta>, EngineError> {
    let opened;
    let reader = match known {
        Some(reader) => reader,
        None => {
            opened = SegmentReader::open(&index.segment(meta.clone()))?;
            &opened
        }
    };
    let documents = superseded.documents(reader, uids)?;
    if documents.is_empty() {
        return Ok(None);
    }
    let mut alive = BitSet::with_max_value_and_full(meta.max_doc());
    if let Some(before) = reader.alive_bitset() {
        alive.intersect_update(before.bitset());
    }
    for document in documents {
        alive.remove(document);
    }
    let deleted = meta.max_doc() - alive.len() as u32;
    let newer = index.segment(meta.clone()).with_delete_meta(deleted, stamp);
    let mut file = newer.open_write(SegmentComponent::Delete).map_err(tantivy::TantivyError::from)?;
    write_alive_bitset(&alive, &mut file)?;
    file.terminate()?;
    Ok(Some(newer.meta().clone()))
}

/// The file of a segment's list of deletes.
pub(super) fn file_of(meta: &SegmentMeta) -> Option<PathBuf> {
    meta.has_deletes().then(|| meta.relative_path(SegmentComponent::Delete))
}
