//! `_nodes/reload_secure_settings`, `_remote/info`: what is asked of every cluster. There is no store of secrets to read again, and
//! no other cluster.

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
    route(&[Method::GET], "/_remote/info", PARAMS, |_| async { Call::ok(json!({})) }.boxed()),
];

fn reload(call: &Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let has_password = body.as_object().is_some_and(|body| body.contains_key("secure_settings_password"));
    if has_password {
        let reason = "there is no store of secure settings here, so that it has no password; leave it out";
        return Err(ApiError::argument(reason));
    }
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let shown = chosen.iter().filter_map(|node| {
        let entry = view.node(*node)?;
        Some((entry.data_id.clone(), json!({"name": entry.name})))
    });
    Call::ok(json!({
        "_nodes": nodes_header(chosen.len(), 0),
        "cluster_name": call.node.settings.cluster_name,
        "nodes": shown.collect::<Map<String, Value>>()
    }))
}
