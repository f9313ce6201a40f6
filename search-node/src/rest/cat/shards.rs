//! `_cat/shards`: every copy, where it is, and what it holds.

use std::sync::LazyLock;

use cluster::health::{CopyRow, CopyState};
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::chosen;
use super::figures::{Of, figures_of};
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{Survey, View, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, observed_if_any, recovery_source};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/shards", COMMON, |call| shards(call).boxed()),
    route(&[Method::GET], "/_cat/shards/{index}", COMMON, |call| shards(call).boxed()),
];

const OWN: &[Column] = &[
    text("index", &["i", "idx"], "index name"),
    number("shard", &["s", "sh"], "shard name"),
    text("prirep", &["p", "pr", "primaryOrReplica"], "primary or replica"),
    text("state", &["st"], "shard state"),
    number("docs", &["d", "dc"], "number of docs in shard"),
    number("store", &["sto"], "store size of shard (how much disk it uses)"),
    text("ip", &[], "ip of node where it lives"),
    text("id", &[], "unique id of node where it lives").on_demand(),
    text("node", &["n"], "name of node where it lives"),
    text("sync_id", &[], "sync id").on_demand(),
    text("unassigned.reason", &["ur"], "reason shard is unassigned").on_demand(),
    text("unassigned.at", &["ua"], "time shard became unassigned (UTC)").on_demand(),
    number("unassigned.for", &["uf"], "time has been unassigned").on_demand(),
    text("unassigned.details", &["ud"], "additional details as to why the shard became unassigned")
        .on_demand(),
    text("recoverysource.type", &["rs"], "recovery source type").on_demand(),
    text("path.data", &["pd", "dataPath"], "shard data path").on_demand(),
    text("path.state", &["ps", "statsPath"], "shard state path").on_demand(),
];

/// The copy's own, then its figures.
static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    OWN.iter().cloned().chain(figures_of(Of::Shards).map(|figure| figure.column.clone())).collect()
});

async fn shards(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(&COLUMNS, &call)? {
        return Ok(help);
    }
    let view = chosen(&call)?;
    let observed = observed_if_any(&call).await?;
    let rows = view.rows(&observed);
    let survey = survey(&call.node, &view, |node| rows.iter().any(|row| row.node == Some(node))).await?;
    let now = call.node.clock.now_millis();
    let rows = rows.iter().map(|copy| row(&view, &survey, copy, now)).collect();
    Table { columns: &COLUMNS, rows }.show(&call)
}

fn row(view: &View, survey: &Survey, row: &CopyRow, now_millis: i64) -> Vec<Cell> {
    let figures = row.node.and_then(|node| survey.copy(node, &row.shard));
    // What is filled yet says nothing of the shard.
    let figures = figures.filter(|_| row.state != CopyState::Initializing);
    let entry = row.node.and_then(|node| view.node(node));
    let name = entry.map(|entry| match row.moves_to.and_then(|to| Some((to, view.node(to)?))) {
        Some((to, target)) => {
            let address = host_of(&target.transport_address);
            format!("{} -> {address} {} {}", entry.name, view.node_id(to), target.name)
        }
        None => entry.name.clone(),
    });
    let since = row.unassigned_since_millis;
    let unassigned = row.unassigned.as_ref();
    let is_there = matches!(row.state, CopyState::Started | CopyState::Relocating);
    let mut cells = vec![
        row.index.as_str().into(),
        row.shard.number.into(),
        (if row.is_primary { "p" } else { "r" }).into(),
        row.state.as_str().into(),
        figures.map(|figures| figures.documents).into(),
        figures.map_or(Cell::Nothing, |figures| Cell::Bytes(figures.bytes)),
        entry.map(|entry| host_of(&entry.transport_address)).into(),
        row.node.map(|node| view.node_id(node)).into(),
        name.into(),
        Cell::Nothing,
        unassigned.map(|unassigned| unassigned.reason.as_str()).into(),
        since.map(shard::mapping::dates::show).into(),
        since.map_or(Cell::Nothing, |since| Cell::Span((now_millis - since).max(0))),
        unassigned.and_then(|unassigned| unassigned.details.clone()).into(),
        (!is_there).then(|| recovery_source(view, row).to_ascii_lowercase()).into(),
        Cell::Nothing,
        Cell::Nothing,
    ];
    cells.extend(figures_of(Of::Shards).map(|figure| figures.map_or(Cell::Nothing, figure.cell)));
    cells
}
