//! What operators make of values.

use std::borrow::Cow;

use serde_json::{Number, Value, json};

use super::held::weight;
use super::parser::Sign;
use super::variables::Kind;

/// The longest value that an error shows as it is.
const SHOWN_MAX: usize = 256;

/// A value as an error shows it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        value if weight(value) <= SHOWN_MAX => value.to_string(),
        Value::Array(_) => "a long list".to_owned(),
        Value::Object(_) => "a large map".to_owned(),
        _ => "a long text".to_owned(),
    }
}

pub(super) fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("[{}] is neither true nor false", shown(value)))
}

pub(super) fn text(value: &Value) -> String {
    lent_text(value).into_owned()
}

/// The same, without a copy of what is a text.
fn lent_text(value: &Value) -> Cow<'_, str> {
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

pub(super) fn index(key: &Value, length: usize) -> Result<usize, String> {
    let number = key.as_i64().ok_or_else(|| format!("[{}] is no place in a list", shown(key)))?;
    // A negative place counts from the end.
    let at = if number < 0 { number + i64::try_from(length).unwrap_or(i64::MAX) } else { number };
    usize::try_from(at).map_err(|_| format!("no item [{number}] in a list of {length}"))
}

pub(super) fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() != y.is_f64() => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

pub(super) fn binary(left: &Value, sign: Sign, right: &Value) -> Result<Value, String> {
    match sign {
        "==" | "===" => return Ok(json!(is_equal(left, right))),
        "!=" | "!==" => return Ok(json!(!is_equal(left, right))),
        "+" if left.is_string() || right.is_string() => {
            let (left, right) = (lent_text(left), lent_text(right));
            // At once as long as it becomes, as it may be long.
            let mut joined = String::with_capacity(left.len() + right.len());
            joined.push_str(&left);
            joined.push_str(&right);
            return Ok(Value::String(joined));
        }
        _ => {}
    }
    let wrong = || format!("[{sign}] cannot be done with [{}] and [{}]", shown(left), shown(right));
    let (Value::Number(a), Value::Number(b)) = (left, right) else { return Err(wrong()) };
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        let number = match sign {
            // Whole numbers wrap around, as those of the language do.
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "/" | "%" if b == 0 => return Err("/ by zero".to_owned()),
            "/" => a.wrapping_div(b),
            "%" => a.wrapping_rem(b),
            _ => return compare(a.partial_cmp(&b), sign).ok_or_else(wrong),
        };
        return Ok(json!(number));
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return Err(wrong()) };
    let number = match sign {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "%" => a % b,
        _ => return compare(a.partial_cmp(&b), sign).ok_or_else(wrong),
    };
    Number::from_f64(number).map(Value::Number).ok_or_else(|| format!("[{left} {sign} {right}] is no number"))
}

fn compare(order: Option<std::cmp::Ordering>, sign: Sign) -> Option<Value> {
    let order = order?;
    Some(json!(match sign {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => return None,
    }))
}

/// A value as a declared type has it.
pub(super) fn cast(kind: Kind, value: Value) -> Result<Value, String> {
    match (kind, &value) {
        (Kind::Whole, Value::Number(number)) if number.is_f64() => {
            // As Java cuts: to the nearest number that there is.
            Ok(json!(number.as_f64().unwrap_or_default() as i64))
        }
        (Kind::Decimal, Value::Number(number)) if !number.is_f64() => {
            Ok(json!(number.as_f64().unwrap_or_default()))
        }
        (Kind::Whole | Kind::Decimal, Value::String(_) | Value::Bool(_)) => {
            Err(format!("Cannot cast from [{}] to a number", shown(&value)))
        }
        _ => Ok(value),
    }
}
