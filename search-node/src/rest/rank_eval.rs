//! `_rank_eval`: how good the rankings of searches are, by documents that people have rated.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::Value;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search::{as_task, scope, with_named};
use crate::action::rank_eval::{RankEval, Search, evaluate};
use crate::error::ApiError;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &["allow_no_indices", "expand_wildcards", "ignore_unavailable", "search_type"];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_rank_eval", PARAMS, |call| rank_eval(call).boxed()),
    route(METHODS, "/{index}/_rank_eval", PARAMS, |call| rank_eval(call).boxed()),
];

async fn rank_eval(call: Call) -> Result<Reply, ApiError> {
    let mut asked = RankEval::read(&call.json()?)?;
    let mut bodies = Vec::with_capacity(asked.requests.len());
    for body in rendered(&call, asked.take_searches()).await? {
        bodies.push(match body {
            Ok(body) => named(&call, body).await,
            Err(error) => Err(error),
        });
    }
    as_task(call, move |call, task| Call::ok(evaluate(&call.node, &scope(call)?, &asked, bodies, task)?))
        .await
}

/// The bodies of the searches, also of those that are given as templates.
async fn rendered(call: &Call, searches: Vec<Search>) -> Result<Vec<Result<Value, ApiError>>, ApiError> {
    let node = Arc::clone(&call.node);
    let render = move || {
        let bodies = searches.into_iter().map(|search| match search {
            Search::Body(body) => Ok(body),
            Search::Template(template) => {
                let (body, mut reserved) = template.search(&node)?;
                // It stays in memory until its turn has come.
                reserved.fill(reserved.bytes());
                Ok(body)
            }
        });
        Ok(bodies.collect())
    };
    call.node.search_pool.run(render).await
}

/// A body with the documents and scripts that it names.
async fn named(call: &Call, body: Value) -> Result<Value, ApiError> {
    let indices = call.path.get("index").map_or("_all", String::as_str);
    let text = body.to_string();
    let named = with_named(call, text.as_bytes(), || Ok(body.clone()), indices).await?;
    Ok(named.unwrap_or(body))
}
