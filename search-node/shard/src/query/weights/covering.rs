//! Documents with so many of several terms as each says itself.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, TERMINATED};

use super::explained::matched;
use super::function_score::{DocumentNumber, NumberInSegment};
use crate::query::QueryError;
use crate::query::doc_values::{ValueField, Values};
use crate::query::faults::{COMPUTING, Faults, Looks};

#[derive(Debug)]
pub(in crate::query) struct Covering {
    pub(in crate::query) terms: Vec<Box<dyn Query>>,
    pub(in crate::query) least: Arc<dyn DocumentNumber>,
    pub(in crate::query) faults: Faults,
}

impl Clone for Covering {
    fn clone(&self) -> Self {
        Self {
            terms: self.terms.iter().map(|term| term.box_clone()).collect(),
            least: Arc::clone(&self.least),
            faults: self.faults.clone(),
        }
    }
}

/// The number in a field of the document; one without it is no match.
#[derive(Debug, Clone)]
pub(in crate::query) struct NumberOf(pub(in crate::query) ValueField);

impl DocumentNumber for NumberOf {
    fn open(&self, reader: &SegmentReader) -> tantivy::Result<Box<dyn NumberInSegment>> {
        Ok(Box::new(OpenNumber(self.0.open(reader)?, Vec::new())))
    }
}

struct OpenNumber(Values, Vec<f64>);

impl NumberInSegment for OpenNumber {
    fn of(&mut self, document: DocId, _score: Score) -> Result<f64, QueryError> {
        self.0.numbers(document, &mut self.1);
        Ok(self.1.first().copied().unwrap_or(f64::INFINITY))
    }
}

impl Query for Covering {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let terms = self.terms.iter().map(|term| term.weight(scoring)).collect::<tantivy::Result<_>>()?;
        Ok(Box::new(CoveringWeight { terms, least: Arc::clone(&self.least), faults: self.faults.clone() }))
    }
}

struct CoveringWeight {
    terms: Vec<Box<dyn Weight>>,
    least: Arc<dyn DocumentNumber>,
    faults: Faults,
}

impl Weight for CoveringWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let terms = self.terms.iter().map(|term| term.scorer(reader, boost));
        let mut scorer = CoveringScorer {
            terms: terms.collect::<tantivy::Result<_>>()?,
            least: self.least.open(reader)?,
            faults: self.faults.clone(),
            looks: self.faults.looks(),
            at: 0,
        };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has as many terms as it says")
    }
}

struct CoveringScorer {
    terms: Vec<Box<dyn Scorer>>,
    least: Box<dyn NumberInSegment>,
    faults: Faults,
    looks: Looks,
    at: DocId,
}

impl CoveringScorer {
    /// Moves on to a document with enough terms, the terms being at it or behind.
    fn settle(&mut self) -> DocId {
        loop {
            self.at = self.terms.iter().map(|term| term.doc()).min().unwrap_or(TERMINATED);
            if self.at == TERMINATED || self.faults.any() || self.looks.is_over_after(COMPUTING) {
                self.at = TERMINATED;
                return TERMINATED;
            }
            let found = self.terms.iter().filter(|term| term.doc() == self.at).count();
            match self.least.of(self.at, 0.0) {
                Ok(least) if found as f64 >= least.max(1.0).floor() => return self.at,
                Ok(_) => {}
                Err(fault) => self.faults.note(fault),
            }
            self.pass();
        }
    }

    /// Moves the terms behind the document.
    fn pass(&mut self) {
        for term in self.terms.iter_mut().filter(|term| term.doc() == self.at) {
            term.advance();
        }
    }
}

impl DocSet for CoveringScorer {
    fn advance(&mut self) -> DocId {
        if self.at != TERMINATED {
            self.pass();
            self.settle();
        }
        self.at
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.at < target {
            for term in self.terms.iter_mut().filter(|term| term.doc() < target) {
                term.seek(target);
            }
            self.settle();
        }
        self.at
    }

    fn doc(&self) -> DocId {
        self.at
    }

    fn size_hint(&self) -> u32 {
        self.terms.iter().map(|term| term.size_hint()).max().unwrap_or(0)
    }
}

impl Scorer for CoveringScorer {
    fn score(&mut self) -> Score {
        let at = self.at;
        self.terms.iter_mut().filter(|term| term.doc() == at).map(|term| term.score()).sum()
    }
}
