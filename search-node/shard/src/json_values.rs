//! Values of JSON: where they stand in a document, as texts, and how their kinds are called.

use serde_json::Value;

/// What Elasticsearch calls the kind of a value when it refuses it.
pub fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "START_OBJECT",
        Value::Array(_) => "START_ARRAY",
        Value::String(_) => "VALUE_STRING",
        Value::Number(_) => "VALUE_NUMBER",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Null => "VALUE_NULL",
    }
}

/// Visits what stands at a path, through objects, lists of them, and names with dots.
pub(crate) fn values_at<'v>(value: &'v Value, path: &str, visit: &mut dyn FnMut(&'v Value)) {
    match value {
        _ if path.is_empty() => visit(value),
        Value::Array(items) => items.iter().for_each(|item| values_at(item, path, visit)),
        Value::Object(members) => {
            for (name, child) in members {
                match path.strip_prefix(name.as_str()) {
                    Some("") => visit(child),
                    Some(rest) => {
                        if let Some(rest) = rest.strip_prefix('.') {
                            values_at(child, rest, visit);
                        }
                    }
                    None => {}
                }
            }
        }
        _ => {}
    }
}

/// Visits a value, or each of a list.
pub(crate) fn each<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, visit)),
        one => visit(one),
    }
}

/// The same for the plain values there, in lists too; `null` is none.
pub fn plain_values_at<'v>(value: &'v Value, path: &str, visit: &mut dyn FnMut(&'v Value)) {
    values_at(value, path, &mut |value| {
        each(value, &mut |value| {
            if !value.is_null() && !value.is_object() {
                visit(value);
            }
        });
    });
}

/// A value that is no object and no list, as a text.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A value as a text: what a text says, and anything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_through_lists_and_names_with_dots() {
        let source = json!({"a": [{"b": 1}, {"b": [2, null, [3], {"c": 4}]}], "a.b": "x"});
        let mut values = Vec::new();

        plain_values_at(&source, "a.b", &mut |value| values.push(value));

        assert_eq!(values, [&json!(1), &json!(2), &json!(3), &json!("x")]);
    }
}
