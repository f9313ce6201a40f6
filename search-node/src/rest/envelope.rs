//! The answer as bytes: JSON or text, pretty if asked, cut by `filter_path`, with the headers that clients check.

use std::collections::HashMap;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::call::Call;
use super::pieces::Pieces;
use crate::error::ApiError;

/// What a handler answers.
pub(super) enum Reply {
    Json(u16, Value),
    /// JSON that is already written as the client wants it.
    Pieces(u16, Pieces),
    /// No body, only the methods that a path answers.
    Allow(String),
    Text(u16, String, &'static str),
}

/// How the client wants the answer.
pub(super) struct Wishes {
    pretty: bool,
    filter_path: Vec<String>,
    /// `application/vnd.elasticsearch+json;compatible-with=8` where the client speaks so.
    media_type: HeaderValue,
}

const JSON: &str = "application/json";

impl Wishes {
    pub(super) fn of(headers: &HeaderMap, query: &HashMap<String, String>) -> Self {
        let accept = headers.get(header::ACCEPT).or_else(|| headers.get(header::CONTENT_TYPE));
        let vendor = accept
            .and_then(|value| value.to_str().ok())
            .filter(|text| text.starts_with("application/vnd.elasticsearch+json"));
        let media_type =
            vendor.and_then(|text| HeaderValue::from_str(text.split(',').next().unwrap_or(JSON)).ok());
        Self {
            pretty: is_pretty(query),
            filter_path: filter_path(query),
            media_type: media_type.unwrap_or_else(|| HeaderValue::from_static(JSON)),
        }
    }

    /// The answer as bytes.
    pub(super) fn respond(&self, outcome: Result<Reply, ApiError>) -> Response {
        let reply = outcome.unwrap_or_else(|error| {
            tracing::debug!(
                status = error.status,
                kind = error.kind,
                reason = error.reason,
                "request refused"
            );
            Reply::Json(error.status, error.to_body())
        });
        let mut allow = None;
        let (status, body, content_type) = match reply {
            Reply::Allow(methods) => {
                allow = HeaderValue::from_str(&methods).ok();
                (200, Body::empty(), self.media_type.clone())
            }
            Reply::Json(status, value) => (status, Body::from(self.bytes(&value)), self.media_type.clone()),
            Reply::Pieces(status, pieces) => (status, Body::new(pieces), self.media_type.clone()),
            Reply::Text(status, text, kind) => (status, Body::from(text), HeaderValue::from_static(kind)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        if let Some(methods) = allow {
            headers.insert(header::ALLOW, methods);
        }
        headers.insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
        response
    }

    fn bytes(&self, value: &Value) -> Vec<u8> {
        let filtered;
        let value = if self.filter_path.is_empty() {
            value
        } else {
            filtered = filter(value, &self.filter_path);
            &filtered
        };
        shown(value, self.pretty)
    }
}

fn shown(value: &Value, is_pretty: bool) -> Vec<u8> {
    if !is_pretty {
        return value.to_string().into_bytes();
    }
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Whether the client wants JSON laid out in lines.
pub(super) fn is_pretty(query: &HashMap<String, String>) -> bool {
    query.get("pretty").is_some_and(|value| value.is_empty() || value == "true")
}

/// The paths that the client wants to see.
pub(super) fn filter_path(query: &HashMap<String, String>) -> Vec<String> {
    let paths = query.get("filter_path").map(|text| text.split(',').map(str::to_owned).collect());
    paths.unwrap_or_default()
}

/// The parts of an answer that paths such as `hits.hits._id`, `**.name`, `-_shards` name.
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
    if paths.iter().any(|path| path.is_empty()) {
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

/// What is left of a path below a member; `**` stands for any depth.
fn descend<'a>(path: &'a [String], name: &str) -> Vec<&'a [String]> {
    match path.split_first() {
        Some((first, rest)) if first == "**" => {
            let mut left = vec![path];
            left.extend(descend(rest, name));
            left
        }
        Some((first, rest)) if like(first, name) => vec![rest],
        _ => Vec::new(),
    }
}

fn drop_path(value: &mut Value, path: &[String]) {
    match value {
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

fn like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}

impl Call {
    /// 200 with JSON.
    pub(super) fn ok(value: Value) -> Result<Reply, ApiError> {
        Ok(Reply::Json(200, value))
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
            (vec!["took"], json!({"took": 1})),
            (vec!["hits.hits._id"], json!({"hits": {"hits": [{"_id": "a"}]}})),
            (vec!["**.x"], json!({"hits": {"hits": [{"_source": {"x": 1}}]}})),
            (vec!["-hits", "-_shards"], json!({"took": 1})),
            (vec!["nothing"], json!({})),
        ] {
            let paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            assert_eq!(filter(&value, &paths), expected, "{paths:?}");
        }
    }
}
