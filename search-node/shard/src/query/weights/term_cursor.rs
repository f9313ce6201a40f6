//! TermCursor: where a term is in a segment, with a bound of what the documents of its block count; and who gets the best of them.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::query::{Bm25Weight, EnableScoring, Query};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, TERMINATED};

use super::bounds::Bounded;
use super::weighed::Weighed;

/// Who gets the best documents.
pub(crate) trait Best {
    /// Whether matches are counted that are not among the best.
    fn counts(&self) -> bool;
    /// A match must score more to be among the best.
    fn least(&self) -> Score;
    /// A match that is not.
    fn count(&mut self, document: DocId);
    /// One that may be.
    fn meet(&mut self, document: DocId, score: Score);
    /// Whether the search ends, after so many documents more.
    fn is_over_after(&mut self, documents: u32) -> bool;
}

/// Sums of scores are rounded, and not in the same order as those that they are compared with.
const ROUNDING: Score = 1.000_001;

/// Whether what counts so much at most may be among the best.
#[inline]
pub(super) fn may_be_best(most: Score, best: &impl Best) -> bool {
    most * ROUNDING > best.least()
}

/// A match with its score.
#[inline]
pub(super) fn give(document: DocId, score: Score, best: &mut impl Best) {
    if score > best.least() {
        best.meet(document, score);
    } else if best.counts() {
        best.count(document);
    }
}

/// A term, and how much it counts.
pub(super) struct CountedTerm {
    term: Bounded,
    counts: Bm25Weight,
}

impl CountedTerm {
    /// The terms of clauses; none unless each is a term that can be bounded.
    pub(super) fn of_each<'q>(
        clauses: impl Iterator<Item = &'q dyn Query>,
        scoring: EnableScoring<'_>,
    ) -> tantivy::Result<Option<Vec<Self>>> {
        let Some(searcher) = scoring.searcher() else { return Ok(None) };
        let mut terms = Vec::new();
        for clause in clauses {
            let Some(weighed) = clause.downcast_ref::<Weighed>() else { return Ok(None) };
            let Some(term) = Bounded::of(weighed, searcher)? else { return Ok(None) };
            let Some(counts) = weighed.bm25(scoring)? else { return Ok(None) };
            terms.push(Self { term, counts });
        }
        Ok(Some(terms))
    }

    /// The term in a segment; none where it is in no document.
    pub(super) fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<TermCursor>> {
        let Self { term, counts } = self;
        let index = reader.inverted_index(term.field.field)?;
        let postings = index.read_block_postings(&term.term, IndexRecordOption::WithFreqs)?;
        let Some(postings) = postings else { return Ok(None) };
        let lengths = term.field.lengths(reader)?;
        // Bounds are rounded, and so are their sums.
        let looseness = (term.looseness(reader)? * 1.000_01) as Score;
        Ok(Some(TermCursor::new(postings, lengths, counts.clone(), looseness)))
    }
}

/// Where one term is.
pub(super) struct TermCursor {
    pub(super) postings: BlockSegmentPostings,
    lengths: FieldNormReader,
    counts: Bm25Weight,
    looseness: Score,
    /// Its place in the block, and how long that is.
    pub(super) at: usize,
    pub(super) length: usize,
    /// The last document of the block; of the last block all that follow.
    pub(super) last: DocId,
    /// How much a document of the block counts at most.
    pub(super) most: Score,
}

impl TermCursor {
    fn new(
        postings: BlockSegmentPostings,
        lengths: FieldNormReader,
        counts: Bm25Weight,
        looseness: Score,
    ) -> Self {
        let mut cursor = Self { postings, lengths, counts, looseness, at: 0, length: 0, last: 0, most: 0.0 };
        cursor.enter();
        cursor
    }

    /// Notes what is to be known of a block.
    fn enter(&mut self) {
        self.length = self.postings.docs().len();
        self.last = self.postings.docs().last().copied().unwrap_or(TERMINATED);
        self.most = self.postings.block_max_score(&self.lengths, &self.counts) * self.looseness;
    }

    /// Goes to the first document from `document` on.
    pub(super) fn seek(&mut self, document: DocId) {
        if document <= self.last {
            self.step(document);
            return;
        }
        self.at = self.postings.seek(document);
        self.enter();
        if self.at >= self.length {
            self.last = TERMINATED;
        }
    }

    /// The same within its block, which does not end before.
    #[inline]
    pub(super) fn step(&mut self, document: DocId) {
        while self.at < self.length && self.postings.doc(self.at) < document {
            self.at += 1;
        }
    }

    /// Whether a document has the term, which lies in its block.
    #[inline]
    pub(super) fn is_at(&mut self, document: DocId) -> bool {
        self.step(document);
        self.document() == document
    }

    /// The document that it is at; none behind the last one.
    #[inline]
    pub(super) fn document(&self) -> DocId {
        if self.at < self.length { self.postings.doc(self.at) } else { TERMINATED }
    }

    #[inline]
    pub(super) fn score(&self) -> Score {
        self.counts.score(self.lengths.fieldnorm_id(self.document()), self.postings.freq(self.at))
    }
}
