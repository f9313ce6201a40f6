//! Documents with one of some uids.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::{BitSet, DocId, Score};

use crate::uids::UidIndex;

/// Matches documents with one of the uids.
#[derive(Debug, Clone)]
pub(super) struct HasUid {
    uids: Arc<[String]>,
}

impl HasUid {
    pub(super) fn new(uids: impl Iterator<Item = String>) -> Self {
        Self { uids: uids.collect() }
    }
}

impl Query for HasUid {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for HasUid {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let known = UidIndex::of(reader)?;
        let mut found = Vec::new();
        for uid in self.uids.iter() {
            found.extend(known.documents(uid)?);
        }
        if found.is_empty() {
            return Ok(Box::new(EmptyScorer));
        }
        let mut documents = BitSet::with_max_value(reader.max_doc());
        for document in found {
            documents.insert(document);
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has one of the ids", 1.0))
    }
}
