//! Sorting: the keys of a request, a document's place under them, and the order of hits from several shards.
//!
//! Within a segment each key becomes a number whose order is the wanted one, so that most documents cost one
//! comparison; only the winners' values are read out.
//!
//! ```text
//!  request   the keys as they are asked for
//!  check     what is refused of them
//!  key       a key in one segment
//!  shape     what its values are, and what stands for one that is not there
//!  children  the nested objects whose values count
//!  numbers   what is known of whole runs of documents
//! ```

mod check;
mod children;
mod key;
mod numbers;
mod request;
mod shape;

use std::cmp::Ordering;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(in crate::search) use self::check::{check_column, check_keys};
pub(crate) use self::check::{check_words, no_column_for_ids, no_values_in_column};
pub(in crate::search) use self::key::{Opening, Place, SegmentKey, Values, open_field};
pub use self::request::{Missing, NestedSort, NumericType, SortField, SortKey, SortMode};
use super::Hit;
use crate::mapping::{decode_version, show_ip};

/// A hit's value under a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SortValue {
    /// No value.
    Null,
    /// A whole number, a flag, or a date in milliseconds.
    Integer(i64),
    /// A number of `unsigned_long`.
    Unsigned(u64),
    /// A decimal number.
    Float(f64),
    /// A text.
    Text(String),
    /// An address, in the order of its bytes.
    Ip(Ipv6Addr),
    /// A version, in the order of releases.
    Version(String),
    /// A date, in the order of time, as the request has it shown.
    Date {
        /// The moment as the field has it.
        moment: i64,
        /// The text.
        shown: String,
    },
    /// A decimal number of single precision, or a score.
    Single(f32),
}

impl SortValue {
    /// The value as the API shows it.
    pub fn to_json(&self) -> Value {
        match self {
            SortValue::Null => Value::Null,
            SortValue::Integer(number) => json!(number),
            SortValue::Unsigned(number) => json!(number),
            SortValue::Float(number) => show_decimal(*number, || json!(number)),
            SortValue::Single(number) => show_decimal(f64::from(*number), || show_single(*number)),
            SortValue::Text(text) => json!(text),
            SortValue::Ip(address) => json!(show_ip(*address)),
            SortValue::Version(encoded) => json!(decode_version(encoded)),
            SortValue::Date { shown, .. } => json!(shown),
        }
    }

    /// The value as a number, if it is one.
    fn number(&self) -> Option<f64> {
        Some(match self {
            SortValue::Integer(number) | SortValue::Date { moment: number, .. } => *number as f64,
            SortValue::Unsigned(number) => *number as f64,
            SortValue::Float(number) => *number,
            SortValue::Single(number) => f64::from(*number),
            SortValue::Text(_) | SortValue::Ip(_) | SortValue::Version(_) | SortValue::Null => return None,
        })
    }

    /// A value of `search_after`.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(SortValue::Null),
            Value::Bool(flag) => Some(SortValue::Integer(i64::from(*flag))),
            Value::Number(number) => {
                let whole = number.as_i64().map(SortValue::Integer);
                let whole = whole.or_else(|| number.as_u64().map(SortValue::Unsigned));
                whole.or_else(|| number.as_f64().map(SortValue::Float))
            }
            Value::String(text) => Some(SortValue::Text(text.clone())),
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The order of two hits, of one shard or several.
pub fn compare_hits(a: &Hit, b: &Hit, keys: &[SortKey]) -> Ordering {
    let by_keys = if keys.is_empty() {
        b.score.unwrap_or_default().total_cmp(&a.score.unwrap_or_default())
    } else {
        keys.iter()
            .zip(a.sort.iter().zip(&b.sort))
            .map(|(key, (a, b))| compare_values(a, b, key))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    by_keys.then_with(|| (a.shard, a.segment, a.document).cmp(&(b.shard, b.segment, b.document)))
}

fn compare_values(a: &SortValue, b: &SortValue, key: &SortKey) -> Ordering {
    let missing_first = key.missing == Missing::First;
    match (a, b) {
        (SortValue::Null, SortValue::Null) => Ordering::Equal,
        (SortValue::Null, _) if missing_first => Ordering::Less,
        (SortValue::Null, _) => Ordering::Greater,
        (_, SortValue::Null) if missing_first => Ordering::Greater,
        (_, SortValue::Null) => Ordering::Less,
        (a, b) => {
            let order = match (a, b) {
                (SortValue::Integer(a), SortValue::Integer(b)) => a.cmp(b),
                (SortValue::Unsigned(a), SortValue::Unsigned(b)) => a.cmp(b),
                (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
                (SortValue::Ip(a), SortValue::Ip(b)) => a.cmp(b),
                (SortValue::Version(a), SortValue::Version(b)) => a.cmp(b),
                (SortValue::Date { moment: a, .. }, SortValue::Date { moment: b, .. }) => a.cmp(b),
                (a, b) => as_f64(a).total_cmp(&as_f64(b)),
            };
            if key.descending { order.reverse() } else { order }
        }
    }
}

fn as_f64(value: &SortValue) -> f64 {
    match value {
        SortValue::Text(text) => text.parse().unwrap_or(f64::MAX),
        other => other.number().unwrap_or(f64::MAX),
    }
}

/// What JSON has no number for is shown as a text.
fn show_decimal(number: f64, shown: impl FnOnce() -> Value) -> Value {
    if number.is_finite() {
        return shown();
    }
    json!(match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    })
}

/// A number with the digits that single precision has, not those that it gains on the way to double.
fn show_single(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, |number| json!(number))
}

fn ordered_i64(number: i64) -> u128 {
    u128::from(number as u64 ^ (1 << 63))
}

fn ordered_f64(number: f64) -> u128 {
    let bits = number.to_bits();
    u128::from(if bits >> 63 == 1 { !bits } else { bits | (1 << 63) })
}

fn unordered_f64(place: u128) -> f64 {
    let bits = place as u64;
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order_and_come_back() {
        let numbers = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 2.5, f64::INFINITY];
        for pair in numbers.windows(2) {
            assert!(ordered_f64(pair[0]) <= ordered_f64(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(unordered_f64(ordered_f64(number)).to_bits(), number.to_bits());
        }
        assert!(ordered_i64(i64::MIN) < ordered_i64(-1) && ordered_i64(-1) < ordered_i64(i64::MAX));
    }
}
