//! Members of objects, read as leniently as Elasticsearch does.

use serde_json::Value;

use crate::json_values::plain;
use crate::query::QueryError;

pub(super) fn read_text(value: &Value) -> String {
    plain(value)
}

fn no_number(text: &str) -> QueryError {
    QueryError { kind: "number_format_exception", reason: format!("For input string: \"{text}\"") }
}

/// A whole number, or a text that says one.
pub(super) fn read_whole(value: &Value) -> Result<i64, QueryError> {
    let text = plain(value);
    text.parse().map_err(|_| no_number(&text))
}

/// A number, or a text that says one.
pub(super) fn read_decimal(value: &Value) -> Result<f64, QueryError> {
    let text = plain(value);
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| no_number(&text))
}

/// The same in single precision.
pub(super) fn read_float(value: &Value) -> Result<f32, QueryError> {
    read_decimal(value).map(|number| number as f32)
}

pub(super) fn read_flag(value: &Value) -> Result<bool, QueryError> {
    match plain(value).as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(QueryError::argument(format!(
            "Failed to parse value [{other}] as only [true] or [false] are allowed."
        ))),
    }
}

/// A number above 0.
pub(super) fn positive(name: &str, number: i64) -> Result<usize, QueryError> {
    match usize::try_from(number) {
        Ok(size) if size > 0 => Ok(size),
        _ => Err(QueryError::argument(format!("{name} must be positive"))),
    }
}

/// A number from 0 on.
pub(super) fn not_negative(name: &str, number: i64) -> Result<usize, QueryError> {
    usize::try_from(number).map_err(|_| QueryError::argument(format!("{name} must be positive")))
}
