//! What the values of a key are: how they are read, computed with and shown, and what stands for one that is not there.

use super::{Missing, NumericType, SortField, SortKey, SortValue, ordered_f64, ordered_i64, unordered_f64};
use crate::engine::Layout;
use crate::mapping::dates::{DateFormats, Resolution};
use crate::mapping::{FieldKind, Storage, parse_ip};
use crate::query::QueryError;

/// What the values of a key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Whole,
    Date(Resolution),
    Unsigned,
    Double,
    /// Decimal numbers of single precision.
    Single,
    Ip,
    Version,
    Text,
}

/// The text that stands for one that is not there, in the order of terms, and as it is shown.
#[derive(Debug, Clone)]
pub(super) struct MissingText {
    pub(super) ordered: String,
    pub(super) shown: SortValue,
}

impl Shape {
    /// None for a field that no value can be in a column of.
    pub(super) fn of(key: &SortKey, layout: &Layout) -> Self {
        let SortField::Field(path) = &key.field else {
            return match &key.field {
                SortField::Score => Self::Single,
                SortField::Distance(_) => Self::Double,
                SortField::Script(script) if !script.is_text => Self::Double,
                SortField::Script(_) => Self::Text,
                _ => Self::Whole,
            };
        };
        let own = match layout.mapping.searched(path) {
            _ if layout.keyed(path).is_some() => Self::Text,
            Some(mapping) => Self::of_kind(&mapping.kind),
            None => key.unmapped_type.as_deref().map_or(Self::Text, Self::of_type),
        };
        match key.numeric_type.filter(|_| own.is_number()) {
            None => own,
            Some(NumericType::Long) => Self::Whole,
            Some(NumericType::Double) => Self::Double,
            Some(NumericType::Date) => Self::Date(Resolution::Millis),
            Some(NumericType::DateNanos) => Self::Date(Resolution::Nanos),
        }
    }

    pub(super) fn of_kind(kind: &FieldKind) -> Self {
        match kind {
            FieldKind::Float | FieldKind::HalfFloat => Self::Single,
            FieldKind::Version => Self::Version,
            FieldKind::Date(_) => Self::Date(Resolution::Millis),
            FieldKind::DateNanos(_) => Self::Date(Resolution::Nanos),
            other => match other.storage() {
                Storage::I64 | Storage::Bool => Self::Whole,
                Storage::U64 => Self::Unsigned,
                Storage::F64 => Self::Double,
                Storage::Ip => Self::Ip,
                Storage::Keyword | Storage::Text | Storage::Terms | Storage::Presence | Storage::Bytes => {
                    Self::Text
                }
            },
        }
    }

    fn of_type(type_name: &str) -> Self {
        match type_name {
            "long" | "integer" | "short" | "byte" | "boolean" | "token_count" => Self::Whole,
            "date" => Self::Date(Resolution::Millis),
            "date_nanos" => Self::Date(Resolution::Nanos),
            "unsigned_long" => Self::Unsigned,
            "double" | "scaled_float" => Self::Double,
            "float" | "half_float" => Self::Single,
            "ip" => Self::Ip,
            "version" => Self::Version,
            _ => Self::Text,
        }
    }

    pub(super) fn is_number(self) -> bool {
        !matches!(self, Self::Ip | Self::Version | Self::Text)
    }

    /// What stands for a number that is not there: the least one that there can be, or the greatest.
    pub(super) fn extreme(self, is_least: bool) -> Option<u128> {
        Some(match self {
            // Nanoseconds before 1970 cannot be shown.
            Self::Date(Resolution::Nanos) if is_least => ordered_i64(0),
            Self::Whole | Self::Date(_) => ordered_i64(if is_least { i64::MIN } else { i64::MAX }),
            Self::Unsigned => u128::from(if is_least { u64::MIN } else { u64::MAX }),
            Self::Double | Self::Single => {
                ordered_f64(if is_least { f64::NEG_INFINITY } else { f64::INFINITY })
            }
            Self::Ip | Self::Version | Self::Text => return None,
        })
    }

