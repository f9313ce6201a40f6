//! `_close` and `_open`: indices that are kept without being read or written, and back again.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::cluster::{span, wait_led};
use super::envelope::Reply;
use super::later::now_or_later;
use super::router::{Route, route};
use crate::action::cluster::wait_active;
use crate::error::ApiError;
use crate::indices::{Index, NameOptions};
use crate::node::Node;
use crate::replication::ActiveCopies;
use crate::tasks::TaskKind;

const POST: &[Method] = &[Method::POST];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "master_timeout",
    "timeout",
    "wait_for_active_shards",
];

const OPENING: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "master_timeout",
    "timeout",
    "wait_for_active_shards",
    "wait_for_completion",
];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_close", PARAMS, |_| async { Err(nothing_named()) }.boxed()),
    route(POST, "/{index}/_close", PARAMS, |call| close(call).boxed()),
    route(POST, "/_open", OPENING, |_| async { Err(nothing_named()) }.boxed()),
    route(POST, "/{index}/_open", OPENING, |call| open(call).boxed()),
];

fn nothing_named() -> ApiError {
    ApiError::validation("index is missing")
}

async fn close(call: Call) -> Result<Reply, ApiError> {
    wait_led(&call).await?;
    // As in Elasticsearch 7, nothing is waited for where nobody says so: the copies serve on as they did.
    let wanted = call.active_copies()?.unwrap_or(ActiveCopies::Number(0));
    let within = span(&call, "timeout")?;
    let (node, pool) = (Arc::clone(&call.node), call.node.write_pool.clone());
    let done = pool.run(move || {
        let meant = call.node.indices.resolve(&call.part("index"), call.name_options()?)?;
        let closed = call.node.indices.close_indices(&meant)?;
        Ok((closed, call.is_followed_by_all()?))
    });
    let (closed, acknowledged) = done.await?;
    let is_active = !closed.is_empty() && are_active(&node, &closed, wanted, within).await;
    let shown: Map<String, Value> =
        closed.iter().map(|index| (index.name.clone(), json!({"closed": true}))).collect();
    Call::ok(json!({"acknowledged": acknowledged, "shards_acknowledged": is_active, "indices": shown}))
}

async fn open(call: Call) -> Result<Reply, ApiError> {
    let description = format!("indices[{}]", call.part("index"));
    now_or_later(call, TaskKind::OpenIndex, description, |call| do_open(call).boxed()).await
}

async fn do_open(call: Call) -> Result<Value, ApiError> {
    wait_led(&call).await?;
    let wanted = call.active_copies()?.unwrap_or_default();
    let within = span(&call, "timeout")?;
    let (node, pool) = (Arc::clone(&call.node), call.node.write_pool.clone());
    let done = pool.run(move || {
        let meant = call.node.indices.resolve(&call.part("index"), names_to_open(&call)?)?;
        let opened = call.node.indices.open_indices(&meant)?;
        Ok((opened, call.is_followed_by_all()?))
    });
    let (opened, acknowledged) = done.await?;
    let is_active = are_active(&node, &opened, wanted, within).await;
    Ok(json!({"acknowledged": acknowledged, "shards_acknowledged": is_active}))
}

/// Wildcards find what can be opened, where the request says nothing.
fn names_to_open(call: &Call) -> Result<NameOptions, ApiError> {
    let options = call.name_options()?;
    match call.query.contains_key("expand_wildcards") {
        true => Ok(options),
        false => Ok(NameOptions { expand_open: false, expand_closed: true, ..options }),
    }
}

/// Whether so many copies of every shard serve, which is waited for.
async fn are_active(
    node: &Node,
    indices: &[Arc<Index>],
    wanted: ActiveCopies,
    within: std::time::Duration,
) -> bool {
    let waits = indices.iter().map(|index| wait_active(node, &index.uuid, wanted, within));
    futures::future::join_all(waits).await.into_iter().all(|is_active| is_active)
}
