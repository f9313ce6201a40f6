//! `sort`, read.

use serde_json::{Map, Value};
use shard::mapping::dates::DateFormats;
use shard::{
    GeoDistance, Missing, NestedSort, NumericType, ScriptSort, SortField, SortKey, SortMode, SortValue,
    parse_query,
};

use crate::error::ApiError;

/// `sort`: a field, a map, or a list of either.
pub(crate) fn read_sort(value: &Value) -> Result<Vec<SortKey>, ApiError> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut keys = Vec::new();
    for item in items {
        match item {
            Value::String(text) => {
                let (field, order) =
                    text.split_once(':').map_or((text.as_str(), None), |(f, o)| (f, Some(o)));
                let mut key = key_of(field);
                if let Some(order) = order {
                    key.descending = read_order(order)?;
                }
                keys.push(key);
            }
            Value::Object(object) => {
                for (field, options) in object {
                    keys.push(read_key(field, options)?);
                }
            }
            other => {
                return Err(ApiError::argument(format!(
                    "malformed sort format, within the sort array, an object, or an actual string are allowed, not [{other}]"
                )));
            }
        }
    }
    // Sorting by the score alone is the default order.
    if let [only] = keys.as_slice()
        && only.field == SortField::Score
        && only.descending
    {
        keys.clear();
    }
    Ok(keys)
}

fn key_of(field: &str) -> SortKey {
    let by = match field {
        "_score" => SortField::Score,
        "_doc" => SortField::Doc,
        "_shard_doc" => SortField::ShardDoc(0),
        "_seq_no" => SortField::SeqNo,
        other => SortField::Field(other.to_owned()),
    };
    SortKey { descending: field == "_score", ..SortKey::of(by) }
}

fn read_key(field: &str, options: &Value) -> Result<SortKey, ApiError> {
    let mut key = key_of(field);
    match options {
        Value::Null => {}
        Value::String(order) => key.descending = read_order(order)?,
        Value::Object(members) if matches!(field, "_geo_distance" | "_geoDistance") => {
            return read_distance(members);
        }
        Value::Object(members) if field == "_script" => return read_script(members),
        Value::Object(members) => read_members(&mut key, members)?,
        other => {
            return Err(ApiError::argument(format!("malformed sort options of [{field}]: [{other}]")));
        }
    }
    Ok(key)
}

fn read_order(text: &str) -> Result<bool, ApiError> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(ApiError::argument(format!("Unknown SortOrder [{text}]"))),
    }
}

fn read_members(key: &mut SortKey, members: &Map<String, Value>) -> Result<(), ApiError> {
    // What Elasticsearch had before it had `nested`.
    let (mut path, mut filter) = (None, None);
    for (name, value) in members {
        if key.field == SortField::Score && name != "order" {
            return Err(ApiError::malformed(format!("[_score] unknown field [{name}]")));
        }
        match (name.as_str(), value) {
            ("missing" | "format" | "unmapped_type" | "nested" | "numeric_type" | "mode", Value::Null) => {}
            ("order", _) => {
                key.descending = read_order(text(name, value)?).map_err(|error| failed(name, error))?
            }
            ("missing", _) => key.missing = read_missing(value)?,
            ("mode", _) => {
                key.mode = Some(read_mode(text(name, value)?).map_err(|error| failed(name, error))?)
            }
            ("unmapped_type", _) => key.unmapped_type = Some(text(name, value)?.to_owned()),
            ("format", _) => {
                key.format = Some(DateFormats::parse(text(name, value)?).map_err(ApiError::argument)?);
            }
            ("numeric_type", _) => {
                let read = read_numeric_type(text(name, value)?);
                key.numeric_type = Some(read.map_err(|error| failed(name, error))?);
            }
            ("nested", Value::Object(members)) => {
                key.nested = read_nested(members).map_err(|error| failed(name, error))?;
            }
            ("nested", _) => return Err(wrong_kind(name, value)),
            ("nested_path", _) => path = Some(text(name, value)?.to_owned()),
            ("nested_filter", _) => filter = Some(parse_query(value)?),
            _ => return Err(ApiError::malformed(format!("[field_sort] unknown field [{name}]"))),
        }
    }
    if let Some(path) = path.filter(|_| key.nested.is_none()) {
        key.nested = Some(NestedSort { path, filter, max_children: usize::MAX, nested: None });
    }
    Ok(())
}

