//! Spans of numbers, dates and addresses as documents write them: `{"gte": 10, "lt": 20}`, or a network.

use std::net::Ipv6Addr;

use serde_json_borrow::Value as Json;

use super::dates::DateFormats;
use super::document::scalar;
use super::fields::FieldKind;
use super::values::{Precision, Scalar, ValueFault, check_exact, parse_network, to_float, to_integer, to_ip};

const ARGUMENT: &str = "illegal_argument_exception";
const PARSING: &str = "mapper_parsing_exception";

/// The first and the last value of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ends {
    Whole(i64, i64),
    Decimal(f64, f64),
    Address(Ipv6Addr, Ipv6Addr),
}

/// A bound as it is written, and whether it belongs to the span.
type Bound<'a> = Option<(Scalar<'a>, bool)>;

/// The span that a value of a field says. Numbers that must come as such are `is_exact`.
pub(super) fn read_span(
    of: &FieldKind,
    name: &str,
    value: &Json<'_>,
    is_exact: bool,
) -> Result<Ends, ValueFault> {
    let members = match value {
        Json::Object(members) => members,
        Json::Str(text) if *of == FieldKind::Ip => {
            let network = parse_network(text).ok_or_else(|| {
                (ARGUMENT, format!("'{text}' is not an IP string literal, or a network of them"))
            })?;
            return Ok(Ends::Address(network.0, network.1));
        }
        _ => {
            return Err((
                PARSING,
                format!("error parsing field [{name}], expected an object but got {name}"),
            ));
        }
    };
    let (mut lower, mut upper): (Bound<'_>, Bound<'_>) = (None, None);
    for (key, value) in members.iter() {
        let bound = match value {
            Json::Array(_) | Json::Object(_) => {
                return Err((PARSING, format!("error parsing field [{name}], [{key}] must be one value")));
            }
            // Null is no bound.
            value => scalar(value),
        };
        match key {
            "gte" | "from" => lower = bound.map(|bound| (bound, true)),
            "gt" => lower = bound.map(|bound| (bound, false)),
            "lte" | "to" => upper = bound.map(|bound| (bound, true)),
            "lt" => upper = bound.map(|bound| (bound, false)),
            _ => {
                return Err((
                    PARSING,
                    format!("error parsing field [{name}], with unknown parameter [{key}]"),
                ));
            }
        }
    }
    if is_exact && let Some((is_whole, type_name)) = number_type(of) {
        for (bound, _) in [lower, upper].into_iter().flatten() {
            check_exact(bound, is_whole, type_name)?;
        }
    }
    match of {
        FieldKind::Integer { min, max } => {
            whole(lower, upper, (*min, *max), &|value| to_integer(value, *min, *max, "range"))
        }
        FieldKind::Date(formats) => {
            whole(lower, upper, (i64::MIN, i64::MAX), &|value| read_date(formats, value))
        }
        FieldKind::Ip => addresses(lower, upper),
        other => decimals(lower, upper, other.precision().unwrap_or(Precision::Double)),
    }
}

/// Of the numbers of a span: whether they are whole ones, and the name of their type.
fn number_type(of: &FieldKind) -> Option<(bool, &'static str)> {
    match of {
        FieldKind::Integer { min: i64::MIN, .. } => Some((true, "long")),
        FieldKind::Integer { .. } => Some((true, "integer")),
        FieldKind::Float => Some((false, "float")),
        FieldKind::Double => Some((false, "double")),
        _ => None,
    }
}

