//! `filter_path`: the parts of an answer that a client wants to see, such as `hits.hits._id`, `**.name`, `-_shards`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::indices::matches;

/// The paths of a request.
pub(super) fn filter_path(query: &HashMap<String, String>) -> Vec<String> {
    let text = query.get("filter_path").map(String::as_str).unwrap_or_default();
    text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned).collect()
}

/// What paths leave of a value: first what is wanted is kept, then what is not wanted goes.
pub(super) fn filter(value: &Value, paths: &[String]) -> Value {
    let split = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let wanted: Vec<Vec<String>> =
        paths.iter().filter(|path| !path.starts_with('-')).map(|path| split(path)).collect();
    let unwanted: Vec<Vec<String>> =
        paths.iter().filter_map(|path| path.strip_prefix('-')).map(split).collect();
    let kept = if wanted.is_empty() {
        Some(value.clone())
    } else {
        keep(value, &wanted.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let mut kept = kept.unwrap_or_else(|| Value::Object(Map::new()));
    for path in &unwanted {
        drop_path(&mut kept, path);
    }
    kept
}

fn keep(value: &Value, paths: &[&[String]]) -> Option<Value> {
    if paths.iter().any(|path| is_all(path)) {
        return Some(value.clone());
    }
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> = members
                .iter()
                .filter_map(|(name, child)| {
                    let below: Vec<&[String]> = paths.iter().flat_map(|path| descend(path, name)).collect();
                    if below.is_empty() {
                        None
                    } else {
                        keep(child, &below).map(|child| (name.clone(), child))
                    }
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Value> = items.iter().filter_map(|item| keep(item, paths)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Whether a path means all that is below it: it is over, or ends with any depth.
fn is_all(path: &[String]) -> bool {
    path.iter().all(|part| part == "**")
}

/// What is left of a path below a member; `**` stands for any depth.
fn descend<'a>(path: &'a [String], name: &str) -> Vec<&'a [String]> {
    match path.split_first() {
        Some((first, rest)) if first == "**" => {
            let mut left = vec![path];
            left.extend(descend(rest, name));
            left
        }
        Some((first, rest)) if matches(first, name) => vec![rest],
        _ => Vec::new(),
    }
}

fn drop_path(value: &mut Value, path: &[String]) {
    match value {
        Value::Object(members) if is_all(path) => members.clear(),
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                for below in descend(path, &name) {
                    if below.is_empty() {
                        members.shift_remove(&name);
                    } else if let Some(child) = members.get_mut(&name) {
                        drop_path(child, below);
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| drop_path(item, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_keep_and_drop() {
        let value = json!({"took": 1, "hits": {"total": 2, "hits": [{"_id": "a", "_source": {"x": 1}}]}, "_shards": {"failed": 0}});
        for (paths, expected) in [
            ("took", json!({"took": 1})),
            ("took, _shards.failed", json!({"took": 1, "_shards": {"failed": 0}})),
            ("hits.hits._id", json!({"hits": {"hits": [{"_id": "a"}]}})),
            ("**.x", json!({"hits": {"hits": [{"_source": {"x": 1}}]}})),
            ("hits.**", json!({"hits": {"total": 2, "hits": [{"_id": "a", "_source": {"x": 1}}]}})),
            ("hits.*", json!({"hits": {"total": 2, "hits": [{"_id": "a", "_source": {"x": 1}}]}})),
            ("*.*.*id", json!({"hits": {"hits": [{"_id": "a"}]}})),
            ("h*ts.t*t*l", json!({"hits": {"total": 2}})),
            ("-hits,-_shards", json!({"took": 1})),
            ("hits,-hits.hits._source", json!({"hits": {"total": 2, "hits": [{"_id": "a"}]}})),
            ("hits.hits,-**._id", json!({"hits": {"hits": [{"_source": {"x": 1}}]}})),
            ("-hits.**", json!({"took": 1, "hits": {}, "_shards": {"failed": 0}})),
            ("nothing", json!({})),
            ("", value.clone()),
        ] {
            let query = HashMap::from([("filter_path".to_owned(), paths.to_owned())]);
            assert_eq!(filter(&value, &filter_path(&query)), expected, "{paths}");
        }
    }

    #[test]
    fn rows_of_a_table_are_cut_one_by_one() {
        let rows = json!([{"index": "a", "health": "green"}, {"index": "b"}]);
        assert_eq!(filter(&rows, &["index".to_owned()]), json!([{"index": "a"}, {"index": "b"}]));
        assert_eq!(filter(&rows, &["health".to_owned()]), json!([{"health": "green"}]));
    }
}
