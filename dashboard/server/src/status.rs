//! `GET /api/status`: this program and the search node behind it. Always answered, also when the node is away.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::server::Api;

/// The state of both.
pub(crate) async fn status(State(api): State<Api>) -> Json<Value> {
    let (root, health) = futures::future::join(api.node.get("/"), api.node.get("/_cluster/health")).await;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "node": node(&api.node.hosts(), &root, &health),
    }))
}

fn node(hosts: &str, root: &Result<Value, ApiError>, health: &Result<Value, ApiError>) -> Value {
    match root {
        Ok(root) => json!({
            "reachable": true,
            "address": hosts,
            "name": root.get("name"),
            "cluster": root.get("cluster_name"),
            "version": root.pointer("/version/number"),
            "health": health.as_ref().ok().and_then(|health| health.get("status")),
        }),
        Err(error) => json!({
            "reachable": false,
            "address": hosts,
            "error": error.body()["error"],
        }),
    }
}
