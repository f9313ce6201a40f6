//! `_cluster/health`: how well the cluster is, at once or as soon as it is as wished.

use cluster::health::{ClusterHealth, Counts, IndexHealth, Status};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::{observed_if_any, span, wait_led, wait_led_for};
use crate::action::cluster::{HealthWishes, NodesWish, View, wait_for};
use crate::error::ApiError;
use crate::indices::NameOptions;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &[
    "allow_no_indices",
    "ignore_unavailable",
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
    route(&[Method::GET], "/_cluster/health", PARAMS, |call| health(call).boxed()),
    route(&[Method::GET], "/_cluster/health/{index}", PARAMS, |call| health(call).boxed()),
];

/// How much of it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Cluster,
    Indices,
    Shards,
}

async fn health(call: Call) -> Result<Reply, ApiError> {
    let (level, wishes, within) = (level_of(&call)?, wishes_of(&call)?, span(&call, "timeout")?);
    // As in Elasticsearch, `timeout` is for both unless `master_timeout` says otherwise.
    let limit = if call.param("master_timeout").is_some() { "master_timeout" } else { "timeout" };
    wait_led_for(&call, span(&call, limit)?).await?;
    if let (Some(_), Some(coordinator)) = (call.param("wait_for_events"), &call.node.coordinator) {
        // What this node was told so far is done.
        let version = coordinator.map().version;
        drop(tokio::time::timeout(within, coordinator.wait_followed(version)).await);
    }
    let (view, is_timed_out) = wait_for(&call.node, &wishes, within, || look(&call)).await?;
    let mut health = view.health(&*observed_if_any(&call).await?);
    if is_timed_out && look(&call).is_ok_and(|(_, is_there)| !is_there) {
        // An index that is not there is as bad as can be.
        health.status = Status::Red;
    }
    let status = if is_timed_out { 408 } else { 200 };
    Ok(Reply::Json(status, shown(&call.node.settings.cluster_name, &health, level, is_timed_out)))
}

/// What the request is about, and whether every index that it names is there.
fn look(call: &Call) -> Result<(View, bool), ApiError> {
    let view = View::of(&call.node);
    let Some(expression) = call.path.get("index").map(String::as_str) else { return Ok((view, true)) };
    let options = NameOptions { expand_hidden: true, ..call.all_names()? };
    let is_there = match view.meant(&call.node, Some(expression), options) {
        Ok(_) => true,
        Err(error) if error.status == 404 => false,
        Err(error) => return Err(error),
    };
    let lenient = NameOptions { ignore_unavailable: true, allow_no_indices: true, ..options };
    let indices = view.meant(&call.node, Some(expression), lenient)?;
    Ok((view.only(&indices), is_there))
}

/// How well everything is now.
pub(in crate::rest) async fn health_now(call: &Call) -> Result<ClusterHealth, ApiError> {
    wait_led(call).await?;
    Ok(View::of(&call.node).health(&*observed_if_any(call).await?))
}

fn level_of(call: &Call) -> Result<Level, ApiError> {
    match call.param("level") {
        None | Some("cluster") => Ok(Level::Cluster),
        Some("indices") => Ok(Level::Indices),
        Some("shards") => Ok(Level::Shards),
        Some(other) => Err(ApiError::argument(format!(
            "level must be one of [cluster, indices, shards] but was [{other}]"
        ))),
    }
}

fn wishes_of(call: &Call) -> Result<HealthWishes, ApiError> {
    let status = match call.param("wait_for_status").map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("green") => Some(Status::Green),
        Some("yellow") => Some(Status::Yellow),
        Some("red") => Some(Status::Red),
        Some(other) => return Err(ApiError::argument(format!("unknown cluster health status [{other}]"))),
    };
    if let Some(events) = call.param("wait_for_events") {
        const EVENTS: [&str; 6] = ["immediate", "urgent", "high", "normal", "low", "languid"];
        if !EVENTS.contains(&events.to_ascii_lowercase().as_str()) {
            return Err(ApiError::argument(format!(
                "No enum constant for wait_for_events [{events}]; use one of {}",
                EVENTS.join(", ")
            )));
        }
    }
    Ok(HealthWishes {
        status,
        nodes: call.param("wait_for_nodes").map(NodesWish::read).transpose()?,
        active: call.active_copies()?,
        is_nothing_relocating: call.flag("wait_for_no_relocating_shards")?,
        is_nothing_initializing: call.flag("wait_for_no_initializing_shards")?,
    })
}

