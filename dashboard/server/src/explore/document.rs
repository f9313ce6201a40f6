//! `GET /api/document`: one document, as flat fields and as JSON text with every digit.

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::document;
use crate::error::ApiError;
use crate::server::Api;
use crate::source::Source;

/// Which document.
#[derive(Debug, Deserialize)]
pub(crate) struct DocumentQuery {
    index: Source,
    id: String,
}

/// The document. It is found by a search, so that ids with any characters and data streams work alike.
pub(crate) async fn document(
    State(api): State<Api>,
    Query(asked): Query<DocumentQuery>,
) -> Result<Json<Value>, ApiError> {
    let body = json!({"query": {"ids": {"values": [asked.id]}}, "size": 1});
    let answer = api.node.search(&asked.index, &body).await?;
    let hit = answer.pointer("/hits/hits/0").ok_or_else(|| {
        ApiError::NotFound(format!(
            "`{}` holds no document `{}`; it may have been deleted or its index rolled over",
            asked.index.as_str(),
            asked.id
        ))
    })?;
    let empty = Map::new();
    let source = hit.get("_source").and_then(Value::as_object).unwrap_or(&empty);
    let text = serde_json::to_string_pretty(source).map_err(|error| ApiError::NodeOdd(error.to_string()))?;
    let bytes_max = api.settings.explore.document_bytes_max;
    if text.len() > bytes_max {
        return Err(ApiError::BadRequest(format!(
            "document `{}` has {} bytes, more than `explore.document_bytes_max` ({bytes_max})",
            asked.id,
            text.len()
        )));
    }
    let fields = api.fields.of(&api.node, &asked.index).await?;
    let mut rows = Vec::new();
    document::leaves(source, &mut |name, value| {
        let kind = fields.get(name).map_or("unknown", |field| field.kind_name.as_str());
        let countable = fields.countable(name).is_some();
        rows.push((
            name.to_owned(),
            json!({
                "name": name,
                "type": kind,
                "value": document::cell(Some(value), bytes_max),
                "list": value.as_array().map(|values| values.iter().map(document::plain).collect::<Vec<_>>()),
                "countable": countable,
            }),
        ));
    });
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Json(json!({
        "index": hit.get("_index"),
        "id": hit.get("_id"),
        "fields": rows,
        "json": text,
    })))
}
