//! `_terms_enum`: the terms of a field that begin with a text, for completing what somebody types.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join, join_all};
use http::Method;
use serde_json::{Value, json};
use shard::TermsEnumAsked;
use transport::Peer;

use super::call::Call;
use super::envelope::Reply;
use super::forward::{Carried, carry};
use super::index::chosen_open;
use super::router::{Route, route};
use super::search::description;
use crate::action::terms_enum::{FoundTerms, matching, terms_here};
use crate::error::ApiError;
use crate::indices::{text_of, truth_of};
use crate::tasks::TaskKind;
use crate::time_span::read_span;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &["allow_no_indices", "expand_wildcards", "ignore_unavailable"];

pub(super) const ROUTES: &[Route] =
    &[route(METHODS, "/{index}/_terms_enum", PARAMS, |call| terms_enum(call).boxed())];

/// How long it is looked unless the request says otherwise, and how long it may be, as in Elasticsearch.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);
const TIMEOUT_MOST: Duration = Duration::from_secs(60);
const SIZE_DEFAULT: usize = 10;
/// As many as a search may have hits.
const SIZE_MOST: usize = 10_000;
/// How long another node may take to answer beside what it looks for.
const ANSWER_GRACE: Duration = Duration::from_secs(2);
/// A parameter that only nodes send: what is meant are the copies of the node that is asked, of indices by their own names.
const OWN_COPIES: &str = "own_copies";

/// What is asked.
struct Asked {
    terms: TermsEnumAsked,
    within: Duration,
    index_filter: Option<Value>,
}

impl Asked {
    fn read(body: &Value) -> Result<Self, ApiError> {
        let members = body.as_object().ok_or_else(|| {
            ApiError::new(400, "parse_exception", "request body or source parameter is required")
        })?;
        let mut asked = Self {
            terms: TermsEnumAsked { size: SIZE_DEFAULT, ..TermsEnumAsked::default() },
            within: TIMEOUT_DEFAULT,
            index_filter: None,
        };
        for (key, value) in members {
            let wrong = || ApiError::malformed(format!("[terms_enum] failed to parse field [{key}]"));
            let text = || text_of(value).ok_or_else(wrong);
            match key.as_str() {
                "field" => asked.terms.field = text()?,
                "string" => asked.terms.prefix = text()?,
                "search_after" => asked.terms.after = Some(text()?),
                "case_insensitive" => asked.terms.case_insensitive = truth_of(value).ok_or_else(wrong)?,
                "size" => asked.terms.size = text()?.parse().map_err(|_| wrong())?,
                "timeout" => asked.within = read_span("timeout", &text()?)?.unwrap_or(TIMEOUT_DEFAULT),
                "index_filter" if value.is_object() => asked.index_filter = Some(value.clone()),
                "index_filter" => return Err(wrong()),
                other => return Err(ApiError::malformed(format!("[terms_enum] unknown field [{other}]"))),
            }
        }
        asked.check()?;
        Ok(asked)
    }

    fn check(&self) -> Result<(), ApiError> {
        let mut faults = Vec::new();
        if self.terms.field.is_empty() {
            faults.push("field cannot be null".to_owned());
        }
        if self.terms.size == 0 {
            faults.push("Size must be positive".to_owned());
        }
        if self.terms.size > SIZE_MOST {
            faults.push(format!("Size must not be above {SIZE_MOST}"));
        }
        if self.within > TIMEOUT_MOST {
            faults.push("Timeout cannot be > 1 minute".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(ApiError::validations(&faults)) }
    }
}

async fn terms_enum(call: Call) -> Result<Reply, ApiError> {
    let asked = Asked::read(&call.json()?)?;
    if call.param(OWN_COPIES).is_some() {
        let found = here(&call, call.part("index").split(',').map(str::to_owned).collect(), &asked).await?;
        return Call::ok(json!(found));
    }
    let chosen = chosen_open(&call)?;
    let mut names: Vec<String> = chosen.iter().map(|index| index.name.clone()).collect();
    if let Some(filter) = asked.index_filter.clone() {
        let registered = call.node.tasks.register(TaskKind::Search, description(&call), None, Vec::new());
        let node = Arc::clone(&call.node);
        let filtered = move || matching(&node, names, &filter, &registered.task);
        names = call.node.search_pool.run(filtered).await?;
    }
    let meant = |name: &str| names.iter().any(|other| other == name);
    let shards: usize =
        chosen.iter().filter(|index| meant(&index.name)).map(|index| index.number_of_shards()).sum();
    let (own, others) = join(here(&call, names.clone(), &asked), elsewhere(&call, &names, &asked)).await;
    let mut found = own?;
    for other in others {
        found.join(other, asked.terms.size);
    }
    let failed = shards.saturating_sub(found.looked_in());
    Call::ok(json!({
        "_shards": {"total": shards, "successful": shards - failed, "failed": failed},
        "terms": found.terms,
        "complete": found.is_complete && failed == 0
    }))
}

async fn here(call: &Call, names: Vec<String>, asked: &Asked) -> Result<FoundTerms, ApiError> {
    let (node, terms, within) = (Arc::clone(&call.node), asked.terms.clone(), asked.within);
    let look = move || {
        let mut found = FoundTerms { is_complete: true, ..FoundTerms::default() };
        found.join(terms_here(&node, &names, &terms, within)?, terms.size);
        Ok(found)
    };
    call.node.search_pool.run(look).await
}

/// What the other nodes find in their copies. A node that does not answer has looked in nothing.
async fn elsewhere(call: &Call, names: &[String], asked: &Asked) -> Vec<FoundTerms> {
    let Some(coordinator) = call.node.others().filter(|_| !names.is_empty()) else { return Vec::new() };
    let map = coordinator.map();
    let carried = Carried {
        method: Method::POST.to_string(),
        segments: vec![names.join(","), "_terms_enum".to_owned()],
        query: HashMap::from([(OWN_COPIES.to_owned(), "true".to_owned())]),
    };
    let within = asked.within + ANSWER_GRACE;
    let others = map.data_nodes().filter(|(node, _)| *node != coordinator.origin.process);
    let peers: Vec<Peer> =
        others.map(|(node, entry)| Peer::process(&entry.transport_address, node.0)).collect();
    let asked = peers.iter().map(|peer| carry(coordinator, peer, &carried, &call.body, true, within));
    let answers = join_all(asked).await.into_iter().filter_map(Result::ok);
    answers
        .filter_map(|reply| match reply {
            Reply::Json(_, found) => serde_json::from_value(found).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_or_refused() {
        let asked = Asked::read(
            &json!({"field": "k", "string": "a", "size": 3, "timeout": "2s", "case_insensitive": true}),
        );
        let asked = asked.expect("well said");
        assert_eq!(
            (asked.terms.size, asked.within, asked.terms.case_insensitive),
            (3, Duration::from_secs(2), true)
        );
        for (body, reason) in [
            (json!({}), "field cannot be null"),
            (json!({"field": "k", "size": 0}), "Size must be positive"),
            (json!({"field": "k", "size": -1}), "failed to parse field [size]"),
            (json!({"field": "k", "timeout": "2m"}), "Timeout cannot be > 1 minute"),
            (json!({"field": "k", "bad": 1}), "unknown field [bad]"),
            (json!({"field": "k", "index_filter": 1}), "failed to parse field [index_filter]"),
            (Value::Null, "request body"),
        ] {
            let error = Asked::read(&body).err().expect("refused");
            assert!(error.reason.contains(reason), "{body}: {}", error.reason);
        }
    }
}
