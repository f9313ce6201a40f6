//! `_cat/thread_pool`: what the pools of each node do, and what they had to refuse.

use cluster::state::NodeEntry;
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{Column, Table, number, text};
use crate::action::cluster::{NodeFigures, View, survey};
use crate::error::ApiError;
use crate::indices::matches;
use crate::pool::PoolFigures;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, port_of};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["h", "help", "local", "master_timeout", "s", "size", "time", "ts", "v", "bytes"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/thread_pool", PARAMS, |call| pools(call).boxed()),
    route(&[Method::GET], "/_cat/thread_pool/{name}", PARAMS, |call| pools(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("node_name", &["nn"], "node name"),
    text("node_id", &["id"], "persistent node id").on_demand(),
    text("ephemeral_node_id", &["eid"], "ephemeral node id").on_demand(),
    number("pid", &["p"], "process id").on_demand(),
    text("host", &["h"], "host name").on_demand(),
    text("ip", &["i"], "ip address").on_demand(),
    number("port", &["po"], "bound transport port").on_demand(),
    text("name", &["n"], "thread pool name"),
    text("type", &["t"], "thread pool type").on_demand(),
    number("active", &["a"], "number of active threads"),
    number("pool_size", &["psz"], "number of threads").on_demand(),
    number("queue", &["q"], "number of tasks currently in queue"),
    number("queue_size", &["qs"], "maximum number of tasks permitted in queue").on_demand(),
    number("rejected", &["r"], "number of rejected tasks"),
    number("largest", &["l"], "highest number of seen active threads").on_demand(),
    number("completed", &["c"], "number of completed tasks").on_demand(),
    number("core", &["cr"], "core number of threads in a scaling thread pool").on_demand(),
    number("max", &["mx"], "maximum number of threads in a scaling thread pool").on_demand(),
    number("size", &["sz"], "number of threads in a fixed thread pool").on_demand(),
    text("keep_alive", &["ka"], "thread keep alive time").on_demand(),
];

async fn pools(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let survey = survey(&call.node, &view, |_| true).await?;
    let asked = call.path.get("name").map(String::as_str);
    let is_asked = |name: &str| {
        asked.is_none_or(|asked| asked.split(',').any(|part| part == "_all" || matches(part.trim(), name)))
    };
    let mut nodes: Vec<(&NodeEntry, &NodeFigures)> =
        survey.nodes.iter().filter_map(|(node, figures)| Some((view.node(*node)?, figures))).collect();
    nodes.sort_by(|one, other| one.0.name.cmp(&other.0.name));
    let rows = nodes.into_iter().flat_map(|(entry, figures)| {
        let mut pools: Vec<&PoolFigures> = figures.pools.iter().filter(|pool| is_asked(&pool.name)).collect();
        pools.sort_by(|one, other| one.name.cmp(&other.name));
        pools.into_iter().map(move |pool| row(entry, figures, pool))
    });
    let rows = rows.collect();
    Table { columns: COLUMNS, rows }.show(&call)
}

fn row(entry: &NodeEntry, figures: &NodeFigures, pool: &PoolFigures) -> Vec<Cell> {
    let host = host_of(&entry.transport_address);
    vec![
        entry.name.as_str().into(),
        entry.data_id.as_str().into(),
        entry.data_id.as_str().into(),
        figures.process.into(),
        host.into(),
        host.into(),
        port_of(&entry.transport_address).map(u32::from).into(),
        pool.name.as_str().into(),
        "fixed".into(),
        pool.active.into(),
        pool.size.into(),
        pool.queued.into(),
        pool.queue_size.into(),
        pool.rejected.into(),
        pool.largest.into(),
        pool.completed.into(),
        // Every pool is fixed, and its threads stay.
        Cell::Nothing,
        Cell::Nothing,
        pool.size.into(),
        Cell::Nothing,
    ]
}
