//! `_cat/count`: how many documents there are.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;

use super::table::{COMMON, Column, Table, number, text};
use super::{moment, name_options};
use crate::action::search::{Manner, Scope, count_matches};
use crate::error::ApiError;
use crate::indices::NameOptions;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};
use crate::rest::search::as_task;

/// Clients of version 9.5 ask by POST.
const METHODS: &[Method] = &[Method::GET, Method::POST];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_cat/count", COMMON, |call| count(call).boxed()),
    route(METHODS, "/_cat/count/{index}", COMMON, |call| count(call).boxed()),
];

const COLUMNS: &[Column] = &[
    number("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    text("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    number("count", &["dc", "docs.count", "docsCount"], "the document count"),
];

async fn count(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let node = Arc::clone(&call.node);
    let counted = as_task(call.again(), |call, task| {
        let indices = call.path.get("index").cloned().unwrap_or_else(|| "_all".to_owned());
        let options = NameOptions {
            refuses_closed: true,
            expand_hidden: name_options(call)?.expand_hidden,
            ..call.name_options()?
        };
        let scope = Scope { indices, options, doc_type: None };
        // A number without a shard would look like any other.
        let manner = Manner { allows_partial: false, ..Manner::default() };
        Call::ok(count_matches(&call.node, &scope, &call.json()?, None, None, &manner, task)?)
    });
    let Reply::Json(_, counted) = counted.await? else {
        return Err(ApiError::internal("a count has no body"));
    };
    let documents = counted["count"].as_u64().unwrap_or_default();
    let (epoch, time) = moment(node.clock.now_millis());
    Table { columns: COLUMNS, rows: vec![vec![epoch.into(), time.into(), documents.into()]] }.show(&call)
}
