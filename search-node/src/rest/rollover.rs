//! `_rollover`: the next index behind an alias or a data stream.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::Value;

use super::call::Call;
use super::cluster::{span, wait_led};
use super::envelope::Reply;
use super::router::{Route, route};
use crate::action::cluster::wait_active;
use crate::action::rollover::{RolloverWish, roll_over};
use crate::error::ApiError;
use crate::indices::{IndexBody, RolloverCondition};

const POST: &[Method] = &[Method::POST];
const PARAMS: &[&str] = &[
    "dry_run",
    "lazy",
    "master_timeout",
    "cluster_manager_timeout",
    "timeout",
    "wait_for_active_shards",
    "include_type_name",
];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/{index}/_rollover", PARAMS, |call| rollover(call).boxed()),
    route(POST, "/{index}/_rollover/{name}", PARAMS, |call| rollover(call).boxed()),
];

async fn rollover(call: Call) -> Result<Reply, ApiError> {
    wait_led(&call).await?;
    let wish = read(&call)?;
    let (wanted, within) = (call.active_copies()?.unwrap_or_default(), span(&call, "timeout")?);
    let node = Arc::clone(&call.node);
    let rolled = roll_over(&node, &wish).await?;
    if !rolled.is_done {
        return Call::ok(rolled.to_json(&wish, false, false));
    }
    let acknowledged = node.write_pool.go_on(move || call.is_followed_by_all()).await?;
    let is_active = match rolled.made_id() {
        Some(made) => wait_active(&node, &made.0, wanted, within).await,
        None => false,
    };
    Call::ok(rolled.to_json(&wish, acknowledged, is_active))
}

fn read(call: &Call) -> Result<RolloverWish, ApiError> {
    let mut wish = RolloverWish {
        target: call.part("index"),
        new_name: call.path.get("name").cloned(),
        conditions: Vec::new(),
        body: IndexBody::default(),
        is_dry_run: call.flag("dry_run")?,
        is_lazy: call.flag("lazy")?,
    };
    let body = call.json()?;
    let members = match &body {
        Value::Null => return Ok(wish),
        Value::Object(members) => members,
        other => return Err(ApiError::parsing(format!("[rollover] must be an object, not [{other}]"))),
    };
    for (key, value) in members {
        match key.as_str() {
            "conditions" => wish.conditions = RolloverCondition::read_all(value)?,
            other if wish.body.take(other, value)? => {}
            other => {
                let reason = format!("[rollover] unknown field [{other}]");
                return Err(ApiError::malformed(reason));
            }
        }
    }
    Ok(wish)
}
