//! `_search/template` and `_render/template`: searches as templates in mustache, given or stored.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search;
use crate::action::search_template::{SearchTemplate, as_json};
use crate::error::ApiError;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "allow_partial_search_results",
    "ccs_minimize_roundtrips",
    "expand_wildcards",
    "explain",
    "ignore_throttled",
    "ignore_unavailable",
    "preference",
    "profile",
    "rest_total_hits_as_int",
    "routing",
    "scroll",
    "search_type",
    "typed_keys",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_search/template", PARAMS, |call| search(call).boxed()),
    route(METHODS, "/{index}/_search/template", PARAMS, |call| search(call).boxed()),
    route(METHODS, "/{index}/{type}/_search/template", PARAMS, |call| search(call).boxed()),
    route(METHODS, "/_render/template", &[], |call| render(call).boxed()),
    route(METHODS, "/_render/template/{id}", &[], |call| render(call).boxed()),
];

fn read(call: &Call) -> Result<SearchTemplate, ApiError> {
    match call.json()? {
        Value::Null => {
            Err(ApiError::new(400, "parse_exception", "request body or source parameter is required"))
        }
        body => SearchTemplate::read(&body),
    }
}

/// Templates are worked out among the searches: what they may take is bounded, yet not nothing.
async fn search(mut call: Call) -> Result<Reply, ApiError> {
    let (template, node) = (read(&call)?, Arc::clone(&call.node));
    template.check()?;
    // Whoever holds one promise and waits for another one may wait for ever.
    drop(call.reserved.take());
    let written = move || {
        let (body, reserved) = template.search(&node)?;
        Ok((Bytes::from(body.to_string()), reserved))
    };
    let (body, reserved) = call.node.search_pool.run(written).await?;
    (call.body, call.reserved) = (body, Some(reserved));
    search::run_search(call).await
}

async fn render(call: Call) -> Result<Reply, ApiError> {
    let mut template = match call.path.get("id") {
        Some(_) if call.body.is_empty() => SearchTemplate::default(),
        _ => read(&call)?,
    };
    if let Some(id) = call.path.get("id") {
        template.id = Some(id.clone());
    }
    let node = Arc::clone(&call.node);
    let text = call.node.search_pool.run(move || template.render(&node)).await?;
    Call::ok(json!({"template_output": as_json(&text)?}))
}
