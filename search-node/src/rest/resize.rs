//! `_shrink`, `_split` and `_clone`: an index made with the documents of another one.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::cluster::{span, wait_led};
use super::envelope::Reply;
use super::later::now_or_later;
use super::router::{Route, route};
use crate::action::cluster::wait_active;
use crate::action::resize::resize;
use crate::error::ApiError;
use crate::indices::{Resize, ResizeWish};
use crate::tasks::TaskKind;

const METHODS: &[Method] = &[Method::PUT, Method::POST];
const PARAMS: &[&str] =
    &["copy_settings", "master_timeout", "timeout", "wait_for_active_shards", "wait_for_completion"];

// The name of the new index lets a part through that begins with a line, which is refused as a name then.
pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/{index}/_shrink/{id}", PARAMS, |call| {
        answer(call, "shrink", |call| make(call, Resize::Shrink).boxed()).boxed()
    }),
    route(METHODS, "/{index}/_split/{id}", PARAMS, |call| {
        answer(call, "split", |call| make(call, Resize::Split).boxed()).boxed()
    }),
    route(METHODS, "/{index}/_clone/{id}", PARAMS, |call| {
        answer(call, "clone", |call| make(call, Resize::Clone).boxed()).boxed()
    }),
];

async fn answer(
    call: Call,
    verb: &str,
    work: fn(Call) -> BoxFuture<'static, Result<Value, ApiError>>,
) -> Result<Reply, ApiError> {
    let description = format!("{verb} from [{}] to [{}]", call.part("index"), call.part("id"));
    now_or_later(call, TaskKind::ResizeIndex, description, work).await
}

async fn make(call: Call, kind: Resize) -> Result<Value, ApiError> {
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
    Ok(json!({"acknowledged": acknowledged, "shards_acknowledged": is_active, "index": made.name}))
}
