//! Queries for documents by what belongs to them: nested objects, and the children of a parent.

use serde_json::Value;

use super::members::Members;
use super::{inside, plain};
use crate::query::QueryError;
use crate::query::ast::{Query, ScoreMode};

pub(super) fn parse_nested(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("nested", body)?;
    let path = members.text("path");
    let path = path.ok_or_else(|| QueryError::argument("[nested] requires 'path' field"))?;
    let query = members.read("query", |value| inside(value, depth))?;
    let query = query.ok_or_else(|| QueryError::argument("[nested] requires 'query' field"))?;
    let score_mode = members.read("score_mode", parse_score_mode)?.unwrap_or_default();
    let inner_hits = members.take("inner_hits");
    let inner_hits = match inner_hits.map(|value| (value, value.as_object())) {
        Some((_, Some(asked))) => Some(asked.clone()),
        Some(_) => return Err(members.unsupported("inner_hits")),
        None => None,
    };
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    let query = Box::new(query);
    members.end(Query::Nested { path, query, score_mode, ignore_unmapped, inner_hits })
}

pub(super) fn parse_parent_id(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("parent_id", body)?;
    let child = members.text("type");
    let child = child.ok_or_else(|| QueryError::argument("[parent_id] requires 'type' field"))?;
    let id = members.text("id").ok_or_else(|| QueryError::argument("[parent_id] requires 'id' field"))?;
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    members.end(Query::ParentId { child, id, ignore_unmapped })
}

fn parse_score_mode(value: &Value) -> Result<ScoreMode, QueryError> {
    match plain(value).as_str() {
        "avg" => Ok(ScoreMode::Avg),
        "max" => Ok(ScoreMode::Max),
        "min" => Ok(ScoreMode::Min),
        "sum" => Ok(ScoreMode::Sum),
        "none" => Ok(ScoreMode::None),
        other => Err(QueryError::argument(format!("No score mode for child query [{other}] found"))),
    }
}