    /// A number that a request names, in the order of the numbers here.
    pub(super) fn read_number(self, value: &SortValue) -> Option<u128> {
        let number = |text: &str| text.trim().parse::<f64>().ok();
        Some(match (self, value) {
            (Self::Whole | Self::Date(_), SortValue::Integer(whole)) => ordered_i64(*whole),
            (Self::Whole | Self::Date(_), SortValue::Date { moment, .. }) => ordered_i64(*moment),
            (Self::Whole | Self::Date(_), SortValue::Unsigned(_)) => ordered_i64(i64::MAX),
            (Self::Whole | Self::Date(_), SortValue::Float(decimal)) => ordered_i64(*decimal as i64),
            (Self::Whole | Self::Date(_), SortValue::Single(decimal)) => ordered_i64(*decimal as i64),
            (Self::Whole | Self::Date(_), SortValue::Text(text)) => ordered_i64(text.trim().parse().ok()?),
            (Self::Unsigned, SortValue::Unsigned(whole)) => u128::from(*whole),
            (Self::Unsigned, SortValue::Integer(whole)) => u128::try_from(*whole).ok()?,
            (Self::Unsigned, SortValue::Text(text)) => u128::from(text.trim().parse::<u64>().ok()?),
            (Self::Double, SortValue::Text(text)) => ordered_f64(number(text)?),
            (Self::Single, SortValue::Text(text)) => ordered_f64(f64::from(number(text)? as f32)),
            (Self::Double, value) => ordered_f64(value.number()?),
            (Self::Single, value) => ordered_f64(f64::from(value.number()? as f32)),
            _ => return None,
        })
    }

    /// An address that a request names.
    pub(super) fn read_ip(value: &SortValue) -> Option<u128> {
        match value {
            SortValue::Ip(address) => Some(u128::from(*address)),
            SortValue::Text(text) => parse_ip(text).map(u128::from),
            _ => None,
        }
    }

    /// Several numbers as one.
    pub(super) fn sum(self, numbers: &[u128]) -> u128 {
        match self {
            Self::Double | Self::Single => {
                ordered_f64(numbers.iter().map(|number| unordered_f64(*number)).sum())
            }
            Self::Unsigned => {
                u128::from(numbers.iter().fold(0u64, |sum, number| sum.wrapping_add(*number as u64)))
            }
            _ => ordered_i64(numbers.iter().fold(0i64, |sum, number| sum.wrapping_add(whole(*number)))),
        }
    }

    /// A share of a number; whole numbers are rounded.
    pub(super) fn divided(self, number: u128, by: usize) -> u128 {
        let round = |number: f64| (number / by as f64 + 0.5).floor();
        match self {
            Self::Double | Self::Single => ordered_f64(unordered_f64(number) / by as f64),
            Self::Unsigned => u128::from(round(number as u64 as f64) as u64),
            _ => ordered_i64(round(whole(number) as f64) as i64),
        }
    }

    /// The mean of two numbers, which together may be more than there can be.
    pub(super) fn between(self, a: u128, b: u128) -> u128 {
        let round = |a: f64, b: f64| ((a + b) / 2.0 + 0.5).floor();
        match self {
            Self::Double | Self::Single => ordered_f64((unordered_f64(a) + unordered_f64(b)) / 2.0),
            Self::Unsigned => u128::from(round(a as u64 as f64, b as u64 as f64) as u64),
            _ => ordered_i64(round(whole(a) as f64, whole(b) as f64) as i64),
        }
    }
}

/// A whole number by its order.
pub(super) fn whole(number: u128) -> i64 {
    (number as u64 ^ (1 << 63)) as i64
}

/// The number that stands for one that is not there; a date may be written as its field has it.
pub(super) fn missing_number(
    value: &SortValue,
    key: &SortKey,
    shape: Shape,
    dates: Option<&DateFormats>,
) -> Option<u128> {
    let as_date = || {
        let (Shape::Date(resolution), SortValue::Text(text)) = (shape, value) else { return None };
        let read = key.format.as_ref().or(dates)?.read(text)?;
        Some(ordered_i64(resolution.moment(read, false)))
    };
    shape.read_number(value).or_else(as_date)
}

/// What a key says of documents without a value that is no number of its shape.
pub(super) fn wrong_missing(key: &SortKey, shape: Shape, dates: Option<&DateFormats>) -> Option<QueryError> {
    let Missing::Value(value) = &key.missing else { return None };
    let text = || value.to_json().as_str().map_or_else(|| value.to_json().to_string(), str::to_owned);
    match shape {
        Shape::Text | Shape::Version => None,
        Shape::Ip => Shape::read_ip(value)
            .is_none()
            .then(|| QueryError::argument(format!("'{}' is not an IP string literal.", text()))),
        number => missing_number(value, key, number, dates).is_none().then(|| QueryError {
            kind: "number_format_exception",
            reason: format!("For input string: \"{}\"", text()),
        }),
    }
}
