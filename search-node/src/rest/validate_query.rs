//! `_validate/query`: whether a query can be asked, without asking it. A query that cannot be is an answer, and no error.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use shard::{Query, parse_query};
use transport::Peer;

use super::call::Call;
use super::envelope::Reply;
use super::forward::{Carried, carry};
use super::index::chosen_open;
use super::router::{Route, route};
use super::search::{add_query_text, with_named_documents};
use crate::action::validate_query::{Verdict, Verdicts, in_one_line, verdicts_here};
use crate::error::ApiError;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "all_shards",
    "allow_no_indices",
    "analyze_wildcard",
    "analyzer",
    "default_operator",
    "df",
    "expand_wildcards",
    "explain",
    "ignore_unavailable",
    "lenient",
    "q",
    "rewrite",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_validate/query", PARAMS, |call| validate(call).boxed()),
    route(METHODS, "/{index}/_validate/query", PARAMS, |call| validate(call).boxed()),
    route(METHODS, "/{index}/{type}/_validate/query", PARAMS, |call| validate(call).boxed()),
];

/// A parameter that only nodes send: what is meant are the copies of the node that is asked, of indices by their own names.
const OWN_COPIES: &str = "own_copies";
/// How long another node may take that only reads a query.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

async fn validate(call: Call) -> Result<Reply, ApiError> {
    let all_shards = call.flag("all_shards")?;
    // How a query is asked in the end is not told: `rewrite` tells it as it was asked, too.
    let explains = call.flag("explain")? || call.flag("rewrite")?;
    if call.param(OWN_COPIES).is_some() {
        let names = call.part("index").split(',').map(str::to_owned).collect();
        let query = Arc::new(parse_query(&call.json()?)?);
        return Call::ok(json!(here(&call, names, &query, all_shards).await?));
    }
    let chosen = chosen_open(&call)?;
    let (asked, query) = match read(&call).await {
        Ok(read) => read,
        Err(error) if error.status < 500 => {
            let mut shown = json!({"valid": false});
            if explains {
                shown["error"] = json!(in_one_line(&error));
            }
            return Call::ok(shown);
        }
        Err(error) => return Err(error),
    };
    let names: Vec<String> = chosen.iter().map(|index| index.name.clone()).collect();
    let mut verdicts = here(&call, names.clone(), &Arc::new(query), all_shards).await?;
    let wanted = |name: &str, shards: usize, verdicts: &Verdicts| {
        verdicts.get(name).map_or(0, |of| of.len()) < if all_shards { shards } else { 1 }
    };
    let missing: Vec<String> = chosen
        .iter()
        .filter(|index| wanted(&index.name, index.number_of_shards(), &verdicts))
        .map(|index| index.name.clone())
        .collect();
    for other in elsewhere(&call, &missing, &asked, all_shards).await {
        for (name, of_index) in other {
            verdicts.entry(name).or_default().extend(of_index);
        }
    }
    let total: usize = chosen.iter().map(|index| if all_shards { index.number_of_shards() } else { 1 }).sum();
    Call::ok(show(verdicts, total, explains, all_shards))
}

/// The query as it was asked, and as it is meant; of nothing, every document.
async fn read(call: &Call) -> Result<(Value, Query), ApiError> {
    let mut body = match with_named_documents(call).await? {
        Some(body) => body,
        None => call.json()?,
    };
    add_query_text(call, &mut body)?;
    let members = match &body {
        Value::Null => None,
        Value::Object(members) => Some(members),
        other => return Err(ApiError::parsing(format!("the body must be an object, not {other}"))),
    };
    if let Some(other) = members.into_iter().flatten().map(|(key, _)| key).find(|key| *key != "query") {
        return Err(ApiError::parsing(format!("request does not support [{other}]")));
    }
    let asked = body.get("query").cloned().unwrap_or_else(|| json!({"match_all": {}}));
    let query = parse_query(&asked)?;
    Ok((asked, query))
}

async fn here(
    call: &Call,
    names: Vec<String>,
    query: &Arc<Query>,
    all_shards: bool,
) -> Result<Verdicts, ApiError> {
    let (node, query) = (Arc::clone(&call.node), Arc::clone(query));
    call.node.search_pool.run(move || Ok(verdicts_here(&node, &names, &query, all_shards))).await
}

/// What other nodes say of indices that this one has not all copies of.
async fn elsewhere(call: &Call, names: &[String], asked: &Value, all_shards: bool) -> Vec<Verdicts> {
    let Some(coordinator) = call.node.others().filter(|_| !names.is_empty()) else { return Vec::new() };
    let map = coordinator.map();
    let mut query = HashMap::from([(OWN_COPIES.to_owned(), "true".to_owned())]);
    query.insert("all_shards".to_owned(), all_shards.to_string());
    let segments = vec![names.join(","), "_validate".to_owned(), "query".to_owned()];
    let carried = Carried { method: Method::POST.to_string(), segments, query };
    let body = asked.to_string();
    let others = map.data_nodes().filter(|(node, _)| *node != coordinator.origin.process);
    let peers: Vec<Peer> =
        others.map(|(node, entry)| Peer::process(&entry.transport_address, node.0)).collect();
    let asked =
        peers.iter().map(|peer| carry(coordinator, peer, &carried, body.as_bytes(), true, ANSWER_WITHIN));
    let answers = join_all(asked).await.into_iter().filter_map(Result::ok);
    let read = |reply| match reply {
        Reply::Json(_, verdicts) => serde_json::from_value(verdicts).ok(),
        _ => None,
    };
    answers.filter_map(read).collect()
}

fn show(verdicts: Verdicts, total: usize, explains: bool, all_shards: bool) -> Value {
    let mut explanations = Vec::new();
    let (mut answered, mut is_valid) = (0, true);
    for (index, of_index) in verdicts {
        let wanted = if all_shards { usize::MAX } else { 1 };
        for (number, Verdict { told }) in of_index.into_iter().take(wanted) {
            answered += 1;
            is_valid &= told.is_ok();
            let mut shown = json!({"index": index});
            if all_shards {
                shown["shard"] = json!(number);
            }
            shown["valid"] = json!(told.is_ok());
            match told {
                Ok(words) => shown["explanation"] = json!(words),
                Err(reason) => shown["error"] = json!(reason),
            }
            explanations.push(shown);
        }
    }
    let failed = total.saturating_sub(answered);
    let mut shown = json!({
        "_shards": {"total": total, "successful": answered, "failed": failed}, "valid": is_valid && failed == 0
    });
    if explains {
        shown["explanations"] = json!(explanations);
    }
    shown
}
