//! Tables of what there is none of: `_cat/plugins`, `_cat/fielddata`, `_cat/repositories`. Everything is built in, columns are read
//! from files, and there are no snapshots.

use futures::FutureExt;
use http::Method;

use super::table::{COMMON, Column, Table, number, text};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const GET: &[Method] = &[Method::GET];
const FIELDDATA_PARAMS: &[&str] = &["bytes", "fields", "h", "help", "local", "s", "time", "v"];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_cat/plugins", COMMON, |call| async move { empty(PLUGINS, &call) }.boxed()),
    route(GET, "/_cat/repositories", COMMON, |call| async move { empty(REPOSITORIES, &call) }.boxed()),
    route(GET, "/_cat/fielddata", FIELDDATA_PARAMS, |call| async move { empty(FIELDDATA, &call) }.boxed()),
    route(GET, "/_cat/fielddata/{fields}", FIELDDATA_PARAMS, |call| {
        async move { empty(FIELDDATA, &call) }.boxed()
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

const FIELDDATA: &[Column] = &[
    text("id", &[], "node id"),
    text("host", &["h"], "host name"),
    text("ip", &[], "ip address"),
    text("node", &["n"], "node name"),
    text("field", &["f"], "field name"),
    number("size", &["s"], "field data usage"),
];

fn empty(columns: &'static [Column], call: &Call) -> Result<Reply, ApiError> {
    match Table::help(columns, call)? {
        Some(help) => Ok(help),
        None => Table { columns, rows: Vec::new() }.show(call),
    }
}
