//! Methods of texts, lists and maps.

use serde_json::{Map, Value, json};

use super::held::{member_weight, weight};
use super::operators::{index, is_equal, text};

fn unknown(value: &Value, method: &str, arguments: &[Value]) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    };
    format!("{kind} has no method [{method}] with {} argument(s)", arguments.len())
}

/// Methods that change what they are called on.
pub(super) fn change(place: &mut Value, method: &str, arguments: &[Value]) -> Result<Value, String> {
    match (&mut *place, method, arguments) {
        (Value::Array(items), "add", [item]) => {
            items.push(item.clone());
            Ok(json!(true))
        }
        (Value::Array(items), "addAll", [Value::Array(more)]) => {
            items.extend(more.iter().cloned());
            Ok(json!(true))
        }
        (Value::Array(items), "remove", [key]) => {
            let at = index(key, items.len())?;
            if at >= items.len() {
                return Err(format!("no item [{at}]"));
            }
            Ok(items.remove(at))
        }
        (Value::Array(items), "clear", []) => {
            items.clear();
            Ok(Value::Null)
        }
        (Value::Object(members), "remove", [key]) => Ok(members.shift_remove(&text(key)).unwrap_or_default()),
        (Value::Object(members), "put", [key, value]) => {
            Ok(members.insert(text(key), value.clone()).unwrap_or_default())
        }
        (Value::Object(members), "putAll", [Value::Object(more)]) => {
            members.extend(more.clone());
            Ok(Value::Null)
        }
        (Value::Object(members), "clear", []) => {
            members.clear();
            Ok(Value::Null)
        }
        _ => Err(unknown(place, method, arguments)),
    }
}

/// What a list or a map will take more, and what less, once a method has changed it.
pub(super) fn change_of(place: &Value, method: &str, arguments: &[Value]) -> (usize, usize) {
    let put = |members: &Map<String, Value>, key: &str, value: &Value| match members.get(key) {
        Some(before) => (weight(value), weight(before)),
        None => (member_weight(key, value), 0),
    };
    match (place, method, arguments) {
        (_, "clear", []) => (0, weight(place) - size_of::<Value>()),
        (Value::Array(items), "remove", [key]) => {
            (0, index(key, items.len()).ok().and_then(|at| items.get(at)).map_or(0, weight))
        }
        (Value::Object(members), "remove", [key]) => {
            let key = text(key);
            (0, members.get(&key).map_or(0, |value| member_weight(&key, value)))
        }
        (Value::Object(members), "put", [key, value]) => put(members, &text(key), value),
        (Value::Object(members), "putAll", [Value::Object(more)]) => {
            let changes = more.iter().map(|(key, value)| put(members, key, value));
            changes.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
        }
        (_, _, more) => (more.iter().map(weight).sum(), 0),
    }
}

/// Methods that only ask.
pub(super) fn ask(value: &Value, method: &str, arguments: &[Value]) -> Result<Value, String> {
    Ok(match (value, method, arguments) {
        (_, "toString", []) => Value::String(text(value)),
        (_, "equals", [other]) => json!(is_equal(value, other)),
        (Value::Array(items), "contains", [item]) => json!(items.iter().any(|known| is_equal(known, item))),
        (Value::Array(items), "indexOf", [item]) => {
            json!(items.iter().position(|known| is_equal(known, item)).map_or(-1, |at| at as i64))
        }
        (Value::Array(items), "size" | "length", []) => json!(items.len()),
        (Value::Array(items), "isEmpty", []) => json!(items.is_empty()),
        (Value::Array(items), "get", [key]) => {
            items.get(index(key, items.len())?).cloned().ok_or("no such item")?
        }
        (Value::Object(members), "containsKey", [key]) => json!(members.contains_key(&text(key))),
        (Value::Object(members), "get", [key]) => members.get(&text(key)).cloned().unwrap_or_default(),
        (Value::Object(members), "getOrDefault", [key, other]) => {
            members.get(&text(key)).unwrap_or(other).clone()
        }
        (Value::Object(members), "size", []) => json!(members.len()),
        (Value::Object(members), "isEmpty", []) => json!(members.is_empty()),
        // `getMillis()` of a moment is its `millis`, `getLat()` of a point its `lat`.
        (Value::Object(members), getter, []) if property(members, getter).is_some() => {
            property(members, getter).cloned().unwrap_or_default()
        }
        (Value::Object(members), "toInstant", []) if members.contains_key("millis") => value.clone(),
        (Value::Object(members), "toEpochMilli", []) if members.contains_key("millis") => {
            members["millis"].clone()
        }
        (Value::Number(number), "intValue" | "longValue", []) => {
            json!(number.as_i64().unwrap_or_else(|| number.as_f64().unwrap_or_default() as i64))
        }
        (Value::Number(number), "doubleValue" | "floatValue", []) => {
            json!(number.as_f64().unwrap_or_default())
        }
        (Value::String(this), _, _) => {
            ask_text(this, method, arguments).ok_or_else(|| unknown(value, method, arguments))?
        }
        _ => return Err(unknown(value, method, arguments)),
    })
}

