//! The documents of a segment that something is true of, looked at one after the other.

use tantivy::{DocId, DocSet, TERMINATED};

/// Documents of which `matches` says so.
pub(in crate::query) struct Walked<M> {
    matches: M,
    max_doc: DocId,
    at: DocId,
}

impl<M: FnMut(DocId) -> bool> Walked<M> {
    /// At the first of them.
    pub(in crate::query) fn new(max_doc: DocId, matches: M) -> Self {
        let mut walked = Self { matches, max_doc, at: 0 };
        walked.settle();
        walked
    }

    /// Moves on to a document that matches.
    fn settle(&mut self) {
        while self.at < self.max_doc && !(self.matches)(self.at) {
            self.at += 1;
        }
        if self.at >= self.max_doc {
            self.at = TERMINATED;
        }
    }
}

impl<M: FnMut(DocId) -> bool + Send> DocSet for Walked<M> {
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
