//! A query's value as the field keeps it: the term, or the bounds of a range.

use std::net::Ipv6Addr;
use std::ops::Bound;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use serde_json::Value;
use tantivy::Term;
use tantivy::schema::Field;

use super::{QueryContext, QueryError};
use crate::json_values::plain;
use crate::mapping::dates::{DateFormats, Resolution, time_zone};
use crate::mapping::{FieldKind, FieldMapping, Precision, Structure, double, encode_version};
use crate::query::ast::RangeBounds;

/// The values that a query's value stands for: one, or a range such as a day or a network.
pub(in crate::query) enum Wanted {
    One(Term),
    Between(Bound<Term>, Bound<Term>),
    /// No value of the field can be equal to it.
    Nothing,
}

/// The value of an exact query on a field.
pub(in crate::query) fn wanted(
    context: &QueryContext<'_>,
    path: &str,
    mapping: &FieldMapping,
    field: Field,
    value: &Value,
) -> Result<Wanted, QueryError> {
    let text = plain(value);
    Ok(match &mapping.kind {
        FieldKind::Text
        | FieldKind::MatchOnlyText
        | FieldKind::Keyword { .. }
        | FieldKind::Flattened { .. }
        | FieldKind::Join(_)
        | FieldKind::ConstantKeyword { .. } => Wanted::One(Term::from_field_text(field, &text)),
        FieldKind::Version => Wanted::One(Term::from_field_text(field, &encode_version(&text))),
        FieldKind::Integer { .. } | FieldKind::TokenCount { .. } => match text.parse::<i64>() {
            Ok(number) => Wanted::One(Term::from_field_i64(field, number)),
            Err(_) => match to_f64(&text)? {
                number if number.fract() == 0.0 && number.abs() < 9.2e18 => {
                    Wanted::One(Term::from_field_i64(field, number as i64))
                }
                _ => Wanted::Nothing,
            },
        },
        kind @ (FieldKind::Double
        | FieldKind::Float
        | FieldKind::HalfFloat
        | FieldKind::ScaledFloat { .. }) => {
            let precision = kind.precision().unwrap_or(Precision::Double);
            Wanted::One(Term::from_field_f64(field, precision.keep(to_f64(&text)?)))
        }
        FieldKind::UnsignedLong => match text.parse::<u64>() {
            Ok(number) => Wanted::One(Term::from_field_u64(field, number)),
            Err(_) => match to_f64(&text)? {
                number if number.fract() == 0.0 && (0.0..u64::MAX as f64).contains(&number) => {
                    Wanted::One(Term::from_field_u64(field, number as u64))
                }
                _ => Wanted::Nothing,
            },
        },
        FieldKind::Boolean => Wanted::One(Term::from_field_bool(field, to_bool(&text)?)),
        FieldKind::Date(_) | FieldKind::DateNanos(_) => {
            let read = |up| Dates::of(&mapping.kind).read(context, &text, &TimeZone::UTC, up);
            between_i64(field, read(false)?, read(true)?)
        }
        FieldKind::Ip => {
            let (first, last) = network(&text)?;
            Wanted::Between(
                Bound::Included(Term::from_field_ip_addr(field, first)),
                Bound::Included(Term::from_field_ip_addr(field, last)),
            )
        }
        FieldKind::Alias { .. } | FieldKind::Binary | FieldKind::Range { .. } | FieldKind::Structured(_) => {
            return Err(not_by_value(path, mapping));
        }
    })
}

/// What is kept of the field does not tell one value from another.
fn not_by_value(path: &str, mapping: &FieldMapping) -> QueryError {
    if mapping.kind == FieldKind::Structured(Structure::GeoShape) {
        return QueryError::shard(format!(
            "Geometry fields do not support exact searching, use dedicated geometry queries instead: [{path}]"
        ));
    }
    QueryError::shard(format!(
        "failed to create query: Field [{path}] of type [{}] does not support searching by its values; use an exists query",
        mapping.type_name
    ))
}

fn no_ranges(path: &str, mapping: &FieldMapping) -> QueryError {
    match mapping.kind {
        FieldKind::Structured(Structure::GeoShape) => QueryError::shard(format!(
            "failed to create query: Field [{path}] of type [{}] does not support range queries",
            mapping.type_name
        )),
        _ => not_by_value(path, mapping),
    }
}

