//! Queries for documents that are like others, that are named, or that a request names in a roundabout way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::inside;
use super::members::Members;
use super::scripts::parse_script;
use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{LeastTerms, Liked, MoreLikeThis, Query, TermsSet};
use crate::query::minimum_should_match::MinimumShouldMatch;

/// More pinned documents are refused, as in Elasticsearch.
const PINNED_MAX: usize = 100;

pub(super) fn parse_terms_set(body: &Value) -> Result<Query, QueryError> {
    const NAME: &str = "terms_set";
    let (field, mut members) = Members::of_field(NAME, body, "terms")?;
    let values = members.read("terms", |value| match value {
        Value::Array(values) => Ok(values.clone()),
        _ => Err(QueryError::parsing(format!("[{NAME}] unknown token in [terms]: it must be an array"))),
    })?;
    let values =
        values.ok_or_else(|| QueryError::parsing(format!("No terms specified for [{NAME}] query")))?;
    let by_field = members.text("minimum_should_match_field").map(LeastTerms::Field);
    let by_script = members.read("minimum_should_match_script", parse_script)?.map(LeastTerms::Script);
    let of_request = members.minimum_should_match()?.map(LeastTerms::Of);
    let mut said = [by_field, by_script, of_request].into_iter().flatten();
    let least = match (said.next(), said.next()) {
        (Some(least), None) => least,
        (None, _) => {
            return Err(QueryError::shard(
                "failed to create query: No minimum should match has been specified",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(QueryError::argument(
                "A script has been specified or a field: only one of both can say how many terms must match",
            ));
        }
    };
    members.end(Query::TermsSet(Box::new(TermsSet { field, values, least })))
}

pub(super) fn parse_pinned(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("pinned", body)?;
    let ids = members.texts("ids")?;
    let documents = members.read("docs", |value| {
        let items =
            value.as_array().ok_or_else(|| QueryError::parsing("[pinned] [docs] must be an array"))?;
        items
            .iter()
            .map(|item| {
                let mut item = Members::of("pinned", item)?;
                let id = item.text("_id").ok_or_else(|| QueryError::argument("Required [_id]"))?;
                let index = item.text("_index");
                item.done()?;
                Ok((index, id))
            })
            .collect::<Result<Vec<_>, QueryError>>()
    })?;
    let documents = match (ids, documents) {
        (Some(ids), None) => ids.into_iter().map(|id| (None, id)).collect::<Vec<_>>(),
        (None, Some(documents)) => documents,
        (Some(_), Some(_)) => return Err(QueryError::argument("[ids] and [docs] cannot be used together")),
        (None, None) => {
            return Err(QueryError::argument(
                "Required one of fields [ids, docs], but none were specified. ",
            ));
        }
    };
    if documents.len() > PINNED_MAX {
        return Err(QueryError::argument(format!(
            "Too many pinned documents: {}, max is {PINNED_MAX}",
            documents.len()
        )));
    }
    let organic = members.read("organic", |value| inside(value, depth))?;
    let organic = organic.ok_or_else(|| QueryError::argument("Required [organic]"))?;
    members.end(Query::Pinned { documents, organic: Box::new(organic) })
}

/// A query as Base64 of its JSON.
pub(super) fn parse_wrapper(body: &Value, depth: usize) -> Result<Query, QueryError> {
    inside(&wrapped(body)?, depth)
}

/// The query in a `wrapper`.
pub fn wrapped(body: &Value) -> Result<Value, QueryError> {
    let mut members = Members::of("wrapper", body)?;
    let text = members.text("query");
    let text = text.ok_or_else(|| QueryError::parsing("[wrapper] query malformed, must contain [query]"))?;
    members.done()?;
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|error| QueryError::argument(format!("[wrapper] [query] is no Base64: {error}")))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| QueryError::parsing(format!("[wrapper] the query in [query] is no JSON: {error}")))
}

pub(super) fn parse_type(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("type", body)?;
    let name = members.text("value");
    let name = name.ok_or_else(|| QueryError::parsing("[type] query requires [value]"))?;
    members.end(Query::Constant {
        query: Box::new(Query::Term {
            field: "_type".to_owned(),
            value: Value::String(name),
            case_insensitive: false,
        }),
    })
}

pub(super) fn parse_more_like_this(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("more_like_this", body)?;
    let fields = members.texts("fields")?;
    if fields.as_ref().is_some_and(Vec::is_empty) {
        return Err(QueryError::parsing("more_like_this requires 'fields' to be non-empty"));
    }
    let like = members.read("like", parse_liked)?.unwrap_or_default();
    if like.is_empty() {
        return Err(QueryError::parsing("more_like_this requires 'like' to be specified"));
    }
    let unlike = members.read("unlike", parse_liked)?.unwrap_or_default();
    let count = |found: Option<u32>, usual: u32| found.unwrap_or(usual);
    let terms_max = count(members.count("max_query_terms")?, 25) as usize;
    if terms_max == 0 {
        return Err(QueryError::argument("requires 'maxQueryTerms' to be greater than 0"));
    }
    let minimum_should_match = match members.minimum_should_match()? {
        Some(said) => said,
        None => MinimumShouldMatch::parse("30%")?,
    };
    let asked = MoreLikeThis {
        fields: fields.unwrap_or_default(),
        like,
        unlike,
        terms_max,
        term_freq_min: count(members.count("min_term_freq")?, 2),
        doc_freq_min: u64::from(count(members.count("min_doc_freq")?, 5)),
        doc_freq_max: u64::from(count(members.count("max_doc_freq")?, i32::MAX as u32)),
        length_min: count(members.count("min_word_length")?, 0) as usize,
        length_max: count(members.count("max_word_length")?, 0) as usize,
        stop_words: members.texts("stop_words")?.unwrap_or_default(),
        analyzer: members.text("analyzer"),
        minimum_should_match,
        boost_terms: members.number("boost_terms")?.unwrap_or(0.0),
        include: members.flag("include")?.unwrap_or(false),
        fail_on_unsupported_field: members.flag("fail_on_unsupported_field")?.unwrap_or(true),
    };
    members.end(Query::MoreLikeThis(Box::new(asked)))
}

fn parse_liked(value: &Value) -> Result<Vec<Liked>, QueryError> {
    match value {
        Value::Array(items) => items.iter().map(parse_liked_item).collect(),
        one => Ok(vec![parse_liked_item(one)?]),
    }
}

fn parse_liked_item(value: &Value) -> Result<Liked, QueryError> {
    match value {
        Value::String(text) => Ok(Liked::Text(text.clone())),
        Value::Object(_) => {
            let mut item = Members::of("more_like_this", value)?;
            let index = item.text("_index");
            let id = item.text("_id");
            let fields = item.texts("fields")?;
            let source = item.take("doc").cloned();
            item.pass_over(&[
                "_type",
                "routing",
                "_routing",
                "version",
                "version_type",
                "_version",
                "_version_type",
                "per_field_analyzer",
            ]);
            item.done()?;
            if id.is_none() && source.is_none() {
                return Err(QueryError::parsing(
                    "failed to parse More Like This item. either [id] or [doc] can be specified, but not both!",
                ));
            }
            Ok(Liked::Document { index, id, source: source.unwrap_or(Value::Null), fields })
        }
        other => Err(QueryError::argument(format!(
            "Content of 'like' parameter should either be a string or an object, not [{}]",
            plain(other)
        ))),
    }
}
