//! `_shrink`, `_split` and `_clone`: an index made with the documents of another one.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::json;

use super::call::Call;
use super::cluster::{span, wait_led};
use super::envelope::Reply;
use super::router::{Route, route};
use crate::action::cluster::wait_active;
use crate::action::resize::resize;
use crate::error::ApiError;
use crate::indices::{Resize, ResizeWish};

const METHODS: &[Method] = &[Method::PUT, Method::POST];
const PARAMS: &[&str] = &["copy_settings", "master_timeout", "timeout", "wait_for_active_shards"];

// The name of the new index lets a part through that begins with a line, which is refused as a name then.
pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/{index}/_shrink/{id}", PARAMS, |call| answer(call, Resize::Shrink).boxed()),
    route(METHODS, "/{index}/_split/{id}", PARAMS, |call| answer(call, Resize::Split).boxed()),
    route(METHODS, "/{index}/_clone/{id}", PARAMS, |call| answer(call, Resize::Clone).boxed()),
];

async fn answer(call: Call, kind: Resize) -> Result<Reply, ApiError> {
    wait_led(&call).await?;
    if call.maybe_flag("copy_settings")? == Some(false) {
        return Err(ApiError::argument("parameter [copy_settings] can not be explicitly set to [false]"));
    }
    let wish = ResizeWish::read(kind, call.part("index"), call.part("id"), &call.json()?)?;
    let wanted = call.active_copies()?.unwrap_or_default();
    let within = span(&call, "timeout")?;
    let node = Arc::clone(&call.node);
    let made = resize(&node, wish).await?;
    let acknowledged = node.write_pool.go_on(move || call.is_followed_by_all()).await?;
    let is_active = wait_active(&node, &made.uuid, wanted, within).await;
    Call::ok(json!({"acknowledged": acknowledged, "shards_acknowledged": is_active, "index": made.name}))
}
