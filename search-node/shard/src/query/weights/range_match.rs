//! Documents by their spans: two columns, of the first and of the last values, are gone through side by side.

use std::net::Ipv6Addr;

use tantivy::columnar::Column;
use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score};

use super::explained::matched;
use super::walked::Walked;
use crate::query::ast::RangeRelation;
use crate::query::faults::Faults;

/// The first and the last value that are asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::query) enum Asked {
    Whole(i64, i64),
    Decimal(f64, f64),
    Address(Ipv6Addr, Ipv6Addr),
}

impl Asked {
    pub(in crate::query) fn is_empty(&self) -> bool {
        match self {
            Self::Whole(first, last) => first > last,
            Self::Decimal(first, last) => first > last,
            Self::Address(first, last) => first > last,
        }
    }
}

/// Matches documents with a span that lies so to the one that is asked for.
#[derive(Debug, Clone)]
pub(in crate::query) struct SpanMatch {
    from: String,
    to: String,
    asked: Asked,
    relation: RangeRelation,
    faults: Faults,
}

impl SpanMatch {
    pub(in crate::query) fn new(
        (from, to): (String, String),
        asked: Asked,
        relation: RangeRelation,
        faults: Faults,
    ) -> Self {
        Self { from, to, asked, relation, faults }
    }
}

impl Query for SpanMatch {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for SpanMatch {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let (columns, relation) = (reader.fast_fields(), self.relation);
        let about = (reader.max_doc(), &self.faults, boost);
        Ok(match self.asked {
            Asked::Whole(first, last) => {
                let ends = (columns.column_opt::<i64>(&self.from)?, columns.column_opt::<i64>(&self.to)?);
                scorer(ends, (first, last), relation, about)
            }
            Asked::Decimal(first, last) => {
                let ends = (columns.column_opt::<f64>(&self.from)?, columns.column_opt::<f64>(&self.to)?);
                scorer(ends, (first, last), relation, about)
            }
            Asked::Address(first, last) => {
                let ends =
                    (columns.column_opt::<Ipv6Addr>(&self.from)?, columns.column_opt::<Ipv6Addr>(&self.to)?);
                scorer(ends, (first, last), relation, about)
            }
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has such a span")
    }
}

/// A segment that predates the field has no columns of it.
fn scorer<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static>(
    ends: (Option<Column<T>>, Option<Column<T>>),
    asked: (T, T),
    relation: RangeRelation,
    (max_doc, faults, boost): (DocId, &Faults, Score),
) -> Box<dyn Scorer> {
    let (Some(from), Some(to)) = ends else { return Box::new(EmptyScorer) };
    // Both columns have a document's spans in the order in which it says them.
    let matches = move |document: DocId| {
        let mut spans = from.values_for_doc(document).zip(to.values_for_doc(document));
        spans.any(|span| lies(span, asked, relation))
    };
    Box::new(Walked::new(max_doc, faults, move |document| matches(document).then_some(boost)))
}

/// Whether a span lies so to the one that is asked for.
fn lies<T: PartialOrd>((from, to): (T, T), (first, last): (T, T), relation: RangeRelation) -> bool {
    match relation {
        RangeRelation::Intersects => from <= last && to >= first,
        RangeRelation::Within => from >= first && to <= last,
        RangeRelation::Contains => from <= first && to >= last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lie_to_one_another_as_their_ends_say() {
        use RangeRelation::{Contains, Intersects, Within};
        for (span, asked, relations) in [
            ((1, 5), (1, 5), vec![Intersects, Within, Contains]),
            ((1, 5), (2, 4), vec![Intersects, Contains]),
            ((2, 4), (1, 5), vec![Intersects, Within]),
            ((1, 5), (5, 9), vec![Intersects]),
            ((1, 5), (6, 9), vec![]),
        ] {
            for relation in [Intersects, Within, Contains] {
                assert_eq!(
                    lies(span, asked, relation),
                    relations.contains(&relation),
                    "{span:?} {asked:?} {relation:?}"
                );
            }
        }
    }
}
