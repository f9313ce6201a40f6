//! `_cat/tasks`: what runs, this request included.

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::moment;
use super::table::{Column, Table, number, text};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::{host_of, port_of};
use crate::rest::envelope::Reply;
use crate::rest::root::COMPATIBLE_VERSION;
use crate::rest::router::{Route, route};
use crate::rest::tasks::{Listed, every_task};

const PARAMS: &[&str] = &[
    "actions",
    "detailed",
    "nodes",
    "node_id",
    "parent_task_id",
    "h",
    "v",
    "s",
    "help",
    "time",
    "master_timeout",
];

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/_cat/tasks", PARAMS, |call| tasks(call).boxed())];

const COLUMNS: &[Column] = &[
    text("id", &[], "id of the task with the node").on_demand(),
    text("action", &["ac"], "task action"),
    text("task_id", &["ti"], "unique task id"),
    text("parent_task_id", &["pti"], "parent task id"),
    text("type", &["ty"], "task type"),
    number("start_time", &["start"], "start time in ms"),
    text("timestamp", &["ts", "hms", "hhmmss"], "start time in HH:MM:SS"),
    number("running_time_ns", &["time"], "running time ns").on_demand(),
    number("running_time", &["time"], "running time"),
    text("node_id", &["ni"], "unique node id").on_demand(),
    text("ip", &["i"], "ip address"),
    number("port", &["po"], "bound transport port").on_demand(),
    text("node", &["n"], "node name"),
    text("version", &["v"], "version of the API").on_demand(),
    text("x_opaque_id", &["x"], "X-Opaque-ID header").on_demand(),
    text("description", &["desc"], "task action").on_demand(),
];

/// What runs on all nodes, this request included.
async fn tasks(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let rows = every_task(&call).await?.into_iter().map(|Listed { node_name, address, task }| {
        let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
        let started = task["start_time_in_millis"].as_i64().unwrap_or_default();
        let nanos = task["running_time_in_nanos"].as_i64().unwrap_or_default();
        vec![
            format!("{}:{}", text("node"), task["id"]).into(),
            text("action").into(),
            format!("{}:{}", text("node"), task["id"]).into(),
            task["parent_task_id"].as_str().unwrap_or("-").into(),
            text("type").into(),
            started.into(),
            moment(started).1.into(),
            nanos.into(),
            Cell::Span(nanos / 1_000_000),
            text("node").into(),
            host_of(&address).into(),
            port_of(&address).map(u32::from).into(),
            node_name.into(),
            COMPATIBLE_VERSION.into(),
            task["headers"]["X-Opaque-Id"].as_str().into(),
            text("description").into(),
        ]
    });
    Table { columns: COLUMNS, rows: rows.collect() }.show(&call)
}
