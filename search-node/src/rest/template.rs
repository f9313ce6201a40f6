//! Templates: `_index_template`, `_component_template`, `_template`, and what they would make (`_simulate`).

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::blocking;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::{
    ComponentTemplate, IndexTemplate, LegacyTemplate, NewTemplate, Simulated, TemplateKind,
};

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const PUT_POST: &[Method] = &[Method::PUT, Method::POST];
const DELETE: &[Method] = &[Method::DELETE];

const PUTS: &[&str] = &[
    "create",
    "cause",
    "order",
    "master_timeout",
    "cluster_manager_timeout",
    "timeout",
    "include_type_name",
];
const DELETES: &[&str] = &["master_timeout", "cluster_manager_timeout", "timeout"];
const LOOKS: &[&str] = &[
    "flat_settings",
    "local",
    "master_timeout",
    "cluster_manager_timeout",
    "include_type_name",
    "include_defaults",
];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_index_template/_simulate", PUTS, |call| blocking(call, simulate).boxed()),
    route(POST, "/_index_template/_simulate/{name}", PUTS, |call| blocking(call, simulate).boxed()),
    route(POST, "/_index_template/_simulate_index/{name}", PUTS, |call| {
        blocking(call, simulate_index).boxed()
    }),
    route(GET, "/_index_template", LOOKS, |call| blocking(call, index_templates).boxed()),
    route(GET, "/_index_template/{name}", LOOKS, |call| blocking(call, index_templates).boxed()),
    route(PUT_POST, "/_index_template/{name}", PUTS, |call| blocking(call, put_index).boxed()),
    route(DELETE, "/_index_template/{name}", DELETES, |call| {
        blocking(call, |call| delete(call, TemplateKind::Index)).boxed()
    }),
    route(GET, "/_component_template", LOOKS, |call| blocking(call, component_templates).boxed()),
    route(GET, "/_component_template/{name}", LOOKS, |call| blocking(call, component_templates).boxed()),
    route(PUT_POST, "/_component_template/{name}", PUTS, |call| blocking(call, put_component).boxed()),
    route(DELETE, "/_component_template/{name}", DELETES, |call| {
        blocking(call, |call| delete(call, TemplateKind::Component)).boxed()
    }),
    route(GET, "/_template", LOOKS, |call| blocking(call, legacy_templates).boxed()),
    route(GET, "/_template/{name}", LOOKS, |call| blocking(call, legacy_templates).boxed()),
    route(PUT_POST, "/_template/{name}", PUTS, |call| blocking(call, put_legacy).boxed()),
    route(DELETE, "/_template/{name}", DELETES, |call| {
        blocking(call, |call| delete(call, TemplateKind::Legacy)).boxed()
    }),
];

fn put(call: &Call, template: NewTemplate) -> Result<Reply, ApiError> {
    call.node.indices.put_template(&call.part("name"), &template, call.flag("create")?)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn put_index(call: &Call) -> Result<Reply, ApiError> {
    put(call, NewTemplate::Index(IndexTemplate::read(&call.required_json()?)?))
}

fn put_component(call: &Call) -> Result<Reply, ApiError> {
    put(call, NewTemplate::Component(ComponentTemplate::read(&call.required_json()?)?))
}

fn put_legacy(call: &Call) -> Result<Reply, ApiError> {
    let mut template = LegacyTemplate::read(&call.required_json()?)?;
    if let Some(order) = call.long("order")? {
        template.order = order;
    }
    put(call, NewTemplate::Legacy(template))
}

fn delete(call: &Call, kind: TemplateKind) -> Result<Reply, ApiError> {
    call.node.indices.delete_templates(kind, &call.part("name"))?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

/// The templates of a kind that the path names. Composable ones that it names and that are not there are an error.
fn found(call: &Call, kind: TemplateKind) -> Result<Vec<(String, Value)>, ApiError> {
    let name = call.path.get("name").map(String::as_str);
    let mut found = call.node.indices.templates().shown(kind, name);
    let what = match kind {
        TemplateKind::Index => "index",
        TemplateKind::Component => "component",
        TemplateKind::Legacy => "",
    };
    if let Some(name) = name.filter(|name| found.is_empty() && !name.contains('*') && !what.is_empty()) {
        let reason = format!("{what} template matching [{name}] not found");
        return Err(ApiError::new(404, "resource_not_found_exception", reason));
    }
    if call.flag("flat_settings")? {
        for (_, shown) in &mut found {
            let inner = shown.get("template").is_some();
            let settings = if inner { &mut shown["template"]["settings"] } else { &mut shown["settings"] };
            if let Some(index) = settings.get("index").cloned() {
                *settings = flat(&index, "index");
            }
        }
    }
    Ok(found)
}

/// Nested settings by their full names.
fn flat(settings: &Value, prefix: &str) -> Value {
    let mut all = Map::new();
    let mut left = vec![(prefix.to_owned(), settings.clone())];
    while let Some((name, value)) = left.pop() {
        match value {
            Value::Object(members) => {
                left.extend(members.into_iter().rev().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            plain => drop(all.insert(name, plain)),
        }
    }
    Value::Object(all)
}

fn listed(call: &Call, kind: TemplateKind, list: &str, member: &str) -> Result<Reply, ApiError> {
    let found = found(call, kind)?;
    let shown: Vec<Value> =
        found.into_iter().map(|(name, shown)| json!({"name": name, member: shown})).collect();
    // As for one name: a pattern that none fits finds nothing.
    let is_missing = shown.is_empty() && call.path.contains_key("name");
    Ok(Reply::Json(if is_missing { 404 } else { 200 }, json!({list: shown})))
}

fn index_templates(call: &Call) -> Result<Reply, ApiError> {
    listed(call, TemplateKind::Index, "index_templates", "index_template")
}

fn component_templates(call: &Call) -> Result<Reply, ApiError> {
    listed(call, TemplateKind::Component, "component_templates", "component_template")
}

fn legacy_templates(call: &Call) -> Result<Reply, ApiError> {
    let found = found(call, TemplateKind::Legacy)?;
    let is_missing = found.is_empty() && call.path.contains_key("name");
    let status = if is_missing { 404 } else { 200 };
    Ok(Reply::Json(status, Value::Object(found.into_iter().collect())))
}

/// A template in the body of a simulation.
fn body_of(call: &Call) -> Result<Option<IndexTemplate>, ApiError> {
    match call.json()? {
        Value::Null => Ok(None),
        body => IndexTemplate::read(&body).map(Some),
    }
}

fn simulate(call: &Call) -> Result<Reply, ApiError> {
    let name = call.path.get("name").map(String::as_str);
    let simulated = call.node.indices.templates().simulate(name, body_of(call)?)?;
    Call::ok(simulated.to_json())
}

fn simulate_index(call: &Call) -> Result<Reply, ApiError> {
    let simulated = call.node.indices.templates().simulate_index(&call.part("name"), body_of(call)?)?;
    Call::ok(simulated.as_ref().map_or_else(|| json!({}), Simulated::to_json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_shown_by_their_full_names() {
        let nested = json!({"number_of_shards": "1", "translog": {"durability": "async"}});
        let shown = json!({"index.number_of_shards": "1", "index.translog.durability": "async"});
        assert_eq!(flat(&nested, "index"), shown);
    }
}
