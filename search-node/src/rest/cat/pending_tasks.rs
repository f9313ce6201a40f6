//! `_cat/pending_tasks`: changes of the map that wait; there are none, see `_cluster/pending_tasks`.

use futures::FutureExt;
use http::Method;

use super::table::{COMMON, Column, Table, number, text};
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[route(&[Method::GET], "/_cat/pending_tasks", COMMON, |call| {
    async move {
        match Table::help(COLUMNS, &call)? {
            Some(help) => Ok(help),
            None => Table { columns: COLUMNS, rows: Vec::new() }.show(&call),
        }
    }
    .boxed()
})];

const COLUMNS: &[Column] = &[
    number("insertOrder", &["o"], "task insertion order"),
    number("timeInQueue", &["t"], "how long task has been in queue"),
    text("priority", &["p"], "task priority"),
    text("source", &["s"], "task source"),
];
