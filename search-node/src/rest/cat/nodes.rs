//! `_cat/nodes`: the nodes with their figures.

use std::sync::LazyLock;

use cluster::state::{NodeEntry, NodeId};
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::figures::{Of, figures_of};
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{NodeFigures, View, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, port_of, role_letters};
use crate::rest::envelope::Reply;
use crate::rest::index_figures::total_of;
use crate::rest::root::COMPATIBLE_VERSION;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/_cat/nodes", COMMON, |call| nodes(call).boxed())];

const OWN: &[Column] = &[
    text("id", &["nodeId"], "unique node id").on_demand(),
    number("pid", &["p"], "process id").on_demand(),
    text("ip", &["i"], "ip address"),
    number("port", &["po"], "bound transport port").on_demand(),
    text("http_address", &["http"], "bound http address").on_demand(),
    text("version", &["v"], "version of the API").on_demand(),
    text("flavor", &["f"], "distribution flavor").on_demand(),
    text("type", &["t"], "distribution type").on_demand(),
    text("build", &["b"], "version of the build").on_demand(),
    text("jdk", &["j"], "there is none").on_demand(),
    number("disk.total", &["dt", "diskTotal"], "total disk space").on_demand(),
    number("disk.used", &["du", "diskUsed"], "used disk space").on_demand(),
    number("disk.avail", &["d", "da", "disk", "diskAvail"], "available disk space").on_demand(),
    number("disk.used_percent", &["dup", "diskUsedPercent"], "used disk space percentage").on_demand(),
    number("heap.current", &["hc", "heapCurrent"], "memory that the process holds").on_demand(),
    number("heap.percent", &["hp", "heapPercent"], "share of memory.limit that it holds"),
    number("heap.max", &["hm", "heapMax"], "memory.limit").on_demand(),
    number("ram.current", &["rc", "ramCurrent"], "used machine memory").on_demand(),
    number("ram.percent", &["rp", "ramPercent"], "used machine memory ratio"),
    number("ram.max", &["rm", "ramMax"], "total machine memory").on_demand(),
    number("file_desc.current", &["fdc", "fileDescriptorCurrent"], "used file descriptors").on_demand(),
    number("file_desc.percent", &["fdp", "fileDescriptorPercent"], "used file descriptor ratio").on_demand(),
    number("file_desc.max", &["fdm", "fileDescriptorMax"], "max file descriptors").on_demand(),
    number("cpu", &[], "recent cpu usage of the host in percent"),
    number("load_1m", &["l"], "1m load avg"),
    number("load_5m", &["l"], "5m load avg"),
    number("load_15m", &["l"], "15m load avg"),
    number("uptime", &["u"], "node uptime").on_demand(),
    text(
        "node.role",
        &["r", "role", "nodeRole"],
        "m:master eligible node, d:data node, i:ingest node, -:coordinating node only",
    ),
    text("master", &["m"], "*:current master"),
    text("cluster_manager", &["cm"], "*:current cluster manager, which is another word for master")
        .on_demand(),
    text("name", &["n"], "node name"),
    number("script.compilations", &["scrcc", "scriptCompilations"], "script compilations").on_demand(),
    number("script.cache_evictions", &["scrce", "scriptCacheEvictions"], "script cache evictions")
        .on_demand(),
    number(
        "script.compilation_limit_triggered",
        &["scrclt", "scriptCacheCompilationLimitTriggered"],
        "script cache compilation limit triggered",
    )
    .on_demand(),
];

/// The node's own, then the figures of its copies.
static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    OWN.iter().cloned().chain(figures_of(Of::Nodes).map(|figure| figure.column.clone())).collect()
});

async fn nodes(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(&COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let survey = survey(&call.node, &view, |_| true).await?;
    let is_full = call.flag("full_id")?;
    let mut entries: Vec<(&NodeId, &NodeEntry)> = view.map.nodes.iter().collect();
    entries.sort_by(|one, other| one.1.name.cmp(&other.1.name));
    let rows = entries.into_iter().map(|(node, entry)| {
        let is_master = view.master == Some(*node);
        row(entry, survey.nodes.get(node), is_master, is_full)
    });
    Table { columns: &COLUMNS, rows: rows.collect() }.show(&call)
}

fn row(entry: &NodeEntry, figures: Option<&NodeFigures>, is_master: bool, is_full: bool) -> Vec<Cell> {
    let of = |part: &dyn Fn(&NodeFigures) -> Cell| figures.map_or(Cell::Nothing, part);
    let share = |part: u64, whole: u64| Cell::from((part.saturating_mul(100)).checked_div(whole));
    let ram = |node: &NodeFigures| {
        node.host_memory.1.map(|free| (node.host_memory.0.saturating_sub(free), node.host_memory.0))
    };
    let load = |at: usize| of(&|node| node.load.map_or(Cell::Nothing, |load| Cell::Decimal(load[at], 2)));
    let id = if is_full { entry.data_id.as_str() } else { entry.data_id.get(..4).unwrap_or(&entry.data_id) };
    let mut cells = vec![
        id.into(),
        of(&|node| node.process.into()),
        host_of(&entry.transport_address).into(),
        port_of(&entry.transport_address).map(u32::from).into(),
        entry.http_address.as_str().into(),
        COMPATIBLE_VERSION.into(),
        "default".into(),
        Cell::Nothing,
        of(&|node| node.version.as_str().into()),
        Cell::Nothing,
        of(&|node| node.disk.map_or(Cell::Nothing, |(total, _)| Cell::Bytes(total))),
        of(&|node| node.disk.map_or(Cell::Nothing, |(total, free)| Cell::Bytes(total.saturating_sub(free)))),
        of(&|node| node.disk.map_or(Cell::Nothing, |(_, free)| Cell::Bytes(free))),
        of(&|node| {
            let used =
                |(total, free): (u64, u64)| total.saturating_sub(free) as f64 * 100.0 / total.max(1) as f64;
            node.disk.map_or(Cell::Nothing, |disk| Cell::Decimal(used(disk), 2))
        }),
        of(&|node| Cell::Bytes(node.memory.0)),
        of(&|node| share(node.memory.0, node.memory.1)),
        of(&|node| Cell::Bytes(node.memory.1)),
        of(&|node| ram(node).map_or(Cell::Nothing, |(used, _)| Cell::Bytes(used))),
        of(&|node| ram(node).map_or(Cell::Nothing, |(used, total)| share(used, total))),
        of(&|node| Cell::Bytes(node.host_memory.0)),
        of(&|node| node.open_files.into()),
        of(&|node| {
            node.open_files.zip(node.open_files_max).map_or(Cell::Nothing, |(open, most)| share(open, most))
        }),
        of(&|node| node.open_files_max.into()),
        of(&|node| node.cpu.host_percent.into()),
        load(0),
        load(1),
        load(2),
        of(&|node| Cell::Span(node.now_millis - node.started_millis)),
        role_letters(entry).into(),
        (if is_master { "*" } else { "-" }).into(),
        (if is_master { "*" } else { "-" }).into(),
        entry.name.as_str().into(),
        Cell::Nothing,
        Cell::Nothing,
        Cell::Nothing,
    ];
    let copies = figures.map(|node| total_of(&node.copies));
    cells.extend(figures_of(Of::Nodes).map(|figure| copies.as_ref().map_or(Cell::Nothing, figure.cell)));
    cells
}
