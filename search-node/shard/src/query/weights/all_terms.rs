//! AllTerms: the best of the documents that have all of several terms, in a part of a segment.
//!
//! The rarest term leads. Within a stretch in which no block of any term ends, no document scores more than the bounds of these blocks
//! together: where that is no more than the worst of the best, the stretch is passed over (block-max, after Ding and Suel, "Faster top-k
//! document retrieval using block-max indexes", 2011).

use std::ops::Range;

use tantivy::index::SegmentReader;
use tantivy::query::{BooleanQuery, EnableScoring, Occur, Query};
use tantivy::{DocId, Score, TERMINATED};

use super::term_cursor::{Best, CountedTerm, TermCursor, give, may_be_best};

/// Several terms, all of which a document must have.
pub(crate) struct AllTerms(Vec<CountedTerm>);

impl AllTerms {
    /// Those of a query, if that is what it asks for.
    pub(crate) fn of(query: &dyn Query, scoring: EnableScoring<'_>) -> tantivy::Result<Option<Self>> {
        let Some(joined) = query.downcast_ref::<BooleanQuery>() else { return Ok(None) };
        let clauses = joined.clauses();
        if clauses.len() < 2 || clauses.iter().any(|(occur, _)| *occur != Occur::Must) {
            return Ok(None);
        }
        let terms = CountedTerm::of_each(clauses.iter().map(|(_, clause)| &**clause), scoring)?;
        Ok(terms.map(Self))
    }

    /// The terms in a segment; none where one of them is in no document.
    pub(crate) fn open(&self, reader: &SegmentReader) -> tantivy::Result<Option<AllTermsInSegment>> {
        let mut terms = Vec::with_capacity(self.0.len());
        for term in &self.0 {
            let Some(cursor) = term.open(reader)? else { return Ok(None) };
            terms.push(cursor);
        }
        // Scores are summed up in the order in which whoever meets every match does it.
        terms.sort_by_key(|term| term.postings.doc_freq());
        let rest = terms.split_off(1);
        Ok(terms.pop().map(|lead| AllTermsInSegment { lead, rest }))
    }
}

/// The terms in a segment, the rarest before the others.
pub(crate) struct AllTermsInSegment {
    lead: TermCursor,
    rest: Vec<TermCursor>,
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
            if best.counts() || may_be_best(self.lead.most + most, best) {
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
            let is_near = may_be_best(own + most, best);
            if (is_near || best.counts()) && rest.iter_mut().all(|term| term.is_at(document)) {
                match is_near {
                    true => give(document, score(own, rest), best),
                    false => best.count(document),
                }
            }
            lead.at += 1;
        }
    }
}

/// What a match scores of which the rarest term counts `own`.
fn score(own: Score, rest: &[TermCursor]) -> Score {
    let second = rest.first().map_or(0.0, TermCursor::score);
    own + second + rest.iter().skip(1).map(TermCursor::score).sum::<Score>()
}
