//! `_cat/recovery`: copies that are filled, and that were. How far they are is not told yet, nor how long it took.

use cluster::health::CopyState;
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::chosen;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::survey;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, observed_if_any, recovery_source};
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
    route(&[Method::GET], "/_cat/recovery/{index}", COMMON, |call| recovery(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("index", &["i", "idx"], "index name"),
    number("shard", &["s", "sh"], "shard name"),
    number("time", &["t", "ti"], "recovery time"),
    text("type", &["ty"], "recovery type"),
    text("stage", &["st"], "recovery stage"),
    text("source_host", &["shost"], "source host"),
    text("source_node", &["snode"], "source node name"),
    text("target_host", &["thost"], "target host"),
    text("target_node", &["tnode"], "target node name"),
    text("repository", &["rep"], "repository"),
    text("snapshot", &["snap"], "snapshot"),
    number("bytes_total", &["tb"], "total number of bytes"),
];

async fn recovery(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let is_active_only = call.flag("active_only")?;
    let view = chosen(&call)?;
    let copies = view.rows(&*observed_if_any(&call).await?);
    let survey = survey(&call.node, &view, |_| true).await?;
    let mut rows = Vec::new();
    for copy in &copies {
        let is_active = copy.state == CopyState::Initializing;
        let Some(entry) = copy.node.and_then(|node| view.node(node)) else { continue };
        if is_active_only && !is_active {
            continue;
        }
        let primary =
            copies.iter().find(|other| other.shard == copy.shard && other.is_primary && !copy.is_primary);
        let source = primary.and_then(|primary| view.node(primary.node?));
        let bytes = copy.node.and_then(|node| survey.copy(node, &copy.shard)).map(|figures| figures.bytes);
        let unknown = || Cell::from("n/a");
        rows.push(vec![
            copy.index.as_str().into(),
            copy.shard.number.into(),
            Cell::Nothing,
            recovery_source(&view, copy).to_ascii_lowercase().into(),
            (if is_active { "index" } else { "done" }).into(),
            source.map_or_else(unknown, |source| host_of(&source.transport_address).into()),
            source.map_or_else(unknown, |source| source.name.as_str().into()),
            host_of(&entry.transport_address).into(),
            entry.name.as_str().into(),
            unknown(),
            unknown(),
            bytes.map_or(Cell::Nothing, Cell::Bytes),
        ]);
    }
    Table { columns: COLUMNS, rows }.show(&call)
}
