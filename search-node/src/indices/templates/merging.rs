//! Mappings of several templates put together: the later one counts more.

use serde_json::{Map, Value};

/// What becomes of a field that two mappings describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldMerge {
    /// The later description takes the place of the other (composable templates).
    Replaced,
    /// Each parameter by itself (legacy templates).
    Deep,
}

/// A field that is an object in one mapping and none in the other one, with the names of the objects that it is in.
pub(super) fn split_field(base: &Value, over: &Value) -> Option<String> {
    let (known, added) = (base["properties"].as_object()?, over["properties"].as_object()?);
    added.iter().find_map(|(name, field)| {
        let before = known.get(name)?;
        if has_fields(before) != has_fields(field) {
            return Some(name.clone());
        }
        split_field(before, field).map(|inner| format!("{name}.{inner}"))
    })
}

/// Puts a mapping over another one.
pub(crate) fn merge_mappings(base: &mut Value, over: Value, fields: FieldMerge) {
    let (Value::Object(known), Value::Object(over)) = (&mut *base, over) else { return };
    for (key, value) in over {
        match (key.as_str(), known.get_mut(&key)) {
            ("properties", Some(Value::Object(properties))) => {
                if let Value::Object(added) = value {
                    merge_properties(properties, added, fields);
                }
            }
            ("dynamic_templates", Some(Value::Array(templates))) => {
                if let Value::Array(added) = value {
                    merge_named(templates, added);
                }
            }
            (_, Some(inner)) if inner.is_object() && value.is_object() => merge_deep(inner, value),
            _ => drop(known.insert(key, value)),
        }
    }
}

fn merge_properties(properties: &mut Map<String, Value>, added: Map<String, Value>, fields: FieldMerge) {
    for (name, field) in added {
        match properties.get_mut(&name) {
            Some(known) if has_fields(known) && has_fields(&field) => merge_mappings(known, field, fields),
            Some(known) if fields == FieldMerge::Deep => merge_deep(known, field),
            _ => drop(properties.insert(name, field)),
        }
    }
}

/// Whether a field is an object with fields of its own.
fn has_fields(field: &Value) -> bool {
    let kind = field.get("type").and_then(Value::as_str);
    matches!(kind, Some("object" | "nested")) || kind.is_none() && field.get("properties").is_some()
}

/// Rules by their names: one of a name that is there takes its place.
fn merge_named(known: &mut Vec<Value>, added: Vec<Value>) {
    let name_of = |rule: &Value| rule.as_object().and_then(|rule| rule.keys().next().cloned());
    for rule in added {
        let name = name_of(&rule);
        match known.iter_mut().find(|known| name.is_some() && name_of(known) == name) {
            Some(known) => *known = rule,
            None => known.push(rule),
        }
    }
}

fn merge_deep(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(known) => merge_deep(known, value),
                    None => drop(base.insert(key, value)),
                }
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_later_mapping_counts_more_and_objects_grow_together() {
        let base = json!({
            "dynamic": "strict", "_meta": {"a": 1, "b": 1},
            "dynamic_templates": [{"x": {"mapping": {}}}, {"y": {"mapping": {}}}],
            "properties": {
                "host": {"properties": {"name": {"type": "keyword"}, "ip": {"type": "ip"}}},
                "text": {"type": "text", "analyzer": "standard"},
                "turned": {"type": "keyword"}
            }
        });
        let over = json!({
            "dynamic": false, "_meta": {"b": 2},
            "dynamic_templates": [{"y": {"mapping": {"type": "long"}}}, {"z": {"mapping": {}}}],
            "properties": {
                "host": {"properties": {"name": {"type": "text"}, "os": {"type": "keyword"}}},
                "text": {"type": "text", "index": false},
                "turned": {"properties": {"a": {"type": "long"}}}
            }
        });
        for (fields, text) in [
            (FieldMerge::Replaced, json!({"type": "text", "index": false})),
            (FieldMerge::Deep, json!({"type": "text", "analyzer": "standard", "index": false})),
        ] {
            let mut merged = base.clone();

            merge_mappings(&mut merged, over.clone(), fields);

            assert_eq!(merged["dynamic"], json!(false));
            assert_eq!(merged["_meta"], json!({"a": 1, "b": 2}));
            let names = ["x", "y", "z"];
            for (at, name) in names.iter().enumerate() {
                assert!(merged["dynamic_templates"][at].get(name).is_some(), "{merged}");
            }
            assert_eq!(merged["dynamic_templates"][1]["y"]["mapping"]["type"], json!("long"));
            let host = json!({"name": {"type": "text"}, "ip": {"type": "ip"}, "os": {"type": "keyword"}});
            assert_eq!(merged["properties"]["host"]["properties"], host);
            assert_eq!(merged["properties"]["text"], text, "{fields:?}");
        }
    }
}
