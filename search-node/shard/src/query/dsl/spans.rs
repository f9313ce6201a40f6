//! Queries for spans.

use serde_json::Value;

use super::inside;
use super::members::Members;
use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{Query, SpanClause, SpanQuery};

/// Spans within a query, under a key of it.
fn spans_at(
    members: &mut Members<'_>,
    key: &'static str,
    depth: usize,
) -> Result<Box<SpanQuery>, QueryError> {
    let query = members.query;
    let value = members.take(key);
    let value =
        value.ok_or_else(|| QueryError::parsing(format!("{query} must have [{key}] span query clause")))?;
    spans_of(value, (query, key), depth).map(Box::new)
}

fn spans_of(value: &Value, (query, key): (&str, &str), depth: usize) -> Result<SpanQuery, QueryError> {
    let mut found = inside(value, depth)?;
    if let Query::Named { query, .. } = found {
        found = *query;
    }
    match found {
        Query::Span(spans) => Ok(*spans),
        Query::Boost { query: of, boost } if matches!(*of, Query::Span(_)) => Err(QueryError::parsing(
            format!("{query} [{key}] as a nested span clause can't have non-default boost value [{boost:?}]"),
        )),
        _ => Err(QueryError::parsing(format!("{query} [{key}] must be of type span query"))),
    }
}

fn made(members: Members<'_>, spans: SpanQuery) -> Result<Query, QueryError> {
    members.end(Query::Span(Box::new(spans)))
}

pub(super) fn parse_term(body: &Value) -> Result<Query, QueryError> {
    let (field, mut members) = Members::of_field("span_term", body, "value")?;
    let value = members.take_any(&["value", "term"]).filter(|value| !value.is_null()).cloned();
    let value = value.ok_or_else(|| QueryError::argument("value cannot be null"))?;
    made(members, SpanQuery::Term { field, value })
}

fn items<'v>(members: &mut Members<'v>) -> Result<&'v [Value], QueryError> {
    let query = members.query;
    match members.take("clauses") {
        Some(Value::Array(items)) if !items.is_empty() => Ok(items),
        Some(Value::Array(_)) | None => Err(QueryError::parsing(format!("{query} must include [clauses]"))),
        Some(_) => Err(QueryError::parsing(format!("[{query}] query does not support [clauses]"))),
    }
}

pub(super) fn parse_near(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_near", body)?;
    let clause = |item: &Value| match item.get("span_gap") {
        Some(gap) => parse_gap(gap).map(SpanClause::Gap),
        None => spans_of(item, ("span_near", "clauses"), depth).map(SpanClause::Spans),
    };
    let clauses = items(&mut members)?.iter().map(clause).collect::<Result<Vec<_>, _>>()?;
    let slop = members.read("slop", places)?.unwrap_or(0);
    let in_order = members.flag("in_order")?.unwrap_or(true);
    let has_gaps = clauses.iter().any(|clause| matches!(clause, SpanClause::Gap(_)));
    if has_gaps && !in_order {
        return Err(QueryError::argument("span_gap can only be used with [in_order] of [span_near]"));
    }
    if matches!(clauses.first(), Some(SpanClause::Gap(_))) {
        return Err(QueryError::argument("[span_near] cannot begin with a [span_gap]"));
    }
    // One alone is asked for itself.
    if let [SpanClause::Spans(only)] = clauses.as_slice() {
        return made(members, only.clone());
    }
    made(members, SpanQuery::Near { clauses, slop, in_order })
}

/// `{"field": 3}`
fn parse_gap(gap: &Value) -> Result<i64, QueryError> {
    let mut widths = gap.as_object().into_iter().flatten();
    match (widths.next(), widths.next()) {
        (Some((_, width)), None) => places(width),
        _ => Err(QueryError::parsing("[span_gap] must have one field with the number of places")),
    }
}

/// A number of places.
fn places(value: &Value) -> Result<i64, QueryError> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| i32::try_from(*number).is_ok()).ok_or_else(|| {
        QueryError::argument(format!("a number of places must be a whole number, not [{}]", plain(value)))
    })
}

