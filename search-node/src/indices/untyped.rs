//! Mappings of an index with types: the one type's mapping is taken as that of all.

use serde_json::Value;

/// The members that a mapping may have.
const ROOT: [&str; 13] = [
    "properties",
    "dynamic",
    "_source",
    "_meta",
    "_routing",
    "_field_names",
    "enabled",
    "runtime",
    "date_detection",
    "numeric_detection",
    "dynamic_templates",
    "dynamic_date_formats",
    "_data_stream_timestamp",
];

/// `{"mappings": {"my_type": {"properties": …}}}`, the typed form, is taken as the mapping of all types.
pub(super) fn untyped(mapping: Value) -> Value {
    if let Value::Object(object) = &mapping
        && let [only] = object.keys().map(String::as_str).collect::<Vec<_>>().as_slice()
        && !ROOT.contains(only)
        // No other type has such a name.
        && (!only.starts_with('_') || *only == "_doc")
        && let Some(inner @ Value::Object(body)) = object.get(*only)
        && (body.is_empty() || body.keys().any(|key| ROOT.contains(&key.as_str())))
    {
        return inner.clone();
    }
    mapping
}
