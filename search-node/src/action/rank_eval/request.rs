//! What is to be evaluated: searches, or templates with values, and how documents were rated for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::metric::Metric;
use crate::action::search_template::SearchTemplate;
use crate::error::ApiError;
use crate::indices::{text_of, truth_of};

/// A request to evaluate rankings.
#[derive(Debug)]
pub(crate) struct RankEval {
    pub requests: Vec<RatedRequest>,
    pub metric: Metric,
}

/// A search with ratings.
#[derive(Debug)]
pub(crate) struct RatedRequest {
    pub id: String,
    pub search: Search,
    pub ratings: Vec<Rating>,
    /// What of its hits is shown.
    pub summary_fields: Vec<String>,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Search {
    Body(Value),
    Template(SearchTemplate),
}

/// How good somebody finds a document for a search.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rating {
    pub index: String,
    pub id: String,
    pub rating: u64,
}

/// As many hits count as Elasticsearch looks at.
const HITS: usize = 10;

const UNWANTED: [(&str, &str); 7] = [
    ("aggs", "should not contain aggregations."),
    ("aggregations", "should not contain aggregations."),
    ("suggest", "should not contain a suggest section."),
    ("highlight", "should not contain a highlighter section."),
    ("explain", "should not use explain."),
    ("profile", "should not use profile."),
    ("collapse", "should not use collapse."),
];

fn not_read(part: &str, reason: impl Into<String>) -> ApiError {
    ApiError::malformed(format!("[rank_eval] failed to parse field [{part}]"))
        .caused_by("illegal_argument_exception", reason)
}

fn not_built(reason: String) -> ApiError {
    ApiError::malformed("Failed to build [rank_eval] after last required field arrived")
        .caused_by("illegal_argument_exception", reason)
}

impl RankEval {
    /// What is looked for, which is left to whoever takes it.
    pub(crate) fn take_searches(&mut self) -> Vec<Search> {
        let nothing = || Search::Body(Value::Null);
        self.requests.iter_mut().map(|request| std::mem::replace(&mut request.search, nothing())).collect()
    }

    /// Reads the body of a request.
    pub(crate) fn read(body: &Value) -> Result<Self, ApiError> {
        let members = body.as_object().ok_or_else(|| {
            ApiError::new(400, "parse_exception", "request body or source parameter is required")
        })?;
        let known = ["requests", "metric", "templates", "max_concurrent_searches"];
        if let Some(other) = members.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::malformed(format!("[rank_eval] unknown field [{other}]")));
        }
        if members
            .get("max_concurrent_searches")
            .is_some_and(|most| most.as_u64().is_none_or(|most| most == 0))
        {
            return Err(not_read("max_concurrent_searches", "maxConcurrentSearches must be positive"));
        }
        let required =
            |name: &str| members.get(name).ok_or_else(|| ApiError::argument(format!("Required [{name}]")));
        let requests = required("requests")?;
        let metric = read_metric(required("metric")?)?;
        let templates = read_templates(members.get("templates"))?;
        let items = requests.as_array().ok_or_else(|| not_read("requests", "[requests] must be a list"))?;
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            read.push(RatedRequest::read(item, &templates)?);
        }
        if read.is_empty() {
            return Err(not_built(
                "Cannot evaluate ranking if no search requests with rated results are provided. Seen: []"
                    .to_owned(),
            ));
        }
        Ok(Self { requests: read, metric })
    }
}

fn read_templates(value: Option<&Value>) -> Result<BTreeMap<String, SearchTemplate>, ApiError> {
    let mut templates = BTreeMap::new();
    for item in value.and_then(Value::as_array).into_iter().flatten() {
        let id = item.get("id").and_then(text_of).ok_or_else(|| not_read("templates", "Required [id]"))?;
        let template = item.get("template").filter(|template| template.is_object());
        let template = template.ok_or_else(|| not_read("templates", "Required [template]"))?;
        templates.insert(id, SearchTemplate::read(template)?);
    }
    Ok(templates)
}

