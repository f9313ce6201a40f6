//! `_cluster/state`: the map.

use std::collections::BTreeSet;

use cluster::allocation::Observed;
use cluster::health::CopyRow;
use cluster::state::{IndexEntry, IndexId, NodeId};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::node_json::node_shown;
use super::shard_json::copy_shown;
use super::{observed_if_any, span, wait_led};
use crate::action::cluster::{View, part_of};
use crate::error::ApiError;
use crate::indices::{DataStream, TemplateKind, is_closed};
use crate::node::Node;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "flat_settings",
    "ignore_unavailable",
    "local",
    "master_timeout",
    "wait_for_metadata_version",
    "wait_for_timeout",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cluster/state", PARAMS, |call| state(call).boxed()),
    // Its name lets a part through that begins with a line, such as `_all`.
    route(&[Method::GET], "/_cluster/state/{id}", PARAMS, |call| state(call).boxed()),
    route(&[Method::GET], "/_cluster/state/{id}/{index}", PARAMS, |call| state(call).boxed()),
];

/// The parts of the state, each of which can be asked for.
const METRICS: [&str; 7] =
    ["version", "master_node", "blocks", "nodes", "metadata", "routing_table", "routing_nodes"];

async fn state(call: Call) -> Result<Reply, ApiError> {
    let metrics = metrics_of(call.path.get("id").map(String::as_str));
    wait_led(&call).await?;
    if let Some(version) = call.number("wait_for_metadata_version")?
        && !is_reached(&call, version).await?
    {
        return Call::ok(
            json!({"cluster_name": call.node.settings.cluster_name, "wait_for_timed_out": true}),
        );
    }
    let view = View::of(&call.node);
    let options = call.name_options()?;
    let indices = view.meant(&call.node, call.path.get("index").map(String::as_str), options)?;
    let observed = observed_if_any(&call).await?;
    let is_flat = call.flag("flat_settings")?;
    Call::ok(shown(&call.node, &view.only(&indices), &observed, &metrics, is_flat))
}

fn metrics_of(text: Option<&str>) -> BTreeSet<&'static str> {
    let asked: Vec<&str> = text.unwrap_or("_all").split(',').map(str::trim).collect();
    let is_asked = |metric: &&str| asked.contains(metric) || asked.contains(&"_all");
    METRICS.into_iter().filter(|metric| is_asked(metric)).collect()
}

/// Whether the map comes to a version in time.
async fn is_reached(call: &Call, version: u64) -> Result<bool, ApiError> {
    let within = span(call, "wait_for_timeout")?;
    let Some(coordinator) = &call.node.coordinator else {
        return Ok(View::of(&call.node).map.version >= version);
    };
    let mut changes = coordinator.changes();
    let reached = timeout(within, changes.wait_for(|map| map.version >= version));
    tokio::select! {
        () = call.node.stopping.cancelled() => Ok(false),
        reached = reached => Ok(reached.is_ok()),
    }
}

/// The state without what describes the indices, as `reroute` shows it.
pub(super) fn rerouted(node: &Node, view: &View, observed: &Observed, metrics: Option<&str>) -> Value {
    let metrics = match metrics {
        Some(text) => metrics_of(Some(text)),
        None => METRICS.into_iter().filter(|metric| *metric != "metadata").collect(),
    };
    shown(node, view, observed, &metrics, false)
}

fn shown(
    node: &Node,
    view: &View,
    observed: &Observed,
    metrics: &BTreeSet<&'static str>,
    is_flat: bool,
) -> Value {
    let map = &view.map;
    let mut shown = json!({
        "cluster_name": node.settings.cluster_name,
        "cluster_uuid": node.identity.cluster_uuid
    });
    if metrics.contains("version") {
        shown["version"] = json!(map.version);
        // Whoever has the same version of the same cluster has the same state.
        shown["state_uuid"] = json!(format!("{}-{}", node.identity.cluster_uuid, map.version));
    }
    if metrics.contains("master_node") {
        shown["master_node"] = json!(view.master.map(|master| view.node_id(master)));
    }
    if metrics.contains("blocks") {
        shown["blocks"] = blocks(node);
    }
    if metrics.contains("nodes") {
        let nodes = map.nodes.iter().map(|(id, entry)| (entry.data_id.clone(), node_shown(view, *id)));
        shown["nodes"] = Value::Object(nodes.collect());
    }
    if metrics.contains("metadata") {
        shown["metadata"] = metadata(node, view, is_flat);
    }
    let rows = view.rows(observed);
    if metrics.contains("routing_table") {
        shown["routing_table"] = routing_table(view, observed, &rows);
    }
    if metrics.contains("routing_nodes") {
        shown["routing_nodes"] = routing_nodes(view, observed, &rows);
    }
    shown
}

fn blocks(node: &Node) -> Value {
    let shown: Map<String, Value> = node
        .indices
        .all()
        .into_iter()
        .filter_map(|index| {
            let blocks = index.settings().blocks.and_closed(index.is_closed());
            Some((index.name.clone(), blocks.to_json()?))
        })
        .collect();
    if shown.is_empty() { json!({}) } else { json!({"indices": shown}) }
}

