//! `_cat`: tables for people, or JSON for programs. One table a file.

mod aliases;
mod allocation;
mod cell;
mod circuit_breaker;
mod count;
mod empty;
mod fielddata;
mod figures;
mod health;
mod indices;
mod master;
mod node_attributes;
mod nodes;
mod pending_tasks;
mod recovery;
mod segments;
mod shards;
mod table;
mod tasks;
mod templates;
mod thread_pool;

pub(super) use cell::{bytes_shown, span_shown};
use futures::FutureExt;
use http::Method;

pub(super) use table::Shown;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use crate::action::cluster::View;
use crate::error::ApiError;
use crate::indices::NameOptions;

pub(super) const ROUTES: &[&[Route]] = &[
    LIST,
    indices::ROUTES,
    health::ROUTES,
    nodes::ROUTES,
    node_attributes::ROUTES,
    shards::ROUTES,
    allocation::ROUTES,
    master::ROUTES,
    count::ROUTES,
    recovery::ROUTES,
    aliases::ROUTES,
    pending_tasks::ROUTES,
    tasks::ROUTES,
    templates::ROUTES,
    segments::ROUTES,
    thread_pool::ROUTES,
    circuit_breaker::ROUTES,
    empty::ROUTES,
    fielddata::ROUTES,
];

const LIST: &[Route] = &[route(&[Method::GET], "/_cat", &["help", "s"], |_| async { Ok(list()) }.boxed())];

fn list() -> Reply {
    let mut paths: Vec<&str> =
        ROUTES.iter().flat_map(|routes| routes.iter()).map(|route| route.path).collect();
    paths.retain(|path| *path != "/_cat");
    let text = paths.iter().fold("=^.^=\n".to_owned(), |text, path| text + path + "\n");
    Reply::Text(200, text, "text/plain; charset=UTF-8")
}

/// Seconds since 1970 and the time of the day.
fn moment(now_millis: i64) -> (i64, String) {
    let shown = shard::mapping::dates::show(now_millis);
    (now_millis / 1000, shown.get(11..19).unwrap_or_default().to_owned())
}

/// The indices that a table is about, and what is left of the map with them.
fn chosen(call: &Call) -> Result<View, ApiError> {
    let view = View::of(&call.node);
    let indices = view.meant(&call.node, call.path.get("index").map(String::as_str), name_options(call)?)?;
    Ok(view.only(&indices))
}

/// What wildcards find. Tables are for operators: backing indices of data streams belong to them.
fn name_options(call: &Call) -> Result<NameOptions, ApiError> {
    let mut options = call.all_names()?;
    options.expand_hidden |= !call.query.contains_key("expand_wildcards");
    Ok(options)
}
