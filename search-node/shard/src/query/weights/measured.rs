//! A query that measures how long its parts take, for `profile`. Nothing is wrapped where nobody asks.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, TERMINATED};

use crate::query::profile::{Measure, Step};

/// Another query, measured.
#[derive(Debug)]
pub(in crate::query) struct Measured {
    pub(in crate::query) query: Box<dyn Query>,
    pub(in crate::query) measure: Arc<Measure>,
}

impl Clone for Measured {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), measure: Arc::clone(&self.measure) }
    }
}

impl Query for Measured {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let weight = self.measure.time(Step::CreateWeight, || self.query.weight(scoring))?;
        Ok(Box::new(MeasuredWeight { weight, measure: Arc::clone(&self.measure) }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.query.query_terms(visitor);
    }
}

struct MeasuredWeight {
    weight: Box<dyn Weight>,
    measure: Arc<Measure>,
}

impl Weight for MeasuredWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let scorer = self.measure.time(Step::BuildScorer, || self.weight.scorer(reader, boost))?;
        Ok(Box::new(MeasuredScorer { scorer, measure: Arc::clone(&self.measure) }))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.weight.explain(reader, document)
    }

    fn count(&self, reader: &SegmentReader) -> tantivy::Result<u32> {
        // Many can tell how many they have without a look at each.
        self.measure.time(Step::NextDoc, || self.weight.count(reader))
    }
}

struct MeasuredScorer {
    scorer: Box<dyn Scorer>,
    measure: Arc<Measure>,
}

impl DocSet for MeasuredScorer {
    fn advance(&mut self) -> DocId {
        let Self { scorer, measure } = self;
        measure.time(Step::NextDoc, || scorer.advance())
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let Self { scorer, measure } = self;
        measure.time(Step::Advance, || scorer.seek(target))
    }

    fn fill_buffer(&mut self, buffer: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN]) -> usize {
        let Self { scorer, measure } = self;
        measure.time_many(Step::NextDoc, || {
            let filled = scorer.fill_buffer(buffer);
            // The one that tells that there are no more was asked for, too.
            (filled, filled as u64 + u64::from(scorer.doc() == TERMINATED))
        })
    }

    fn doc(&self) -> DocId {
        self.scorer.doc()
    }

    fn size_hint(&self) -> u32 {
        self.scorer.size_hint()
    }

    fn cost(&self) -> u64 {
        self.scorer.cost()
    }
}

impl Scorer for MeasuredScorer {
    fn score(&mut self) -> Score {
        let Self { scorer, measure } = self;
        measure.time(Step::Score, || scorer.score())
    }
}
