//! From a JSON value to a field's typed value: what is coerced, and what is refused in Elasticsearch's words.

use std::net::{IpAddr, Ipv6Addr};

use super::dates::{DateFormats, Resolution};
use super::decimals;
use super::fields::FieldKind;
use super::structured::Structure;

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
    /// A column of whole numbers without a sign.
    U64,
    /// A column of decimal numbers.
    F64,
    /// A column of flags.
    Bool,
    /// A column of addresses, IPv4 as mapped IPv6.
    Ip,
    /// Analyzed, without positions and norms.
    Terms,
    /// A column that says whether there is a value.
    Presence,
    /// A column of bytes.
    Bytes,
}

/// A structure that a field's values are kept in beside its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// What its name has behind the field's path. No field has a name with nothing between two dots.
    pub(crate) suffix: &'static str,
    pub(crate) storage: Storage,
    pub(crate) index: bool,
    pub(crate) column: bool,
}

/// Values of a flattened object with their keys.
pub(crate) const KEYED: &str = "..keyed";
/// Where a span of values begins and ends: the first and the last of them.
pub(crate) const FROM: &str = "..from";
pub(crate) const TO: &str = "..to";
/// Whether a document has a text without norms.
pub(crate) const PRESENCE: &str = "..presence";
/// Versions as they are written, for patterns.
pub(crate) const WRITTEN: &str = "..written";

/// Where points are, in degrees. Those of one document are in the same order in both.
pub(crate) const LATITUDE: &str = "..lat";
pub(crate) const LONGITUDE: &str = "..lon";
/// The shape of a document, in pieces of [`SHAPE_BYTES_MAX`] at most, and a box around each of its values: those are what most documents are
/// passed over by.
pub(crate) const SHAPE: &str = "..shape";
pub(crate) const SOUTH: &str = "..south";
pub(crate) const NORTH: &str = "..north";
pub(crate) const WEST: &str = "..west";
pub(crate) const EAST: &str = "..east";
/// A column tells in two bytes how long a value is.
pub(crate) const SHAPE_BYTES_MAX: usize = 32 * 1024;
/// How much a feature weighs.
pub(crate) const FEATURE: &str = "..feature";
/// How much features weigh, behind their names.
pub(crate) const FEATURES: &str = "..features";

/// Tells which documents have a text.
pub(super) const PRESENCE_PART: [Part; 1] =
    [Part { suffix: PRESENCE, storage: Storage::Presence, index: false, column: true }];

const I64_ENDS: [Part; 2] = ends(Storage::I64);
const F64_ENDS: [Part; 2] = ends(Storage::F64);
const IP_ENDS: [Part; 2] = ends(Storage::Ip);

const DEGREES: [Part; 2] = [
    Part { suffix: LATITUDE, storage: Storage::F64, index: false, column: true },
    Part { suffix: LONGITUDE, storage: Storage::F64, index: false, column: true },
];
const fn side(suffix: &'static str) -> Part {
    Part { suffix, storage: Storage::I64, index: false, column: true }
}
const SHAPE_PARTS: [Part; 5] = [
    Part { suffix: SHAPE, storage: Storage::Bytes, index: false, column: true },
    side(SOUTH),
    side(NORTH),
    side(WEST),
    side(EAST),
];
const FEATURE_PART: [Part; 1] = [Part { suffix: FEATURE, storage: Storage::U64, index: false, column: true }];
/// The inputs of completions, as terms that are found by their beginnings.
pub(crate) const INPUTS: &str = "..inputs";
const INPUTS_PART: [Part; 1] =
    [Part { suffix: INPUTS, storage: Storage::Keyword, index: true, column: false }];
const FEATURES_PART: [Part; 1] =
    [Part { suffix: FEATURES, storage: Storage::Keyword, index: false, column: true }];

/// The columns of spans. Those of one document are in the same order in both.
const fn ends(storage: Storage) -> [Part; 2] {
    [
        Part { suffix: FROM, storage, index: false, column: true },
        Part { suffix: TO, storage, index: false, column: true },
    ]
}

impl FieldKind {
    /// Whether its values are terms: words, or texts as a whole.
    pub(crate) fn has_terms(&self) -> bool {
        let are_whole = matches!(
            self,
            Self::Keyword { .. } | Self::ConstantKeyword { .. } | Self::Flattened { .. } | Self::Join(_)
        );
        are_whole || self.is_text()
    }

