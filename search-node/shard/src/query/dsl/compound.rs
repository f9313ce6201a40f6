//! Queries of queries.

use serde_json::Value;

use super::members::Members;
use super::{inside, inside_all};
use crate::query::QueryError;
use crate::query::ast::Query;
use crate::query::limits::QueryLimits;

pub(super) fn parse_match_all(body: &Value) -> Result<Query, QueryError> {
    Members::of("match_all", body)?.end(Query::MatchAll)
}

pub(super) fn parse_match_none(body: &Value) -> Result<Query, QueryError> {
    Members::of("match_none", body)?.end(Query::MatchNone)
}

pub(super) fn parse_bool(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("bool", body)?;
    let mut clauses = |keys: &[&str]| match members.take_any(keys) {
        Some(value) => inside_all(value, depth),
        None => Ok(Vec::new()),
    };
    let (must, filter) = (clauses(&["must"])?, clauses(&["filter"])?);
    let (should, must_not) = (clauses(&["should"])?, clauses(&["must_not", "mustNot"])?);
    let minimum_should_match = members.minimum_should_match()?;
    members.pass_over(&["adjust_pure_negative"]);
    QueryLimits::now().check_clauses(must.len() + filter.len() + should.len() + must_not.len())?;
    let is_empty = [&must, &filter, &should, &must_not].iter().all(|clauses| clauses.is_empty());
    members.end(match is_empty {
        true => Query::MatchAll,
        false => Query::Bool { must, filter, should, must_not, minimum_should_match },
    })
}

pub(super) fn parse_dis_max(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("dis_max", body)?;
    let queries = members.read("queries", |value| inside_all(value, depth))?;
    let queries = queries
        .ok_or_else(|| QueryError::parsing("[dis_max] requires 'queries' field with at least one clause"))?;
    let tie_breaker = members.number("tie_breaker")?.unwrap_or(0.0);
    members.end(Query::DisMax { queries, tie_breaker })
}

pub(super) fn parse_constant(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("constant_score", body)?;
    let found = members.read("filter", |value| inside(value, depth))?;
    let query = found.ok_or_else(|| QueryError::parsing("[constant_score] requires a 'filter' element"))?;
    members.end(Query::Constant { query: Box::new(query) })
}

pub(super) fn parse_boosting(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("boosting", body)?;
    let mut required = |key: &str| {
        let found = members.read(key, |value| inside(value, depth))?;
        found
            .map(Box::new)
            .ok_or_else(|| QueryError::parsing(format!("[boosting] query requires '{key}' query to be set'")))
    };
    let (positive, negative) = (required("positive")?, required("negative")?);
    let negative_boost = members.number("negative_boost")?.ok_or_else(|| {
        QueryError::parsing("[boosting] query requires 'negative_boost' to be set to be a positive value'")
    })?;
    members.end(Query::Boosting { positive, negative, negative_boost })
}
