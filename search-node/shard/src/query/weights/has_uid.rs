//! Documents with one of some ids, of one type or several.

use super::explained::matched;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{DocId, DocSet, Score, TERMINATED};

use crate::engine::{AllIdentities, identities_in};
use crate::shard::uid;

/// The types whose ids are meant.
#[derive(Debug, Clone)]
pub(in crate::query) enum Types {
    /// Those that a segment has: `_doc`, and the terms of this field.
    Every(Field),
    /// These.
    Named(Arc<[String]>),
}

/// Matches documents with one of the ids, in the segments of one point in time.
#[derive(Clone)]
pub(in crate::query) struct HasUid {
    ids: Arc<[String]>,
    types: Types,
    identities: Arc<AllIdentities>,
}

impl HasUid {
    pub(in crate::query) fn new(ids: &[String], types: Types, identities: &Arc<AllIdentities>) -> Self {
        Self { ids: ids.into(), types, identities: Arc::clone(identities) }
    }
}

impl HasUid {
    /// How many documents match at most; none where types are not said.
    pub(in crate::query) fn most(&self) -> Option<usize> {
        match &self.types {
            Types::Every(_) => None,
            Types::Named(types) => Some(types.len() * self.ids.len()),
        }
    }
}

impl Types {
    /// The types to look for in a segment.
    fn of(&self, reader: &SegmentReader) -> tantivy::Result<Cow<'_, [String]>> {
        let field = match self {
            Self::Named(types) => return Ok(Cow::Borrowed(types)),
            Self::Every(field) => *field,
        };
        let mut types = vec!["_doc".to_owned()];
        let index = reader.inverted_index(field)?;
        let mut terms = index.terms().stream()?;
        while terms.advance() {
            types.extend(std::str::from_utf8(terms.key()).map(str::to_owned));
        }
        Ok(Cow::Owned(types))
    }
}

impl fmt::Debug for HasUid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("HasUid").field("ids", &self.ids).field("types", &self.types).finish_non_exhaustive()
    }
}

impl Query for HasUid {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for HasUid {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let known = identities_in(&self.identities, reader)?;
        let mut documents = Vec::new();
        for doc_type in self.types.of(reader)?.iter() {
            for id in self.ids.iter() {
                documents.extend(known.uids.documents(&uid(doc_type, id))?);
            }
        }
        if documents.is_empty() {
            return Ok(Box::new(EmptyScorer));
        }
        documents.sort_unstable();
        documents.dedup();
        Ok(Box::new(ConstScorer::new(Documents { documents, at: 0 }, boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has one of the ids")
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
