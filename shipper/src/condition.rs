//! Whether a condition holds for an event. A missing field equals nothing and is neither less nor greater.

use std::borrow::Cow;
use std::cmp::Ordering;

use event::{Event, Value};

use crate::language::ast::{Comparison, Condition, Join, Operand};

/// Whether `condition` holds.
pub fn holds(condition: &Condition, event: &Event) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|condition| holds(condition, event)),
        Condition::Chain(first, rest) => {
            rest.iter().fold(holds(first, event), |left, (join, right)| match join {
                Join::Or => left || holds(right, event),
                Join::Xor => left != holds(right, event),
                Join::Nand => !(left && holds(right, event)),
            })
        }
        Condition::Not(inner) => !holds(inner, event),
        Condition::Truth(operand) => {
            !matches!(value(operand, event).as_deref(), None | Some(Value::Null | Value::Bool(false)))
        }
        Condition::Compare(left, comparison, right) => {
            compare(value(left, event).as_deref(), *comparison, value(right, event).as_deref())
        }
        Condition::In(needle, haystack) => match (value(needle, event), value(haystack, event)) {
            (Some(needle), Some(haystack)) => contains(&haystack, &needle),
            _ => false,
        },
        Condition::Match(operand, regex) => match value(operand, event).as_deref() {
            Some(Value::String(text)) => regex.is_match(text),
            Some(number @ Value::Number(_)) => regex.is_match(&number.to_string()),
            _ => false,
        },
    }
}

fn value<'a>(operand: &'a Operand, event: &'a Event) -> Option<Cow<'a, Value>> {
    match operand {
        Operand::Value(value) => Some(Cow::Borrowed(value)),
        Operand::Field(path) => match event.field(path) {
            Some(value) => Some(Cow::Borrowed(value)),
            None => event.get(path).map(Cow::Owned),
        },
    }
}

fn compare(left: Option<&Value>, comparison: Comparison, right: Option<&Value>) -> bool {
    let order = match (left, right) {
        (Some(left), Some(right)) => order(left, right),
        _ => None,
    };
    let equal = order == Some(Ordering::Equal) || (left.is_some() && left == right);
    match comparison {
        Comparison::Equal => equal,
        Comparison::NotEqual => !equal,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn contains(haystack: &Value, needle: &Value) -> bool {
    match (haystack, needle) {
        (Value::Array(items), needle) => {
            items.iter().any(|item| compare(Some(item), Comparison::Equal, Some(needle)))
        }
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Object(object), Value::String(key)) => object.contains_key(key),
        _ => false,
    }
}