impl RatedRequest {
    fn read(item: &Value, templates: &BTreeMap<String, SearchTemplate>) -> Result<Self, ApiError> {
        let fault = |reason: String| not_read("requests", reason);
        let members = item.as_object().ok_or_else(|| fault("a request must be an object".to_owned()))?;
        let (mut body, mut template_id, mut params) = (None, None, Value::Null);
        let (mut id, mut ratings, mut summary_fields) = (None, None, Vec::new());
        for (key, value) in members {
            match key.as_str() {
                "id" => id = text_of(value),
                "request" if value.is_object() => body = Some(value.clone()),
                "template_id" => template_id = text_of(value),
                "params" if value.is_object() => params = value.clone(),
                "ratings" => ratings = value.as_array().cloned(),
                "summary_fields" => {
                    summary_fields = value.as_array().into_iter().flatten().filter_map(text_of).collect();
                }
                other => return Err(fault(format!("[request] unknown field [{other}] or not of its kind"))),
            }
        }
        let id = id.ok_or_else(|| fault("Required [id]".to_owned()))?;
        let ratings = ratings.ok_or_else(|| fault("Required [ratings]".to_owned()))?;
        let search = match (body, template_id) {
            (Some(_), Some(_)) => {
                let reason = "Ambiguous rated request: Set both, verbatim test request and test request template parameters.";
                return Err(fault(reason.to_owned()));
            }
            (Some(body), None) => Search::Body(checked(body).map_err(fault)?),
            (None, Some(template_id)) => Search::Template(meant(&id, &template_id, templates, params)?),
            (None, None) => {
                let reason = "Need to set at least test request or test request template parameters.";
                return Err(fault(reason.to_owned()));
            }
        };
        let ratings = read_ratings(&id, &ratings).map_err(fault)?;
        Ok(Self { id, search, ratings, summary_fields })
    }
}

/// The body of a search that has nothing in it that no ranking depends on.
fn checked(body: Value) -> Result<Value, String> {
    match UNWANTED.iter().find(|(name, _)| body.get(*name).is_some()) {
        Some((_, reason)) => Err(format!("Query in rated requests {reason}")),
        None => Ok(body),
    }
}

fn meant(
    id: &str,
    template_id: &str,
    templates: &BTreeMap<String, SearchTemplate>,
    params: Value,
) -> Result<SearchTemplate, ApiError> {
    let template = templates.get(template_id).ok_or_else(|| {
        not_built(format!(
            "Cannot evaluate ranking if neither template nor evaluation request is provided. Seen for request id: {id}"
        ))
    })?;
    Ok(if params.is_object() { template.with_params(params) } else { template.clone() })
}

fn read_ratings(id: &str, items: &[Value]) -> Result<Vec<Rating>, String> {
    let mut ratings = Vec::with_capacity(items.len());
    let mut known = BTreeSet::new();
    for item in items {
        let text = |name: &str| item.get(name).and_then(text_of).ok_or_else(|| format!("Required [{name}]"));
        let (index, document) = (text("_index")?, text("_id")?);
        let rating = text("rating")?;
        let rating =
            rating.parse().map_err(|_| format!("[rating] must be a whole number from 0, not [{rating}]"))?;
        if !known.insert((index.clone(), document.clone())) {
            return Err(format!(
                "Found duplicate rated document key [{{\"_index\":\"{index}\",\"_id\":\"{document}\"}}] in evaluation request [{id}]"
            ));
        }
        ratings.push(Rating { index, id: document, rating });
    }
    Ok(ratings)
}

/// The members of a metric, each of which it has to know.
struct Members<'v> {
    name: &'v str,
    values: &'v Map<String, Value>,
    known: Vec<&'static str>,
}

impl Members<'_> {
    fn number(&mut self, key: &'static str) -> Result<Option<u64>, ApiError> {
        self.known.push(key);
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let number = text_of(value).and_then(|text| text.parse().ok());
        let reason = || format!("[{}] {key} must be a whole number from 0, not [{value}]", self.name);
        number.map(Some).ok_or_else(|| not_read("metric", reason()))
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, ApiError> {
        self.known.push(key);
        let Some(value) = self.values.get(key) else { return Ok(false) };
        truth_of(value)
            .ok_or_else(|| not_read("metric", format!("[{}] {key} must be true or false", self.name)))
    }

    fn hits(&mut self) -> Result<usize, ApiError> {
        match self.number("k")? {
            None => Ok(HITS),
            Some(0) => Err(not_read("metric", "Window size k must be positive.")),
            Some(k) => Ok(usize::try_from(k).unwrap_or(usize::MAX)),
        }
    }

    fn threshold(&mut self) -> Result<u64, ApiError> {
        Ok(self.number("relevant_rating_threshold")?.unwrap_or(1))
    }

    fn end(self, metric: Metric) -> Result<Metric, ApiError> {
        match self.values.keys().find(|key| !self.known.contains(&key.as_str())) {
            Some(other) => Err(not_read("metric", format!("[{}] unknown field [{other}]", self.name))),
            None => Ok(metric),
        }
    }
}

