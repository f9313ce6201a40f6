//! `_cache/clear`. There is no cache of queries, requests or field data, so that they are clear already.

use futures::FutureExt;
use http::Method;
use serde_json::json;

use super::call::Call;
use super::envelope::Reply;
use super::index_figures::Told;
use super::router::{Route, route};
use crate::action::cluster::FiguresWish;
use crate::error::ApiError;

const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "fielddata",
    "fields",
    "file",
    "ignore_unavailable",
    "index",
    "query",
    "request",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::POST], "/_cache/clear", PARAMS, |call| clear(call).boxed()),
    route(&[Method::POST], "/{index}/_cache/clear", PARAMS, |call| clear(call).boxed()),
];

async fn clear(call: Call) -> Result<Reply, ApiError> {
    for name in ["fielddata", "query", "request", "file"] {
        call.maybe_flag(name)?;
    }
    let told = Told::of(&call, FiguresWish::default()).await?;
    Call::ok(json!({"_shards": told.shards_header()}))
}