/// Changes of the map do not queue: a change is agreed on, or is not.
pub(in crate::rest) fn pending_zero() -> usize {
    0
}

fn shown(cluster_name: &str, health: &ClusterHealth, level: Level, is_timed_out: bool) -> Value {
    let counts = &health.counts;
    let mut shown = json!({
        "cluster_name": cluster_name,
        "status": health.status.as_str(),
        "timed_out": is_timed_out,
        "number_of_nodes": health.nodes,
        "number_of_data_nodes": health.data_nodes,
        "active_primary_shards": counts.active_primaries,
        "active_shards": counts.active,
        "relocating_shards": counts.relocating,
        "initializing_shards": counts.initializing,
        "unassigned_shards": counts.unassigned,
        "delayed_unassigned_shards": counts.delayed_unassigned,
        "number_of_pending_tasks": pending_zero(),
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": counts.active_percent()
    });
    if level >= Level::Indices {
        let indices = health.indices.values().map(|index| (index.name.clone(), index_shown(index, level)));
        shown["indices"] = Value::Object(indices.collect());
    }
    shown
}

fn index_shown(index: &IndexHealth, level: Level) -> Value {
    let mut shown = json!({
        "status": index.status.as_str(),
        "number_of_shards": index.shards.len(),
        "number_of_replicas": index.replicas,
        "active_primary_shards": index.counts.active_primaries
    });
    add(&mut shown, &index.counts);
    if level >= Level::Shards {
        let shards = index.shards.iter().enumerate().map(|(number, shard)| {
            let mut shown = json!({
                "status": shard.status.as_str(),
                "primary_active": shard.counts.active_primaries > 0
            });
            add(&mut shown, &shard.counts);
            (number.to_string(), shown)
        });
        shown["shards"] = Value::Object(shards.collect::<Map<String, Value>>());
    }
    shown
}

fn add(shown: &mut Value, counts: &Counts) {
    shown["active_shards"] = json!(counts.active);
    shown["relocating_shards"] = json!(counts.relocating);
    shown["initializing_shards"] = json!(counts.initializing);
    shown["unassigned_shards"] = json!(counts.unassigned);
}

#[cfg(test)]
mod tests {
    use cluster::health::ShardHealth;
    use cluster::state::IndexId;

    use super::*;

    #[test]
    fn levels_tell_more_and_more() {
        let counts = Counts { active_primaries: 1, active: 1, unassigned: 1, ..Counts::default() };
        let shard = ShardHealth { status: Status::Yellow, counts };
        let index = IndexHealth {
            status: Status::Yellow,
            name: "logs".to_owned(),
            replicas: 1,
            counts,
            shards: vec![shard],
        };
        let health = ClusterHealth {
            status: Status::Yellow,
            nodes: 2,
            data_nodes: 1,
            counts,
            indices: [(IndexId("x".to_owned()), index)].into(),
        };

        let cluster = shown("weir", &health, Level::Cluster, false);
        let indices = shown("weir", &health, Level::Indices, true);
        let shards = shown("weir", &health, Level::Shards, false);

        assert_eq!(cluster["active_shards_percent_as_number"], json!(50.0));
        assert_eq!((&cluster["indices"], &cluster["number_of_nodes"]), (&Value::Null, &json!(2)));
        assert_eq!(
            (&indices["timed_out"], &indices["indices"]["logs"]["shards"]),
            (&json!(true), &Value::Null)
        );
        assert_eq!(
            shards["indices"]["logs"]["shards"]["0"],
            json!({"status": "yellow", "primary_active": true, "active_shards": 1, "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 1})
        );
    }
}
