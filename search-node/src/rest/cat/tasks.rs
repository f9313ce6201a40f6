//! `_cat/tasks`: what runs, this request included.

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::moment;
use super::table::{Column, Table, number, text};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};
use crate::rest::tasks::{chosen, task_id};
use crate::tasks::TaskKind;

const PARAMS: &[&str] = &[
    "actions",
    "detailed",
    "nodes",
    "node_id",
    "parent_task_id",
    "format",
    "h",
    "v",
    "s",
    "help",
    "time",
    "master_timeout",
];

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/_cat/tasks", PARAMS, |call| async move { tasks(&call) }.boxed())];

const COLUMNS: &[Column] = &[
    text("action", &["ac"], "task action"),
    text("task_id", &["ti"], "unique task id"),
    text("parent_task_id", &["pti"], "parent task id"),
    text("type", &["ty"], "task type"),
    number("start_time", &["start"], "start time in ms"),
    text("timestamp", &["ts", "hms", "hhmmss"], "start time in HH:MM:SS"),
    number("running_time", &["time"], "running time"),
    text("ip", &["i"], "ip address"),
    text("node", &["n"], "node name"),
    text("description", &["desc"], "task action").on_demand(),
];

fn tasks(call: &Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, call)? {
        return Ok(help);
    }
    let node = &call.node;
    let _this = node.tasks.register(TaskKind::ListTasks, String::new(), None, Vec::new());
    let now = node.clock.now_nanos();
    let rows = chosen(call)?.into_iter().map(|task| {
        let started = task.started_nanos / 1_000_000;
        vec![
            task.kind.action().into(),
            task_id(node, task.number).into(),
            task.parent.map_or_else(|| Cell::from("-"), |parent| task_id(node, parent).into()),
            "transport".into(),
            started.into(),
            moment(started).1.into(),
            Cell::Span((now - task.started_nanos) / 1_000_000),
            node.settings.host.to_string().into(),
            node.settings.node_name.as_str().into(),
            task.description.as_str().into(),
        ]
    });
    Table { columns: COLUMNS, rows: rows.collect() }.show(call)
}
