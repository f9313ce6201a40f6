//! `_cat/circuit_breaker`: what each node holds in memory, what it may hold, and how often it refused a request for that.

use cluster::state::NodeEntry;
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{NodeFigures, View, survey};
use crate::error::ApiError;
use crate::indices::matches;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/circuit_breaker", COMMON, |call| breakers(call).boxed()),
    route(&[Method::GET], "/_cat/circuit_breaker/{name}", COMMON, |call| breakers(call).boxed()),
];

/// `memory.limit` is for the node as a whole: the breaker above all others, and there is no other.
const PARENT: &str = "parent";

const COLUMNS: &[Column] = &[
    text("node_id", &["id"], "persistent node id"),
    text("node_name", &["nn"], "node name").on_demand(),
    text("breaker", &["br"], "breaker name"),
    number("limit", &["l"], "memory.limit"),
    number("limit_bytes", &["lb"], "memory.limit in bytes").on_demand(),
    number("estimated", &["e"], "memory that the process holds"),
    number("estimated_bytes", &["eb"], "memory that the process holds in bytes").on_demand(),
    number("tripped", &["t"], "requests that were refused"),
    number("overhead", &["o"], "what estimates are multiplied by").on_demand(),
];

async fn breakers(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let survey = survey(&call.node, &view, |_| true).await?;
    let asked = call.path.get("name").map(String::as_str);
    let is_asked = asked.is_none_or(|asked| asked.split(',').any(|part| matches(part.trim(), PARENT)));
    let mut nodes: Vec<(&NodeEntry, &NodeFigures)> =
        survey.nodes.iter().filter_map(|(node, figures)| Some((view.node(*node)?, figures))).collect();
    nodes.sort_by(|one, other| one.0.name.cmp(&other.0.name));
    let rows = nodes.into_iter().filter(|_| is_asked).map(|(entry, figures)| row(entry, figures));
    let rows = rows.collect();
    Table { columns: COLUMNS, rows }.show(&call)
}

fn row(entry: &NodeEntry, figures: &NodeFigures) -> Vec<Cell> {
    let (held, limit) = figures.memory;
    vec![
        entry.data_id.as_str().into(),
        entry.name.as_str().into(),
        PARENT.into(),
        Cell::Bytes(limit),
        limit.into(),
        Cell::Bytes(held),
        held.into(),
        figures.refused_memory.into(),
        Cell::Decimal(1.0, 1),
    ]
}
