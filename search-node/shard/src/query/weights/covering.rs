//! Documents with so many of several terms as each says itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
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
        let mut looks = self.faults.looks();
        let mut terms = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            // Of a search that ends nothing is found.
            if looks.is_over_after(COMPUTING) {
                break;
            }
            terms.push(term.weight(scoring)?);
        }
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
        let mut looks = self.faults.looks();
        let mut terms = Vec::with_capacity(self.terms.len());
        for term in &self.terms {
            if looks.is_over_after(COMPUTING) || looks.has_ended() {
                return Ok(Box::new(EmptyScorer));
            }
            terms.push(term.scorer(reader, boost)?);
        }
        let behind = terms.iter().enumerate().map(|(at, term)| Reverse((term.doc(), at))).collect();
        let mut scorer = CoveringScorer {
            terms,
            behind,
            here: Vec::new(),
            least: self.least.open(reader)?,
            faults: self.faults.clone(),
            looks,
            at: 0,
        };
        scorer.find(0);
        Ok(Box::new(scorer))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has as many terms as it says")
    }
}

struct CoveringScorer {
    terms: Vec<Box<dyn Scorer>>,
    /// Where the terms stand that are behind the document, the nearest on top.
    behind: BinaryHeap<Reverse<(DocId, usize)>>,
    /// The terms that the document has.
    here: Vec<usize>,
    least: Box<dyn NumberInSegment>,
    faults: Faults,
    looks: Looks,
    at: DocId,
}

impl CoveringScorer {
    /// Goes to the first document from one on that has enough terms.
    fn find(&mut self, target: DocId) -> DocId {
        let mut target = target;
        loop {
            self.go_to(target);
            let work = COMPUTING.saturating_add(u32::try_from(self.here.len()).unwrap_or(u32::MAX));
            if self.at == TERMINATED || self.faults.any() || self.looks.is_over_after(work) {
                self.at = TERMINATED;
                return TERMINATED;
            }
            match self.least.of(self.at, 0.0) {
                Ok(least) if self.here.len() as f64 >= least.max(1.0).floor() => return self.at,
                Ok(_) => {}
                Err(fault) => self.faults.note(fault),
            }
            target = self.at + 1;
        }
    }

    /// Goes to the first document from one on that has a term; none where the search ends.
    fn go_to(&mut self, target: DocId) {
        let Self { terms, behind, here, looks, .. } = self;
        behind.extend(here.drain(..).map(|term| Reverse((terms[term].doc(), term))));
        while let Some(mut first) = behind.peek_mut()
            && first.0.0 < target
        {
            if looks.is_over_after(1) {
                self.at = TERMINATED;
                return;
            }
            first.0.0 = terms[first.0.1].seek(target);
        }
        self.at = behind.peek().map_or(TERMINATED, |first| first.0.0);
        while let Some(Reverse((document, term))) = behind.peek().copied()
            && document == self.at
            && document != TERMINATED
        {
            behind.pop();
            here.push(term);
        }
    }
}

impl DocSet for CoveringScorer {
    fn advance(&mut self) -> DocId {
        if self.at == TERMINATED { TERMINATED } else { self.find(self.at + 1) }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.at >= target {
            return self.at;
        }
        if target == TERMINATED {
            self.at = TERMINATED;
            return TERMINATED;
        }
        self.find(target)
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
        // In the order in which they were asked for: sums of the same numbers are the same then.
        self.here.sort_unstable();
        let Self { terms, here, .. } = self;
        here.iter().map(|term| terms[*term].score()).sum()
    }
}
