//! `_cluster/stats`: the figures of all nodes and indices, added up.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::state::{NodeId, Role};
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::node_json::nodes_header;
use super::{observed_if_any, wait_led};
use crate::action::cluster::{NodeFigures, Survey, View, chosen_nodes, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::index_figures::{Section, sections_of, total_of};
use crate::rest::root::COMPATIBLE_VERSION;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["flat_settings", "timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cluster/stats", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_cluster/stats/nodes/{id}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_cluster/stats/{type}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_cluster/stats/{type}/nodes/{id}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_cluster/stats/{type}/{part}/nodes/{id}", PARAMS, |call| stats(call).boxed()),
];

/// The parts of the nodes, each of which can be asked for; `indices` stands for those of the indices.
const METRICS: [&str; 11] = [
    "indices",
    "os",
    "process",
    "jvm",
    "fs",
    "plugins",
    "network_types",
    "discovery_types",
    "packaging_types",
    "ingest",
    "versions",
];
const INDEX_METRICS: [&str; 9] =
    ["shards", "docs", "store", "fielddata", "query_cache", "completion", "segments", "mappings", "analysis"];

/// The names of a list, all of which must be known; none where all are meant.
fn asked<'a>(call: &'a Call, key: &str, known: &[&str]) -> Result<Option<Vec<&'a str>>, ApiError> {
    let Some(text) = call.path.get(key) else { return Ok(None) };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if names.contains(&"_all") {
        return Ok(None);
    }
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(Some(names)),
        Some(unknown) => {
            let hint = settings::nearest(unknown, known.iter().copied());
            let hint = hint.map_or(String::new(), |near| format!(" -> did you mean [{near}]?"));
            Err(ApiError::argument(format!(
                "request [/_cluster/stats/{text}] contains unrecognized metric: [{unknown}]{hint}"
            )))
        }
    }
}

/// Whether one of these is asked for, as all are where nothing is said.
fn is_asked(asked: Option<&[&str]>, names: &[&str]) -> bool {
    asked.is_none_or(|asked| names.iter().any(|name| asked.contains(name)))
}

/// Leaves of a part what was asked for, and how many there are.
fn cut(part: &mut Value, asked: Option<&[&str]>) {
    if let (Some(asked), Some(members)) = (asked, part.as_object_mut()) {
        members.retain(|name, _| name == "count" || asked.contains(&name.as_str()));
    }
}

async fn stats(call: Call) -> Result<Reply, ApiError> {
    let metrics = asked(&call, "type", &METRICS)?;
    let index_metrics = asked(&call, "part", &INDEX_METRICS)?;
    wait_led(&call).await?;
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let survey = survey(&call.node, &view, |node| chosen.contains(&node)).await?;
    let health = view.health(&*observed_if_any(&call).await?);
    let mut indices = indices_shown(&view, &survey);
    if is_asked(metrics.as_deref(), &["indices"])
        && is_asked(index_metrics.as_deref(), &["mappings", "analysis"])
    {
        let (node, map) = (Arc::clone(&call.node), Arc::clone(&view.map));
        let made_with = call.node.write_pool.go_on(move || Ok(node.known_mappings.stats_of(&map))).await?;
        indices["mappings"] = made_with.mappings();
        indices["analysis"] = made_with.analysis();
    }
    let mut answer = json!({
        "_nodes": nodes_header(chosen.len(), survey.silent.len()),
        "cluster_name": call.node.settings.cluster_name,
        "cluster_uuid": call.node.identity.cluster_uuid,
        "timestamp": call.node.clock.now_millis(),
        "status": health.status.as_str(),
        "indices": indices,
        "nodes": nodes_shown(&view, &chosen, &survey, call.node.clock.now_millis())
    });
    cut(&mut answer["indices"], index_metrics.as_deref());
    if let Some(metrics) = &metrics {
        cut(&mut answer["nodes"], Some(metrics));
        if !metrics.contains(&"indices")
            && let Some(members) = answer.as_object_mut()
        {
            members.shift_remove("indices");
        }
    }
    call.figures(answer)
}

fn spread(numbers: &[f64]) -> Value {
    let sum: f64 = numbers.iter().sum();
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    json!({"min": least, "max": most, "avg": sum / numbers.len() as f64})
}

