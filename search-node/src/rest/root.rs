//! `GET /`, `_license`, `/metrics`: who this is.

use daemon::metrics::CONTENT_TYPE;
use futures::FutureExt;
use http::Method;
use serde_json::json;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};

/// The Elasticsearch whose API this is, as clients check it.
pub(super) const COMPATIBLE_VERSION: &str = "7.10.2";

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/", &[], |call| async move { info(&call) }.boxed()),
    route(&[Method::GET], "/_license", &["human", "accept_enterprise", "local"], |_| {
        async { license() }.boxed()
    }),
    route(&[Method::GET], "/_xpack", &["categories", "accept_enterprise"], |_| async { features() }.boxed()),
    route(&[Method::GET], "/metrics", &[], |call| {
        async move { Ok(Reply::Text(200, call.node.metrics.render(), CONTENT_TYPE)) }.boxed()
    }),
];

fn info(call: &Call) -> Result<Reply, crate::error::ApiError> {
    Call::ok(json!({
        "name": call.node.settings.node_name,
        "cluster_name": call.node.settings.cluster_name,
        "cluster_uuid": call.node.identity.cluster_uuid,
        "version": {
            "number": COMPATIBLE_VERSION,
            "build_flavor": "default",
            "build_type": "weir",
            "build_hash": env!("CARGO_PKG_VERSION"),
            "build_date": "2026-11-24T00:00:00.000Z",
            "build_snapshot": false,
            "lucene_version": "8.7.0",
            "minimum_wire_compatibility_version": "6.8.0",
            "minimum_index_compatibility_version": "6.0.0-beta1"
        },
        "tagline": "You Know, for Search"
    }))
}

/// Beats ask for it before they send; everything that is here is free.
fn license() -> Result<Reply, crate::error::ApiError> {
    Call::ok(json!({"license": {
        "status": "active", "uid": "weir", "type": "basic", "issue_date": "2026-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_767_225_600_000_i64, "max_nodes": 1000, "issued_to": "weir", "issuer": "weir",
        "start_date_in_millis": -1
    }}))
}

fn features() -> Result<Reply, crate::error::ApiError> {
    Call::ok(json!({
        "license": {"type": "basic", "mode": "basic", "status": "active"},
        "features": {"ilm": {"available": false, "enabled": false}, "security": {"available": false, "enabled": false}}
    }))
}
