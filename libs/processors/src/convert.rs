//! Conversions between types, as `mutate.convert` and `%{PATTERN:field:int}` do them.

use event::Value;
use serde_json::Number;

/// A target type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// A whole number; what follows the digits is cut off, and no digits are 0.
    Integer,
    /// The same, with a comma as decimal mark and dots between thousands.
    IntegerEu,
    /// A decimal number.
    Float,
    /// The same, with a comma as decimal mark.
    FloatEu,
    /// Text.
    Text,
    /// true or false, from the words people write for them.
    Boolean,
}

impl Conversion {
    /// The names that `convert` takes.
    pub const NAMES: &'static [&'static str] =
        &["integer", "float", "integer_eu", "float_eu", "string", "boolean"];

    /// From its name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "integer" | "int" => Self::Integer,
            "integer_eu" => Self::IntegerEu,
            "float" => Self::Float,
            "float_eu" => Self::FloatEu,
            "string" => Self::Text,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// The value in this type; none where it has no such form. Arrays are converted element by element.
    pub fn apply(self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => {
                items.iter().map(|item| self.apply(item)).collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Value::Object(_) | Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => self.scalar(value),
        }
    }

    fn scalar(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Text, Value::String(_)) => Some(value.clone()),
            (Self::Text, other) => Some(Value::String(other.to_string())),
            (Self::Boolean, value) => boolean(value),
            (Self::Integer | Self::IntegerEu, Value::Number(number)) if number.is_f64() => {
                number.as_f64().map(|float| Value::from(float as i64))
            }
            (Self::Integer | Self::IntegerEu, Value::Number(_)) => Some(value.clone()),
            (Self::Float | Self::FloatEu, Value::Number(number)) => number.as_f64().and_then(float),
            (Self::Integer | Self::IntegerEu, Value::Bool(flag)) => Some(Value::from(i64::from(*flag))),
            (Self::Float | Self::FloatEu, Value::Bool(flag)) => float(f64::from(u8::from(*flag))),
            (Self::Integer, Value::String(text)) => Some(integer(&text.replace(',', ""))),
            (Self::IntegerEu, Value::String(text)) => Some(integer(&text.replace('.', ""))),
            (Self::Float, Value::String(text)) => float(leading_float(&text.replace(',', ""))),
            (Self::FloatEu, Value::String(text)) => {
                float(leading_float(&text.replace('.', "").replace(',', ".")))
            }
            (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
        }
    }
}

fn boolean(value: &Value) -> Option<Value> {
    let text = match value {
        Value::Bool(_) => return Some(value.clone()),
        Value::String(text) => text.to_lowercase(),
        other => other.to_string(),
    };
    match text.as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(Value::Bool(true)),
        "false" | "f" | "no" | "n" | "0" | "0.0" | "" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// The number that a text starts with, 0 if it starts with none.
fn integer(text: &str) -> Value {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let end = text[sign..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| at + sign);
    match text[..end].parse::<i64>() {
        Ok(number) => Value::from(number),
        Err(_) => text[..end].parse::<u64>().map_or_else(|_| Value::from(0), Value::from),
    }
}

fn leading_float(text: &str) -> f64 {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>()
        && text.starts_with(['-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    {
        return number;
    }
    let end = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && matches!(c, '-' | '+'))))
        .map_or(text.len(), |(at, _)| at);
    text[..end].parse().unwrap_or(0.0)
}

fn float(number: f64) -> Option<Value> {
    Number::from_f64(number).map(Value::Number)
}
