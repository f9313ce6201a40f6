//! Queries of words.

use serde_json::Value;

use super::members::Members;
use super::plain;
use crate::query::ast::{MultiMatchKind, Operator, Query};
use crate::query::{QueryError, query_string};

/// How many terms the last word of a phrase may be, where nothing is said.
const EXPANSIONS: u32 = 50;

fn no_text() -> QueryError {
    QueryError::parsing("No text specified for text query")
}

pub(super) fn parse_match(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("match", body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let operator = members.operator("operator")?.unwrap_or(Operator::Or);
    let minimum_should_match = members.minimum_should_match()?;
    let lenient = members.flag("lenient")?.unwrap_or(false);
    let analyzer = members.text("analyzer");
    members.pass_over(&["auto_generate_synonyms_phrase_query", "zero_terms_query"]);
    let query = Query::Match { field, value, operator, minimum_should_match, lenient };
    members.end(query.analyzed(analyzer))
}

pub(super) fn parse_bool_prefix(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("match_bool_prefix", body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let operator = members.operator("operator")?.unwrap_or(Operator::Or);
    let minimum_should_match = members.minimum_should_match()?;
    let analyzer = members.text("analyzer");
    members.pass_over(&["max_expansions"]);
    members.end(Query::BoolPrefix { field, value, operator, minimum_should_match }.analyzed(analyzer))
}

pub(super) fn parse_phrase(body: &Value) -> Result<Query, QueryError> {
    phrase(body, "match_phrase", None)
}

pub(super) fn parse_phrase_prefix(body: &Value) -> Result<Query, QueryError> {
    phrase(body, "match_phrase_prefix", Some(EXPANSIONS))
}

fn phrase(body: &Value, name: &'static str, expansions: Option<u32>) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field(name, body, "query")?;
    let value = members.take("query").cloned().ok_or_else(no_text)?;
    let slop = members.count("slop")?.unwrap_or(0);
    let analyzer = members.text("analyzer");
    let expansions = match expansions {
        Some(usual) => Some(members.count("max_expansions")?.unwrap_or(usual)),
        None => None,
    };
    members.pass_over(&["zero_terms_query"]);
    members.end(Query::Phrase { field, value, slop, expansions, lenient: false }.analyzed(analyzer))
}

pub(super) fn parse_multi_match(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("multi_match", body)?;
    let value = members.take("query").cloned();
    let value = value.ok_or_else(|| QueryError::parsing("No text specified for multi_match query"))?;
    let fields = members.fields("fields")?.unwrap_or_default();
    let operator = members.operator("operator")?.unwrap_or(Operator::Or);
    let kind = members.read("type", parse_kind)?.unwrap_or(MultiMatchKind::Best);
    let lenient = members.flag("lenient")?.unwrap_or(false);
    let analyzer = members.text("analyzer");
    members.end(Query::MultiMatch { fields, value, operator, kind, lenient }.analyzed(analyzer))
}

fn parse_kind(value: &Value) -> Result<MultiMatchKind, QueryError> {
    match plain(value).as_str() {
        "best_fields" => Ok(MultiMatchKind::Best),
        "most_fields" => Ok(MultiMatchKind::Most),
        "phrase" => Ok(MultiMatchKind::Phrase),
        "phrase_prefix" => Ok(MultiMatchKind::PhrasePrefix),
        "bool_prefix" => Ok(MultiMatchKind::BoolPrefix),
        other => Err(QueryError::parsing(format!("[multi_match] failed to parse type [{other}]"))),
    }
}

pub(super) fn parse_query_string(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("query_string", body)?;
    let text = members.text("query");
    let text = text.ok_or_else(|| QueryError::parsing("[query_string] must be provided with a [query]"))?;
    let default_field = members.text("default_field").map(|field| vec![(field, 1.0)]);
    let fields = members.fields("fields")?.or(default_field).unwrap_or_default();
    let operator = members.operator("default_operator")?.unwrap_or(Operator::Or);
    let lenient = members.flag("lenient")?.unwrap_or(false);
    let analyzer = members.text("analyzer");
    members.pass_over(&[
        "analyze_wildcard",
        "allow_leading_wildcard",
        "auto_generate_synonyms_phrase_query",
        "enable_position_increments",
        "escape",
        "max_determinized_states",
        "time_zone",
        "type",
    ]);
    query_string::check(&text)?;
    members.end(Query::QueryString { text, fields, operator, lenient }.analyzed(analyzer))
}
