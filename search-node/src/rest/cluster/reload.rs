//! `_nodes/reload_secure_settings`, `_nodes/…/_repositories_metering`, `_remote/info`: what is asked of every cluster. There is no
//! store of secrets to read again, no repository, and no other cluster.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::node_json::nodes_header;
use crate::action::cluster::{View, chosen_nodes};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::POST], "/_nodes/reload_secure_settings", PARAMS, |call| {
        async move { reload(&call) }.boxed()
    }),
    route(&[Method::POST], "/_nodes/{id}/reload_secure_settings", PARAMS, |call| {
        async move { reload(&call) }.boxed()
    }),
    route(&[Method::GET], "/_nodes/{id}/_repositories_metering", &[], |call| {
        async move { metering(&call) }.boxed()
    }),
    route(&[Method::DELETE], "/_nodes/{id}/_repositories_metering/{version}", &[], |call| {
        async move { clear_metering(&call) }.boxed()
    }),
    route(&[Method::GET], "/_remote/info", PARAMS, |_| async { Call::ok(json!({})) }.boxed()),
];

fn reload(call: &Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let has_password = body.as_object().is_some_and(|body| body.contains_key("secure_settings_password"));
    if has_password {
        let reason = "there is no store of secure settings here, so that it has no password; leave it out";
        return Err(ApiError::argument(reason));
    }
    Call::ok(of_nodes(call, |name| json!({"name": name})))
}

/// Nothing was read from a repository or written to one.
fn metering(call: &Call) -> Result<Reply, ApiError> {
    Call::ok(of_nodes(call, |_| json!([])))
}

fn clear_metering(call: &Call) -> Result<Reply, ApiError> {
    let version = call.part("version");
    if version.parse::<i64>().is_err() {
        return Err(ApiError::argument(format!(
            "Failed to parse parameter [max_archive_version] with value [{version}]: it must be a number"
        )));
    }
    metering(call)
}

/// What is told of each node that is meant, made of its name.
fn of_nodes(call: &Call, tell: impl Fn(&str) -> Value) -> Value {
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let shown = chosen.iter().filter_map(|node| {
        let entry = view.node(*node)?;
        Some((entry.data_id.clone(), tell(&entry.name)))
    });
    json!({
        "_nodes": nodes_header(chosen.len(), 0),
        "cluster_name": call.node.settings.cluster_name,
        "nodes": shown.collect::<Map<String, Value>>()
    })
}
