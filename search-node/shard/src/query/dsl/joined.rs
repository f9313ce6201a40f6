//! Queries for documents by what belongs to them: nested objects, and the children of a parent.

use serde_json::Value;

use super::{flag, members, number, parse, plain, unsupported};
use crate::query::QueryError;
use crate::query::ast::{Query, ScoreMode};

pub(super) fn parse_nested(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let name = "nested";
    let (mut path, mut found, mut boost) = (None, None, 1.0);
    let (mut score_mode, mut ignore_unmapped, mut inner_hits) = (ScoreMode::default(), false, None);
    for (key, value) in members(name, body)? {
        match key.as_str() {
            "path" => path = Some(plain(value)),
            "query" => found = Some(parse(value, depth + 1)?),
            "score_mode" => score_mode = parse_score_mode(value)?,
            "inner_hits" => {
                let members = value.as_object().ok_or_else(|| unsupported(name, key))?;
                inner_hits = Some(members.clone());
            }
            "ignore_unmapped" => ignore_unmapped = flag(name, key, value)?,
            "boost" => boost = number(name, key, value)?,
            "_name" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let path = path.ok_or_else(|| QueryError::argument("[nested] requires 'path' field"))?;
    let query = found.ok_or_else(|| QueryError::argument("[nested] requires 'query' field"))?;
    let query = Box::new(query);
    Ok(Query::Nested { path, query, score_mode, ignore_unmapped, inner_hits }.boosted(boost))
}

pub(super) fn parse_parent_id(body: &Value) -> Result<Query, QueryError> {
    let name = "parent_id";
    let (mut child, mut id, mut boost, mut ignore_unmapped) = (None, None, 1.0, false);
    for (key, value) in members(name, body)? {
        match key.as_str() {
            "type" => child = Some(plain(value)),
            "id" => id = Some(plain(value)),
            "ignore_unmapped" => ignore_unmapped = flag(name, key, value)?,
            "boost" => boost = number(name, key, value)?,
            "_name" => {}
            _ => return Err(unsupported(name, key)),
        }
    }
    let child = child.ok_or_else(|| QueryError::argument("[parent_id] requires 'type' field"))?;
    let id = id.ok_or_else(|| QueryError::argument("[parent_id] requires 'id' field"))?;
    Ok(Query::ParentId { child, id, ignore_unmapped }.boosted(boost))
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
