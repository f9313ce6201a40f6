//! AllTerms: the best of the documents that have all of several terms, in a part of a segment.
//!
//! The rarest term leads. Within a stretch in which no block of any term ends, no document scores more than the bounds of these blocks
//! together: where that is no more than the worst of the best, the stretch is passed over (block-max, after Ding and Suel, "Faster top-k
//! document retrieval using block-max indexes", 2011).

use std::ops::Range;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::query::{Bm25Weight, BooleanQuery, EnableScoring, Occur, Query};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, TERMINATED};

use super::bounds::Bounded;
use super::weighed::Weighed;

/// Several terms, all of which a document must have.
pub(crate) struct AllTerms(Vec<Counted>);

/// A term, and how much it counts.
struct Counted {
    term: Bounded,
    counts: Bm25Weight,
}

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

impl AllTerms {
    /// Those of a query, if that is what it asks for.
    pub(crate) fn of(query: &dyn Query, scoring: EnableScoring<'_>) -> tantivy::Result<Option<Self>> {
        let Some(joined) = query.downcast_ref::<BooleanQuery>() else { return Ok(None) };
        let clauses = joined.clauses();
        if clauses.len() < 2 || clauses.iter().any(|(occur, _)| *occur != Occur::Must) {
            return Ok(None);
        }
        let Some(searcher) = scoring.searcher() else { return Ok(None) };
        let mut terms = Vec::with_capacity(clauses.len());
        for (_, clause) in clauses {
            let Some(weighed) = clause.downcast_ref::<Weighed>() else { return Ok(None) };
            let Some(term) = Bounded::of(weighed, searcher)? else { return Ok(None) };
            let Some(counts) = weighed.bm25(scoring)? else { return Ok(None) };
            terms.push(Counted { term, counts });
        }
        Ok(Some(Self(terms)))
    }

    /// The terms in a segment; none where one of them is in no document.
    pub(crate) fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<AllTermsInSegment>> {
        let mut terms = Vec::with_capacity(self.0.len());
        for Counted { term, counts } in &self.0 {
            let index = reader.inverted_index(term.field.field)?;
            let postings = index.read_block_postings(&term.term, IndexRecordOption::WithFreqs)?;
            let Some(postings) = postings else { return Ok(None) };
            let lengths = term.field.lengths(reader)?;
            // Bounds are rounded, and so are their sums.
            let looseness = (term.looseness(reader)? * 1.000_01) as Score;
            terms.push(Cursor::new(postings, lengths, counts.clone(), looseness));
        }
        // Scores are summed up in the order in which whoever meets every match does it.
        terms.sort_by_key(|term| term.postings.doc_freq());
        let rest = terms.split_off(1);
        Ok(terms.pop().map(|lead| AllTermsInSegment { lead, rest }))
    }
}

/// The terms in a segment, the rarest before the others.
pub(crate) struct AllTermsInSegment {
    lead: Cursor,
    rest: Vec<Cursor>,
}

impl AllTermsInSegment {
    /// Gives the best documents of a range, which lies behind those that were asked for before; returns the first document behind it that
    /// may be a match.
    pub(crate) fn walk(&mut self, range: Range<DocId>, best: &mut impl Best) -> DocId {
        let mut next = range.start;
        loop {
            self.lead.seek(next);
            let first = self.lead.document();
            if first >= range.end {
                return first;
            }
            let mut last = self.lead.last.min(range.end - 1);
            let mut most = 0.0;
            for term in &mut self.rest {
                term.seek(first);
                if term.document() == TERMINATED {
                    return TERMINATED;
                }
                last = last.min(term.last);
                most += term.most;
            }
            if best.is_over_after(last - first + 1) {
                return TERMINATED;
            }
            if best.counts() || self.lead.most + most > best.least() {
                self.stretch(last, most, best);
            }
            next = last + 1;
        }
    }

    /// Gives those up to `last`, until which each term stays in its block; beside the rarest the terms count `most` together.
    fn stretch(&mut self, last: DocId, most: Score, best: &mut impl Best) {
        let Self { lead, rest } = self;
        while lead.at < lead.length {
            let document = lead.document();
            if document > last {
                return;
            }
            let own = lead.score();
            let may_be_best = own + most > best.least();
            if (may_be_best || best.counts()) && rest.iter_mut().all(|term| term.is_at(document)) {
                match may_be_best {
                    true => give(document, own, rest, best),
                    false => best.count(document),
                }
            }
            lead.at += 1;
        }
    }
}

/// Gives a match of which the rarest term counts `own`.
fn give(document: DocId, own: Score, rest: &[Cursor], best: &mut impl Best) {
    let Some((second, others)) = rest.split_first() else { return };
    let score = own + second.score() + others.iter().map(Cursor::score).sum::<Score>();
    if score > best.least() {
        best.meet(document, score);
    } else if best.counts() {
        best.count(document);
    }
}

/// Where one term is.
struct Cursor {
    postings: BlockSegmentPostings,
    lengths: FieldNormReader,
    counts: Bm25Weight,
    looseness: Score,
    /// Its place in the block, and how long that is.
    at: usize,
    length: usize,
    /// The last document of the block; of the last block all that follow.
    last: DocId,
    /// How much a document of the block counts at most.
    most: Score,
}

impl Cursor {
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
    fn seek(&mut self, document: DocId) {
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
    fn step(&mut self, document: DocId) {
        while self.at < self.length && self.postings.doc(self.at) < document {
            self.at += 1;
        }
    }

    /// Whether a document has the term, which lies in its block.
    #[inline]
    fn is_at(&mut self, document: DocId) -> bool {
        self.step(document);
        self.document() == document
    }

    /// The document that it is at; none behind the last one.
    #[inline]
    fn document(&self) -> DocId {
        if self.at < self.length { self.postings.doc(self.at) } else { TERMINATED }
    }

    #[inline]
    fn score(&self) -> Score {
        self.counts.score(self.lengths.fieldnorm_id(self.document()), self.postings.freq(self.at))
    }
}
