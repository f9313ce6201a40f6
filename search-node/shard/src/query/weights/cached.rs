//! Filters whose documents are kept, once they were asked for often enough.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, Searcher, Term};

use super::leading::Leading;
use crate::engine::{AllIdentities, Kept, Layout, Matches, ShardQueries, identities_in};
use crate::query::faults::Faults;

/// A filter is not kept that costs so many times more than what others leave to it, as in Lucene (`skipCacheFactor`).
const DEARER_MAX: u64 = 10;

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
    pub(in crate::query) faults: Faults,
}

/// A query that is a filter: its matches all count the same.
pub(in crate::query) struct Cached {
    query: Box<dyn Query>,
    filter: Filter,
    /// What leaves documents to it, if anything does.
    beside: Option<Leading>,
}

impl Cached {
    pub(in crate::query) fn new(query: Box<dyn Query>, filter: Filter) -> Self {
        Self { query, filter, beside: None }
    }

    /// What is found.
    pub(super) fn inside(&self) -> &dyn Query {
        &*self.query
    }

    /// Others leave documents to it from now on.
    pub(in crate::query) fn set_beside(&mut self, beside: Leading) {
        self.beside = Some(beside);
    }
}

impl std::fmt::Debug for Cached {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.query.fmt(out)
    }
}

impl Clone for Cached {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), filter: self.filter.clone(), beside: self.beside.clone() }
    }
}

impl Query for Cached {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let unscored = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => EnableScoring::disabled_from_schema(scoring.schema()),
        };
        let matches = self.query.weight(unscored)?;
        Ok(Box::new(CachedWeight { matches, filter: self.filter.clone(), beside: self.beside.clone() }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

struct CachedWeight {
    matches: Box<dyn Weight>,
    filter: Filter,
    beside: Option<Leading>,
}

impl CachedWeight {
    /// The documents of a segment, if they are kept, or are from now on; else what finds them.
    fn found(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Found> {
        let Filter { name, is_wanted, queries, identities, layout, searcher, faults } = &self.filter;
        if !queries.takes(reader, searcher) {
            return Ok(Found::By(self.matches.scorer(reader, boost)?));
        }
        let kept = identities_in(identities, reader)?.filters();
        if let Some(kept) = kept.get(name, layout) {
            return Ok(Found::Kept(kept));
        }
        let mut scorer = self.matches.scorer(reader, boost)?;
        if !is_wanted || self.is_left_few(&*scorer, reader)? {
            return Ok(Found::By(scorer));
        }
        let mut looks = faults.looks();
        // What finds the documents may have seen first that the search ends.
        let mut is_over = |documents| looks.is_over_after(documents) || faults.has_ended();
        let kept = kept.keep(name, (layout, reader.max_doc()), &mut *scorer, &mut is_over);
        Ok(match kept {
            Kept::Made(made) => Found::Kept(made),
            Kept::Not => Found::By(scorer),
            Kept::Over => Found::By(Box::new(EmptyScorer)),
        })
    }

    /// What is kept of a segment.
    fn known(&self, reader: &SegmentReader) -> tantivy::Result<Option<Arc<Matches>>> {
        let Filter { name, queries, identities, layout, searcher, .. } = &self.filter;
        if !queries.takes(reader, searcher) {
            return Ok(None);
        }
        Ok(identities_in(identities, reader)?.filters().get(name, layout))
    }

    /// Whether others leave so few documents to it that to find all of its own would take far longer than the search.
    fn is_left_few(&self, scorer: &dyn Scorer, reader: &SegmentReader) -> tantivy::Result<bool> {
        let Some(beside) = &self.beside else { return Ok(false) };
        Ok(beside.documents(reader)?.is_some_and(|left| scorer.cost() / DEARER_MAX > left))
    }
}

/// What finds the matches of a filter.
enum Found {
    Kept(Arc<Matches>),
    By(Box<dyn Scorer>),
}

impl Weight for CachedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(match self.found(reader, boost)? {
            Found::Kept(kept) => Box::new(ConstScorer::new(kept.documents(), boost)),
            Found::By(scorer) => scorer,
        })
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        // Many know how many they are without a walk.
        if !self.filter.is_wanted {
            return match self.known(reader)? {
                Some(kept) => Ok(kept.count(reader)),
                None => self.matches.count(reader),
            };
        }
        Ok(match (self.found(reader, 1.0)?, reader.alive_bitset()) {
            (Found::Kept(kept), _) => kept.count(reader),
            (Found::By(mut scorer), Some(alive)) => scorer.count(alive),
            (Found::By(mut scorer), None) => scorer.count_including_deleted(),
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.matches.explain(reader, document)
    }
}
