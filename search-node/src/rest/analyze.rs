//! `_analyze`: what an analyzer makes of texts.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;

use super::call::Call;
use super::envelope::Reply;
use super::index::{blocking, chosen_open};
use super::router::{Route, route};
use crate::action::analyze::analyze;
use crate::error::ApiError;
use crate::indices::Index;

const GET_POST: &[Method] = &[Method::GET, Method::POST];
const NAMES: &[&str] = &["index", "prefer_local", "format"];

pub(super) const ROUTES: &[Route] = &[
    route(GET_POST, "/_analyze", NAMES, |call| blocking(call, answer).boxed()),
    route(GET_POST, "/{index}/_analyze", NAMES, |call| blocking(call, answer).boxed()),
];

fn answer(call: &Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    if body.is_null() {
        return Err(ApiError::new(400, "parse_exception", "request body or source parameter is required"));
    }
    let index = if call.path.contains_key("index") { Some(only(call)?) } else { None };
    Call::ok(analyze(&body, index.as_deref())?)
}

/// The one index that a path means.
fn only(call: &Call) -> Result<Arc<Index>, ApiError> {
    match <[Arc<Index>; 1]>::try_from(chosen_open(call)?) {
        Ok([index]) => Ok(index),
        Err(several) if several.is_empty() => Err(ApiError::no_index(&call.part("index"))),
        Err(several) => Err(ApiError::argument(format!(
            "[{}] means {} indices, and texts are analyzed as one of them does; name one",
            call.part("index"),
            several.len()
        ))),
    }
}