/// Of whole numbers and dates.
fn whole(
    lower: Bound<'_>,
    upper: Bound<'_>,
    (least, greatest): (i64, i64),
    read: &dyn Fn(Scalar<'_>) -> Result<i64, ValueFault>,
) -> Result<Ends, ValueFault> {
    let beyond = |value: Scalar<'_>| (ARGUMENT, format!("no value is beyond [{value}]"));
    let first = match lower {
        None => least,
        Some((value, true)) => read(value)?,
        Some((value, false)) => read(value)?.checked_add(1).ok_or_else(|| beyond(value))?,
    };
    let last = match upper {
        None => greatest,
        Some((value, true)) => read(value)?,
        Some((value, false)) => read(value)?.checked_sub(1).ok_or_else(|| beyond(value))?,
    };
    ordered(first, last).map(|()| Ends::Whole(first, last))
}

fn decimals(lower: Bound<'_>, upper: Bound<'_>, precision: Precision) -> Result<Ends, ValueFault> {
    let read = |value| to_float(value, precision, "range");
    let is_single = precision == Precision::Single;
    let first = match lower {
        None => f64::NEG_INFINITY,
        Some((value, true)) => read(value)?,
        Some((value, false)) if is_single => f64::from((read(value)? as f32).next_up()),
        Some((value, false)) => read(value)?.next_up(),
    };
    let last = match upper {
        None => f64::INFINITY,
        Some((value, true)) => read(value)?,
        Some((value, false)) if is_single => f64::from((read(value)? as f32).next_down()),
        Some((value, false)) => read(value)?.next_down(),
    };
    ordered(first, last).map(|()| Ends::Decimal(first, last))
}

fn addresses(lower: Bound<'_>, upper: Bound<'_>) -> Result<Ends, ValueFault> {
    let beyond = |value: Scalar<'_>| (ARGUMENT, format!("no address is beyond [{value}]"));
    let next = |value: Scalar<'_>, step: fn(u128, u128) -> Option<u128>| {
        let number = u128::from(to_ip(value)?);
        step(number, 1).map(Ipv6Addr::from).ok_or_else(|| beyond(value))
    };
    let first = match lower {
        None => Ipv6Addr::from(0),
        Some((value, true)) => to_ip(value)?,
        Some((value, false)) => next(value, u128::checked_add)?,
    };
    let last = match upper {
        None => Ipv6Addr::from(u128::MAX),
        Some((value, true)) => to_ip(value)?,
        Some((value, false)) => next(value, u128::checked_sub)?,
    };
    ordered(first, last).map(|()| Ends::Address(first, last))
}

fn ordered<T: PartialOrd + std::fmt::Debug>(first: T, last: T) -> Result<(), ValueFault> {
    if first <= last {
        return Ok(());
    }
    Err((ARGUMENT, format!("min value ({first:?}) is greater than max value ({last:?})")))
}

/// The first moment that a date stands for, at either end: as in Elasticsearch, only queries ask for all of a day.
fn read_date(formats: &DateFormats, value: Scalar<'_>) -> Result<i64, ValueFault> {
    let read = match value {
        Scalar::Integer(number) => formats.read_number(number),
        other => formats.read(&other.to_string()),
    };
    read.map(|span| span.first).ok_or_else(|| {
        (ARGUMENT, format!("failed to parse date field [{value}] with format [{}]", formats.text()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(of: &FieldKind, json: &str) -> Result<Ends, String> {
        let value: Json<'_> = serde_json::from_str(json).expect("JSON");
        read_span(of, "f", &value, false).map_err(|(_, reason)| reason)
    }

    #[test]
    fn bounds_become_the_first_and_the_last_value() {
        let byte = FieldKind::Integer { min: -128, max: 127 };
        let day = 86_400_000;
        let ip = |text: &str| super::super::parse_ip(text).expect(text);
        for (of, json, expected) in [
            (&byte, r#"{"gte": 1, "lt": 5}"#, Ends::Whole(1, 4)),
            (&byte, r#"{"gt": "1", "lte": 5.7}"#, Ends::Whole(2, 5)),
            (&byte, r#"{"gte": null}"#, Ends::Whole(-128, 127)),
            (&FieldKind::Double, r#"{"gt": 1.5}"#, Ends::Decimal(1.5_f64.next_up(), f64::INFINITY)),
            (
                &FieldKind::Float,
                r#"{"lt": 1.5}"#,
                Ends::Decimal(f64::NEG_INFINITY, f64::from(1.5_f32.next_down())),
            ),
            (
                &FieldKind::Date(DateFormats::default()),
                r#"{"gt": "1970-01-01", "lte": "1970-01-03"}"#,
                Ends::Whole(1, 2 * day),
            ),
            (&FieldKind::Ip, r#""10.1.0.0/16""#, Ends::Address(ip("10.1.0.0"), ip("10.1.255.255"))),
            (&FieldKind::Ip, r#"{"gt": "::1", "lte": "::5"}"#, Ends::Address(ip("::2"), ip("::5"))),
        ] {
            assert_eq!(read(of, json), Ok(expected), "{json}");
        }
        for (json, fault) in [
            (r#"{"gte": 5, "lt": 5}"#, "min value (5) is greater than max value (4)"),
            (r#"{"gte": 500}"#, "out of range"),
            (r#"{"over": 5}"#, "error parsing field [f], with unknown parameter [over]"),
            (r#"{"gte": [5]}"#, "[gte] must be one value"),
            ("5", "error parsing field [f], expected an object"),
        ] {
            assert!(read(&byte, json).is_err_and(|reason| reason.contains(fault)), "{json}");
        }
    }
}
