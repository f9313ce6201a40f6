//! `_cluster/health` and its neighbours.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::root::COMPATIBLE_VERSION;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::CopyState;

const HEALTH: &[&str] = &[
    "expand_wildcards",
    "level",
    "local",
    "wait_for_active_shards",
    "wait_for_events",
    "wait_for_no_initializing_shards",
    "wait_for_no_relocating_shards",
    "wait_for_nodes",
    "wait_for_status",
    "master_timeout",
    "timeout",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cluster/health", HEALTH, |call| async move { health(&call) }.boxed()),
    route(&[Method::GET], "/_cluster/health/{index}", HEALTH, |call| async move { health(&call) }.boxed()),
    route(&[Method::GET], "/_nodes", &["flat_settings", "timeout"], |call| {
        async move { nodes(&call) }.boxed()
    }),
    route(&[Method::GET], "/_nodes/http", &["flat_settings", "timeout"], |call| {
        async move { nodes(&call) }.boxed()
    }),
];

/// One node holds every shard: what can be opened is green in all the node can give. What cannot is red.
pub(super) fn health_of(call: &Call) -> Result<Value, ApiError> {
    let expression = call.path.get("index").map_or("*", String::as_str);
    let mut options = call.name_options()?;
    options.expand_hidden = true;
    let meant = call.node.indices.meant(expression, options)?;
    let indices = meant.indices;
    let all: usize = indices.iter().map(|index| index.number_of_shards()).sum();
    let is_failed = |state: &CopyState| *state == CopyState::Failed;
    let mut failed: usize = indices.iter().map(|index| index.copy_states().filter(is_failed).count()).sum();
    let shards = all - failed;
    // Those that nothing names any more count too, where all are asked for.
    let is_for_all = !call.path.contains_key("index");
    failed += if is_for_all { call.node.indices.lost().len() } else { meant.lost.len() };
    let share = if failed == 0 { 100.0 } else { shards as f64 * 100.0 / (shards + failed) as f64 };
    Ok(json!({
        "cluster_name": call.node.settings.cluster_name,
        "status": if failed == 0 { "green" } else { "red" },
        "timed_out": false,
        "number_of_nodes": call.node.coordinator.as_ref().map_or(1, |coordinator| coordinator.map().nodes.len()),
        "number_of_data_nodes": 1,
        "active_primary_shards": shards,
        "active_shards": shards,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": failed,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": share
    }))
}

fn health(call: &Call) -> Result<Reply, ApiError> {
    Call::ok(health_of(call)?)
}

fn nodes(call: &Call) -> Result<Reply, ApiError> {
    let node = &call.node;
    Call::ok(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": node.settings.cluster_name,
        "nodes": {
            node.identity.node_id.clone(): {
                "name": node.settings.node_name,
                "host": node.settings.host.to_string(),
                "ip": node.settings.host.to_string(),
                "version": COMPATIBLE_VERSION,
                "roles": ["data", "ingest", "master"]
            }
        }
    }))
}