    /// Whether its terms count by how rare they are.
    pub(crate) fn counts_words(&self) -> bool {
        matches!(self, Self::Text | Self::Keyword { .. })
    }

    /// Whether segments can be in the order of its values.
    pub fn orders_segments(&self) -> bool {
        match self {
            Self::Keyword { .. }
            | Self::ConstantKeyword { .. }
            | Self::Version
            | Self::Integer { .. }
            | Self::UnsignedLong
            | Self::Double
            | Self::Float
            | Self::HalfFloat
            | Self::ScaledFloat { .. }
            | Self::Boolean
            | Self::Date(_)
            | Self::DateNanos(_)
            | Self::TokenCount { .. } => true,
            Self::Text
            | Self::MatchOnlyText
            | Self::Ip
            | Self::Range { .. }
            | Self::Flattened { .. }
            | Self::Alias { .. }
            | Self::Join(_)
            | Self::Binary
            | Self::Structured(_) => false,
        }
    }

    /// Whether its values are cut into words.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Text | Self::MatchOnlyText)
    }

    /// How finely its dates are told apart, and how they are written.
    pub(crate) fn dates(&self) -> Option<(Resolution, &DateFormats)> {
        match self {
            Self::Date(formats) => Some((Resolution::Millis, formats)),
            Self::DateNanos(formats) => Some((Resolution::Nanos, formats)),
            _ => None,
        }
    }

    /// What a type keeps beside the own structure of its fields.
    pub(crate) fn parts(&self) -> &'static [Part] {
        match self {
            Self::MatchOnlyText => &PRESENCE_PART,
            Self::Version => {
                &[Part { suffix: WRITTEN, storage: Storage::Keyword, index: true, column: false }]
            }
            Self::Flattened { .. } => {
                &[Part { suffix: KEYED, storage: Storage::Keyword, index: true, column: true }]
            }
            Self::Range { of } => match of.storage() {
                Storage::F64 => &F64_ENDS,
                Storage::Ip => &IP_ENDS,
                _ => &I64_ENDS,
            },
            Self::Structured(Structure::GeoPoint) => &DEGREES,
            Self::Structured(Structure::GeoShape) => &SHAPE_PARTS,
            Self::Structured(Structure::RankFeature) => &FEATURE_PART,
            Self::Structured(Structure::RankFeatures) => &FEATURES_PART,
            Self::Structured(Structure::Completion { .. }) => &INPUTS_PART,
            _ => &[],
        }
    }

    pub(crate) fn storage(&self) -> Storage {
        match self {
            FieldKind::Text => Storage::Text,
            FieldKind::MatchOnlyText => Storage::Terms,
            FieldKind::Keyword { .. }
            | FieldKind::ConstantKeyword { .. }
            | FieldKind::Version
            | FieldKind::Flattened { .. }
            | FieldKind::Join(_)
            | FieldKind::Alias { .. } => Storage::Keyword,
            FieldKind::Integer { .. }
            | FieldKind::Date(_)
            | FieldKind::DateNanos(_)
            | FieldKind::TokenCount { .. } => Storage::I64,
            FieldKind::UnsignedLong => Storage::U64,
            FieldKind::Double | FieldKind::Float | FieldKind::HalfFloat | FieldKind::ScaledFloat { .. } => {
                Storage::F64
            }
            FieldKind::Boolean | FieldKind::Binary | FieldKind::Structured(_) => Storage::Bool,
            FieldKind::Ip => Storage::Ip,
            FieldKind::Range { .. } => Storage::Presence,
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

/// Refuses what is no number of its kind as it comes, as `coerce: false` asks.
pub(crate) fn check_exact(scalar: Scalar<'_>, is_whole: bool, type_name: &str) -> Result<(), ValueFault> {
    // As Java calls what it reads such a number into.
    let class = match type_name {
        "byte" | "integer" => "Integer",
        "short" => "Short",
        "long" => "Long",
        "float" | "half_float" => "Float",
        _ => "Double",
    };
    match scalar {
        Scalar::Text(_) => Err((ARGUMENT, format!("{class} value passed as String"))),
        Scalar::Float(number) if is_whole && number.fract() != 0.0 => {
            Err((ARGUMENT, format!("{number:?} cannot be converted to {class} without data loss")))
        }
        _ => Ok(()),
    }
}

/// A whole number within bounds. Texts are read as numbers and fractions are cut off, unless `coerce` is false (see [`check_exact`]).
pub(crate) fn to_integer(scalar: Scalar<'_>, min: i64, max: i64, type_name: &str) -> Result<i64, ValueFault> {
    let out_of_range = || (ARGUMENT, format!("Value [{scalar}] is out of range for a {type_name}"));
    let from_float = |number: f64| {
        let cut = number.trunc();
        // What comes as -2^63 here had more digits than 64 bits hold, and 2^63 is one too many.
        let is_long = cut > i64::MIN as f64 && cut < i64::MAX as f64;
        // Integers are compared before their fraction is cut off, as in Elasticsearch; smaller ones after that.
        let is_within = max != i64::from(i32::MAX) || (min as f64..=max as f64).contains(&number);
        if is_long && is_within { Ok(cut as i64) } else { Err(out_of_range()) }
    };
    let no_number = |text: &str| (ARGUMENT, format!("For input string: \"{text}\""));
    let number = match scalar {
        Scalar::Integer(number) => number,
        Scalar::Unsigned(number) => i64::try_from(number).map_err(|_| out_of_range())?,
        Scalar::Float(number) => from_float(number)?,
        // Longs are read digit by digit, without blanks around; what a decimal number of double precision has room for is read as one.
        Scalar::Text(text) if max == i64::MAX => match decimals::whole(text) {
            Some(whole) => whole.and_then(|whole| i64::try_from(whole).ok()).ok_or_else(out_of_range)?,
            None => return Err(no_number(text)),
        },
        Scalar::Text(text) => match decimals::double(text) {
            Some(number) if !number.is_nan() => from_float(number)?,
            _ => return Err(no_number(text)),
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

/// How exactly a decimal number is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Precision {
    Double,
    Single,
    Half,
    /// Whole parts, so many of which are one.
    Scaled(f64),
}

impl FieldKind {
    /// How exactly the numbers of a field of decimal numbers are kept.
    pub(crate) fn precision(&self) -> Option<Precision> {
        Some(match self {
            FieldKind::Double => Precision::Double,
            FieldKind::Float => Precision::Single,
            FieldKind::HalfFloat => Precision::Half,
            FieldKind::ScaledFloat { factor } => Precision::Scaled(*factor),
            _ => return None,
        })
    }
}

impl Precision {
    /// A number as it is kept; what is too large for it becomes infinite.
    pub(crate) fn keep(self, number: f64) -> f64 {
        match self {
            Self::Double => number,
            Self::Single => f64::from(number as f32),
            Self::Half => half(number as f32),
            Self::Scaled(factor) => (number * factor).round() / factor,
        }
    }
}

/// The nearest number of half precision (IEEE 754 binary16), of two that are equally near the even one.
fn half(number: f32) -> f64 {
    /// The greatest number of half precision.
    const MAX: f64 = 65_504.0;
    /// Below 2^-14 numbers lie 2^-24 apart.
    const EXPONENT_MIN: i32 = -14;
    let number = f64::from(number);
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    // Numbers of eleven bits with this exponent lie so far apart.
    let exponent = ((number.abs().to_bits() >> 52) as i32 - 1023).max(EXPONENT_MIN);
    let step = f64::powi(2.0, exponent - 10);
    let kept = (number / step).round_ties_even() * step;
    if kept.abs() > MAX { f64::INFINITY.copysign(number) } else { kept }
}

/// A whole number from 0 to 2^64 - 1.
pub(crate) fn to_unsigned(scalar: Scalar<'_>) -> Result<u64, ValueFault> {
    let out_of_range = || (ARGUMENT, format!("Value [{scalar}] is out of range for unsigned long."));
    let from_float = |number: f64| {
        // 2^64 itself is one too many.
        if (0.0..u64::MAX as f64).contains(&number.trunc()) {
            Ok(number.trunc() as u64)
        } else {
            Err(out_of_range())
        }
    };
    match scalar {
        Scalar::Integer(number) => u64::try_from(number).map_err(|_| out_of_range()),
        Scalar::Unsigned(number) => Ok(number),
        Scalar::Float(number) => from_float(number),
        Scalar::Text(text) => match text.parse::<u64>() {
            Ok(number) => Ok(number),
            Err(_) => from_float(
                text.parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| (ARGUMENT, format!("For input string: \"{text}\"")))?,
            ),
        },
        Scalar::Bool(_) => Err((
            ARGUMENT,
            format!("Current token (VALUE_BOOLEAN) not numeric, can not use [{scalar}] as a unsigned_long"),
        )),
    }
}

/// A decimal number as it is kept.
pub(crate) fn to_float(scalar: Scalar<'_>, precision: Precision, type_name: &str) -> Result<f64, ValueFault> {
    let number = match scalar {
        Scalar::Integer(number) => number as f64,
        Scalar::Unsigned(number) => number as f64,
        Scalar::Float(number) => number,
        Scalar::Text(text) => {
            decimals::double(text).ok_or_else(|| (ARGUMENT, format!("For input string: \"{text}\"")))?
        }
        Scalar::Bool(_) => {
            return Err((
                ARGUMENT,
                format!("Current token (VALUE_BOOLEAN) not numeric, can not use [{scalar}] as a {type_name}"),
            ));
        }
    };
    let kept = precision.keep(number);
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

/// First and last address of `10.0.0.0/8`, or one address twice.
pub(crate) fn parse_network(text: &str) -> Option<(Ipv6Addr, Ipv6Addr)> {
    let Some((base, bits)) = text.split_once('/') else {
        let address = parse_ip(text)?;
        return Some((address, address));
    };
    let number = u128::from(parse_ip(base)?);
    let width = if base.contains(':') { 128 } else { 32 };
    let host_bits = width - bits.parse::<u32>().ok().filter(|bits| *bits <= width)?;
    let hosts = if host_bits == 128 { u128::MAX } else { (1u128 << host_bits) - 1 };
    Some((Ipv6Addr::from(number & !hosts), Ipv6Addr::from(number | hosts)))
}

/// The term of a value of a flattened object under a key, which has no zero byte.
pub(crate) fn keyed_term(key: &str, value: &str) -> String {
    format!("{key}\0{value}")
}

/// The address as a person writes it.
pub(crate) fn show_ip(address: Ipv6Addr) -> String {
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |v4| v4.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the examples of IEEE 754 binary16, and numbers between two that it has.
    #[test]
    fn half_precision_keeps_eleven_bits() {
        for (number, kept) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (-2.0, -2.0),
            (0.1, 0.099_975_585_937_5),
            (1.0 / 3.0, 0.333_251_953_125),
            (2049.0, 2048.0),
            (2051.0, 2052.0),
            (65_504.0, 65_504.0),
            (65_519.0, 65_504.0),
            (65_520.0, f64::INFINITY),
            (-1e9, f64::NEG_INFINITY),
            (f64::powi(2.0, -24), f64::powi(2.0, -24)),
            (f64::powi(2.0, -26), 0.0),
        ] {
            assert_eq!(Precision::Half.keep(number), kept, "{number}");
        }
    }

    #[test]
    fn scaled_numbers_are_whole_parts() {
        for (number, factor, kept) in
            [(1.239, 100.0, 1.24), (-1.239, 100.0, -1.24), (7.0, 1.0, 7.0), (0.4, 1.0, 0.0)]
        {
            assert_eq!(Precision::Scaled(factor).keep(number), kept, "{number} in parts of {factor}");
        }
    }

    #[test]
    fn an_unsigned_number_has_all_of_64_bits() {
        for (scalar, expected) in [
            (Scalar::Integer(0), Some(0)),
            (Scalar::Integer(-1), None),
            (Scalar::Unsigned(u64::MAX), Some(u64::MAX)),
            (Scalar::Text("18446744073709551615"), Some(u64::MAX)),
            (Scalar::Text("18446744073709551616"), None),
            (Scalar::Text("7.9"), Some(7)),
            (Scalar::Float(-0.5), Some(0)),
            (Scalar::Float(1e30), None),
            (Scalar::Text("seven"), None),
            (Scalar::Bool(true), None),
        ] {
            assert_eq!(to_unsigned(scalar).ok(), expected, "{scalar}");
        }
    }
}
