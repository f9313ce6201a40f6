//! `index.sort.*`: the order of documents inside each segment.
//!
//! One field orders them. A document without a value comes first in ascending order and last in descending, which is all that
//! segments can be written as; asking for the other is refused rather than passed over.

use serde_json::{Map, Value};
use shard::mapping::Mapping;
use shard::{IndexSort, SortMode};

use crate::error::ApiError;

/// What the settings say, if they say anything.
pub(super) fn read(flat: &Map<String, Value>) -> Result<Option<IndexSort>, ApiError> {
    let Some(field) = one(flat, "sort.field")? else {
        for key in ["sort.order", "sort.mode", "sort.missing"] {
            if let Some(text) = one(flat, key)? {
                let reason = format!("index.sort.field:[] index.{key}:[{text}], size mismatch");
                return Err(ApiError::argument(reason));
            }
        }
        return Ok(None);
    };
    let order = one(flat, "sort.order")?;
    let is_descending = match order.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(other) => {
            return Err(ApiError::argument(format!(
                "Illegal sort order [{other}] for setting [index.sort.order]: it must be asc or desc"
            )));
        }
    };
    let mode = one(flat, "sort.mode")?;
    let mode = match mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None if is_descending => SortMode::Max,
        None | Some("min") => SortMode::Min,
        Some("max") => SortMode::Max,
        Some(other) => {
            let mode = other.to_uppercase();
            let reason = format!("Illegal index sort mode:[{mode}], must be one of [MAX, MIN]");
            return Err(ApiError::argument(reason));
        }
    };
    if let Some(missing) = one(flat, "sort.missing")? {
        check_missing(&missing, is_descending)?;
    }
    Ok(Some(IndexSort { field, is_descending, mode }))
}

/// The one value of a setting that may be a list.
fn one(flat: &Map<String, Value>, key: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = flat.get(key).and_then(Value::as_str) else { return Ok(None) };
    let names: Vec<String> = serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()]);
    // None at all say nothing.
    if names.is_empty() {
        return Ok(None);
    }
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(Some(name)),
        Err(names) => Err(ApiError::argument(format!(
            "[index.{key}] names {} fields; segments are ordered by one field, so name one",
            names.len()
        ))),
    }
}

fn check_missing(missing: &str, is_descending: bool) -> Result<(), ApiError> {
    let (place, order) = if is_descending { ("_last", "desc") } else { ("_first", "asc") };
    match missing {
        "_first" | "_last" if missing == place => Ok(()),
        "_first" | "_last" => Err(ApiError::argument(format!(
            "[index.sort.missing] is [{missing}], but with [index.sort.order] [{order}] documents without a value are kept {place}; leave it out or say {place}"
        ))),
        other => Err(ApiError::argument(format!(
            "Illegal missing value:[{other}], must be one of [_last, _first]"
        ))),
    }
}

/// Sorting would tear documents away from their nested objects.
pub(super) fn check_nested(sort: Option<&IndexSort>, mapping: &Mapping) -> Result<(), ApiError> {
    if sort.is_none() || !mapping.has_nested() {
        return Ok(());
    }
    Err(ApiError::argument("cannot have nested fields when index sort is activated"))
}

/// Segments can be ordered only by a field that is mapped and has a column.
pub(super) fn check(sort: Option<&IndexSort>, mapping: &Mapping) -> Result<(), ApiError> {
    check_nested(sort, mapping)?;
    let Some(sort) = sort else { return Ok(()) };
    let leaves = mapping.leaves();
    let Some(leaf) = leaves.iter().find(|leaf| leaf.path == sort.field) else {
        return Err(ApiError::argument(format!("unknown index sort field:[{}]", sort.field)));
    };
    if leaf.field.doc_values && leaf.field.kind.orders_segments() {
        return Ok(());
    }
    Err(ApiError::argument(format!(
        "invalid index sort field:[{}]: fields of type [{}] have no column to sort by",
        sort.field, leaf.field.type_name
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::indices::settings::flatten;

    fn read_of(settings: &Value) -> Result<Option<IndexSort>, ApiError> {
        read(&flatten(settings).expect("flat"))
    }

    #[test]
    fn what_is_said_and_what_follows_from_it() {
        for (settings, is_descending, mode) in [
            (json!({"sort.field": "n"}), false, SortMode::Min),
            (json!({"sort": {"field": "n", "order": "desc"}}), true, SortMode::Max),
            (json!({"sort": {"field": ["n"], "order": ["DESC"], "mode": ["min"]}}), true, SortMode::Min),
            (json!({"sort": {"field": "n", "mode": "max", "missing": "_first"}}), false, SortMode::Max),
            (json!({"sort": {"field": "n", "order": "desc", "missing": "_last"}}), true, SortMode::Max),
        ] {
            let expected = IndexSort { field: "n".to_owned(), is_descending, mode };
            assert_eq!(read_of(&settings), Ok(Some(expected)), "{settings}");
        }
        assert_eq!(read_of(&json!({})), Ok(None));
        assert_eq!(read_of(&json!({"sort": {"field": [], "order": []}})), Ok(None));
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (settings, reason) in [
            (json!({"sort.order": "asc"}), "index.sort.field:[] index.sort.order:[asc], size mismatch"),
            (
                json!({"sort.missing": "_last"}),
                "index.sort.field:[] index.sort.missing:[_last], size mismatch",
            ),
            (
                json!({"sort": {"field": "n", "mode": "avg"}}),
                "Illegal index sort mode:[AVG], must be one of [MAX, MIN]",
            ),
            (
                json!({"sort": {"field": "n", "missing": "first"}}),
                "Illegal missing value:[first], must be one of [_last, _first]",
            ),
            (
                json!({"sort": {"field": "n", "missing": "_last"}}),
                "[index.sort.missing] is [_last], but with [index.sort.order] [asc] documents without a value are kept _first",
            ),
            (
                json!({"sort": {"field": "n", "order": "desc", "missing": "_first"}}),
                "[index.sort.missing] is [_first], but with [index.sort.order] [desc]",
            ),
            (json!({"sort": {"field": ["n", "k"]}}), "[index.sort.field] names 2 fields"),
        ] {
            let error = read_of(&settings).expect_err("refused");
            assert!(error.status == 400 && error.reason.starts_with(reason), "{}", error.reason);
        }
    }
}