/// `_geo_distance`: how far a field's points are from others; what has none is farthest of all.
fn read_distance(members: &Map<String, Value>) -> Result<SortKey, ApiError> {
    let (about_order, about_distance): (Vec<_>, Vec<_>) =
        members.iter().partition(|(name, _)| COMPUTED.contains(&name.as_str()));
    let mut key = SortKey::of(SortField::Distance(GeoDistance::read(about_distance)?));
    key.missing = Missing::Value(SortValue::Float(f64::INFINITY));
    read_computed(&mut key, about_order.into_iter(), "_geo_distance")?;
    if key.mode == Some(SortMode::Sum) {
        return Err(ApiError::argument("sort_mode [sum] isn't supported for sorting by geo distance"));
    }
    Ok(key)
}

/// `_script`: what a script computes of each document, a number or a text.
fn read_script(members: &Map<String, Value>) -> Result<SortKey, ApiError> {
    let (mut script, mut is_text) = (None, None);
    for (name, value) in members {
        match name.as_str() {
            "script" => script = Some(value),
            "type" => {
                let kind = text(name, value)?;
                is_text = Some(match kind.to_ascii_lowercase().as_str() {
                    "number" => false,
                    "string" => true,
                    _ => {
                        let reason = format!("Unknown ScriptSortType [{kind}]");
                        return Err(ApiError::malformed("[_script] failed to parse field [type]")
                            .caused_by("illegal_argument_exception", reason));
                    }
                });
            }
            name if COMPUTED.contains(&name) => {}
            _ => return Err(ApiError::malformed(format!("[_script] unknown field [{name}]"))),
        }
    }
    let (Some(script), Some(is_text)) = (script, is_text) else {
        return Err(ApiError::argument("Required [script, type]"));
    };
    let mut key = SortKey::of(SortField::Script(ScriptSort::read(script, is_text)?));
    if !is_text {
        // Where no nested object counts, as in Elasticsearch.
        key.missing = Missing::Value(SortValue::Float(f64::MAX));
    }
    let about_order = members.iter().filter(|(name, _)| COMPUTED.contains(&name.as_str()));
    read_computed(&mut key, about_order, "_script")?;
    if is_text && !matches!(key.mode, None | Some(SortMode::Min | SortMode::Max)) {
        return Err(ApiError::argument(
            "script sort of type [string] doesn't support mode [avg], [sum] or [median]",
        ));
    }
    Ok(key)
}

/// What can be said of the order of what is computed.
const COMPUTED: [&str; 5] = ["order", "mode", "nested", "nested_path", "nested_filter"];

fn read_computed<'v>(
    key: &mut SortKey,
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    of: &str,
) -> Result<(), ApiError> {
    let members: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    read_members(key, &members).map_err(|mut error| {
        error.reason = error.reason.replace("[field_sort]", &format!("[{of}]"));
        error
    })
}

fn read_missing(value: &Value) -> Result<Missing, ApiError> {
    match value {
        Value::String(text) if text == "_first" => Ok(Missing::First),
        Value::String(text) if text == "_last" => Ok(Missing::Last),
        // No number is a flag, and a text may be one.
        Value::Bool(flag) => Ok(Missing::Value(SortValue::Text(flag.to_string()))),
        value => SortValue::from_json(value).map(Missing::Value).ok_or_else(|| wrong_kind("missing", value)),
    }
}

fn read_mode(text: &str) -> Result<SortMode, ApiError> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "min" => SortMode::Min,
        "max" => SortMode::Max,
        "sum" => SortMode::Sum,
        "avg" => SortMode::Avg,
        "median" => SortMode::Median,
        _ => return Err(ApiError::argument(format!("Unknown SortMode [{text}]"))),
    })
}

