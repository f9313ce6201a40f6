//! `_plugins/_asynchronous_search`: asynchronous searches as OpenSearch's clients ask for them, and how many there were.

use std::collections::HashMap;

use futures::FutureExt;
use futures::future::join_all;
use http::Method;
use serde_json::{Map, Value, json};
use transport::Peer;

use super::async_search::{ANSWER_WITHIN, GET_PARAMS, as_json, delete, get_anywhere, submit};
use super::call::Call;
use super::envelope::Reply;
use super::forward::{Carried, Reach, carry};
use super::router::{Route, route};
use crate::error::ApiError;

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];

/// The path has no index in it.
const PARAMS: &[&str] = &["index", "keep_alive", "keep_on_completion", "wait_for_completion_timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_plugins/_asynchronous_search", PARAMS, |call| begin(call).boxed()),
    route(GET, "/_plugins/_asynchronous_search/stats", &[], |call| own_stats(call).boxed())
        .reaching(Reach::Nodes(|call| stats(call).boxed())),
    route(GET, "/_plugins/_asynchronous_search/{id}", GET_PARAMS, |call| look(call).boxed()),
    route(DELETE, "/_plugins/_asynchronous_search/{id}", &[], |call| delete(call).boxed()),
];

async fn begin(mut call: Call) -> Result<Reply, ApiError> {
    if let Some(index) = call.query.remove("index") {
        call.path.insert("index", index);
    }
    Ok(shown(as_json(submit(call).await?).await?))
}

async fn look(call: Call) -> Result<Reply, ApiError> {
    Ok(shown(as_json(get_anywhere(call).await?).await?))
}

/// An answer with OpenSearch's names of what has become of the search.
fn shown(reply: Reply) -> Reply {
    let Reply::Json(status, Value::Object(mut members)) = reply else { return reply };
    let is_running = members.shift_remove("is_running") == Some(json!(true));
    let is_kept = members.contains_key("id");
    let state = match (is_running, members.contains_key("error"), is_kept) {
        (true, _, _) => "RUNNING",
        (false, true, _) => "FAILED",
        (false, false, true) => "STORE_RESIDENT",
        (false, false, false) => "SUCCEEDED",
    };
    members.shift_remove("is_partial");
    let ended = members.shift_remove("completion_time_in_millis").and_then(|at| at.as_i64());
    let begun = members.get("start_time_in_millis").and_then(Value::as_i64);
    if let Some((ended, begun)) = ended.zip(begun) {
        members.insert("took".to_owned(), json!(ended - begun));
    }
    members.insert("state".to_owned(), json!(state));
    Reply::Json(status, Value::Object(members))
}

async fn own_stats(call: Call) -> Result<Reply, ApiError> {
    let node = &call.node;
    let own =
        json!({node.identity.node_id.clone(): {"asynchronous_search_stats": node.async_searches.stats()}});
    Call::ok(of_nodes(&call, own, 0))
}

fn of_nodes(call: &Call, nodes: Value, failed: usize) -> Value {
    let successful = nodes.as_object().map_or(0, Map::len);
    json!({
        "_nodes": {"total": successful + failed, "successful": successful, "failed": failed},
        "cluster_name": call.node.settings.cluster_name, "nodes": nodes
    })
}

/// The figures of all nodes.
async fn stats(call: Call) -> Result<Reply, ApiError> {
    let own = own_stats(call.again()).await?;
    let (Some(coordinator), Reply::Json(_, mut own)) = (call.node.others(), own) else {
        return Err(ApiError::internal("figures have no body"));
    };
    let mut nodes = own["nodes"].take();
    let map = coordinator.map();
    let segments = ["_plugins", "_asynchronous_search", "stats"].map(str::to_owned).to_vec();
    let carried = Carried { method: Method::GET.to_string(), segments, query: HashMap::new() };
    let others = map.nodes.iter().filter(|(node, _)| **node != coordinator.origin.process);
    let peers: Vec<Peer> =
        others.map(|(node, entry)| Peer::process(&entry.transport_address, node.0)).collect();
    let asked = peers.iter().map(|peer| carry(coordinator, peer, &carried, &[], true, ANSWER_WITHIN));
    let mut failed = 0;
    for answer in join_all(asked).await {
        match (answer, &mut nodes) {
            (Ok(Reply::Json(_, mut other)), Value::Object(nodes)) => {
                if let Value::Object(more) = other["nodes"].take() {
                    nodes.extend(more);
                }
            }
            _ => failed += 1,
        }
    }
    Call::ok(of_nodes(&call, nodes, failed))
}
