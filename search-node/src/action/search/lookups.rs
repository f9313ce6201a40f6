//! Queries that name documents instead of values: these are read before any shard is asked.
//!
//! `terms` with an index, an id and a path becomes the values that the document has there; what `more_like_this` likes becomes its source, and
//! the `indexed_shape` of `geo_shape` the shape.
//! A `wrapper` is opened, as there may be such queries in it.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use shard::plain_values_at;

use crate::action::get::GetOptions;
use crate::action::multi_get::{multi_get, read};
use crate::action::target::Target;
use crate::error::ApiError;
use crate::node::Node;

/// The members of a body that have queries in them.
const WITH_QUERIES: [&str; 4] = ["query", "post_filter", "aggs", "aggregations"];
/// Where `geo_shape` looks for a shape that a document has, if the request does not say it.
const SHAPES: &str = "shapes";
const SHAPE_PATH: &str = "shape";
/// A wrapper may be in a wrapper, but not in more than this.
const WRAPPERS_MAX: usize = 30;

/// Whether a body may name documents: few do, and the others need not be read twice.
pub(crate) fn may_name_documents(body: &[u8]) -> bool {
    let has = |name: &str| body.windows(name.len()).any(|part| part == name.as_bytes());
    has("more_like_this") || has("wrapper") || has("indexed_shape") || has("\"path\"") && has("\"terms\"")
}

/// The body with the documents that its queries name. `indices` are those that are searched.
pub(crate) async fn with_documents(
    node: &Arc<Node>,
    mut body: Value,
    indices: &str,
) -> Result<Value, ApiError> {
    let mut wanted = Vec::new();
    for key in WITH_QUERIES {
        if let Some(part) = body.get_mut(key) {
            unwrap(part, 0)?;
            visit(part, &mut |named| {
                wanted.push(named.document(indices)?);
                Ok(())
            })?;
        }
    }
    if wanted.is_empty() {
        return Ok(body);
    }
    let default = Target { doc_type: "_doc".into(), ..Target::default() };
    let wanted = read(&json!({"docs": wanted}), &default, &GetOptions::default())?;
    let mut found = multi_get(node, wanted).await?;
    let mut found = found["docs"].as_array_mut().map(std::mem::take).unwrap_or_default().into_iter();
    for key in WITH_QUERIES {
        if let Some(part) = body.get_mut(key) {
            visit(part, &mut |named| named.fill(found.next().unwrap_or_default()))?;
        }
    }
    Ok(body)
}

