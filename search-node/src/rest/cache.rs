//! `_cache/clear`. Field data is kept of segments: the values of runtime fields, and which documents are nested objects; and so are the matches
//! of filters. What was answered is kept of points in time.

use futures::FutureExt;
use http::Method;

use super::call::Call;
use super::envelope::Reply;
use super::forward::Reach;
use super::index::{blocking, chosen_open, shards_of};
use super::router::{Route, route};
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
const POST: &[Method] = &[Method::POST];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_cache/clear", PARAMS, |call| blocking(call, clear).boxed()).reaching(Reach::Copies),
    route(POST, "/{index}/_cache/clear", PARAMS, |call| blocking(call, clear).boxed())
        .reaching(Reach::Copies),
];

/// Of the caches that a request names, or of all.
fn clear(call: &Call) -> Result<Reply, ApiError> {
    let mut named = Vec::new();
    for cache in ["fielddata", "query", "request", "file"] {
        if call.maybe_flag(cache)? == Some(true) {
            named.push(cache);
        }
    }
    let indices = chosen_open(call)?;
    if named.is_empty() || named.contains(&"fielddata") {
        indices.iter().flat_map(|index| index.open_shards()).for_each(|shard| shard.clear_fielddata());
    }
    if named.is_empty() || named.contains(&"query") {
        indices.iter().flat_map(|index| index.open_shards()).for_each(|shard| shard.clear_queries());
    }
    if named.is_empty() || named.contains(&"request") {
        indices.iter().flat_map(|index| index.open_shards()).for_each(|shard| shard.clear_requests());
    }
    Call::ok(shards_of(&indices))
}
