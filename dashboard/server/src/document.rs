//! A document's source as flat fields and as short texts for cells.
//!
//! Whole numbers that a browser could not hold exactly leave here as text.

use serde_json::{Map, Value};

/// The largest whole number that JavaScript holds exactly.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Calls `see` with the full name and value of every leaf; objects are walked, lists stay values.
pub(crate) fn leaves<'a>(source: &'a Map<String, Value>, see: &mut dyn FnMut(&str, &'a Value)) {
    walk("", source, see, 0);
}

fn walk<'a>(
    prefix: &str,
    object: &'a Map<String, Value>,
    see: &mut dyn FnMut(&str, &'a Value),
    depth: usize,
) {
    for (name, value) in object {
        let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            // Deeper objects than any mapping allows are shown as JSON.
            Value::Object(inner) if depth < 40 && !inner.is_empty() => walk(&full, inner, see, depth + 1),
            other => see(&full, other),
        }
    }
}

/// The value of the field `name`, whether its parents are written as objects, with dots, or mixed.
pub(crate) fn at<'a>(source: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = source.get(name) {
        return Some(value);
    }
    name.match_indices('.').find_map(|(dot, _)| {
        let inner = source.get(&name[..dot])?.as_object()?;
        at(inner, &name[dot + 1..])
    })
}

/// A text at `name`, if there is one.
pub(crate) fn text_at(source: &Map<String, Value>, name: &str) -> Option<String> {
    match at(source, name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => values.first().map(plain),
        other => Some(plain(other)),
    }
}

/// A number at `name`, if there is one.
pub(crate) fn number_at(source: &Map<String, Value>, name: &str) -> Option<f64> {
    match at(source, name)? {
        Value::Array(values) => values.first().and_then(Value::as_f64),
        other => other.as_f64(),
    }
}

/// The value for a cell of the table: small scalars as they are, everything else as text of at most `bytes_max`.
pub(crate) fn cell(value: Option<&Value>, bytes_max: usize) -> Value {
    match value {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Bool(flag)) => Value::Bool(*flag),
        Some(Value::Number(number)) => {
            let is_unsafe = number.as_u64().is_some_and(|n| n > SAFE_INTEGER)
                || number.as_i64().is_some_and(|n| n.unsigned_abs() > SAFE_INTEGER);
            if is_unsafe { Value::String(number.to_string()) } else { Value::Number(number.clone()) }
        }
        Some(other) => Value::String(shorten(plain(other), bytes_max)),
    }
}

/// A value as plain text: lists joined by commas, objects as JSON.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(|value| !value.is_object() && !value.is_array()) => {
            values.iter().map(plain).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Cuts at a character's border and marks the cut.
pub(crate) fn shorten(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let cut = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// One line that tells a document without a message: its telling fields as `name=value`.
pub(crate) fn summary(source: &Map<String, Value>, bytes_max: usize) -> String {
    if let Some(message) = text_at(source, "message").filter(|message| !message.is_empty()) {
        return shorten(message, bytes_max);
    }
    let mut line = String::new();
    leaves(source, &mut |name, value| {
        if line.len() >= SUMMARY_BYTES || is_background(name) || value.is_null() {
            return;
        }
        if !line.is_empty() {
            line.push_str("  ");
        }
        line.push_str(name);
        line.push('=');
        line.push_str(&shorten(plain(value), 120));
    });
    shorten(line, bytes_max.min(SUMMARY_BYTES))
}

/// How long a summary gets: two screens of one line.
const SUMMARY_BYTES: usize = 600;

/// Fields that are the same in every event of a source tell nothing in one line.
pub(crate) fn is_background(name: &str) -> bool {
    const BACKGROUND: &[&str] =
        &["agent.", "ecs.", "data_stream.", "host.", "event.", "metricset.", "service.", "input."];
    name == "@timestamp" || BACKGROUND.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn fields_are_found_however_they_are_nested() {
        for source in [
            json!({"a": {"b": {"c": 1}}}),
            json!({"a.b.c": 1}),
            json!({"a": {"b.c": 1}}),
            json!({"a.b": {"c": 1}}),
        ] {
            assert_eq!(at(&object(source.clone()), "a.b.c"), Some(&json!(1)), "{source}");
        }
        assert_eq!(at(&object(json!({"a": 1})), "a.b"), None);
    }

    #[test]
    fn whole_numbers_beyond_two_to_the_53_leave_as_text() {
        for (value, sent) in [
            (json!(9_007_199_254_740_991_u64), json!(9_007_199_254_740_991_u64)),
            (json!(9_007_199_254_740_993_u64), json!("9007199254740993")),
            (json!(-9_007_199_254_740_993_i64), json!("-9007199254740993")),
            (json!(u64::MAX), json!("18446744073709551615")),
            (json!(1.5), json!(1.5)),
            (json!([9_007_199_254_740_993_u64, 2]), json!("9007199254740993, 2")),
        ] {
            assert_eq!(cell(Some(&value), 100), sent);
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(shorten("登录失败".to_owned(), 7), "登录…");
        assert_eq!(shorten("ab".to_owned(), 2), "ab");
    }

    #[test]
    fn documents_without_message_are_told_by_their_fields() {
        let source = object(
            json!({"@timestamp": "x", "host": {"name": "h"}, "system": {"load": {"1": 0.5}}, "tags": ["a", "b"]}),
        );
        assert_eq!(summary(&source, 1_000), "system.load.1=0.5  tags=a, b");
    }
}