/// The bounds of a range query on a field.
pub(in crate::query) fn bounds(
    context: &QueryContext<'_>,
    path: &str,
    mapping: &FieldMapping,
    field: Field,
    bounds: &RangeBounds,
) -> Result<(Bound<Term>, Bound<Term>), QueryError> {
    let lower = bounds.lower.as_ref().map(|(value, included)| (plain(value), *included));
    let upper = bounds.upper.as_ref().map(|(value, included)| (plain(value), *included));
    match &mapping.kind {
        FieldKind::Date(_) | FieldKind::DateNanos(_) => {
            let Dates { resolution, formats } = Dates::of(&mapping.kind);
            let own;
            let formats = match &bounds.format {
                Some(format) => {
                    own = DateFormats::with_locale(format, formats.locale()).map_err(QueryError::argument)?;
                    &own
                }
                None => formats,
            };
            let zone = match &bounds.time_zone {
                Some(text) => time_zone(text).map_err(QueryError::argument)?,
                None => TimeZone::UTC,
            };
            // A cut-off date stands for all it may mean: `gt 2026-11` is after the month, `lte 2026-11` takes all of it.
            let date = |(text, included): (String, bool), up: bool| {
                let dates = Dates { resolution, formats };
                dates.read(context, &text, &zone, up).map(|moment| i64_bound(field, moment, included))
            };
            let lower = lower
                .map(|bound| {
                    let up = !bound.1;
                    date(bound, up)
                })
                .transpose()?;
            let upper = upper
                .map(|bound| {
                    let up = bound.1;
                    date(bound, up)
                })
                .transpose()?;
            Ok((lower.unwrap_or(Bound::Unbounded), upper.unwrap_or(Bound::Unbounded)))
        }
        FieldKind::Integer { .. } | FieldKind::TokenCount { .. } => {
            let lower =
                lower.map(|(text, included)| integer_bound(field, &text, included, true)).transpose()?;
            let upper =
                upper.map(|(text, included)| integer_bound(field, &text, included, false)).transpose()?;
            Ok((lower.unwrap_or(Bound::Unbounded), upper.unwrap_or(Bound::Unbounded)))
        }
        FieldKind::UnsignedLong => {
            let read =
                |lower| move |(text, included): (String, bool)| unsigned_bound(field, &text, included, lower);
            let lower = lower.map(read(true)).transpose()?;
            let upper = upper.map(read(false)).transpose()?;
            Ok((lower.unwrap_or(Bound::Unbounded), upper.unwrap_or(Bound::Unbounded)))
        }
        _ => {
            let term = |(text, included): (String, bool)| -> Result<Bound<Term>, QueryError> {
                let term = match &mapping.kind {
                    FieldKind::Text
                    | FieldKind::MatchOnlyText
                    | FieldKind::Keyword { .. }
                    | FieldKind::Flattened { .. }
                    | FieldKind::Join(_)
                    | FieldKind::ConstantKeyword { .. } => Term::from_field_text(field, &text),
                    FieldKind::Version => Term::from_field_text(field, &encode_version(&text)),
                    // Its values were rounded, and so is what they are compared with.
                    FieldKind::Float => Term::from_field_f64(field, Precision::Single.keep(to_f64(&text)?)),
                    FieldKind::Double | FieldKind::HalfFloat | FieldKind::ScaledFloat { .. } => {
                        Term::from_field_f64(field, to_f64(&text)?)
                    }
                    FieldKind::Boolean => Term::from_field_bool(field, to_bool(&text)?),
                    FieldKind::Ip => Term::from_field_ip_addr(field, address(&text)?),
                    FieldKind::Integer { .. }
                    | FieldKind::TokenCount { .. }
                    | FieldKind::UnsignedLong
                    | FieldKind::Date(_)
                    | FieldKind::DateNanos(_) => {
                        return Ok(Bound::Unbounded);
                    }
                    FieldKind::Alias { .. }
                    | FieldKind::Binary
                    | FieldKind::Range { .. }
                    | FieldKind::Structured(_) => {
                        return Err(no_ranges(path, mapping));
                    }
                };
                Ok(if included { Bound::Included(term) } else { Bound::Excluded(term) })
            };
            let lower = lower.map(term).transpose()?.unwrap_or(Bound::Unbounded);
            Ok((lower, upper.map(term).transpose()?.unwrap_or(Bound::Unbounded)))
        }
    }
}

