//! `_nodes/stats`: the figures of each node.

use std::collections::BTreeSet;

use cluster::state::NodeEntry;
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::node_json::{node_head, nodes_header};
use crate::action::cluster::{NodeFigures, SeenFigures, View, chosen_nodes, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &[
    "completion_fields",
    "fielddata_fields",
    "fields",
    "groups",
    "include_segment_file_sizes",
    "include_unloaded_segments",
    "level",
    "timeout",
    "types",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_nodes/stats", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_nodes/stats/{type}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_nodes/stats/{type}/{part}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/stats", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/stats/{type}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/stats/{type}/{part}", PARAMS, |call| stats(call).boxed()),
];

/// The parts of a node's figures, each of which can be asked for.
const METRICS: [&str; 12] = [
    "indices",
    "os",
    "process",
    "jvm",
    "thread_pool",
    "fs",
    "transport",
    "http",
    "breaker",
    "ingest",
    "discovery",
    "adaptive_selection",
];

/// Those that may be asked for and are not counted here.
const UNTOLD: [&str; 4] = ["indexing_pressure", "script", "script_cache", "shard_indexing_pressure"];

async fn stats(call: Call) -> Result<Reply, ApiError> {
    let metrics = metrics_of(call.path.get("type").map(String::as_str))?;
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let survey = survey(&call.node, &view, |node| chosen.contains(&node)).await?;
    let parts = call.path.get("part").map(|parts| parts.split(',').map(str::to_owned).collect::<Vec<_>>());
    let shown = survey.nodes.iter().filter_map(|(node, figures)| {
        let entry = view.node(*node)?;
        Some((entry.data_id.clone(), node_shown(entry, figures, &metrics, parts.as_deref())))
    });
    let mut answer = json!({
        "_nodes": nodes_header(chosen.len(), survey.silent.len()),
        "cluster_name": call.node.settings.cluster_name,
        "nodes": shown.collect::<Map<String, Value>>()
    });
    if !survey.silent.is_empty() {
        let failures = survey.silent.iter().map(|(node, reason)| {
            let id = view.node_id(*node);
            json!({"type": "failed_node_exception", "reason": format!("Failed node [{id}]"), "node_id": id, "caused_by": {"type": "node_not_connected_exception", "reason": reason}})
        });
        answer["_nodes"]["failures"] = failures.collect();
    }
    Call::ok(answer)
}

fn metrics_of(text: Option<&str>) -> Result<BTreeSet<&'static str>, ApiError> {
    let asked: Vec<&str> = text.unwrap_or("_all").split(',').map(str::trim).collect();
    let is_known = |metric: &str| metric == "_all" || METRICS.contains(&metric) || UNTOLD.contains(&metric);
    if let Some(unknown) = asked.iter().find(|metric| !is_known(metric)) {
        let path = asked.join(",");
        return Err(ApiError::argument(format!(
            "request [/_nodes/stats/{path}] contains unrecognized metric: [{unknown}]"
        )));
    }
    Ok(METRICS.into_iter().filter(|metric| asked.contains(metric) || asked.contains(&"_all")).collect())
}

fn node_shown(
    entry: &NodeEntry,
    figures: &NodeFigures,
    metrics: &BTreeSet<&'static str>,
    parts: Option<&[String]>,
) -> Value {
    let mut shown = Map::new();
    shown.insert("timestamp".to_owned(), json!(figures.now_millis));
    shown.extend(node_head(entry));
    for metric in metrics {
        if let Some(part) = part(figures, metric) {
            let name = if *metric == "breaker" { "breakers" } else { metric };
            shown.insert(name.to_owned(), part);
        }
    }
    if let (Some(parts), Some(Value::Object(indices))) = (parts, shown.get_mut("indices")) {
        indices.retain(|name, _| parts.iter().any(|part| part == name || part == "_all"));
    }
    Value::Object(shown)
}

fn part(figures: &NodeFigures, metric: &str) -> Option<Value> {
    let (held, limit) = figures.memory;
    let percent = |part: u64, whole: u64| (part.saturating_mul(100)).checked_div(whole).unwrap_or(0);
    Some(match metric {
        "indices" => indices_shown(figures),
        "os" => {
            let (total, free) =
                (figures.host_memory.0, figures.host_memory.1.unwrap_or(0).min(figures.host_memory.0));
            let load = figures.load.map(|load| json!({"1m": load[0], "5m": load[1], "15m": load[2]}));
            json!({
                "timestamp": figures.now_millis,
                "cpu": {"load_average": load},
                "mem": {
                    "total_in_bytes": total,
                    "free_in_bytes": free,
                    "used_in_bytes": total - free,
                    "free_percent": percent(free, total),
                    "used_percent": percent(total - free, total)
                }
            })
        }
        "process" => json!({"timestamp": figures.now_millis, "open_file_descriptors": figures.open_files}),
        "jvm" => json!({
            "timestamp": figures.now_millis,
            "uptime_in_millis": figures.now_millis - figures.started_millis,
            "mem": {
                "heap_used_in_bytes": held,
                "heap_used_percent": percent(held, limit),
                "heap_max_in_bytes": limit
            },
            "threads": {"count": figures.threads}
        }),
        "fs" => {
            let (total, free) = figures.disk?;
            let space = json!({"total_in_bytes": total, "free_in_bytes": free, "available_in_bytes": free});
            let mut folder = space.clone();
            folder["path"] = json!(figures.path_data);
            json!({"timestamp": figures.now_millis, "total": space, "data": [folder]})
        }
        "adaptive_selection" => {
            let nodes = figures.seen.iter().map(|seen| (seen.node.clone(), seen_shown(seen)));
            Value::Object(nodes.collect())
        }
        "http" => json!({"requests": figures.requests}),
        "breaker" => json!({
            "parent": {"limit_size_in_bytes": limit, "estimated_size_in_bytes": held, "overhead": 1.0, "tripped": 0}
        }),
        _ => return None,
    })
}

fn seen_shown(seen: &SeenFigures) -> Value {
    let nanos = |millis: f64| (millis * 1e6) as u64;
    json!({
        "outgoing_searches": seen.under_way,
        "avg_queue_size": seen.queue.round() as u64,
        "avg_service_time_ns": nanos(seen.service_millis),
        "avg_response_time_ns": nanos(seen.response_millis),
        "rank": format!("{:.1}", seen.rank)
    })
}

fn indices_shown(figures: &NodeFigures) -> Value {
    let sum = |part: &dyn Fn(&crate::action::cluster::CopyFigures) -> u64| {
        figures.copies.iter().map(part).sum::<u64>()
    };
    json!({
        "docs": {"count": sum(&|copy| copy.documents), "deleted": sum(&|copy| copy.deleted)},
        "store": {"size_in_bytes": sum(&|copy| copy.bytes), "reserved_in_bytes": 0},
        "indexing": {"index_total": sum(&|copy| copy.indexed), "delete_total": sum(&|copy| copy.removed)},
        "search": {"query_total": figures.searches},
        "merges": {"total": sum(&|copy| copy.merges)},
        "refresh": {"total": sum(&|copy| copy.refreshes)},
        "flush": {"total": sum(&|copy| copy.flushes)},
        "segments": {"count": sum(&|copy| copy.segments as u64)}
    })
}
