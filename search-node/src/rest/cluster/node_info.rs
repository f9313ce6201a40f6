//! `_nodes`: which nodes there are, and where they are reached.

use std::collections::BTreeSet;

use cluster::state::{NodeEntry, Role};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::node_json::{node_head, nodes_header};
use crate::action::cluster::{NodeFigures, Survey, View, chosen_nodes, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::root::COMPATIBLE_VERSION;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["flat_settings", "timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_nodes", PARAMS, |call| info(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}", PARAMS, |call| info(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/{type}", PARAMS, |call| info(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/info/{type}", PARAMS, |call| info(call).boxed()),
];

/// The parts of a node's page, each of which can be asked for.
const METRICS: [&str; 11] = [
    "settings",
    "os",
    "process",
    "jvm",
    "thread_pool",
    "transport",
    "http",
    "plugins",
    "ingest",
    "aggregations",
    "indices",
];

/// Those for which the nodes themselves have to be asked.
const FROM_NODES: [&str; 5] = ["settings", "os", "process", "jvm", "thread_pool"];

async fn info(call: Call) -> Result<Reply, ApiError> {
    let (nodes, metrics) = asked(&call);
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, nodes.as_deref());
    let is_told = FROM_NODES.iter().any(|metric| metrics.contains(metric));
    let survey = match is_told {
        true => survey(&call.node, &view, |node| chosen.contains(&node)).await?,
        false => Survey::default(),
    };
    let shown = chosen.iter().filter_map(|node| {
        let entry = view.node(*node)?;
        Some((entry.data_id.clone(), node_shown(&call, entry, survey.nodes.get(node), &metrics)))
    });
    call.figures(json!({
        "_nodes": nodes_header(chosen.len(), survey.silent.len()),
        "cluster_name": call.node.settings.cluster_name,
        "nodes": shown.collect::<Map<String, Value>>()
    }))
}

/// Which nodes, and which parts of their pages. A single part of the path may be either.
fn asked(call: &Call) -> (Option<String>, BTreeSet<&'static str>) {
    let metrics = |text: &str| -> BTreeSet<&'static str> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        METRICS.into_iter().filter(|metric| names.contains(metric) || names.contains(&"_all")).collect()
    };
    match (call.path.get("id"), call.path.get("type")) {
        (None, _) => (None, metrics("_all")),
        (Some(nodes), Some(asked)) => (Some(nodes.clone()), metrics(asked)),
        (Some(either), None) => {
            if either.split(',').all(|part| METRICS.contains(&part.trim())) {
                (None, metrics(either))
            } else {
                (Some(either.clone()), metrics("_all"))
            }
        }
    }
}

fn node_shown(
    call: &Call,
    entry: &NodeEntry,
    figures: Option<&NodeFigures>,
    metrics: &BTreeSet<&'static str>,
) -> Value {
    let mut shown = node_head(entry);
    shown.insert("version".to_owned(), json!(COMPATIBLE_VERSION));
    shown.insert("build_flavor".to_owned(), json!("default"));
    shown.insert("build_type".to_owned(), json!("weir"));
    let build = figures.map_or(env!("CARGO_PKG_VERSION"), |figures| figures.version.as_str());
    shown.insert("build_hash".to_owned(), json!(build));
    for metric in metrics {
        if let Some(part) = part(call, entry, figures, metric) {
            shown.insert((*metric).to_owned(), part);
        }
    }
    Value::Object(shown)
}

fn part(call: &Call, entry: &NodeEntry, figures: Option<&NodeFigures>, metric: &str) -> Option<Value> {
    let address = &entry.transport_address;
    let http = &entry.http_address;
    Some(match metric {
        "settings" => {
            // Logs go where the errors of the process go.
            let home = figures.and_then(|figures| figures.path_home.as_deref());
            let data = figures.map(|figures| figures.path_data.as_str());
            json!({
                "client": {"type": "node"},
                "cluster": {"name": call.node.settings.cluster_name},
                "node": {"name": entry.name, "attr": entry.attributes},
                "path": {"home": home, "data": [data], "logs": "/dev/stderr"},
                "http": {"type": "weir"},
                "transport": {"type": "weir"}
            })
        }
        "transport" => json!({"bound_address": [address], "publish_address": address, "profiles": {}}),
        "http" => json!({
            "bound_address": [http],
            "publish_address": http,
            "max_content_length_in_bytes": call.node.settings.body_bytes_max
        }),
        "plugins" => json!([]),
        "ingest" => json!({"processors": []}),
        "os" => {
            let figures = figures?;
            json!({
                "refresh_interval_in_millis": 1000,
                "name": "Linux",
                "arch": std::env::consts::ARCH,
                "available_processors": figures.cores,
                "allocated_processors": figures.processors
            })
        }
        "process" => json!({"refresh_interval_in_millis": 1000, "id": figures?.process, "mlockall": false}),
        "jvm" => {
            let figures = figures?;
            json!({
                "pid": figures.process,
                "start_time_in_millis": figures.started_millis,
                "bundled_jdk": false,
                // Memory is taken from the system as it is needed, and has one limit.
                "mem": {
                    "heap_init_in_bytes": 0, "heap_max_in_bytes": figures.memory.1, "non_heap_init_in_bytes": 0,
                    "non_heap_max_in_bytes": 0, "direct_max_in_bytes": 0
                }
            })
        }
        "thread_pool" if entry.roles.contains(&Role::Data) => {
            let shown = figures?.pools.iter().map(|pool| {
                (
                    pool.name.clone(),
                    json!({"type": "fixed", "size": pool.size, "queue_size": pool.queue_size}),
                )
            });
            Value::Object(shown.collect())
        }
        _ => return None,
    })
}
