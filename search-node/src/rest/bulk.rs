//! `_bulk`, typed and typeless.

use futures::FutureExt;
use http::Method;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use crate::action::bulk::{BulkOptions, bulk};
use crate::error::ApiError;

const METHODS: &[Method] = &[Method::POST, Method::PUT];
const PARAMS: &[&str] =
    &["refresh", "routing", "wait_for_active_shards", "require_alias", "_source", "type", "index"];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_bulk", PARAMS, |call| run(call).boxed()),
    route(METHODS, "/{index}/_bulk", PARAMS, |call| run(call).boxed()),
    route(METHODS, "/{index}/{type}/_bulk", PARAMS, |call| run(call).boxed()),
];

async fn run(call: Call) -> Result<Reply, ApiError> {
    let options = BulkOptions {
        index: call.path.get("index").cloned(),
        doc_type: call.path.get("type").cloned(),
        routing: call.param("routing").map(str::to_owned),
        refresh: call.wants_refresh()?,
        require_alias: call.flag("require_alias")?,
    };
    let pool = call.node.write_pool.clone();
    let started = call.node.clock.now_millis();
    pool.run(move || {
        let answer = bulk(&call.node, &call.body, &options)?;
        let took = call.node.clock.now_millis() - started;
        let mut body = format!("{{\"took\":{took},\"errors\":{},\"items\":[", answer.errors).into_bytes();
        body.extend_from_slice(&answer.items);
        body.extend_from_slice(b"]}");
        Ok(Reply::Written(200, body))
    })
    .await
}
