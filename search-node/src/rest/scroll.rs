//! `_search/scroll`: the next batch of a scroll, and its end.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use shard::json_kind;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search::as_task;
use crate::action::search::{clear_all_scrolls, clear_scrolls, go_on};
use crate::error::ApiError;
use crate::time_span::read_span;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const DELETE: &[Method] = &[Method::DELETE];
const PARAMS: &[&str] = &["scroll", "scroll_id", "rest_total_hits_as_int", "typed_keys"];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_search/scroll", PARAMS, |call| next(call).boxed()),
    route(METHODS, "/_search/scroll/{id}", PARAMS, |call| next(call).boxed()),
    route(DELETE, "/_search/scroll", &["scroll_id"], |call| clear(call).boxed()),
    route(DELETE, "/_search/scroll/{id}", &["scroll_id"], |call| clear(call).boxed()),
];

/// What a request says, in its body before its address.
struct Asked {
    ids: Vec<String>,
    keep: Option<String>,
}

impl Asked {
    /// `several` ids may stand where scrolls are ended.
    fn read(call: &Call, several: bool) -> Result<Self, ApiError> {
        let named = call.path.get("id").map(String::as_str).or(call.param("scroll_id"));
        let named = named.filter(|text| !text.is_empty());
        let mut asked = Self {
            ids: named.map(|text| split(text, several)).unwrap_or_default(),
            keep: call.param("scroll").map(str::to_owned),
        };
        let body = call.json()?;
        let members = match &body {
            Value::Null => return Ok(asked),
            Value::Object(members) => members,
            _ => return Err(ApiError::argument("Malformed content, must start with an object")),
        };
        for (key, value) in members {
            match (key.as_str(), value) {
                ("scroll_id", Value::String(text)) => asked.ids = split(text, several),
                ("scroll_id", Value::Array(items)) if several => {
                    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                    let texts = texts.collect::<Option<Vec<_>>>();
                    asked.ids = texts.ok_or_else(|| {
                        ApiError::argument("scroll_id array element should only contain scroll_id")
                    })?;
                }
                ("scroll", Value::String(text)) if !several => asked.keep = Some(text.clone()),
                _ => {
                    let kind = json_kind(value);
                    return Err(ApiError::argument(format!(
                        "Unknown parameter [{key}] in request body or parameter is of the wrong type[{kind}] "
                    )));
                }
            }
        }
        Ok(asked)
    }
}

fn split(text: &str, several: bool) -> Vec<String> {
    match several {
        true => text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        false => vec![text.to_owned()],
    }
}

async fn next(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, task| {
        let Asked { ids, keep } = Asked::read(call, false)?;
        let [id] = ids.as_slice() else { return Err(ApiError::validation("scrollId is missing")) };
        let keep = keep.map(|text| read_span("scroll", &text)).transpose()?.flatten();
        Call::ok(go_on(&call.node, id, keep, call.flag("rest_total_hits_as_int")?, task)?)
    })
    .await
}

async fn clear(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, _| {
        let Asked { ids, .. } = Asked::read(call, true)?;
        if ids.is_empty() {
            return Err(ApiError::validation("no scroll ids specified"));
        }
        if ids.iter().any(|id| id == "_all") {
            let (freed, is_whole) = clear_all_scrolls(&call.node);
            return Call::ok(json!({"succeeded": is_whole, "num_freed": freed}));
        }
        let (freed, is_whole) = clear_scrolls(&call.node, &ids)?;
        let status = if freed == 0 { 404 } else { 200 };
        Ok(Reply::Json(status, json!({"succeeded": is_whole, "num_freed": freed})))
    })
    .await
}