pub(super) fn parse_or(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_or", body)?;
    let clauses = items(&mut members)?.iter().map(|item| spans_of(item, ("span_or", "clauses"), depth));
    let clauses = clauses.collect::<Result<Vec<_>, _>>()?;
    made(members, SpanQuery::Or { clauses })
}

pub(super) fn parse_not(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_not", body)?;
    let include = spans_at(&mut members, "include", depth)?;
    let exclude = spans_at(&mut members, "exclude", depth)?;
    let around = members.read("dist", places)?;
    let (before, after) = (members.read("pre", places)?, members.read("post", places)?);
    if around.is_some() && (before.is_some() || after.is_some()) {
        return Err(QueryError::parsing("span_not can either use [dist] or [pre] & [post] (or none)"));
    }
    let free = |own: Option<i64>| own.or(around).unwrap_or(0).max(0);
    made(members, SpanQuery::Not { include, exclude, before: free(before), after: free(after) })
}

pub(super) fn parse_first(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_first", body)?;
    let of = spans_at(&mut members, "match", depth)?;
    let end = members.read("end", places)?;
    let end = end.ok_or_else(|| QueryError::parsing("span_first must have [end] set for it"))?;
    if end < 0 {
        return Err(QueryError::argument("parameter [end] needs to be positive."));
    }
    made(members, SpanQuery::First { of, end })
}

pub(super) fn parse_containing(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_containing", body)?;
    let (big, little) = (spans_at(&mut members, "big", depth)?, spans_at(&mut members, "little", depth)?);
    made(members, SpanQuery::Containing { big, little })
}

pub(super) fn parse_within(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_within", body)?;
    let (big, little) = (spans_at(&mut members, "big", depth)?, spans_at(&mut members, "little", depth)?);
    made(members, SpanQuery::Within { big, little })
}

pub(super) fn parse_multi(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("span_multi", body)?;
    let of = members.read("match", |value| inside(value, depth))?;
    let of =
        of.ok_or_else(|| QueryError::parsing("[span_multi] must have [match] multi term query clause"))?;
    let of = match of {
        Query::Boost { query, .. } | Query::Named { query, .. } => query,
        other => Box::new(other),
    };
    match *of {
        Query::Prefix { .. } | Query::Wildcard { .. } | Query::Regexp { .. } | Query::Fuzzy { .. } => {
            made(members, SpanQuery::Multi { of })
        }
        _ => Err(QueryError::parsing("[span_multi] [match] must be of type multi term query")),
    }
}

pub(super) fn parse_masked(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("field_masking_span", body)?;
    let of = spans_at(&mut members, "query", depth)?;
    let field = members.text("field");
    let field =
        field.ok_or_else(|| QueryError::parsing("field_masking_span must have [field] set for it"))?;
    made(members, SpanQuery::Masked { of, field })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::query::parse_query;

    #[test]
    fn what_is_wrong_is_named() {
        let term = json!({"span_term": {"t": "a"}});
        for (query, reason) in [
            (json!({"span_near": {"clauses": []}}), "span_near must include [clauses]"),
            (
                json!({"span_near": {"clauses": [{"term": {"t": "a"}}]}}),
                "span_near [clauses] must be of type span query",
            ),
            (
                json!({"span_or": {"clauses": [{"span_term": {"t": {"value": "a", "boost": 2}}}]}}),
                "span_or [clauses] as a nested span clause can't have non-default boost value [2.0]",
            ),
            (json!({"span_first": {"match": term}}), "span_first must have [end] set for it"),
            (json!({"span_not": {"include": term}}), "span_not must have [exclude] span query clause"),
            (
                json!({"span_not": {"include": term, "exclude": term, "dist": 1, "pre": 1}}),
                "span_not can either use [dist] or [pre] & [post] (or none)",
            ),
            (
                json!({"span_multi": {"match": {"match": {"t": "a"}}}}),
                "[span_multi] [match] must be of type multi term query",
            ),
            (
                json!({"span_near": {"clauses": [term, {"span_gap": {"t": 1}}, term], "in_order": false}}),
                "span_gap can only be used with [in_order] of [span_near]",
            ),
        ] {
            assert_eq!(parse_query(&query).expect_err("refused").reason, reason, "{query}");
        }
    }
}