fn read_numeric_type(text: &str) -> Result<NumericType, ApiError> {
    Ok(match text {
        "long" => NumericType::Long,
        "double" => NumericType::Double,
        "date" => NumericType::Date,
        "date_nanos" => NumericType::DateNanos,
        _ => {
            return Err(ApiError::argument(format!(
                "invalid value for [numeric_type], must be [long, double, date, date_nanos], got {text}"
            )));
        }
    })
}

/// The nested objects that are meant; none where no path is said.
fn read_nested(members: &Map<String, Value>) -> Result<Option<NestedSort>, ApiError> {
    let (mut path, mut filter, mut max_children, mut nested) = (None, None, usize::MAX, None);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("path", _) => path = Some(text(name, value)?.to_owned()),
            ("filter", _) => filter = Some(parse_query(value)?),
            ("max_children", _) => {
                let most = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                let most = most.ok_or_else(|| {
                    ApiError::argument(format!("[max_children] must be a number, not [{value}]"))
                })?;
                // As in Elasticsearch, a negative number says nothing.
                max_children = usize::try_from(most).unwrap_or(usize::MAX);
            }
            ("nested", Value::Object(members)) => nested = read_nested(members)?.map(Box::new),
            _ => {
                return Err(ApiError::argument(format!(
                    "malformed nested sort format, unknown field name [{name}]"
                )));
            }
        }
    }
    Ok(path.map(|path| NestedSort { path, filter, max_children, nested }))
}

fn text<'v>(name: &str, value: &'v Value) -> Result<&'v str, ApiError> {
    value.as_str().ok_or_else(|| wrong_kind(name, value))
}

fn wrong_kind(name: &str, value: &Value) -> ApiError {
    let kind = shard::json_kind(value);
    ApiError::malformed(format!("[field_sort] {name} doesn't support values of type: {kind}"))
}

fn failed(name: &str, error: ApiError) -> ApiError {
    ApiError::malformed(format!("[field_sort] failed to parse field [{name}]"))
        .caused_by(&error.kind, error.reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_of_a_key_is_read_or_refused() {
        let keys = read_sort(&json!([
            "a",
            {"b": "desc"},
            {"c": {"order": "desc", "missing": 5, "mode": "median", "numeric_type": "double"}},
            {"n.v": {"nested": {"path": "n", "max_children": 2, "filter": {"match_all": {}}, "nested": {"path": "n.m"}}}}
        ]))
        .expect("read");

        assert_eq!(keys.iter().map(|key| key.descending).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!(keys[2].missing, Missing::Value(SortValue::Integer(5)));
        assert_eq!((keys[2].mode, keys[2].numeric_type), (Some(SortMode::Median), Some(NumericType::Double)));
        let nested = keys[3].nested.as_ref().expect("nested");
        assert_eq!((nested.path.as_str(), nested.max_children), ("n", 2));
        assert!(nested.filter.is_some() && nested.nested.as_ref().is_some_and(|inner| inner.path == "n.m"));
        for (sort, reason, cause) in [
            (json!({"a": {"foo": 1}}), "[field_sort] unknown field [foo]", ""),
            (json!({"a": {"mode": "bad"}}), "failed to parse field [mode]", "Unknown SortMode [bad]"),
            (json!({"a": {"numeric_type": "int"}}), "failed to parse field [numeric_type]", "got int"),
            (json!({"a": {"missing": [1]}}), "missing doesn't support values of type: START_ARRAY", ""),
            (json!({"a": {"nested": "n"}}), "nested doesn't support values of type: VALUE_STRING", ""),
            (
                json!({"a": {"nested": {"foo": 1}}}),
                "failed to parse field [nested]",
                "unknown field name [foo]",
            ),
            (json!({"_score": {"mode": "max"}}), "[_score] unknown field [mode]", ""),
            (json!([["a"]]), "malformed sort format", ""),
        ] {
            let error = read_sort(&sort).expect_err("refused");
            let of_cause = error.cause.as_ref().map_or("", |(_, reason)| reason);
            assert!(error.reason.contains(reason) && of_cause.contains(cause), "{sort}: {error:?}");
        }
    }
}
