//! Points in time: `_pit` as Elasticsearch has it, `_search/point_in_time` as OpenSearch has it.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search::{as_task, as_task_for, scope};
use crate::action::search::{
    Manner, OpenedPoint, Untold, close_all_points, close_points, list_points, open_point,
};
use crate::error::ApiError;
use crate::tasks::Task;
use crate::time_span::read_span;

const POST: &[Method] = &[Method::POST];
const GET: &[Method] = &[Method::GET];
const DELETE: &[Method] = &[Method::DELETE];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "allow_partial_pit_creation",
    "allow_partial_search_results",
    "expand_wildcards",
    "ignore_throttled",
    "ignore_unavailable",
    "keep_alive",
    "max_concurrent_shard_requests",
    "preference",
    "routing",
];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/{index}/_pit", PARAMS, |call| open(call).boxed()),
    route(DELETE, "/_pit", &[], |call| close(call).boxed()),
    route(POST, "/{index}/_search/point_in_time", PARAMS, |call| open_listed(call).boxed()),
    route(DELETE, "/_search/point_in_time", &[], |call| close_listed(call).boxed()),
    route(DELETE, "/_search/point_in_time/_all", &[], |call| close_all(call).boxed()),
    route(GET, "/_search/point_in_time/_all", &[], |call| list(call).boxed()),
];

async fn open(call: Call) -> Result<Reply, ApiError> {
    let work = |call: &Call, task: &Task| {
        let allows_partial = call.flag("allow_partial_search_results")?;
        opened(call, allows_partial, "[keep_alive] is not specified", task)
    };
    // Whoever is gone by now is told nothing, and nothing is held for it.
    let ((untold, OpenedPoint { id, shards, .. }), _) = as_task_for(call, work).await?;
    untold.tell();
    Call::ok(json!({"id": id, "_shards": shards}))
}

async fn open_listed(call: Call) -> Result<Reply, ApiError> {
    let work = |call: &Call, task: &Task| {
        let allows_partial = call.maybe_flag("allow_partial_pit_creation")?.unwrap_or(true);
        opened(call, allows_partial, "keep alive not specified", task)
    };
    let ((untold, OpenedPoint { id, shards, opened_millis }), _) = as_task_for(call, work).await?;
    untold.tell();
    Call::ok(json!({"pit_id": id, "_shards": shards, "creation_time": opened_millis}))
}

fn opened(
    call: &Call,
    allows_partial: bool,
    missing: &str,
    task: &Task,
) -> Result<(Untold, OpenedPoint), ApiError> {
    let keep = call.param("keep_alive").filter(|text| !text.is_empty());
    let keep = keep.ok_or_else(|| ApiError::validation(missing))?;
    let manner = Manner {
        preference: call.param("preference").map(str::to_owned),
        routing: call.list("routing"),
        allows_partial,
        ..Manner::default()
    };
    open_point(&call.node, &scope(call)?, &manner, read_span("keep_alive", keep)?, task)
}

async fn close(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, _| {
        let body = call.required_json()?;
        let mut id = None;
        for (key, value) in members(&body)? {
            match (key.as_str(), value) {
                ("id", Value::String(text)) if !text.is_empty() => id = Some(text.clone()),
                _ => return Err(unknown("close_point_in_time", key)),
            }
        }
        let id = id.ok_or_else(|| ApiError::argument("Required [id]"))?;
        let closed = close_points(&call.node, &[id])?;
        let freed: usize = closed.iter().map(|(shards, _)| shards).sum();
        let is_whole = closed.iter().all(|(_, is_whole)| *is_whole);
        let status = if freed == 0 { 404 } else { 200 };
        Ok(Reply::Json(status, json!({"succeeded": is_whole, "num_freed": freed})))
    })
    .await
}

async fn close_listed(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, _| {
        let body = call.required_json()?;
        let mut ids = Vec::new();
        for (key, value) in members(&body)? {
            match (key.as_str(), value) {
                ("pit_id", Value::String(text)) => ids.push(text.clone()),
                ("pit_id", Value::Array(items)) => {
                    let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                    let texts = texts.collect::<Option<Vec<_>>>();
                    ids.extend(texts.ok_or_else(|| {
                        ApiError::argument("pit_id array element should only contain pit_id")
                    })?);
                }
                _ => return Err(unknown("delete_pit", key)),
            }
        }
        if ids.is_empty() {
            return Err(ApiError::validation("no pit ids specified"));
        }
        // One that is not there any more is as good as closed.
        let closed = close_points(&call.node, &ids)?.into_iter().map(|(_, is_whole)| is_whole);
        Ok(shown(ids.iter().cloned().zip(closed).collect()))
    })
    .await
}

async fn close_all(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, _| Ok(shown(close_all_points(&call.node)))).await
}

async fn list(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, _| Call::ok(json!({"pits": list_points(&call.node)}))).await
}

/// What was closed, and what was not, for a node did not answer.
fn shown(closed: Vec<(String, bool)>) -> Reply {
    let status = if closed.iter().all(|(_, is_closed)| *is_closed) { 200 } else { 404 };
    let pits: Vec<Value> =
        closed.into_iter().map(|(id, is_closed)| json!({"successful": is_closed, "pit_id": id})).collect();
    Reply::Json(status, json!({"pits": pits}))
}

fn members(body: &Value) -> Result<&serde_json::Map<String, Value>, ApiError> {
    body.as_object().ok_or_else(|| ApiError::argument("Malformed content, must start with an object"))
}

fn unknown(api: &str, field: &str) -> ApiError {
    ApiError::malformed(format!("[{api}] unknown field [{field}]"))
}
