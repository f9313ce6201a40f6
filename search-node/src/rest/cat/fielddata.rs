//! `_cat/fielddata`: what each node keeps in memory of each field.

use std::collections::BTreeMap;

use cluster::state::NodeEntry;
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{Column, Table, number, text};
use crate::action::cluster::{FiguresWish, NodeFigures, View, survey_with};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::host_of;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["bytes", "fields", "h", "help", "local", "s", "time", "v"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/fielddata", PARAMS, |call| fielddata(call).boxed()),
    route(&[Method::GET], "/_cat/fielddata/{fields}", PARAMS, |call| fielddata(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("id", &[], "node id"),
    text("host", &["h"], "host name"),
    text("ip", &[], "ip address"),
    text("node", &["n"], "node name"),
    text("field", &["f"], "field name"),
    number("size", &["s"], "field data usage"),
];

async fn fielddata(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let asked = call.path.get("fields").map(String::as_str).or(call.param("fields"));
    let wish = FiguresWish { fielddata_of: Some(asked.unwrap_or("*").to_owned()), ..FiguresWish::default() };
    let survey = survey_with(&call.node, &view, wish, |_| true).await?;
    let mut nodes: Vec<(&NodeEntry, &NodeFigures)> =
        survey.nodes.iter().filter_map(|(node, figures)| Some((view.node(*node)?, figures))).collect();
    nodes.sort_by(|one, other| one.0.name.cmp(&other.0.name));
    let rows = nodes.into_iter().flat_map(|(entry, figures)| {
        by_field(figures).into_iter().map(|(field, bytes)| row(entry, field, bytes)).collect::<Vec<_>>()
    });
    let rows = rows.collect();
    Table { columns: COLUMNS, rows }.show(&call)
}

/// What the copies of a node keep together.
fn by_field(figures: &NodeFigures) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for (field, bytes) in figures.copies.iter().flat_map(|copy| &copy.fielddata) {
        *sums.entry(field.as_str()).or_default() += bytes;
    }
    sums
}

fn row(entry: &NodeEntry, field: &str, bytes: u64) -> Vec<Cell> {
    let host = host_of(&entry.transport_address);
    vec![
        entry.data_id.as_str().into(),
        host.into(),
        host.into(),
        entry.name.as_str().into(),
        field.into(),
        Cell::Bytes(bytes),
    ]
}