/// How much what a method says may take, and what it is made of beside its value.
pub(super) fn may_make(value: &Value, method: &str, arguments: &[Value]) -> usize {
    match (value, method, arguments) {
        (Value::String(this), "replace", [Value::String(old), Value::String(new)]) => {
            let met = this.len().checked_div(old.len()).unwrap_or(this.len() + 1);
            this.len().saturating_add(met.saturating_mul(new.len()))
        }
        // Its letters, each as a number.
        (Value::String(this), "substring", _) => 5 * this.len(),
        (Value::String(_), "toLowerCase" | "toUpperCase" | "trim", _) | (_, "toString", _) => {
            2 * weight(value)
        }
        (Value::Object(members), "getOrDefault", [key, other]) => {
            weight(members.get(&text(key)).unwrap_or(other))
        }
        (Value::Array(items), "get", [key]) => {
            index(key, items.len()).ok().and_then(|at| items.get(at)).map_or(0, weight)
        }
        (Value::Object(members), "get", [key]) => members.get(&text(key)).map_or(0, weight),
        _ => 0,
    }
}

/// The member that a getter stands for.
fn property<'v>(members: &'v serde_json::Map<String, Value>, getter: &str) -> Option<&'v Value> {
    let name = getter.strip_prefix("get")?;
    let mut letters = name.chars();
    let first = letters.next()?.to_ascii_lowercase();
    members.get(&format!("{first}{}", letters.as_str()))
}

fn ask_text(this: &str, method: &str, arguments: &[Value]) -> Option<Value> {
    let part = |from: usize, to: usize| {
        let letters: Vec<char> = this.chars().collect();
        letters.get(from..to).map(|letters| Value::String(letters.iter().collect()))
    };
    let count = || this.chars().count();
    Some(match (method, arguments) {
        ("length", []) => json!(count()),
        ("isEmpty", []) => json!(this.is_empty()),
        ("toLowerCase", []) => Value::String(this.to_lowercase()),
        ("toUpperCase", []) => Value::String(this.to_uppercase()),
        ("trim", []) => Value::String(this.trim().to_owned()),
        ("contains", [Value::String(other)]) => json!(this.contains(other.as_str())),
        ("startsWith", [Value::String(other)]) => json!(this.starts_with(other.as_str())),
        ("endsWith", [Value::String(other)]) => json!(this.ends_with(other.as_str())),
        ("indexOf", [Value::String(other)]) => {
            json!(this.find(other.as_str()).map_or(-1, |at| this[..at].chars().count() as i64))
        }
        ("replace", [Value::String(old), Value::String(new)]) => {
            Value::String(this.replace(old.as_str(), new))
        }
        ("substring", [from]) => part(usize::try_from(from.as_i64()?).ok()?, count())?,
        ("substring", [from, to]) => {
            part(usize::try_from(from.as_i64()?).ok()?, usize::try_from(to.as_i64()?).ok()?)?
        }
        _ => return None,
    })
}