/// A document that a query names.
enum Named<'v> {
    /// The values of `terms`.
    Terms(&'v mut Value),
    /// What is liked.
    Liked(&'v mut Value),
    /// What `geo_shape` asks of a field, with an `indexed_shape`.
    Shape(&'v mut Value),
}

impl Named<'_> {
    /// The document as a request for several names it.
    fn document(&self, indices: &str) -> Result<Value, ApiError> {
        let asked = match self {
            Self::Terms(asked) | Self::Liked(asked) => &**asked,
            Self::Shape(asked) => &asked["indexed_shape"],
        };
        let is_terms = matches!(self, Self::Terms(_));
        let member =
            |names: [&str; 2]| names.iter().find_map(|name| asked.get(name)).filter(|value| !value.is_null());
        let index = member(["index", "_index"]).cloned();
        let id = member(["id", "_id"]).cloned();
        let missing = |what: &str| {
            ApiError::argument(format!("[terms] query lookup element requires specifying the {what}."))
        };
        let index = match index {
            Some(index) => index,
            None if matches!(self, Self::Shape(_)) => json!(SHAPES),
            None if is_terms => return Err(missing("index")),
            // Of several indices nobody could tell which is meant.
            None if indices.contains([',', '*']) || indices == "_all" => {
                return Err(ApiError::argument(
                    "more_like_this: a liked document needs its [_index] where several indices are searched",
                ));
            }
            None => json!(indices),
        };
        let id = id.ok_or_else(|| missing("id"))?;
        if is_terms && asked.get("path").is_none() {
            return Err(missing("path"));
        }
        let mut document = Map::from_iter([("_index".to_owned(), index), ("_id".to_owned(), id)]);
        if let Some(routing) = member(["routing", "_routing"]) {
            document.insert("routing".to_owned(), routing.clone());
        }
        Ok(Value::Object(document))
    }

    /// Puts what was found where it was named.
    fn fill(self, mut found: Value) -> Result<(), ApiError> {
        if let Some(error) = found.get("error") {
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            let kind = text("type");
            let status = if kind == "index_not_found_exception" { 404 } else { 400 };
            return Err(ApiError::new(status, &kind, text("reason")));
        }
        if let Self::Shape(asked) = &self {
            let id = plain(&asked["indexed_shape"]["id"]);
            if found["found"] != true {
                return Err(ApiError::argument(format!("Shape with ID [{id}] not found")));
            }
            if found.get("_source").is_none() {
                return Err(ApiError::argument(format!("Shape with ID [{id}] source disabled")));
            }
        }
        let source = found.get_mut("_source").map(Value::take).unwrap_or_else(|| json!({}));
        match self {
            Self::Terms(asked) => {
                let mut values = Vec::new();
                let path = asked["path"].as_str().unwrap_or_default().to_owned();
                plain_values_at(&source, &path, &mut |value| values.push(value.clone()));
                *asked = Value::Array(values);
            }
            Self::Liked(asked) => asked["doc"] = source,
            Self::Shape(asked) => {
                let named = &asked["indexed_shape"];
                let path = named.get("path").map_or(SHAPE_PATH.to_owned(), plain);
                let Some(shape) = member_at(&source, &path) else {
                    return Err(ApiError::new(
                        400,
                        "illegal_state_exception",
                        format!("Shape with name [{}] found but missing {path} field", plain(&named["id"])),
                    ));
                };
                asked["shape"] = shape.clone();
            }
        }
        Ok(())
    }
}

/// What stands at a path of objects in each other; a name may have dots itself.
fn member_at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let members = match value {
        // Of several objects the first that has it counts.
        Value::Array(items) => return items.iter().find_map(|item| member_at(item, path)),
        other => other.as_object()?,
    };
    let whole = members.get(path).filter(|found| !found.is_null());
    whole.or_else(|| {
        let mut ends = path.match_indices('.');
        ends.find_map(|(at, _)| member_at(members.get(&path[..at])?, &path[at + 1..]))
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Opens wrappers, wherever they are.
fn unwrap(value: &mut Value, depth: usize) -> Result<(), ApiError> {
    if depth > WRAPPERS_MAX {
        return Err(ApiError::argument(format!("more than {WRAPPERS_MAX} wrappers are in each other")));
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| unwrap(item, depth)),
        Value::Object(members) => {
            if let (1, Some(body)) = (members.len(), members.get("wrapper"))
                && body.get("query").is_some_and(Value::is_string)
            {
                *value = shard::wrapped(body)?;
                return unwrap(value, depth + 1);
            }
            members.values_mut().try_for_each(|member| unwrap(member, depth))
        }
        _ => Ok(()),
    }
}

/// Shows every document that is named, always in the same order.
fn visit(value: &mut Value, act: &mut dyn FnMut(Named<'_>) -> Result<(), ApiError>) -> Result<(), ApiError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| visit(item, act)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match (name.as_str(), &mut *member) {
                    ("terms", Value::Object(fields)) => {
                        let asked = fields.values_mut().filter(|asked| is_lookup(asked));
                        asked.map(Named::Terms).try_for_each(&mut *act)?;
                    }
                    ("geo_shape", Value::Object(fields)) => {
                        let asked = fields.values_mut().filter(|asked| names_shape(asked));
                        asked.map(Named::Shape).try_for_each(&mut *act)?;
                        continue;
                    }
                    ("more_like_this", Value::Object(asked)) => {
                        for key in ["like", "unlike"] {
                            let items = match asked.get_mut(key) {
                                Some(Value::Array(items)) => items.as_mut_slice(),
                                Some(one) => std::slice::from_mut(one),
                                None => continue,
                            };
                            let liked = items.iter_mut().filter(|item| item.is_object() && is_to_read(item));
                            liked.map(Named::Liked).try_for_each(&mut *act)?;
                        }
                        continue;
                    }
                    _ => {}
                }
                visit(member, act)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_lookup(asked: &Value) -> bool {
    asked.is_object() && ["index", "id", "path"].iter().any(|name| asked.get(name).is_some())
}

/// Whether a shape is one that a document has. Who says both means the shape.
fn names_shape(asked: &Value) -> bool {
    let id = asked.get("indexed_shape").and_then(|named| named.get("id"));
    id.is_some_and(|id| !id.is_null()) && asked.get("shape").is_none_or(Value::is_null)
}

/// Whether a liked document is one of an index, and was not put in yet. Who says both what it has and its id means what it has.
fn is_to_read(item: &Value) -> bool {
    item.get("_id").is_some() && item.get("doc").is_none_or(Value::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_that_is_named_is_met_in_its_order() {
        let mut query = json!({"bool": {
            "must": [{"terms": {"user": {"index": "users", "id": 2, "path": "followers.id", "routing": "r"}}}],
            "should": {"more_like_this": {"like": ["text", {"_id": "7"}, {"doc": {"a": 1}}], "unlike": {"_index": "o", "_id": "8"}}},
            "filter": [{"terms": {"a": ["b"]}}, {"geo_shape": {"g": {"indexed_shape": {"id": "9"}}}},
                {"geo_shape": {"g": {"shape": "POINT (1 2)", "indexed_shape": {"id": "10"}}}}]
        }});
        let mut named = Vec::new();

        visit(&mut query, &mut |document| {
            named.push(document.document("mine")?);
            Ok(())
        })
        .expect("well named");

        assert_eq!(
            named,
            [
                json!({"_index": "users", "_id": 2, "routing": "r"}),
                json!({"_index": "mine", "_id": "7"}),
                json!({"_index": "o", "_id": "8"}),
                json!({"_index": "shapes", "_id": "9"}),
            ]
        );
    }
    #[test]
    fn a_member_is_found_in_the_first_of_several_objects_that_has_it() {
        let document =
            json!({"n": [{"a": 1}, {"s": "one"}, {"s": "two"}], "m": {"s": [1, 2]}, "x.y": {"z": 3}});
        for (path, found) in [
            ("n.s", Some(json!("one"))),
            ("m.s", Some(json!([1, 2]))),
            ("x.y.z", Some(json!(3))),
            ("n.b", None),
        ] {
            assert_eq!(member_at(&document, path), found.as_ref(), "{path}");
        }
    }
}
