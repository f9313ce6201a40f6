//! Whether a query can match anything at all, told from the least and the greatest values of fields, without a look at a document.
//!
//! Only what every match must satisfy counts, and only ranges of dates and numbers: they are what leaves most of a long row of
//! daily indices out. Bounds are read as the query itself reads them. Deleted documents count as long as a segment has them, so
//! that the answer may be yes where nothing matches, but never no where something does.

use std::cmp::Ordering;
use std::ops::Bound;

use tantivy::Term;
use tantivy::columnar::Column;
use tantivy::index::SegmentReader;

use super::QueryContext;
use super::ast::{Query, RangeBounds};
use super::lower::values::bounds;
use crate::engine::{Layout, View};
use crate::mapping::Storage;

/// Whether any document of a point in time can match.
pub(crate) fn can_match(query: &Query, view: &View, context: &QueryContext<'_>) -> bool {
    let mut demands = Vec::new();
    if !collect(query, &view.layout, context, &mut demands) {
        return false;
    }
    let mut segments = view.searcher.segment_readers().iter();
    demands.is_empty()
        || segments.any(|reader| reader.num_docs() > 0 && demands.iter().all(|demand| demand.fits(reader)))
}

/// The segments in which a query is asked: those that may have a match, where values are read for it out of every document, else all.
pub(crate) fn segments_to_search<'v>(
    query: &Query,
    view: &'v View,
    context: &QueryContext<'_>,
) -> Vec<&'v SegmentReader> {
    let all = view.searcher.segment_readers().iter();
    if view.layout.mapping.runtime.count() == 0 || query.joins_documents() {
        return all.collect();
    }
    let mut demands = Vec::new();
    if !collect(query, &view.layout, context, &mut demands) {
        return Vec::new();
    }
    all.filter(|reader| reader.num_docs() > 0 && demands.iter().all(|demand| demand.fits(reader))).collect()
}

/// What a value of every match must be.
struct Demand {
    column: String,
    span: Span,
}

enum Span {
    I64(Bound<i64>, Bound<i64>),
    F64(Bound<f64>, Bound<f64>),
}

/// Gathers what every match must satisfy; false where it is known already that there is none.
fn collect(query: &Query, layout: &Layout, context: &QueryContext<'_>, demands: &mut Vec<Demand>) -> bool {
    match query {
        Query::MatchNone => false,
        Query::Range { field, bounds } => collect_range(field, bounds, layout, context, demands),
        Query::Bool { must, filter, .. } => {
            must.iter().chain(filter).all(|query| collect(query, layout, context, demands))
        }
        Query::Constant { query }
        | Query::Boost { query, .. }
        | Query::ScriptScore { query, .. }
        | Query::Named { query, .. } => collect(query, layout, context, demands),
        Query::FunctionScore(scored) => collect(&scored.query, layout, context, demands),
        _ => true,
    }
}

/// What cannot be told from values, or is wrong, is left to the search.
fn collect_range(
    path: &str,
    range: &RangeBounds,
    layout: &Layout,
    context: &QueryContext<'_>,
    demands: &mut Vec<Demand>,
) -> bool {
    if path.contains('*') || path.starts_with('_') || layout.mapping.runtime.get(path).is_some() {
        return true;
    }
    let Some(mapping) = layout.mapping.leaf(path) else { return layout.keyed(path).is_some() };
    let Some(field) = layout.field(path).filter(|_| mapping.doc_values) else { return true };
    let column = layout.stored_name(path).to_owned();
    let read = || bounds(context, path, mapping, field, range).ok();
    let span = match mapping.kind.storage() {
        Storage::I64 => read().and_then(|(lower, upper)| {
            let number = |term: Term| term.value().as_i64();
            Some(Span::I64(bound_of(lower, number)?, bound_of(upper, number)?))
        }),
        Storage::F64 => read().and_then(|(lower, upper)| {
            let number = |term: Term| term.value().as_f64();
            Some(Span::F64(bound_of(lower, number)?, bound_of(upper, number)?))
        }),
        Storage::U64
        | Storage::Bool
        | Storage::Ip
        | Storage::Keyword
        | Storage::Text
        | Storage::Terms
        | Storage::Presence
        | Storage::Bytes => None,
    };
    demands.extend(span.map(|span| Demand { column, span }));
    true
}

/// A bound with its number; none where it is no number of this kind.
fn bound_of<T>(bound: Bound<Term>, number: impl Fn(Term) -> Option<T>) -> Option<Bound<T>> {
    Some(match bound {
        Bound::Included(term) => Bound::Included(number(term)?),
        Bound::Excluded(term) => Bound::Excluded(number(term)?),
        Bound::Unbounded => Bound::Unbounded,
    })
}

impl Demand {
    /// Whether a segment has values in the span. One that cannot be read counts as if it had: the search will say so.
    fn fits(&self, reader: &SegmentReader) -> bool {
        let columns = reader.fast_fields();
        match &self.span {
            Span::I64(lower, upper) => match columns.column_opt::<i64>(&self.column) {
                Ok(column) => column.is_some_and(|column| reaches(&column, lower, upper, i64::cmp)),
                Err(_) => true,
            },
            Span::F64(lower, upper) => match columns.column_opt::<f64>(&self.column) {
                Ok(column) => column.is_some_and(|column| reaches(&column, lower, upper, f64::total_cmp)),
                Err(_) => true,
            },
        }
    }
}

fn reaches<T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static>(
    column: &Column<T>,
    lower: &Bound<T>,
    upper: &Bound<T>,
    order: impl Fn(&T, &T) -> Ordering,
) -> bool {
    // A segment keeps the column of every field of the mapping, and one without values says that all are 0.
    if column.values.num_vals() == 0 {
        return false;
    }
    let (least, greatest) = (column.min_value(), column.max_value());
    let above = match lower {
        Bound::Included(bound) => order(&greatest, bound).is_ge(),
        Bound::Excluded(bound) => order(&greatest, bound).is_gt(),
        Bound::Unbounded => true,
    };
    above
        && match upper {
            Bound::Included(bound) => order(&least, bound).is_le(),
            Bound::Excluded(bound) => order(&least, bound).is_lt(),
            Bound::Unbounded => true,
        }
}