fn indices_shown(view: &View, survey: &Survey) -> Value {
    let (mut primaries_told, mut all_told) = (Vec::new(), Vec::new());
    let shards_of_map: Vec<_> = view.map.shards().map(|(shard, _)| shard).collect();
    for shard in &shards_of_map {
        for (is_primary, copy) in survey.copies_of(&view.map, shard) {
            if is_primary {
                primaries_told.push(copy);
            }
            all_told.push(copy);
        }
    }
    let of_primaries = total_of(primaries_told);
    let sections = sections_of(
        &total_of(all_told),
        &[Section::Store, Section::Fielddata, Section::QueryCache, Section::Completion, Section::Segments],
        false,
    );
    let mut shards = json!({});
    let (mut all, mut primaries, mut replication) = (Vec::new(), Vec::new(), Vec::new());
    for entry in view.map.indices.values() {
        let with_primary = entry.shards.iter().filter(|shard| shard.primary().is_some()).count() as f64;
        let standing = entry.shards.iter().map(|shard| shard.standing()).sum::<usize>() as f64;
        if with_primary > 0.0 {
            all.push(standing);
            primaries.push(with_primary);
            replication.push((standing - with_primary) / with_primary);
        }
    }
    if !all.is_empty() {
        let (total, first): (f64, f64) = (all.iter().sum(), primaries.iter().sum());
        shards = json!({
            "total": total as u64,
            "primaries": first as u64,
            "replication": (total - first) / first,
            "index": {"shards": spread(&all), "primaries": spread(&primaries), "replication": spread(&replication)}
        });
    }
    let mut shown = json!({
        "count": view.map.indices.len(),
        "shards": shards,
        "docs": {"count": of_primaries.documents, "deleted": of_primaries.deleted}
    });
    if let Some(members) = shown.as_object_mut() {
        members.extend(sections);
    }
    shown
}

fn nodes_shown(view: &View, chosen: &BTreeSet<NodeId>, survey: &Survey, now_millis: i64) -> Value {
    let entries: Vec<_> = chosen.iter().filter_map(|node| view.node(*node)).collect();
    let with = |role: Role| entries.iter().filter(|entry| entry.roles.contains(&role)).count();
    let told = || survey.nodes.values();
    let sum = |part: &dyn Fn(&NodeFigures) -> u64| told().map(part).sum::<u64>();
    let files: Vec<f64> = told().filter_map(|figures| figures.open_files).map(|files| files as f64).collect();
    let files = if files.is_empty() { json!({}) } else { spread(&files) };
    let (total, free) =
        (sum(&|node| node.disk.map_or(0, |disk| disk.0)), sum(&|node| node.disk.map_or(0, |disk| disk.1)));
    let memory = sum(&|node| node.host_memory.0);
    let memory_free = sum(&|node| node.host_memory.1.unwrap_or(0)).min(memory);
    let percent = |part: u64| (part * 100).checked_div(memory).unwrap_or(0);
    json!({
        "count": {
            "total": entries.len(),
            "coordinating_only": entries.iter().filter(|entry| entry.roles.is_empty()).count(),
            "data": with(Role::Data),
            "ingest": with(Role::Ingest),
            "master": with(Role::Master),
            "remote_cluster_client": 0,
            "voting_only": 0
        },
        "versions": [COMPATIBLE_VERSION],
        "os": {
            "available_processors": told().map(|node| node.cores).sum::<usize>(),
            "allocated_processors": told().map(|node| node.processors).sum::<usize>(),
            "names": [{"name": "Linux", "count": survey.nodes.len()}],
            "pretty_names": [{"pretty_name": "Linux", "count": survey.nodes.len()}],
            "mem": {
                "total_in_bytes": memory,
                "free_in_bytes": memory_free,
                "used_in_bytes": memory - memory_free,
                "free_percent": percent(memory_free),
                "used_percent": percent(memory - memory_free)
            }
        },
        "process": {
            "cpu": {"percent": told().filter_map(|node| node.cpu.process_percent).sum::<u64>()},
            "open_file_descriptors": files
        },
        "jvm": {
            "max_uptime_in_millis": told().map(|node| now_millis - node.started_millis).max().unwrap_or(0),
            "versions": [],
            "mem": {"heap_used_in_bytes": sum(&|node| node.memory.0), "heap_max_in_bytes": sum(&|node| node.memory.1)},
            "threads": sum(&|node| node.threads.unwrap_or(0))
        },
        "fs": {"total_in_bytes": total, "free_in_bytes": free, "available_in_bytes": free},
        "plugins": [],
        "network_types": {"transport_types": {"weir": entries.len()}, "http_types": {"weir": entries.len()}},
        "discovery_types": {"weir": entries.len()},
        "packaging_types": [{"flavor": "default", "type": "weir", "count": entries.len()}],
        "ingest": {"number_of_pipelines": 0, "processor_stats": {}}
    })
}
