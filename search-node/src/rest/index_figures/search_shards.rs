//! `_search_shards`: the copies that a search would go to.

use cluster::health::{CopyRow, CopyState};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::meant;
use crate::action::cluster::View;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{copy_shown, node_shown, observed_if_any};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "local",
    "master_timeout",
    "preference",
    "routing",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_search_shards", PARAMS, |call| shards(call).boxed()),
    route(METHODS, "/{index}/_search_shards", PARAMS, |call| shards(call).boxed()),
];

async fn shards(call: Call) -> Result<Reply, ApiError> {
    let view = meant(&call)?;
    let observed = observed_if_any(&call).await?;
    let rows = view.rows(&observed);
    let routing = call.list("routing");
    let is_asked = |row: &&CopyRow| {
        let serves = matches!(row.state, CopyState::Started | CopyState::Relocating);
        serves && (routing.is_empty() || is_routed(&call, row, &routing))
    };
    let rows: Vec<&CopyRow> = rows.iter().filter(is_asked).collect();
    let mut shards: Vec<((&str, u32), Vec<Value>)> = Vec::new();
    for row in &rows {
        let key = (row.index.as_str(), row.shard.number);
        let shown = copy_shown(&view, &observed, row);
        match shards.iter_mut().find(|(known, _)| *known == key) {
            Some((_, copies)) => copies.push(shown),
            None => shards.push((key, vec![shown])),
        }
    }
    shards.sort_by(|one, other| one.0.cmp(&other.0));
    let shards: Vec<Vec<Value>> = shards.into_iter().map(|(_, copies)| copies).collect();
    Call::ok(json!({"nodes": nodes(&view, &rows), "indices": indices(&view), "shards": shards}))
}

/// Whether a shard holds documents of one of these routing values.
fn is_routed(call: &Call, row: &CopyRow, routing: &[String]) -> bool {
    let index = call.node.indices.of_id(&row.shard.index);
    index.is_some_and(|index| routing.iter().any(|value| index.leads_to(value, row.shard.number as usize)))
}

fn nodes(view: &View, rows: &[&CopyRow]) -> Map<String, Value> {
    let nodes = rows.iter().filter_map(|row| row.node);
    nodes.map(|node| (view.node_id(node).to_owned(), node_shown(view, node))).collect()
}

fn indices(view: &View) -> Map<String, Value> {
    let mut names: Vec<&str> = view.map.indices.values().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    names.into_iter().map(|name| (name.to_owned(), json!({}))).collect()
}
