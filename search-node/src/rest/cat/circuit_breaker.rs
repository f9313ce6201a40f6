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

/// `memory.limit` is for the node as a whole: the breaker above all others.
const PARENT: &str = "parent";
/// `search.max_open_scroll_size` is for the scrolls that are held.
const SCROLL: &str = "scroll";

const COLUMNS: &[Column] = &[
    text("node_id", &["id"], "persistent node id"),
    text("node_name", &["nn"], "node name").on_demand(),
    text("breaker", &["br"], "breaker name"),
    number("limit", &["l"], "what it may be"),
    number("limit_bytes", &["lb"], "what it may be in bytes").on_demand(),
    number("estimated", &["e"], "memory that the process or the scrolls hold"),
    number("estimated_bytes", &["eb"], "memory that the process or the scrolls hold in bytes").on_demand(),
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
    let is_asked =
        |name: &str| asked.is_none_or(|asked| asked.split(',').any(|part| matches(part.trim(), name)));
    let mut nodes: Vec<(&NodeEntry, &NodeFigures)> =
        survey.nodes.iter().filter_map(|(node, figures)| Some((view.node(*node)?, figures))).collect();
    nodes.sort_by(|one, other| one.0.name.cmp(&other.0.name));
    let mut rows = Vec::new();
    for (entry, figures) in nodes {
        let (held, limit) = figures.memory;
        let scrolls = figures.scrolls;
        let all = [
            (PARENT, limit, held, figures.refused_memory),
            (SCROLL, scrolls.limit, scrolls.held, scrolls.refused),
        ];
        rows.extend(all.into_iter().filter(|(name, ..)| is_asked(name)).map(|breaker| row(entry, breaker)));
    }
    Table { columns: COLUMNS, rows }.show(&call)
}

fn row(entry: &NodeEntry, (name, limit, held, refused): (&'static str, u64, u64, u64)) -> Vec<Cell> {
    vec![
        entry.data_id.as_str().into(),
        entry.name.as_str().into(),
        name.into(),
        Cell::Bytes(limit),
        limit.into(),
        Cell::Bytes(held),
        held.into(),
        refused.into(),
        Cell::Decimal(1.0, 1),
    ]
}
