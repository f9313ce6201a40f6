//! `_cat/templates` and `_cat/component_templates`.

use futures::FutureExt;
use http::Method;
use serde_json::Value;

use super::table::{COMMON, Column, Table, number, text};
use crate::error::ApiError;
use crate::indices::TemplateKind;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const GET: &[Method] = &[Method::GET];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_cat/templates", COMMON, |call| templates(call).boxed()),
    route(GET, "/_cat/templates/{name}", COMMON, |call| templates(call).boxed()),
    route(GET, "/_cat/component_templates", COMMON, |call| components(call).boxed()),
    route(GET, "/_cat/component_templates/{name}", COMMON, |call| components(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("name", &["n"], "template name"),
    text("index_patterns", &["t"], "template index patterns"),
    text("order", &["o", "p"], "template application order/priority number"),
    text("version", &["v"], "version"),
    text("composed_of", &["c"], "component templates comprising index template"),
];

const COMPONENT_COLUMNS: &[Column] = &[
    text("name", &["n"], "component template name"),
    text("version", &["v"], "version"),
    number("alias_count", &["a"], "alias count"),
    number("mapping_count", &["m"], "mapping count"),
    number("settings_count", &["s"], "settings count"),
    number("metadata_count", &["me"], "metadata count"),
    text("included_in", &["i"], "included in"),
];

fn named(call: &Call) -> Option<&str> {
    call.path.get("name").map(String::as_str)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `[a, b]`
fn list(value: &Value) -> String {
    let items: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("[{}]", items.join(", "))
}

async fn templates(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let templates = call.node.indices.templates();
    let legacy = templates.shown(TemplateKind::Legacy, named(&call)).into_iter().map(|(name, one)| {
        let order = shown(&one["order"]);
        vec![
            name.into(),
            list(&one["index_patterns"]).into(),
            order.into(),
            shown(&one["version"]).into(),
            "".into(),
        ]
    });
    let composable = templates.shown(TemplateKind::Index, named(&call)).into_iter().map(|(name, one)| {
        let priority = one["priority"].as_i64().unwrap_or(0).to_string();
        vec![
            name.into(),
            list(&one["index_patterns"]).into(),
            priority.into(),
            shown(&one["version"]).into(),
            list(&one["composed_of"]).into(),
        ]
    });
    Table { columns: COLUMNS, rows: legacy.chain(composable).collect() }.show(&call)
}

async fn components(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COMPONENT_COLUMNS, &call)? {
        return Ok(help);
    }
    let templates = call.node.indices.templates();
    let rows = templates.shown(TemplateKind::Component, named(&call)).into_iter().map(|(name, one)| {
        let users = templates.indices.iter().filter(|(_, user)| user.composed_of.contains(&name));
        let users: Vec<&str> = users.map(|(user, _)| user.as_str()).collect();
        let count = |value: &Value| value.as_object().map_or(0, serde_json::Map::len);
        let body = &one["template"];
        vec![
            name.into(),
            shown(&one["version"]).into(),
            count(&body["aliases"]).into(),
            count(&body["mappings"]["properties"]).into(),
            count(&body["settings"]["index"]).into(),
            count(&one["_meta"]).into(),
            format!("[{}]", users.join(", ")).into(),
        ]
    });
    Table { columns: COMPONENT_COLUMNS, rows: rows.collect() }.show(&call)
}
