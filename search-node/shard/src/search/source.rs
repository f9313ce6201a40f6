//! Cutting a document's JSON to what was asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::query::wildcard_name_matches as name_matches;

/// Which parts of `_source` an answer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceFilter {
    /// All of it, as it came.
    All,
    /// None of it.
    None,
    /// What some include pattern names and no exclude pattern does.
    Fields {
        /// Patterns of paths to keep; empty for all.
        includes: Vec<String>,
        /// Patterns of paths to leave out.
        excludes: Vec<String>,
    },
}

/// The parts of a document that the filter keeps.
pub fn filter_source(source: &Value, includes: &[String], excludes: &[String]) -> Value {
    match source {
        Value::Object(members) => Value::Object(filter_object(members, "", includes, excludes)),
        other => other.clone(),
    }
}

fn filter_object(
    members: &Map<String, Value>,
    prefix: &str,
    includes: &[String],
    excludes: &[String],
) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in members {
        let path = format!("{prefix}{name}");
        if excludes.iter().any(|pattern| covers(pattern, &path)) {
            continue;
        }
        if includes.is_empty() || includes.iter().any(|pattern| covers(pattern, &path)) {
            kept.insert(name.clone(), filter_below(value, &path, &[], excludes));
        } else if includes.iter().any(|pattern| may_be_below(pattern, &path)) {
            let below = filter_below(value, &path, includes, excludes);
            if !is_empty(&below) {
                kept.insert(name.clone(), below);
            }
        }
    }
    kept
}

fn filter_below(value: &Value, path: &str, includes: &[String], excludes: &[String]) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(filter_object(members, &format!("{path}."), includes, excludes))
        }
        Value::Array(items) => {
            let kept = items.iter().map(|item| filter_below(item, path, includes, excludes));
            // Under an include for something deeper, plain items of an array are not what was asked for.
            Value::Array(
                kept.filter(|item| includes.is_empty() || item.is_object() && !is_empty(item)).collect(),
            )
        }
        _ if !includes.is_empty() => Value::Null,
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether the pattern names the path or something above it.
fn covers(pattern: &str, path: &str) -> bool {
    name_matches(pattern, path) || name_matches(&format!("{pattern}.*"), path)
}

/// Whether the pattern may name something below the path.
fn may_be_below(pattern: &str, path: &str) -> bool {
    let below = format!("{path}.");
    match pattern.find('*') {
        None => pattern.starts_with(&below),
        Some(star) => {
            let fixed = &pattern[..star];
            below.starts_with(fixed) || fixed.starts_with(&below)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_keep_and_leave_out() {
        let source = json!({"a": 1, "o": {"x": 1, "y": {"z": 2}}, "l": [{"x": 1, "y": 2}, 3], "k": [1, 2]});
        for (includes, excludes, expected) in [
            (vec![], vec!["o"], json!({"a": 1, "l": [{"x": 1, "y": 2}, 3], "k": [1, 2]})),
            (vec!["a", "k"], vec![], json!({"a": 1, "k": [1, 2]})),
            (vec!["o.y"], vec![], json!({"o": {"y": {"z": 2}}})),
            (vec!["o.*"], vec!["o.y"], json!({"o": {"x": 1}})),
            (vec!["*.x"], vec![], json!({"o": {"x": 1}, "l": [{"x": 1}]})),
            (vec!["nothing"], vec![], json!({})),
        ] {
            let texts = |patterns: Vec<&str>| patterns.into_iter().map(str::to_owned).collect::<Vec<_>>();
            let shown = format!("{includes:?} {excludes:?}");
            assert_eq!(filter_source(&source, &texts(includes), &texts(excludes)), expected, "{shown}");
        }
    }
}
