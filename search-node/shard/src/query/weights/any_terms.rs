//! AnyTerms: the best of the documents that have any of several terms, in a part of a segment.
//!
//! Within a stretch in which no block of any term ends, the terms that count least are left out of the walk as long as all of them together
//! cannot make a document one of the best: they are looked at only where a document has one of the others (MaxScore, after Turtle and
//! Flood, "Query evaluation: strategies and optimizations", 1995, with the bounds of blocks).

use std::ops::Range;

use tantivy::index::SegmentReader;
use tantivy::query::{BooleanQuery, EnableScoring, Occur, Query};
use tantivy::{DocId, Score, TERMINATED};

use super::term_cursor::{Best, CountedTerm, TermCursor, give, may_be_best};

/// Each document that has any of them is looked for among all: so many of them at most.
const TERMS_MAX: usize = 16;

/// Several terms, any of which a document must have.
pub(crate) struct AnyTerms(Vec<CountedTerm>);

impl AnyTerms {
    /// Those of a query, if that is what it asks for, and they are few.
    pub(crate) fn of(query: &dyn Query, scoring: EnableScoring<'_>) -> tantivy::Result<Option<Self>> {
        let Some(joined) = query.downcast_ref::<BooleanQuery>() else { return Ok(None) };
        let clauses = joined.clauses();
        let are_any = joined.get_minimum_number_should_match() <= 1
            && clauses.iter().all(|(occur, _)| *occur == Occur::Should);
        if !are_any || !(2..=TERMS_MAX).contains(&clauses.len()) {
            return Ok(None);
        }
        let terms = CountedTerm::of_each(clauses.iter().map(|(_, clause)| &**clause), scoring)?;
        Ok(terms.map(Self))
    }

    /// Those that are in a segment.
    pub(crate) fn open(&self, reader: &SegmentReader) -> tantivy::Result<AnyTermsInSegment> {
        let mut terms = Vec::with_capacity(self.0.len());
        for term in &self.0 {
            terms.extend(term.open(reader)?);
        }
        let (order, below) = ((0..terms.len()).collect(), vec![0.0; terms.len()]);
        let scores = vec![0.0; terms.len()];
        Ok(AnyTermsInSegment { terms, order, below, scores })
    }
}

/// The terms in a segment.
pub(crate) struct AnyTermsInSegment {
    terms: Vec<TermCursor>,
    /// Their places, those that count least in the stretch before the others.
    order: Vec<usize>,
    /// What those before and itself count together at most, for each place in that order.
    below: Vec<Score>,
    /// What each counts in a document.
    scores: Vec<Score>,
}

impl AnyTermsInSegment {
    /// Gives the best documents of a range, which lies behind those that were asked for before; returns where to go on.
    pub(crate) fn walk(&mut self, range: Range<DocId>, best: &mut impl Best) -> DocId {
        let mut next = range.start;
        while next < range.end {
            let mut last = range.end - 1;
            self.terms.retain_mut(|term| {
                if next > term.last {
                    term.seek(next);
                }
                last = last.min(term.last);
                term.last != TERMINATED
            });
            if self.terms.is_empty() || best.is_over_after(last - next + 1) {
                return TERMINATED;
            }
            self.rank();
            self.stretch(next, last, best);
            next = last + 1;
        }
        next
    }

    /// Puts the terms in order for a stretch.
    fn rank(&mut self) {
        let Self { terms, order, below, .. } = self;
        order.retain(|term| *term < terms.len());
        order.sort_by(|one, other| terms[*one].most.total_cmp(&terms[*other].most));
        let mut sum = 0.0;
        for (place, term) in order.iter().enumerate() {
            sum += terms[*term].most;
            below[place] = sum;
        }
    }

    /// Gives documents from `next` to `last`, until which each term stays in its block.
    fn stretch(&mut self, next: DocId, last: DocId, best: &mut impl Best) {
        let Self { terms, order, below, scores } = self;
        // So many terms are left out.
        let mut out = left_out(&below[..order.len()], best);
        order[out..].iter().for_each(|term| terms[*term].step(next));
        while out < order.len() {
            let document =
                order[out..].iter().map(|term| terms[*term].document()).min().unwrap_or(TERMINATED);
            if document > last {
                return;
            }
            let mut sum = 0.0;
            scores.fill(0.0);
            for term in &order[out..] {
                let cursor = &mut terms[*term];
                if cursor.document() == document {
                    scores[*term] = cursor.score();
                    sum += scores[*term];
                    cursor.at += 1;
                }
            }
            let is_near = (0..out).rev().all(|place| {
                if !may_be_best(sum + below[place], best) {
                    return false;
                }
                let term = order[place];
                if terms[term].is_at(document) {
                    scores[term] = terms[term].score();
                    sum += scores[term];
                }
                true
            });
            if is_near {
                give(document, scores[..terms.len()].iter().sum(), best);
                out = out.max(left_out(&below[..order.len()], best));
            }
        }
    }
}

/// How many of the terms that count least cannot make a document one of the best by themselves.
fn left_out(below: &[Score], best: &impl Best) -> usize {
    match best.counts() {
        true => 0,
        false => below.partition_point(|most| !may_be_best(*most, best)),
    }
}
