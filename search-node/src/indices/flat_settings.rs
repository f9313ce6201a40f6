//! Settings of an index in one flat form, whichever of those the API takes they came in, and back.

use serde_json::{Map, Value, json};

use super::analysis_settings as analysis;
use super::known_settings;
use super::query_settings;
use crate::error::ApiError;

/// Brings `{"index": {"number_of_shards": 1}}`, dotted keys and keys without `index.` to one flat form. What is null is not set.
pub(super) fn flatten(settings: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut flat = flatten_with_nulls(settings)?;
    flat.retain(|_, value| !value.is_null());
    Ok(flat)
}

pub(super) fn flatten_with_nulls(settings: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut flat = Map::new();
    match settings {
        Value::Null => {}
        Value::Object(object) => flatten_into(object, "", &mut flat),
        _ => return Err(ApiError::parsing("[settings] must be an object")),
    }
    Ok(flat
        .into_iter()
        .map(|(key, value)| (key.strip_prefix("index.").map_or(key.clone(), str::to_owned), value))
        .collect())
}

fn flatten_into(object: &Map<String, Value>, prefix: &str, flat: &mut Map<String, Value>) {
    for (key, value) in object {
        match value {
            Value::Object(inner) => flatten_into(inner, &format!("{prefix}{key}."), flat),
            Value::Null => drop(flat.insert(format!("{prefix}{key}"), Value::Null)),
            Value::Array(items) if is_list(&format!("{prefix}{key}")) => {
                let items = items
                    .iter()
                    .map(|item| item.as_str().map_or_else(|| json!(item.to_string()), Value::from));
                flat.insert(format!("{prefix}{key}"), items.collect());
            }
            other => {
                let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
                flat.insert(format!("{prefix}{key}"), json!(text));
            }
        }
    }
}

/// Definitions of analyzers have lists, in which a comma may mean itself; and fields are shown as a list.
fn is_list(key: &str) -> bool {
    let key = key.strip_prefix("index.").unwrap_or(key);
    key.starts_with(analysis::PREFIX) || key == query_settings::DEFAULT_FIELD || known_settings::is_list(key)
}

/// The settings in the nested form that the API shows.
pub(crate) fn nest(flat: &Map<String, Value>) -> Value {
    let mut root = Map::new();
    for (key, value) in flat {
        let parts: Vec<&str> = key.split('.').collect();
        put(&mut root, &parts, value.clone());
    }
    Value::Object(root)
}

fn put(object: &mut Map<String, Value>, parts: &[&str], value: Value) {
    match parts {
        [] => {}
        [last] => {
            object.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let child = object.entry(*first).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            if let Value::Object(child) = child {
                put(child, rest, value);
            }
        }
    }
}
