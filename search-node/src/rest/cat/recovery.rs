//! `_cat/recovery`: copies that are filled, and that were, and how far they are.

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::chosen;
use super::table::{Column, Table, number, text};
use crate::action::cluster::View;
use crate::error::ApiError;
use crate::replication::{Portion, Recovery, RecoveryStage};
use crate::rest::call::Call;
use crate::rest::cluster::{RecoveryRow, host_of, recovery_rows};
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &[
    "active_only",
    "bytes",
    "detailed",
    "expand_wildcards",
    "format",
    "h",
    "help",
    "index",
    "s",
    "time",
    "v",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/recovery", PARAMS, |call| recovery(call).boxed()),
    route(&[Method::GET], "/_cat/recovery/{index}", PARAMS, |call| recovery(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("index", &["i", "idx"], "index name"),
    number("shard", &["s", "sh"], "shard name"),
    number("start_time", &["start"], "recovery start time").on_demand(),
    number("start_time_millis", &["start_millis"], "recovery start time in epoch milliseconds").on_demand(),
    number("stop_time", &["stop"], "recovery stop time").on_demand(),
    number("stop_time_millis", &["stop_millis"], "recovery stop time in epoch milliseconds").on_demand(),
    number("time", &["t", "ti"], "recovery time"),
    text("type", &["ty"], "recovery type"),
    text("stage", &["st"], "recovery stage"),
    text("source_host", &["shost"], "source host"),
    text("source_node", &["snode"], "source node name"),
    text("target_host", &["thost"], "target host"),
    text("target_node", &["tnode"], "target node name"),
    text("repository", &["rep"], "repository"),
    text("snapshot", &["snap"], "snapshot"),
    number("files", &["f"], "number of files to recover"),
    number("files_recovered", &["fr"], "files recovered"),
    number("files_percent", &["fp"], "percent of files recovered"),
    number("files_total", &["tf"], "total number of files"),
    number("bytes", &["b"], "number of bytes to recover"),
    number("bytes_recovered", &["br"], "bytes recovered"),
    number("bytes_percent", &["bp"], "percent of bytes recovered"),
    number("bytes_total", &["tb"], "total number of bytes"),
    number("translog_ops", &["to"], "number of translog ops to recover"),
    number("translog_ops_recovered", &["tor"], "translog ops recovered"),
    number("translog_ops_percent", &["top"], "percent of translog ops recovered"),
];

async fn recovery(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = chosen(&call)?;
    let rows = recovery_rows(&call, &view, call.flag("active_only")?).await?;
    let rows = rows.iter().map(|row| cells(&view, row)).collect();
    Table { columns: COLUMNS, rows }.show(&call)
}

fn cells(view: &View, row: &RecoveryRow) -> Vec<Cell> {
    let recovery = row.recovery.as_ref();
    let of = |portion: fn(&Recovery) -> Portion| recovery.map_or_else(Portion::default, portion);
    let (files, bytes, operations) = (of(|r| r.files), of(|r| r.bytes), of(|r| r.operations));
    let source = recovery.and_then(|recovery| view.node(recovery.source));
    let target = row.copy.node.and_then(|node| view.node(node));
    let unknown = || Cell::from("n/a");
    let (began, stopped) = (
        recovery.map(|recovery| recovery.began_millis),
        recovery.filter(|_| row.stage == RecoveryStage::Done).map(Recovery::stopped_millis),
    );
    vec![
        row.copy.index.as_str().into(),
        row.copy.shard.number.into(),
        began.map(shard::mapping::dates::show).into(),
        began.into(),
        stopped.map(shard::mapping::dates::show).into(),
        stopped.into(),
        recovery.map_or(Cell::Nothing, |recovery| Cell::Span(recovery.took_millis as i64)),
        row.source.to_ascii_lowercase().into(),
        row.stage.as_str().into(),
        source.map_or_else(unknown, |source| host_of(&source.transport_address).into()),
        source.map_or_else(unknown, |source| source.name.as_str().into()),
        target.map_or_else(unknown, |target| host_of(&target.transport_address).into()),
        target.map_or_else(unknown, |target| target.name.as_str().into()),
        unknown(),
        unknown(),
        files.wanted().into(),
        files.recovered.into(),
        Cell::Percent(files.percent()),
        files.total.into(),
        Cell::Bytes(bytes.wanted()),
        Cell::Bytes(bytes.recovered),
        Cell::Percent(bytes.percent()),
        Cell::Bytes(bytes.total),
        operations.total.into(),
        operations.recovered.into(),
        Cell::Percent(operations.percent()),
    ]
}
