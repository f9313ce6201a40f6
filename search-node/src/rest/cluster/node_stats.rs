//! `_nodes/stats`: the figures of each node.

use std::collections::{BTreeMap, BTreeSet};

use cluster::state::NodeEntry;
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::node_json::{node_head, nodes_header};
use crate::action::cluster::{CopyFigures, NodeFigures, SeenFigures, View, chosen_nodes, survey_with};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::index_figures::{Section, sections_of, stats_wish, total_of};
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

/// Those that may be asked for and are not counted here; the second half is what OpenSearch alone has.
const UNTOLD: [&str; 17] = [
    "indexing_pressure",
    "script",
    "script_cache",
    "shard_indexing_pressure",
    "search_backpressure",
    "cluster_manager_throttling",
    "weighted_routing",
    "file_cache",
    "search_pipeline",
    "task_cancellation",
    "admission_control",
    "repositories",
    "resource_usage_stats",
    "segment_replication_backpressure",
    "caches",
    "remote_store",
    "script_caches",
];

/// How much of the copies of a node is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Node,
    Indices,
    Shards,
}

/// What is asked of each node.
struct Wish {
    metrics: BTreeSet<&'static str>,
    sections: Vec<Section>,
    level: Level,
    with_files: bool,
}

impl Wish {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let level = match call.param("level") {
            None | Some("node" | "cluster") => Level::Node,
            Some("indices") => Level::Indices,
            Some("shards") => Level::Shards,
            Some(other) => {
                return Err(ApiError::argument(format!(
                    "level parameter must be one of [node] or [indices] or [shards] but was [{other}]"
                )));
            }
        };
        let metrics = metrics_of(call.path.get("type").map(String::as_str))?;
        let parts = call.path.get("part").map_or("_all", String::as_str);
        let sections = Section::named(parts).map_err(|unknown| {
            let asked = call.part("type");
            ApiError::argument(format!(
                "request [/_nodes/stats/{asked}/{parts}] contains unrecognized index metric: [{unknown}]"
            ))
        })?;
        Ok(Self { metrics, sections, level, with_files: call.flag("include_segment_file_sizes")? })
    }
}

async fn stats(call: Call) -> Result<Reply, ApiError> {
    let wish = Wish::of(&call)?;
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let figures = stats_wish(&call, wish.with_files);
    let survey = survey_with(&call.node, &view, figures, |node| chosen.contains(&node)).await?;
    let shown = survey.nodes.iter().filter_map(|(node, figures)| {
        let entry = view.node(*node)?;
        Some((entry.data_id.clone(), node_shown(&view, entry, figures, &wish)))
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
    call.figures(answer)
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

fn node_shown(view: &View, entry: &NodeEntry, figures: &NodeFigures, wish: &Wish) -> Value {
    let mut shown = Map::new();
    shown.insert("timestamp".to_owned(), json!(figures.now_millis));
    shown.extend(node_head(entry));
    for metric in &wish.metrics {
        if let Some(part) = part(view, figures, metric, wish) {
            let name = if *metric == "breaker" { "breakers" } else { metric };
            shown.insert(name.to_owned(), part);
        }
    }
    Value::Object(shown)
}

fn part(view: &View, figures: &NodeFigures, metric: &str, wish: &Wish) -> Option<Value> {
    let (held, limit) = figures.memory;
    let percent = |part: u64, whole: u64| (part.saturating_mul(100)).checked_div(whole).unwrap_or(0);
    Some(match metric {
        "indices" => indices_shown(view, figures, wish),
        "os" => {
            let (total, free) =
                (figures.host_memory.0, figures.host_memory.1.unwrap_or(0).min(figures.host_memory.0));
            let load = figures.load.map(|load| json!({"1m": load[0], "5m": load[1], "15m": load[2]}));
            json!({
                "timestamp": figures.now_millis,
                "cpu": {"percent": figures.cpu.host_percent, "load_average": load},
                "mem": {
                    "total_in_bytes": total,
                    "free_in_bytes": free,
                    "used_in_bytes": total - free,
                    "free_percent": percent(free, total),
                    "used_percent": percent(total - free, total)
                }
            })
        }
        "process" => json!({
            "timestamp": figures.now_millis,
            "open_file_descriptors": figures.open_files,
            "max_file_descriptors": figures.open_files_max,
            "cpu": {
                "percent": figures.cpu.process_percent,
                "total_in_millis": figures.cpu.process_millis
            }
        }),
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
            "parent": {
                "limit_size_in_bytes": limit, "estimated_size_in_bytes": held, "overhead": 1.0,
                "tripped": figures.refused_memory
            },
            "scroll": {
                "limit_size_in_bytes": figures.scrolls.limit, "estimated_size_in_bytes": figures.scrolls.held,
                "overhead": 1.0, "tripped": figures.scrolls.refused
            }
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

fn indices_shown(view: &View, figures: &NodeFigures, wish: &Wish) -> Value {
    let sections = |copies: &[&CopyFigures]| {
        sections_of(&total_of(copies.iter().copied()), &wish.sections, wish.with_files)
    };
    let all: Vec<&CopyFigures> = figures.copies.iter().collect();
    let mut shown = sections(&all);
    if let Some(search) = shown.get_mut("search") {
        // Copies that are closed meanwhile forget what they did; the node does not.
        search["query_total"] = json!(figures.searches);
    }
    let mut by_index: BTreeMap<&str, Vec<&CopyFigures>> = BTreeMap::new();
    for copy in all {
        if let Some(entry) = view.map.indices.get(&copy.shard().index) {
            by_index.entry(&entry.name).or_default().push(copy);
        }
    }
    match wish.level {
        Level::Node => {}
        Level::Indices => {
            let indices =
                by_index.into_iter().map(|(name, copies)| (name.to_owned(), json!(sections(&copies))));
            shown.insert("indices".to_owned(), Value::Object(indices.collect()));
        }
        Level::Shards => {
            let shards = by_index.into_iter().map(|(name, copies)| {
                let of_copy = |copy: &CopyFigures| json!({copy.number.to_string(): sections(&[copy])});
                (name.to_owned(), copies.into_iter().map(of_copy).collect::<Value>())
            });
            shown.insert("shards".to_owned(), Value::Object(shards.collect()));
        }
    }
    Value::Object(shown)
}
