//! The documents of a segment that score something, looked at one after the other.

use tantivy::query::Scorer;
use tantivy::{DocId, DocSet, Score, TERMINATED};

use crate::query::faults::{Faults, Looks};

/// Documents to which `look` gives a score.
pub(in crate::query) struct Walked<L> {
    look: L,
    max_doc: DocId,
    at: DocId,
    score: Score,
    looks: Looks,
}

impl<L: FnMut(DocId) -> Option<Score>> Walked<L> {
    /// At the first of them.
    pub(in crate::query) fn new(max_doc: DocId, faults: &Faults, look: L) -> Self {
        let mut walked = Self { look, max_doc, at: 0, score: 0.0, looks: faults.looks() };
        walked.settle();
        walked
    }

    /// Moves on to a document that scores.
    fn settle(&mut self) {
        while self.at < self.max_doc && !self.looks.is_over_after(1) {
            if let Some(score) = (self.look)(self.at) {
                self.score = score;
                return;
            }
            self.at += 1;
        }
        self.at = TERMINATED;
    }
}

impl<L: FnMut(DocId) -> Option<Score> + Send> DocSet for Walked<L> {
    fn advance(&mut self) -> DocId {
        if self.at != TERMINATED {
            self.at += 1;
            self.settle();
        }
        self.at
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.at < target {
            self.at = target;
            self.settle();
        }
        self.at
    }

    fn doc(&self) -> DocId {
        self.at
    }

    fn size_hint(&self) -> u32 {
        self.max_doc
    }
}

impl<L: FnMut(DocId) -> Option<Score> + Send + 'static> Scorer for Walked<L> {
    fn score(&mut self) -> Score {
        self.score
    }
}