fn metadata(node: &Node, view: &View, is_flat: bool) -> Value {
    let indices = view
        .map
        .indices
        .iter()
        .map(|(id, entry)| (entry.name.clone(), index_shown(node, id, entry, is_flat)));
    let term = node.coordinator.as_ref().map_or(1, |coordinator| coordinator.leading_term());
    let mut voters: Vec<String> = Vec::new();
    if let Some(coordinator) = &node.coordinator {
        voters = coordinator.settled_voters().into_iter().map(|voter| format!("{voter:016x}")).collect();
    }
    let templates = |kind: TemplateKind| -> Map<String, Value> {
        node.indices.templates().shown(kind, None).into_iter().collect()
    };
    let mut shown = json!({
        "cluster_uuid": node.identity.cluster_uuid,
        "cluster_uuid_committed": true,
        "cluster_coordination": {
            "term": term,
            "last_committed_config": voters,
            "last_accepted_config": voters,
            "voting_config_exclusions": []
        },
        "templates": templates(TemplateKind::Legacy),
        "index_template": {"index_template": templates(TemplateKind::Index)},
        "component_template": {"component_template": templates(TemplateKind::Component)},
        "data_stream": {"data_stream": data_streams(view)},
        "indices": indices.collect::<Map<String, Value>>(),
        "index-graveyard": {"tombstones": []}
    });
    let scripts = node.indices.scripts();
    if !scripts.is_empty() {
        shown["stored_scripts"] = Value::Object(scripts);
    }
    shown
}

fn data_streams(view: &View) -> Map<String, Value> {
    let shown = DataStream::all(&view.map).into_iter().map(|(name, stream)| {
        let indices = stream.indices.iter().map(|id| {
            let entry = view.map.indices.get(&IndexId(id.clone()));
            json!({"index_name": entry.map(|entry| entry.name.as_str()), "index_uuid": id})
        });
        let indices: Vec<Value> = indices.collect();
        let shown = json!({
            "name": name, "timestamp_field": {"name": stream.timestamp_field}, "indices": indices,
            "generation": stream.generation, "hidden": stream.is_hidden
        });
        (name, shown)
    });
    shown.collect()
}

fn index_shown(node: &Node, id: &IndexId, entry: &IndexEntry, is_flat: bool) -> Value {
    // Every node has what describes an index, unless it could not be read.
    let settings = node.indices.of_id(id).map_or_else(|| json!({}), |index| index.settings_json());
    let settings = match crate::action::cluster::flat(&settings) {
        Ok(flat) if is_flat => json!(flat),
        _ => settings,
    };
    let places = node.indices.of_id(id).map_or(entry.shards.len(), |index| index.routing_places());
    let numbered = || entry.shards.iter().enumerate();
    let terms: Map<String, Value> =
        numbered().map(|(number, shard)| (number.to_string(), json!(shard.term()))).collect();
    let in_sync: Map<String, Value> = numbered()
        .map(|(number, shard)| {
            let copies: Vec<String> = shard.in_sync().iter().map(ToString::to_string).collect();
            (number.to_string(), json!(copies))
        })
        .collect();
    let aliases = part_of(entry, "aliases");
    let aliases: Vec<&String> = aliases.as_object().into_iter().flat_map(Map::keys).collect();
    json!({
        "version": entry.version,
        "mapping_version": entry.version,
        "settings_version": entry.version,
        "aliases_version": entry.version,
        "routing_num_shards": places,
        "state": if is_closed(entry) { "close" } else { "open" },
        "settings": settings,
        "mappings": {"_doc": part_of(entry, "mapping")},
        "aliases": aliases,
        "primary_terms": terms,
        "in_sync_allocations": in_sync,
        "rollover_info": {},
        "system": false
    })
}

fn routing_table(view: &View, observed: &Observed, rows: &[CopyRow]) -> Value {
    let mut indices = Map::new();
    for row in rows {
        let index = indices.entry(row.index.clone()).or_insert_with(|| json!({"shards": {}}));
        let shards = &mut index["shards"][row.shard.number.to_string()];
        match shards.as_array_mut() {
            Some(copies) => copies.push(copy_shown(view, observed, row)),
            None => *shards = json!([copy_shown(view, observed, row)]),
        }
    }
    json!({"indices": indices})
}

fn routing_nodes(view: &View, observed: &Observed, rows: &[CopyRow]) -> Value {
    let on = |node: NodeId| -> Vec<Value> {
        let there =
            rows.iter().filter(|row| row.node == Some(node)).map(|row| copy_shown(view, observed, row));
        let coming = rows.iter().filter(|row| row.moves_to == Some(node)).map(|row| {
            let mut shown = copy_shown(view, observed, row);
            shown["state"] = json!("INITIALIZING");
            shown["relocating_node"] = shown["node"].take();
            shown["node"] = json!(view.node_id(node));
            shown
        });
        there.chain(coming).collect()
    };
    let unassigned = rows.iter().filter(|row| row.node.is_none()).map(|row| copy_shown(view, observed, row));
    let unassigned: Vec<Value> = unassigned.collect();
    let nodes = view.map.data_nodes().map(|(node, entry)| (entry.data_id.clone(), json!(on(node))));
    json!({"unassigned": unassigned, "nodes": nodes.collect::<Map<String, Value>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_asked_for_by_name_and_unknown_ones_are_passed_over() {
        assert_eq!(metrics_of(None).len(), METRICS.len());
        assert_eq!(metrics_of(Some("nodes,_all")).len(), METRICS.len());
        assert_eq!(metrics_of(Some("nodes, version,foo")), BTreeSet::from(["nodes", "version"]));
    }
}
