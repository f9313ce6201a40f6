//! `_shard_stores`: the copies of shards that nodes have on their disks, whether they serve or not.

use std::collections::BTreeSet;

use cluster::state::{CopyId, NodeId, ShardId};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::meant;
use crate::action::cluster::{Survey, View, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{node_shown, observed_if_any};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["allow_no_indices", "expand_wildcards", "ignore_unavailable", "status"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_shard_stores", PARAMS, |call| stores(call).boxed()),
    route(&[Method::GET], "/{index}/_shard_stores", PARAMS, |call| stores(call).boxed()),
];

/// The states of shards that are shown.
fn wanted(call: &Call) -> Result<BTreeSet<&'static str>, ApiError> {
    let mut wanted = BTreeSet::new();
    for name in call.param("status").unwrap_or("yellow,red").split(',').map(str::trim) {
        match name {
            "all" => wanted.extend(["green", "yellow", "red"]),
            "green" => drop(wanted.insert("green")),
            "yellow" => drop(wanted.insert("yellow")),
            "red" => drop(wanted.insert("red")),
            other => {
                return Err(ApiError::argument(format!(
                    "unknown cluster health status [{other}]; use green, yellow, red or all"
                )));
            }
        }
    }
    Ok(wanted)
}

async fn stores(call: Call) -> Result<Reply, ApiError> {
    let wanted = wanted(&call)?;
    let view = meant(&call)?;
    let health = view.health(&*observed_if_any(&call).await?);
    let survey = survey(&call.node, &view, |_| true).await?;
    let mut indices: Map<String, Value> = Map::new();
    for (id, index) in &health.indices {
        let mut shards = Map::new();
        for (number, shard) in index.shards.iter().enumerate() {
            if wanted.contains(shard.status.as_str()) {
                let shard = ShardId { index: id.clone(), number: number as u32 };
                shards.insert(number.to_string(), json!({"stores": stores_of(&view, &survey, &shard)}));
            }
        }
        if !shards.is_empty() {
            indices.insert(index.name.clone(), json!({"shards": shards}));
        }
    }
    Call::ok(json!({"indices": indices}))
}

fn stores_of(view: &View, survey: &Survey, shard: &ShardId) -> Vec<Value> {
    let held = survey.nodes.iter().flat_map(|(node, figures)| {
        figures.held.iter().filter(|(held, _)| held == shard).map(|(_, copy)| (*node, *copy))
    });
    let mut held: Vec<(NodeId, CopyId)> = held.collect();
    // As in Elasticsearch: the primary first.
    held.sort_by_key(|(node, copy)| (role_of(view, shard, *copy), *node));
    held.into_iter().map(|(node, copy)| store_shown(view, survey, shard, node, copy)).collect()
}

fn store_shown(view: &View, survey: &Survey, shard: &ShardId, node: NodeId, copy: CopyId) -> Value {
    let mut shown = Map::new();
    shown.insert(view.node_id(node).to_owned(), node_shown(view, node));
    shown.insert("allocation_id".to_owned(), json!(copy.to_string()));
    shown.insert("allocation".to_owned(), json!(role_of(view, shard, copy)));
    if survey.copy(node, shard).is_some_and(|figures| figures.is_failed) {
        let reason = "the copy cannot be opened; the log of its node says why";
        shown.insert(
            "store_exception".to_owned(),
            json!({"type": "corrupt_index_exception", "reason": reason}),
        );
    }
    Value::Object(shown)
}

/// What the copy is: in the order of the alphabet the primary comes first, and what nobody uses last.
fn role_of(view: &View, shard: &ShardId, copy: CopyId) -> &'static str {
    match view.map.shard(shard) {
        Some(copies) if copies.primary() == Some(copy) => "primary",
        Some(copies) if copies.present().contains_key(&copy) => "replica",
        _ => "unused",
    }
}
