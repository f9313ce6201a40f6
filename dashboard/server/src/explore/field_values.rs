//! `GET /api/fields` and `POST /api/fields/values`: what fields a source has, and what a field holds.

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::document;
use crate::error::ApiError;
use crate::explore::histogram::total;
use crate::explore::request::{Scope, TIME_FIELD, all_of, time_range};
use crate::kql::FieldKind;
use crate::server::{Api, ApiJson};
use crate::source::Source;

/// Whose fields.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldsQuery {
    source: Source,
}

/// The fields of a source.
pub(crate) async fn fields(
    State(api): State<Api>,
    Query(asked): Query<FieldsQuery>,
) -> Result<Json<Value>, ApiError> {
    let fields = api.fields.of(&api.node, &asked.source).await?;
    let list: Vec<_> = fields.iter().collect();
    Ok(Json(json!({"fields": list, "cut": fields.cut, "indices": fields.indices})))
}

/// Which field of which documents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ValuesRequest {
    scope: Scope,
    field: String,
    /// Only values that start so; for completion.
    #[serde(default)]
    prefix: String,
}

/// The top values of a field with exact counts, and the range of a number.
pub(crate) async fn values(
    State(api): State<Api>,
    ApiJson(request): ApiJson<ValuesRequest>,
) -> Result<Json<Value>, ApiError> {
    let bounds = &api.settings.explore;
    let scope = &request.scope;
    scope.check(bounds)?;
    let fields = api.fields.of(&api.node, &scope.source).await?;
    let field = fields.get(&request.field).ok_or_else(|| {
        ApiError::NotFound(format!("`{}` is no field of `{}`", request.field, scope.source.as_str()))
    })?;
    // While a query is being typed it may be broken: completion then looks at the whole range.
    let mut clauses = match (scope.clauses(&fields), request.prefix.is_empty()) {
        (Err(error), true) => return Err(error),
        (Err(_), false) => Vec::new(),
        (Ok(clauses), _) => clauses,
    };
    if fields.get(TIME_FIELD).is_some() {
        clauses.push(time_range(scope.from, scope.to)?);
    }
    let all = json!({"query": all_of(clauses.clone()), "size": 0, "track_total_hits": true});
    clauses.push(json!({"exists": {"field": request.field}}));
    if let (Some(exact), false) = (&field.exact, request.prefix.is_empty()) {
        clauses.push(json!({"prefix": {exact: {"value": request.prefix}}}));
    }
    let mut aggs = serde_json::Map::new();
    if let Some(exact) = &field.exact {
        aggs.insert("top".to_owned(), json!({"terms": {"field": exact, "size": bounds.top_values}}));
        if matches!(field.kind, FieldKind::Integer | FieldKind::Float) {
            for name in ["min", "max", "avg"] {
                aggs.insert(name.to_owned(), json!({name: {"field": exact}}));
            }
        }
    }
    let mut present = json!({"query": all_of(clauses), "size": 0, "track_total_hits": true});
    if !aggs.is_empty() {
        present["aggs"] = Value::Object(aggs);
    }
    let (all, present) = futures::future::try_join(
        api.node.search(&scope.source, &all),
        api.node.search(&scope.source, &present),
    )
    .await?;
    Ok(Json(answer(&request.field, &field.kind_name, &all, &present)))
}

fn answer(field: &str, kind: &str, all: &Value, present: &Value) -> Value {
    let empty = Vec::new();
    let buckets = present.pointer("/aggregations/top/buckets").and_then(Value::as_array);
    let values: Vec<Value> = buckets
        .unwrap_or(&empty)
        .iter()
        .map(|bucket| {
            let key = bucket.get("key_as_string").or_else(|| bucket.get("key"));
            json!({
                "value": key.map(document::plain).unwrap_or_default(),
                "count": bucket.get("doc_count"),
            })
        })
        .collect();
    let figure =
        |name: &str| present.pointer(&format!("/aggregations/{name}/value")).cloned().unwrap_or_default();
    json!({
        "field": field,
        "type": kind,
        "total": total(all),
        "present": total(present),
        "countable": buckets.is_some(),
        "values": values,
        "min": figure("min"),
        "max": figure("max"),
        "avg": figure("avg"),
    })
}
