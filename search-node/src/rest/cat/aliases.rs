//! `_cat/aliases`: the other names of indices.

use cluster::state::IndexEntry;
use futures::FutureExt;
use http::Method;
use serde_json::Value;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, text};
use crate::action::cluster::{View, part_of};
use crate::error::ApiError;
use crate::indices::matches;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/aliases", COMMON, |call| aliases(call).boxed()),
    route(&[Method::GET], "/_cat/aliases/{name}", COMMON, |call| aliases(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("alias", &["a"], "alias name"),
    text("index", &["i", "idx"], "index alias points to"),
    text("filter", &["f", "fi"], "filter"),
    text("routing.index", &["ri", "routingIndex"], "index routing"),
    text("routing.search", &["rs", "routingSearch"], "search routing"),
    text("is_write_index", &["w", "isWriteIndex"], "write index"),
];

async fn aliases(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let view = View::of(&call.node);
    let asked = call.path.get("name").map(String::as_str);
    let mut rows: Vec<[String; 3]> =
        view.map.indices.values().flat_map(|entry| of_index(entry, asked)).collect();
    rows.sort();
    let rows = rows.into_iter().map(|[alias, index, is_write]| {
        let none = || Cell::from("-");
        vec![alias.into(), index.into(), none(), none(), none(), is_write.into()]
    });
    Table { columns: COLUMNS, rows: rows.collect() }.show(&call)
}

fn of_index(entry: &IndexEntry, asked: Option<&str>) -> Vec<[String; 3]> {
    let Value::Object(aliases) = part_of(entry, "aliases") else { return Vec::new() };
    let is_asked = |alias: &str| {
        asked.is_none_or(|asked| {
            asked.split(',').any(|part| matches!(part.trim(), "_all" | "*") || matches(part.trim(), alias))
        })
    };
    let shown = aliases.iter().filter(|(alias, _)| is_asked(alias)).map(|(alias, options)| {
        let is_write =
            options["is_write_index"].as_bool().map_or("-".to_owned(), |is_write| is_write.to_string());
        [alias.clone(), entry.name.clone(), is_write]
    });
    shown.collect()
}
