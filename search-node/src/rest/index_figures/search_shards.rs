//! `_search_shards`: the copies that a search would go to.

use cluster::health::{CopyRow, CopyState};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::meant;
use crate::action::cluster::View;
use crate::action::search::{Manner, Target};
use crate::error::ApiError;
use crate::indices::Searched;
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
    let manner = Manner {
        preference: call.param("preference").map(str::to_owned),
        routing: call.list("routing"),
        ..Manner::default()
    };
    let expression = call.path.get("index").map_or("_all", String::as_str);
    let searched = call.node.indices.resolve_to_search(expression, call.name_options()?, &manner.routing)?;
    let targets = Target::all(&call.node, &searched, &manner)?;
    let observed = observed_if_any(&call).await?;
    let rows = view.rows(&observed);
    let serves = |row: &&CopyRow| matches!(row.state, CopyState::Started | CopyState::Relocating);
    let mut asked: Vec<(usize, &CopyRow)> = rows
        .iter()
        .filter(serves)
        .filter_map(|row| Some((turn_of(row, &targets, manner.preference.is_some())?, row)))
        .collect();
    asked.sort_by_key(|(turn, _)| *turn);
    let rows: Vec<&CopyRow> = asked.into_iter().map(|(_, row)| row).collect();
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
    Call::ok(
        json!({"nodes": nodes(&view, &rows), "indices": indices(&call, expression, &searched)?, "shards": shards}),
    )
}

/// When a copy would be asked, before or after the others of its shard; none where it would not.
fn turn_of(row: &CopyRow, targets: &[Target], is_chosen: bool) -> Option<usize> {
    let is_of = |target: &&Target| {
        target.index.uuid == row.shard.index.0 && target.number == row.shard.number as usize
    };
    let target = targets.iter().find(is_of)?;
    let turn = target.nodes.iter().position(|node| Some(*node) == row.node);
    // A copy that is not known to have everything may be asked by nobody, and is there.
    if is_chosen && !target.nodes.is_empty() { turn } else { turn.or(Some(usize::MAX)) }
}

fn nodes(view: &View, rows: &[&CopyRow]) -> Map<String, Value> {
    let nodes = rows.iter().filter_map(|row| row.node);
    nodes.map(|node| (view.node_id(node).to_owned(), node_shown(view, node))).collect()
}

/// The indices, with the aliases by which they are meant and what these say of them.
fn indices(call: &Call, expression: &str, searched: &[Searched]) -> Result<Map<String, Value>, ApiError> {
    let names = call.node.indices.named(expression, call.name_options()?)?;
    let lookup = call.node.indices.lookup();
    let mut shown = Map::new();
    for Searched { index, filter, .. } in searched {
        let leads_here = |name: &&String| {
            call.node.indices.is_alias(name)
                && lookup.members(name).iter().any(|member| member.uuid == index.uuid)
        };
        let mut aliases: Vec<&String> = names.iter().filter(leads_here).collect();
        aliases.sort_unstable();
        let mut said = json!({});
        if !aliases.is_empty() {
            said["aliases"] = json!(aliases);
        }
        if let Some(filter) = filter {
            said["filter"] = Value::clone(filter);
        }
        shown.insert(index.name.clone(), said);
    }
    shown.sort_keys();
    Ok(shown)
}
