//! Tables without rows: `_cat/plugins`, `_cat/repositories` and `_cat/snapshots`, of which there are none.

use futures::FutureExt;
use http::Method;

use super::table::{COMMON, Column, Table, number, text};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const GET: &[Method] = &[Method::GET];
const SNAPSHOTS_PARAMS: &[&str] =
    &["bytes", "h", "help", "ignore_unavailable", "local", "master_timeout", "s", "time", "v"];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_cat/plugins", COMMON, |call| async move { empty(PLUGINS, &call) }.boxed()),
    route(GET, "/_cat/repositories", COMMON, |call| async move { empty(REPOSITORIES, &call) }.boxed()),
    route(GET, "/_cat/snapshots", SNAPSHOTS_PARAMS, |call| async move { empty(SNAPSHOTS, &call) }.boxed()),
    route(GET, "/_cat/snapshots/{repository}", SNAPSHOTS_PARAMS, |call| {
        async move { no_repository(&call) }.boxed()
    }),
];

const PLUGINS: &[Column] = &[
    text("id", &[], "unique node id").on_demand(),
    text("name", &["n"], "node name"),
    text("component", &["c"], "component"),
    text("version", &["v"], "component version"),
    text("description", &["d"], "plugin details").on_demand(),
];

const REPOSITORIES: &[Column] =
    &[text("id", &["id", "repoId"], "unique repository id"), text("type", &["t", "type"], "repository type")];

const SNAPSHOTS: &[Column] = &[
    text("id", &["snapshot"], "unique snapshot"),
    text("repository", &["re", "repo"], "repository name"),
    text("status", &["s"], "snapshot name"),
    number("start_epoch", &["ste", "startEpoch"], "start time in seconds since 1970"),
    text("start_time", &["sti", "startTime"], "start time in HH:MM:SS"),
    number("end_epoch", &["ete", "endEpoch"], "end time in seconds since 1970"),
    text("end_time", &["eti", "endTime"], "end time in HH:MM:SS"),
    number("duration", &["dur"], "duration"),
    number("indices", &["i"], "number of indices"),
    number("successful_shards", &["ss"], "number of successful shards"),
    number("failed_shards", &["fs"], "number of failed shards"),
    number("total_shards", &["ts"], "number of total shards"),
    text("reason", &["r"], "reason for failures").on_demand(),
];

/// `_all` repositories are none; any other name is of one that is not there.
fn no_repository(call: &Call) -> Result<Reply, ApiError> {
    let repository = call.part("repository");
    if matches!(repository.as_str(), "_all" | "*") || call.param("help").is_some() {
        return empty(SNAPSHOTS, call);
    }
    Err(ApiError::new(404, "repository_missing_exception", format!("[{repository}] missing")))
}

fn empty(columns: &'static [Column], call: &Call) -> Result<Reply, ApiError> {
    match Table::help(columns, call)? {
        Some(help) => Ok(help),
        None => Table { columns, rows: Vec::new() }.show(call),
    }
}
