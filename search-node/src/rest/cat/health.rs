//! `_cat/health`: how well the cluster is, in one line.

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::moment;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::View;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{health_now, pending_zero};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/_cat/health", COMMON, |call| health(call).boxed())];

const COLUMNS: &[Column] = &[
    number("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    text("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    text("cluster", &["cl"], "cluster name"),
    text("status", &["st"], "health status"),
    number("node.total", &["nt", "nodeTotal"], "total number of nodes"),
    number("node.data", &["nd", "nodeData"], "number of nodes that can store data"),
    text("discovered_cluster_manager", &["dcm", "discovered_master", "dm"], "whether a node leads")
        .on_demand(),
    number("shards", &["sh", "shards.total", "shardsTotal"], "total number of shards"),
    number("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards"),
    number("relo", &["r", "shards.relocating", "shardsRelocating"], "number of relocating shards"),
    number("init", &["i", "shards.initializing", "shardsInitializing"], "number of initializing shards"),
    number("unassign", &["u", "shards.unassigned", "shardsUnassigned"], "number of unassigned shards"),
    number("pending_tasks", &["pt", "pendingTasks"], "number of pending tasks"),
    number("max_task_wait_time", &["mtwt", "maxTaskWaitTime"], "wait time of longest task pending"),
    number("active_shards_percent", &["asp", "activeShardsPercent"], "active number of shards in percent"),
];

async fn health(call: Call) -> Result<Reply, ApiError> {
    let is_timed = call.maybe_flag("ts")?.unwrap_or(true);
    let columns = if is_timed { COLUMNS } else { COLUMNS.get(2..).unwrap_or_default() };
    if let Some(help) = Table::help(columns, &call)? {
        return Ok(help);
    }
    let health = health_now(&call).await?;
    let counts = &health.counts;
    let (epoch, time) = moment(call.node.clock.now_millis());
    let mut row: Vec<Cell> = if is_timed { vec![epoch.into(), time.into()] } else { Vec::new() };
    row.extend([
        call.node.settings.cluster_name.as_str().into(),
        health.status.as_str().into(),
        health.nodes.into(),
        health.data_nodes.into(),
        View::of(&call.node).master.is_some().to_string().into(),
        counts.active.into(),
        counts.active_primaries.into(),
        counts.relocating.into(),
        counts.initializing.into(),
        counts.unassigned.into(),
        pending_zero().into(),
        "-".into(),
        Cell::Percent(counts.active_percent()),
    ]);
    Table { columns, rows: vec![row] }.show(&call)
}
