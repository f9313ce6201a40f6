//! Matches that all count the same. What finds them is not asked for scores, and so need not read what they come from.

use super::explained::matched;
use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, Term};

/// A query whose matches all count the same.
#[derive(Debug)]
pub(in crate::query) struct Constant {
    query: Box<dyn Query>,
    score: Score,
}

impl Constant {
    pub(in crate::query) fn new(query: Box<dyn Query>, score: Score) -> Self {
        Self { query, score }
    }

    /// The same with its score multiplied.
    pub(in crate::query) fn boosted(&self, by: Score) -> Self {
        Self { query: self.query.box_clone(), score: self.score * by }
    }

    /// What is found, and what each counts.
    pub(in crate::query) fn inside(&self) -> (&dyn Query, Score) {
        (&*self.query, self.score)
    }
}

impl Clone for Constant {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), score: self.score }
    }
}

impl Query for Constant {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let is_scored = scoring.is_scoring_enabled();
        let unscored = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => EnableScoring::disabled_from_schema(scoring.schema()),
        };
        let matches = self.query.weight(unscored)?;
        if !is_scored {
            return Ok(matches);
        }
        Ok(Box::new(ConstantWeight { matches, score: self.score }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        self.query.query_terms(visitor);
    }
}

/// Matches that count 1.
pub(in crate::query) fn constant(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(Constant::new(query, 1.0))
}

/// Matches that add nothing to the score.
pub(in crate::query) fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(Constant::new(query, 0.0))
}

struct ConstantWeight {
    matches: Box<dyn Weight>,
    score: Score,
}

impl Weight for ConstantWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(ConstScorer::new(self.matches.scorer(reader, 1.0)?, self.score * boost)))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        self.matches.count(reader)
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "ConstantScore")
    }
}
