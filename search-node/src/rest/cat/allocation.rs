//! `_cat/allocation`: how many copies each node has, and how full its disk is.

use cluster::health::{CopyRow, CopyState};
use cluster::state::NodeId;
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{Survey, View, chosen_nodes, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, observed_if_any};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/allocation", COMMON, |call| allocation(call).boxed()),
    // Its name lets a part through that begins with a line, such as `_local`.
    route(&[Method::GET], "/_cat/allocation/{id}", COMMON, |call| allocation(call).boxed()),
];

const COLUMNS: &[Column] = &[
    number("shards", &["s"], "number of shards on node"),
    number("disk.indices", &["di", "diskIndices"], "disk used by indices"),
    number("disk.used", &["du", "diskUsed"], "disk used (total, not just by indices)"),
    number("disk.avail", &["da", "diskAvail"], "disk available"),
    number("disk.total", &["dt", "diskTotal"], "total capacity of all volumes"),
    number("disk.percent", &["dp", "diskPercent"], "percent disk used"),
    text("host", &["h"], "host of node"),
    text("ip", &[], "ip of node"),
    text("node", &["n"], "name of node"),
];

async fn allocation(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let copies = view.rows(&*observed_if_any(&call).await?);
    let data_nodes: Vec<NodeId> =
        view.map.data_nodes().map(|(node, _)| node).filter(|node| chosen.contains(node)).collect();
    let survey = survey(&call.node, &view, |node| data_nodes.contains(&node)).await?;
    let mut rows: Vec<Vec<Cell>> =
        data_nodes.iter().map(|node| row(&view, &survey, &copies, *node)).collect();
    let unassigned = copies.iter().filter(|copy| copy.state == CopyState::Unassigned).count();
    if unassigned > 0 {
        let mut row = vec![Cell::Nothing; COLUMNS.len()];
        row[0] = unassigned.into();
        row[COLUMNS.len() - 1] = "UNASSIGNED".into();
        rows.push(row);
    }
    Table { columns: COLUMNS, rows }.show(&call)
}

fn row(view: &View, survey: &Survey, copies: &[CopyRow], node: NodeId) -> Vec<Cell> {
    let there = copies.iter().filter(|copy| copy.node == Some(node) || copy.moves_to == Some(node)).count();
    let figures = survey.nodes.get(&node);
    let held = figures.map(|figures| figures.copies.iter().map(|copy| copy.bytes).sum::<u64>());
    let disk = figures.and_then(|figures| figures.disk);
    let used = disk.map(|(total, free)| total.saturating_sub(free));
    let bytes = |bytes: Option<u64>| bytes.map_or(Cell::Nothing, Cell::Bytes);
    let entry = view.node(node);
    let host = entry.map(|entry| host_of(&entry.transport_address));
    vec![
        there.into(),
        bytes(held),
        bytes(used),
        bytes(disk.map(|(_, free)| free)),
        bytes(disk.map(|(total, _)| total)),
        disk.and_then(|(total, free)| (total.saturating_sub(free).saturating_mul(100)).checked_div(total))
            .into(),
        host.into(),
        host.into(),
        entry.map(|entry| entry.name.as_str()).into(),
    ]
}
