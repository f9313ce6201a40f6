//! Queries on fields of spans: by a span that is asked for, or by a value that must be in one.

use std::net::Ipv6Addr;
use std::ops::Bound;

use serde_json::Value;
use tantivy::Term;
use tantivy::schema::Field;

use super::values::{Wanted, bounds, wanted};
use super::{Lowered, Lowering, constant, none};
use crate::mapping::{FROM, FieldKind, FieldMapping, Storage, TO};
use crate::query::QueryError;
use crate::query::ast::{RangeBounds, RangeRelation};
use crate::query::weights::range_match::{Asked, SpanMatch};

impl Lowering<'_> {
    /// Documents with a span that lies so to a range.
    pub(in crate::query) fn spans(
        &self,
        path: &str,
        mapping: &FieldMapping,
        of: &FieldKind,
        range: &RangeBounds,
    ) -> Lowered {
        let Some(from) = self.layout.part(path, FROM) else { return Ok(none()) };
        let (lower, upper) = bounds(self.context, path, &inner(mapping, of), from, range)?;
        self.spans_between(path, of, (lower, upper), range.relation)
    }

    /// Documents with a span that has a value, or one of those that it stands for.
    pub(in crate::query) fn spans_of(
        &self,
        path: &str,
        mapping: &FieldMapping,
        of: &FieldKind,
        value: &Value,
    ) -> Lowered {
        let Some(from) = self.layout.part(path, FROM) else { return Ok(none()) };
        let between = match wanted(self.context, path, &inner(mapping, of), from, value)? {
            Wanted::Nothing => return Ok(none()),
            Wanted::One(term) => (Bound::Included(term.clone()), Bound::Included(term)),
            Wanted::Between(lower, upper) => (lower, upper),
        };
        self.spans_between(path, of, between, RangeRelation::Intersects)
    }

    fn spans_between(
        &self,
        path: &str,
        of: &FieldKind,
        (lower, upper): (Bound<Term>, Bound<Term>),
        relation: RangeRelation,
    ) -> Lowered {
        let (Some(from), Some(to)) = (self.layout.part(path, FROM), self.layout.part(path, TO)) else {
            return Ok(none());
        };
        let asked = match of.storage() {
            Storage::F64 => {
                let number = |term: &Term| term.value().as_f64();
                let first = end(&lower, number, |number| Some(number.next_up()), f64::NEG_INFINITY);
                let last = end(&upper, number, |number| Some(number.next_down()), f64::INFINITY);
                first.zip(last).map(|(first, last)| Asked::Decimal(first, last))
            }
            Storage::Ip => {
                let number = |term: &Term| term.value().as_ip_addr();
                let step = |address: Ipv6Addr, step: fn(u128, u128) -> Option<u128>| {
                    step(address.into(), 1).map(Ipv6Addr::from)
                };
                let first = end(&lower, number, |address| step(address, u128::checked_add), 0.into());
                let last = end(&upper, number, |address| step(address, u128::checked_sub), u128::MAX.into());
                first.zip(last).map(|(first, last)| Asked::Address(first, last))
            }
            _ => {
                // A span without an end reaches as far as its values do.
                let (least, most) = match of {
                    FieldKind::Integer { min, max } => (*min, *max),
                    _ => (i64::MIN, i64::MAX),
                };
                let number = |term: &Term| term.value().as_i64();
                let first = end(&lower, number, |number| number.checked_add(1), least);
                let last = end(&upper, number, |number| number.checked_sub(1), most);
                first.zip(last).map(|(first, last)| Asked::Whole(first, last))
            }
        };
        // Nothing lies beyond the greatest value, and nothing between two neighbours.
        let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(none()) };
        let name = |field: Field| self.layout.schema.get_field_name(field).to_owned();
        Ok(constant(Box::new(SpanMatch::new(
            (name(from), name(to)),
            asked,
            relation,
            self.shared.faults.clone(),
        ))))
    }
}

/// The field as one of the values of its spans.
fn inner(mapping: &FieldMapping, of: &FieldKind) -> FieldMapping {
    FieldMapping { kind: of.clone(), ..mapping.clone() }
}

/// The first or the last value that a bound lets in.
fn end<T>(
    bound: &Bound<Term>,
    number: impl Fn(&Term) -> Option<T>,
    inside: impl Fn(T) -> Option<T>,
    otherwise: T,
) -> Option<T> {
    match bound {
        Bound::Included(term) => number(term),
        Bound::Excluded(term) => number(term).and_then(inside),
        Bound::Unbounded => Some(otherwise),
    }
}

/// Refuses what aggregations cannot make of spans.
pub(crate) fn no_aggregation_of_spans(path: &str, type_name: &str, aggregation: &str) -> QueryError {
    QueryError::argument(format!(
        "Field [{path}] of type [{type_name}] is not supported for aggregation [{aggregation}]"
    ))
}
