//! Queries for documents by what belongs to them: nested objects, and the children of a parent.

use serde_json::{Map, Value};

use super::inside;
use super::members::Members;
use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{Joined, Query, ScoreMode};

pub(super) fn parse_nested(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("nested", body)?;
    let path = members.text("path");
    let path = path.ok_or_else(|| QueryError::argument("[nested] requires 'path' field"))?;
    let query = members.read("query", |value| inside(value, depth))?;
    let query = query.ok_or_else(|| QueryError::argument("[nested] requires 'query' field"))?;
    let score_mode = members.read("score_mode", parse_score_mode)?.unwrap_or_default();
    let inner_hits = take_inner_hits(&mut members)?;
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

fn take_inner_hits(members: &mut Members<'_>) -> Result<Option<Map<String, Value>>, QueryError> {
    match members.take("inner_hits") {
        None => Ok(None),
        Some(Value::Object(asked)) => Ok(Some(asked.clone())),
        Some(_) => Err(members.unsupported("inner_hits")),
    }
}

pub(super) fn parse_has_child(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("has_child", body)?;
    let name = members.text("type");
    let name = name.ok_or_else(|| QueryError::argument("[has_child] requires 'type' field"))?;
    let query = members.read("query", |value| inside(value, depth))?;
    let query = query.ok_or_else(|| QueryError::argument("[has_child] requires 'query' field"))?;
    let score_mode = members.read("score_mode", parse_score_mode)?.unwrap_or(ScoreMode::None);
    let count = |key: &'static str, members: &mut Members<'_>| {
        members.read(key, |value| {
            let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            number.and_then(|number| u32::try_from(number).ok()).ok_or_else(|| {
                QueryError::argument(format!("[has_child] requires non-negative '{key}' field"))
            })
        })
    };
    let least = count("min_children", &mut members)?.unwrap_or(1);
    let most = count("max_children", &mut members)?.unwrap_or(i32::MAX as u32);
    if most < least {
        return Err(QueryError::argument("[has_child] 'max_children' is less than 'min_children'"));
    }
    let inner_hits = take_inner_hits(&mut members)?;
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    let by_children = true;
    let joined = Joined { by_children, name, query, score_mode, least, most, ignore_unmapped, inner_hits };
    members.end(Query::Joined(Box::new(joined)))
}

pub(super) fn parse_has_parent(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("has_parent", body)?;
    let name = members.text("parent_type");
    let name = name.ok_or_else(|| QueryError::argument("[has_parent] requires 'parent_type' field"))?;
    let query = members.read("query", |value| inside(value, depth))?;
    let query = query.ok_or_else(|| QueryError::argument("[has_parent] requires 'query' field"))?;
    let counts = members.flag("score")?.unwrap_or(false);
    let score_mode = if counts { ScoreMode::Max } else { ScoreMode::None };
    let inner_hits = take_inner_hits(&mut members)?;
    let ignore_unmapped = members.flag("ignore_unmapped")?.unwrap_or(false);
    let joined = Joined {
        by_children: false,
        name,
        query,
        score_mode,
        least: 1,
        most: u32::MAX,
        ignore_unmapped,
        inner_hits,
    };
    members.end(Query::Joined(Box::new(joined)))
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
