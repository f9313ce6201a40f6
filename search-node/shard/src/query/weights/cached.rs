//! Filters whose documents are kept, once they were asked for often enough.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, Searcher, Term};

use crate::engine::{AllIdentities, Layout, Matches, ShardQueries, identities_in};

/// A filter that may be kept.
#[derive(Clone)]
pub(in crate::query) struct Filter {
    /// What it says, and of which index.
    pub(in crate::query) name: Arc<str>,
    /// Whether it was asked for often enough to be kept.
    pub(in crate::query) is_wanted: bool,
    pub(in crate::query) queries: Arc<ShardQueries>,
    pub(in crate::query) identities: Arc<AllIdentities>,
    pub(in crate::query) layout: Arc<Layout>,
    pub(in crate::query) searcher: Searcher,
}

/// A query that is a filter: its matches all count the same.
pub(in crate::query) struct Cached {
    query: Box<dyn Query>,
    filter: Filter,
}

impl Cached {
    pub(in crate::query) fn new(query: Box<dyn Query>, filter: Filter) -> Self {
        Self { query, filter }
    }
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.query.fmt(out)
    }
}

impl Clone for Cached {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), filter: self.filter.clone() }
    }
}

impl Query for Cached {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let unscored = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => EnableScoring::disabled_from_schema(scoring.schema()),
        };
        Ok(Box::new(CachedWeight { matches: self.query.weight(unscored)?, filter: self.filter.clone() }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

struct CachedWeight {
    matches: Box<dyn Weight>,
    filter: Filter,
}

impl CachedWeight {
    /// The documents of a segment, if they are kept, or are from now on.
    fn kept(&self, reader: &SegmentReader) -> tantivy::Result<Option<Arc<Matches>>> {
        let Filter { name, is_wanted, queries, identities, layout, searcher } = &self.filter;
        if !queries.takes(reader, searcher) {
            return Ok(None);
        }
        let kept = identities_in(identities, reader)?.filters();
        kept.get(name, layout, reader.max_doc(), *is_wanted, || self.matches.scorer(reader, 1.0))
    }
}

impl Weight for CachedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        match self.kept(reader)? {
            Some(kept) => Ok(Box::new(ConstScorer::new(kept.documents(), boost))),
            None => self.matches.scorer(reader, boost),
        }
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        match self.kept(reader)? {
            Some(kept) => Ok(kept.count(reader)),
            None => self.matches.count(reader),
        }
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.matches.explain(reader, document)
    }
}
