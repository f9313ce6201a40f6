//! Documents with one of some uids.

use std::fmt;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, TERMINATED, TantivyError};

use crate::engine::AllIdentities;

/// Matches documents with one of the uids, in the segments of one point in time.
#[derive(Clone)]
pub(super) struct HasUid {
    uids: Arc<[String]>,
    identities: Arc<AllIdentities>,
}

impl HasUid {
    pub(super) fn new(uids: impl Iterator<Item = String>, identities: &Arc<AllIdentities>) -> Self {
        Self { uids: uids.collect(), identities: Arc::clone(identities) }
    }
}

impl fmt::Debug for HasUid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HasUid").field("uids", &self.uids).finish_non_exhaustive()
    }
}

impl Query for HasUid {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for HasUid {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let missing = || TantivyError::InternalError("the uids of a segment are not open".to_owned());
        let known = self.identities.get(&reader.segment_id()).ok_or_else(missing)?;
        let mut documents = Vec::new();
        for uid in self.uids.iter() {
            documents.extend(known.uids.documents(uid)?);
        }
        if documents.is_empty() {
            return Ok(Box::new(EmptyScorer));
        }
        documents.sort_unstable();
        documents.dedup();
        Ok(Box::new(ConstScorer::new(Documents { documents, at: 0 }, boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has one of the ids", 1.0))
    }
}

/// A few documents in their order.
struct Documents {
    documents: Vec<DocId>,
    at: usize,
}

impl DocSet for Documents {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.documents.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.documents.len() as u32
    }
}
