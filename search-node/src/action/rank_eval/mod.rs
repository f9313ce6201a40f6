//! How good rankings are, by documents that people have rated.
//!
//! `request` says what is looked for and how its hits were rated, `metric` makes a number of the hits of each search. The number of
//! all is the average of those that could be looked for.

mod metric;
mod request;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use self::metric::Metric;
pub(crate) use self::request::{RankEval, RatedRequest, Search};
use super::search::{Manner, Scope, search};
use crate::error::ApiError;
use crate::json;
use crate::node::Node;
use crate::tasks::Task;

/// What memory is reserved for.
const WHAT: &str = "rank_eval";

/// A hit with its rating; none if nobody has rated it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RatedHit {
    hit: Value,
    rating: Option<u64>,
}

/// How good one ranking is.
#[derive(Debug, Clone, PartialEq)]
struct Quality {
    score: f64,
    details: Value,
    hits: Vec<RatedHit>,
}

/// Evaluates all searches, as a task. Their bodies are ready, or say why they cannot be.
pub(crate) fn evaluate(
    node: &Node,
    scope: &Scope,
    asked: &RankEval,
    bodies: Vec<Result<Value, ApiError>>,
    task: &Task,
) -> Result<Value, ApiError> {
    let mut qualities = BTreeMap::new();
    let mut failures = Map::new();
    for (request, body) in asked.requests.iter().zip(bodies) {
        let found = body.and_then(|body| quality(node, scope, (asked, request), body, task));
        match found.and_then(|quality| quality.kept(node)) {
            Ok(quality) => drop(qualities.insert(request.id.as_str(), quality)),
            // Who has ended the whole wants no part of it.
            Err(error) if error.kind == ApiError::TASK_CANCELLED => return Err(error),
            Err(error) => {
                failures.insert(request.id.clone(), json!({"error": error.to_body()["error"]}));
            }
        }
    }
    let sum: f64 = qualities.values().map(|quality| quality.score).sum();
    // Of no search there is no average, which JSON has no number for.
    let score = if qualities.is_empty() { json!("NaN") } else { json!(sum / qualities.len() as f64) };
    let details: Map<String, Value> =
        qualities.into_iter().map(|(id, quality)| (id.to_owned(), quality.show(&asked.metric))).collect();
    Ok(json!({"metric_score": score, "details": details, "failures": failures}))
}

fn quality(
    node: &Node,
    scope: &Scope,
    (asked, request): (&RankEval, &RatedRequest),
    mut body: Value,
    task: &Task,
) -> Result<Quality, ApiError> {
    if !body.is_object() {
        return Err(ApiError::parsing(format!("the search of [{}] is no object", request.id)));
    }
    body["size"] = json!(asked.metric.hits());
    body["_source"] = match request.summary_fields.is_empty() {
        true => json!(false),
        false => json!(request.summary_fields),
    };
    let manner = Manner { allows_partial: true, ..Manner::default() };
    let mut found = search(node, scope, &body, &manner, false, task)?;
    let hits = found["hits"]["hits"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let hits: Vec<RatedHit> = hits.into_iter().map(|hit| request.rated(hit)).collect();
    let ratings: Vec<Option<u64>> = hits.iter().map(|hit| hit.rating).collect();
    let all: Vec<u64> = request.ratings.iter().map(|rating| rating.rating).collect();
    let (score, details) = asked.metric.measure(&ratings, &all);
    Ok(Quality { score, details, hits })
}

impl RatedRequest {
    fn rated(&self, hit: Value) -> RatedHit {
        let rating = self
            .ratings
            .iter()
            .find(|rating| hit["_index"] == json!(rating.index) && hit["_id"] == json!(rating.id));
        RatedHit { rating: rating.map(|rating| rating.rating), hit }
    }
}

impl Quality {
    /// The same if there is memory for its hits, which stay until all is told.
    fn kept(self, node: &Node) -> Result<Self, ApiError> {
        let bytes = self.hits.iter().map(|hit| json::weight(&hit.hit)).sum();
        node.memory.reserve_now(bytes, WHAT)?.fill(bytes);
        Ok(self)
    }

    fn show(self, metric: &Metric) -> Value {
        let unrated = self.hits.iter().filter(|hit| hit.rating.is_none());
        let unrated: Vec<Value> =
            unrated.map(|hit| json!({"_index": hit.hit["_index"], "_id": hit.hit["_id"]})).collect();
        let hits: Vec<Value> =
            self.hits.into_iter().map(|hit| json!({"hit": hit.hit, "rating": hit.rating})).collect();
        json!({
            "metric_score": self.score, "unrated_docs": unrated, "hits": hits,
            "metric_details": {metric.name(): self.details}
        })
    }
}