fn read_metric(value: &Value) -> Result<Metric, ApiError> {
    let members = value.as_object().filter(|members| members.len() == 1);
    let named = members.and_then(|members| members.iter().next());
    let (name, values) = named
        .and_then(|(name, values)| Some((name, values.as_object()?)))
        .ok_or_else(|| not_read("metric", "[metric] must name one metric"))?;
    let mut members = Members { name, values, known: Vec::new() };
    let k = members.hits()?;
    let metric = match name.as_str() {
        "precision" => {
            let ignores_unlabeled = members.flag("ignore_unlabeled")?;
            Metric::Precision { k, threshold: members.threshold()?, ignores_unlabeled }
        }
        "recall" => Metric::Recall { k, threshold: members.threshold()? },
        "mean_reciprocal_rank" => Metric::MeanReciprocalRank { k, threshold: members.threshold()? },
        "dcg" => {
            let is_normalized = members.flag("normalize")?;
            Metric::Dcg { k, is_normalized, unknown_rating: members.number("unknown_doc_rating")? }
        }
        "expected_reciprocal_rank" => {
            let relevance_max = members.number("maximum_relevance")?;
            let relevance_max =
                relevance_max.ok_or_else(|| not_read("metric", "Required [maximum_relevance]"))?;
            let unknown_rating = members.number("unknown_doc_rating")?;
            Metric::ExpectedReciprocalRank { k, relevance_max, unknown_rating }
        }
        other => {
            return Err(ApiError::malformed("[rank_eval] failed to parse field [metric]")
                .caused_by("named_object_not_found_exception", format!("unknown field [{other}]")));
        }
    };
    members.end(metric)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        let request = json!({"id": "a", "request": {"query": {"match_all": {}}}, "ratings": []});
        let with = |request: Value, metric: Value| json!({"requests": [request], "metric": metric});
        let precision = || json!({"precision": {}});
        assert!(RankEval::read(&with(request.clone(), precision())).is_ok());
        let rated = |ratings: Value| json!({"id": "a", "request": {}, "ratings": ratings});
        let rating = json!({"_index": "i", "_id": "1", "rating": 1});
        for (body, reason) in [
            (json!({"requests": [request]}), "Required [metric]"),
            (json!({"metric": precision()}), "Required [requests]"),
            (json!({"metric": precision(), "requests": []}), "no search requests"),
            (with(json!({"id": "a", "ratings": []}), precision()), "Need to set at least"),
            (with(json!({"request": {}, "ratings": []}), precision()), "Required [id]"),
            (with(json!({"id": "a", "request": {}}), precision()), "Required [ratings]"),
            (
                with(json!({"id": "a", "request": {"suggest": {}}, "ratings": []}), precision()),
                "a suggest section",
            ),
            (
                with(json!({"id": "a", "template_id": "t", "ratings": []}), precision()),
                "neither template nor",
            ),
            (with(rated(json!([rating, rating])), precision()), "duplicate rated document"),
            (
                with(rated(json!([{"_index": "i", "_id": "1", "rating": -1}])), precision()),
                "[rating] must be",
            ),
            (with(request.clone(), json!({"precision": {"k": 0}})), "must be positive"),
            (with(request.clone(), json!({"recall": {"bad": 0}})), "unknown field [bad]"),
            (with(request.clone(), json!({"nope": {}})), "unknown field [nope]"),
            (with(request.clone(), json!({"expected_reciprocal_rank": {}})), "Required [maximum_relevance]"),
        ] {
            let error = RankEval::read(&body).expect_err("refused");
            let told =
                format!("{} {}", error.reason, error.cause.map_or_else(String::new, |(_, reason)| reason));
            assert!(error.status == 400 && told.contains(reason), "{body}: {told}");
        }
    }
}
