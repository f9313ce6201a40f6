//! `PUT /{index}/_block/{block}`: blocks an index against reads, writes, or changes of what it is.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::{blocking, chosen};
use super::router::{Route, route};
use crate::action::cluster::expanded;
use crate::error::ApiError;
use crate::indices::{Blocks, SettingsChange};

const PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_unavailable", "master_timeout", "timeout"];

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::PUT], "/{index}/_block/{block}", PARAMS, |call| blocking(call, add_block).boxed())];

fn add_block(call: &Call) -> Result<Reply, ApiError> {
    let name = call.part("block");
    if !Blocks::names().any(|known| known == name) {
        return Err(ApiError::argument(format!("No block found with name {name}")));
    }
    if name == "read_only_allow_delete" {
        return Err(ApiError::argument("read_only_allow_delete block is for internal use only"));
    }
    let changes = json!({format!("index.blocks.{name}"): true});
    let indices = chosen(call)?;
    for index in &indices {
        let expanded = expanded(&call.node, index);
        index.change_settings(SettingsChange { changes: &changes, keeps_existing: false, expanded })?;
    }
    let acknowledged = call.is_followed_by_all()?;
    let shown: Vec<Value> =
        indices.iter().map(|index| json!({"name": index.name, "blocked": true})).collect();
    Call::ok(json!({"acknowledged": acknowledged, "shards_acknowledged": acknowledged, "indices": shown}))
}