/// A bound between two whole numbers moves to the next one inside: `gte 5.5` is `gte 6`.
fn integer_bound(field: Field, text: &str, included: bool, lower: bool) -> Result<Bound<Term>, QueryError> {
    if let Ok(number) = text.parse::<i64>() {
        return Ok(i64_bound(field, number, included));
    }
    let number = to_f64(text)?;
    if number.fract() == 0.0 {
        return Ok(i64_bound(field, number as i64, included));
    }
    let inside = if lower { number.ceil() } else { number.floor() };
    Ok(i64_bound(field, inside as i64, true))
}

/// The same for numbers without a sign; what is beyond the least or the greatest of them is no bound, or one that nothing reaches.
fn unsigned_bound(field: Field, text: &str, included: bool, lower: bool) -> Result<Bound<Term>, QueryError> {
    let at = |number: u64, included: bool| {
        let term = Term::from_field_u64(field, number);
        if included { Bound::Included(term) } else { Bound::Excluded(term) }
    };
    if let Ok(number) = text.parse::<u64>() {
        return Ok(at(number, included));
    }
    let number = to_f64(text)?;
    if number < 0.0 {
        return Ok(if lower { Bound::Unbounded } else { at(0, false) });
    }
    if number >= u64::MAX as f64 {
        return Ok(if lower { at(u64::MAX, false) } else { Bound::Unbounded });
    }
    if number.fract() == 0.0 {
        return Ok(at(number as u64, included));
    }
    let inside = if lower { number.ceil() } else { number.floor() };
    Ok(at(inside as u64, true))
}

fn i64_bound(field: Field, number: i64, included: bool) -> Bound<Term> {
    let term = Term::from_field_i64(field, number);
    if included { Bound::Included(term) } else { Bound::Excluded(term) }
}

fn between_i64(field: Field, first: i64, last: i64) -> Wanted {
    Wanted::Between(i64_bound(field, first, true), i64_bound(field, last, true))
}

/// How a field's dates are told apart and written.
#[derive(Clone, Copy)]
struct Dates<'a> {
    resolution: Resolution,
    formats: &'a DateFormats,
}

static DEFAULT_FORMATS: LazyLock<DateFormats> = LazyLock::new(DateFormats::default);

impl<'a> Dates<'a> {
    fn of(kind: &'a FieldKind) -> Self {
        let (resolution, formats) = kind.dates().unwrap_or((Resolution::Millis, &DEFAULT_FORMATS));
        Self { resolution, formats }
    }

    fn read(
        self,
        context: &QueryContext<'_>,
        text: &str,
        zone: &TimeZone,
        up: bool,
    ) -> Result<i64, QueryError> {
        let read = self.resolution.read_math(text, self.formats, context.now_millis, zone, up);
        read.map_err(|reason| QueryError { kind: "parse_exception", reason })
    }
}

fn to_f64(text: &str) -> Result<f64, QueryError> {
    double(text).filter(|number| !number.is_nan()).ok_or_else(|| QueryError {
        kind: "query_shard_exception",
        reason: format!("failed to create query: For input string: \"{text}\""),
    })
}

fn to_bool(text: &str) -> Result<bool, QueryError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(QueryError::shard(format!(
            "failed to create query: Can't parse boolean value [{text}], expected [true] or [false]"
        ))),
    }
}

fn address(text: &str) -> Result<Ipv6Addr, QueryError> {
    crate::mapping::parse_ip(text).ok_or_else(|| {
        QueryError::shard(format!("failed to create query: '{text}' is not an IP string literal."))
    })
}

/// First and last address of `10.0.0.0/8`, or one address twice.
fn network(text: &str) -> Result<(Ipv6Addr, Ipv6Addr), QueryError> {
    let Some((base, bits)) = text.split_once('/') else {
        let address = address(text)?;
        return Ok((address, address));
    };
    address(base)?;
    let width = if base.contains(':') { 128 } else { 32 };
    crate::mapping::parse_network(text).ok_or_else(|| {
        QueryError::argument(format!(
            "'{text}' is not a network: [{bits}], the length of its prefix, must be 0 to {width}"
        ))
    })
}
