//! Matches that count less where they match another query too.

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score};

use super::passes::passes;

/// The matches of one query, those of another demoted.
#[derive(Debug)]
pub(in crate::query) struct Demoted {
    pub(in crate::query) positive: Box<dyn Query>,
    pub(in crate::query) negative: Box<dyn Query>,
    /// What the scores of those are multiplied by that match both.
    pub(in crate::query) by: Score,
}

impl Clone for Demoted {
    fn clone(&self) -> Self {
        Self { positive: self.positive.box_clone(), negative: self.negative.box_clone(), by: self.by }
    }
}

impl Query for Demoted {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        if !scoring.is_scoring_enabled() {
            return self.positive.weight(scoring);
        }
        let unscored = match scoring.searcher() {
            Some(searcher) => EnableScoring::disabled_from_searcher(searcher),
            None => EnableScoring::disabled_from_schema(scoring.schema()),
        };
        let negative = self.negative.weight(unscored)?;
        Ok(Box::new(DemotedWeight { positive: self.positive.weight(scoring)?, negative, by: self.by }))
    }
}

struct DemotedWeight {
    positive: Box<dyn Weight>,
    negative: Box<dyn Weight>,
    by: Score,
}

impl Weight for DemotedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(DemotedScorer {
            positive: self.positive.scorer(reader, boost)?,
            negative: self.negative.scorer(reader, 1.0)?,
            by: self.by,
        }))
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        self.positive.count(reader)
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.positive.explain(reader, document)
    }
}

struct DemotedScorer {
    positive: Box<dyn Scorer>,
    negative: Box<dyn Scorer>,
    by: Score,
}

impl DocSet for DemotedScorer {
    fn advance(&mut self) -> DocId {
        self.positive.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.positive.seek(target)
    }

    fn doc(&self) -> DocId {
        self.positive.doc()
    }

    fn size_hint(&self) -> u32 {
        self.positive.size_hint()
    }
}

impl Scorer for DemotedScorer {
    fn score(&mut self) -> Score {
        let score = self.positive.score();
        if passes(&mut *self.negative, self.positive.doc()) { score * self.by } else { score }
    }
}
