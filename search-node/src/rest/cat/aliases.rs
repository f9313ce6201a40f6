//! `_cat/aliases`: the other names of indices.

use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, text};
use crate::error::ApiError;
use crate::indices::{Alias, matches};
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
    let asked = call.path.get("name").map(String::as_str);
    let lookup = call.node.indices.lookup();
    let mut rows: Vec<[String; 6]> = Vec::new();
    for (name, members) in lookup.aliases.iter().filter(|(name, _)| is_asked(asked, name)) {
        rows.extend(members.iter().map(|(index, alias)| row(name, &index.name, alias)));
    }
    rows.sort();
    let rows = rows.into_iter().map(|row| row.map(Cell::from).into());
    Table { columns: COLUMNS, rows: rows.collect() }.show(&call)
}

fn is_asked(asked: Option<&str>, alias: &str) -> bool {
    asked
        .is_none_or(|asked| asked.split(',').any(|part| part.trim() == "_all" || matches(part.trim(), alias)))
}

fn row(name: &str, index: &str, alias: &Alias) -> [String; 6] {
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let filter = if alias.filter.is_some() { "*" } else { "-" };
    let is_write = alias.is_write_index.map(|is_write| is_write.to_string());
    [
        name.to_owned(),
        index.to_owned(),
        filter.to_owned(),
        shown(&alias.index_routing),
        shown(&alias.search_routing),
        shown(&is_write),
    ]
}
