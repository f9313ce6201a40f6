//! Matches that are left out of others. Who leaves them out asks for documents that may lie before the one that was reached already, which scorers
//! of phrases and other intersections cannot answer; here such a document is told from what is known.

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SeekDangerResult, TERMINATED};

use crate::query::faults::Faults;

/// A query whose matches are left out.
#[derive(Debug)]
pub(in crate::query) struct Excluded {
    pub(in crate::query) query: Box<dyn Query>,
    pub(in crate::query) faults: Faults,
}

impl Clone for Excluded {
    fn clone(&self) -> Self {
        Self { query: self.query.box_clone(), faults: self.faults.clone() }
    }
}

impl Query for Excluded {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(ExcludedWeight { inner: self.query.weight(scoring)?, faults: self.faults.clone() }))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a tantivy::Term, bool)) {
        self.query.query_terms(visitor);
    }
}

struct ExcludedWeight {
    inner: Box<dyn Weight>,
    faults: Faults,
}

impl Weight for ExcludedWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let inner = self.inner.scorer(reader, boost)?;
        let reached = inner.doc();
        Ok(Box::new(ExcludedScorer { inner, reached, is_match: true, faults: self.faults.clone() }))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        self.inner.explain(reader, document)
    }
}

struct ExcludedScorer {
    inner: Box<dyn Scorer>,
    /// No document before this one matches that was not told of.
    reached: DocId,
    /// Whether it matches itself.
    is_match: bool,
    faults: Faults,
}

impl ExcludedScorer {
    fn at(&mut self, document: DocId) -> DocId {
        (self.reached, self.is_match) = (document, true);
        document
    }

    /// What would still match is not known once the search ends: nothing is let in that may have to be left out.
    fn all_from(&mut self, target: DocId) -> SeekDangerResult {
        if target >= TERMINATED {
            return SeekDangerResult::SeekLowerBound(target);
        }
        (self.reached, self.is_match) = (target, true);
        SeekDangerResult::Found
    }
}

impl DocSet for ExcludedScorer {
    fn advance(&mut self) -> DocId {
        let document = self.inner.advance();
        self.at(document)
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let document = self.inner.seek(target);
        self.at(document)
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if self.faults.has_ended() {
            return self.all_from(target);
        }
        if target < self.reached {
            return SeekDangerResult::SeekLowerBound(self.reached);
        }
        if target == self.reached && self.is_match {
            return SeekDangerResult::Found;
        }
        let found = self.inner.seek_danger(target);
        if self.faults.has_ended() {
            return self.all_from(target);
        }
        (self.reached, self.is_match) = match found {
            SeekDangerResult::Found => (target, true),
            SeekDangerResult::SeekLowerBound(bound) => (bound, false),
        };
        found
    }

    fn doc(&self) -> DocId {
        self.inner.doc()
    }

    fn size_hint(&self) -> u32 {
        self.inner.size_hint()
    }
}

impl Scorer for ExcludedScorer {
    fn score(&mut self) -> Score {
        self.inner.score()
    }
}
