//! From a JSON value to a field's typed value: what is coerced, and what is refused in Elasticsearch's words.

use std::net::{IpAddr, Ipv6Addr};

use super::fields::FieldKind;

/// How a field's values are kept by tantivy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Storage {
    /// Analyzed, positions, norms.
    Text,
    /// Indexed whole and in a column.
    Keyword,
    /// A column of whole numbers; dates in milliseconds too.
    I64,
    /// A column of decimal numbers.
    F64,
    /// A column of flags.
    Bool,
    /// A column of addresses, IPv4 as mapped IPv6.
    Ip,
}

impl FieldKind {
    pub(crate) fn storage(&self) -> Storage {
        match self {
            FieldKind::Text => Storage::Text,
            FieldKind::Keyword { .. } => Storage::Keyword,
            FieldKind::Integer { .. } | FieldKind::Date(_) => Storage::I64,
            FieldKind::Double | FieldKind::Float => Storage::F64,
            FieldKind::Boolean => Storage::Bool,
            FieldKind::Ip => Storage::Ip,
        }
    }
}

/// A scalar of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Bool(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
}

impl std::fmt::Display for Scalar<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scalar::Text(text) => out.write_str(text),
            Scalar::Bool(flag) => write!(out, "{flag}"),
            Scalar::Integer(number) => write!(out, "{number}"),
            Scalar::Unsigned(number) => write!(out, "{number}"),
            Scalar::Float(number) => write!(out, "{number:?}"),
        }
    }
}

/// A fault of one value: the type and reason of the cause.
pub(crate) type ValueFault = (&'static str, String);

const ARGUMENT: &str = "illegal_argument_exception";

/// A whole number within bounds. Texts are read as numbers and fractions are cut off, as `coerce` says by default.
pub(crate) fn to_integer(scalar: Scalar<'_>, min: i64, max: i64, type_name: &str) -> Result<i64, ValueFault> {
    let out_of_range = || (ARGUMENT, format!("Value [{scalar}] is out of range for a {type_name}"));
    let from_float = |number: f64| {
        let cut = number.trunc();
        // i64::MAX as f64 is 2^63, which is one too many.
        if (i64::MIN as f64..i64::MAX as f64).contains(&cut) { Ok(cut as i64) } else { Err(out_of_range()) }
    };
    let number = match scalar {
        Scalar::Integer(number) => number,
        Scalar::Unsigned(number) => i64::try_from(number).map_err(|_| out_of_range())?,
        Scalar::Float(number) => from_float(number)?,
        Scalar::Text(text) => match text.parse::<i64>() {
            Ok(number) => number,
            Err(_) => from_float(
                text.parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| (ARGUMENT, format!("For input string: \"{text}\"")))?,
            )?,
        },
        Scalar::Bool(_) => {
            return Err((
                ARGUMENT,
                format!("Current token (VALUE_BOOLEAN) not numeric, can not use [{scalar}] as a {type_name}"),
            ));
        }
    };
    if (min..=max).contains(&number) { Ok(number) } else { Err(out_of_range()) }
}

/// A decimal number; in single precision if `single`.
pub(crate) fn to_float(scalar: Scalar<'_>, single: bool, type_name: &str) -> Result<f64, ValueFault> {
    let number = match scalar {
        Scalar::Integer(number) => number as f64,
        Scalar::Unsigned(number) => number as f64,
        Scalar::Float(number) => number,
        Scalar::Text(text) => {
            text.trim().parse::<f64>().map_err(|_| (ARGUMENT, format!("For input string: \"{text}\"")))?
        }
        Scalar::Bool(_) => {
            return Err((
                ARGUMENT,
                format!("Current token (VALUE_BOOLEAN) not numeric, can not use [{scalar}] as a {type_name}"),
            ));
        }
    };
    let kept = if single { f64::from(number as f32) } else { number };
    if kept.is_finite() {
        Ok(kept)
    } else {
        Err((ARGUMENT, format!("[{type_name}] supports only finite values, but got [{scalar}]")))
    }
}

/// `true`, `false`, or their texts; an empty text is false.
pub(crate) fn to_bool(scalar: Scalar<'_>) -> Result<bool, ValueFault> {
    match scalar {
        Scalar::Bool(flag) => Ok(flag),
        Scalar::Text("true") => Ok(true),
        Scalar::Text("false" | "") => Ok(false),
        Scalar::Text(_) | Scalar::Integer(_) | Scalar::Unsigned(_) | Scalar::Float(_) => Err((
            ARGUMENT,
            format!("Failed to parse value [{scalar}] as only [true] or [false] are allowed."),
        )),
    }
}

/// An address, IPv4 as mapped IPv6.
pub(crate) fn to_ip(scalar: Scalar<'_>) -> Result<Ipv6Addr, ValueFault> {
    let text = scalar.to_string();
    parse_ip(&text).ok_or_else(|| (ARGUMENT, format!("'{text}' is not an IP string literal.")))
}

/// Reads an address of either family.
pub(crate) fn parse_ip(text: &str) -> Option<Ipv6Addr> {
    match text.parse().ok()? {
        IpAddr::V4(address) => Some(address.to_ipv6_mapped()),
        IpAddr::V6(address) => Some(address),
    }
}

/// The address as a person writes it.
pub(crate) fn show_ip(address: Ipv6Addr) -> String {
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |v4| v4.to_string())
}
