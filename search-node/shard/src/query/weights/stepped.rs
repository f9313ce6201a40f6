//! The matches of a query found step by step: each may take a look at many documents, and between these it is seen whether the search ends.

use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, Explanation, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, TERMINATED};

use crate::query::faults::{Faults, Looks};

/// A weight whose scorers can be asked for single documents without a look at those behind them.
pub(in crate::query) struct Stepped {
    pub(in crate::query) inner: Box<dyn Weight>,
    pub(in crate::query) faults: Faults,
}

impl Weight for Stepped {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let (found, inner) = self.inner.scorer_danger(reader, 0, boost)?;
        if inner.is::<EmptyScorer>() {
            return Ok(inner);
        }
        let mut scorer = SteppedScorer { inner, document: 0, looks: self.faults.looks() };
        if let SeekDangerResult::SeekLowerBound(first) = found {
            scorer.find(first);
        }
        Ok(Box::new(scorer))
    }

    fn scorer_danger(
        &self,
        reader: &SegmentReader,
        target: DocId,
        boost: Score,
    ) -> tantivy::Result<(SeekDangerResult, Box<dyn Scorer>)> {
        let (found, inner) = self.inner.scorer_danger(reader, target, boost)?;
        if inner.is::<EmptyScorer>() {
            return Ok((found, inner));
        }
        let document = if found == SeekDangerResult::Found { target } else { 0 };
        Ok((found, Box::new(SteppedScorer { inner, document, looks: self.faults.looks() })))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.inner.explain(reader, document)
    }
}

struct SteppedScorer {
    inner: Box<dyn Scorer>,
    document: DocId,
    looks: Looks,
}

impl SteppedScorer {
    /// Goes to the first match from a document on.
    fn find(&mut self, from: DocId) -> DocId {
        let mut target = from;
        self.document = loop {
            if target >= TERMINATED || self.looks.is_over_after(1) {
                break TERMINATED;
            }
            match self.inner.seek_danger(target) {
                SeekDangerResult::Found => break target,
                SeekDangerResult::SeekLowerBound(behind) => target = behind,
            }
        };
        self.document
    }
}

impl DocSet for SteppedScorer {
    fn advance(&mut self) -> DocId {
        if self.document == TERMINATED { TERMINATED } else { self.find(self.document + 1) }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.document >= target { self.document } else { self.find(target) }
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target >= TERMINATED || self.document == TERMINATED || self.looks.is_over_after(1) {
            self.document = TERMINATED;
            return SeekDangerResult::SeekLowerBound(TERMINATED);
        }
        if self.document == target {
            return SeekDangerResult::Found;
        }
        let found = self.inner.seek_danger(target);
        if found == SeekDangerResult::Found {
            self.document = target;
        }
        found
    }

    fn doc(&self) -> DocId {
        self.document
    }

    fn size_hint(&self) -> u32 {
        self.inner.size_hint()
    }

    fn cost(&self) -> u64 {
        self.inner.cost()
    }
}

impl Scorer for SteppedScorer {
    fn score(&mut self) -> Score {
        self.inner.score()
    }
}
