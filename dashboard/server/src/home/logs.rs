//! The latest log lines of all sources.

use serde_json::{Value, json};

use super::buckets;
use crate::document::{self, text_at};
use crate::error::ApiError;
use crate::explore::request::TIME_FIELD;
use crate::server::Api;
use crate::source::Source;

pub(super) async fn logs(api: &Api) -> Result<Value, ApiError> {
    let source = Source::of("logs-*");
    let body = json!({
        "query": {"exists": {"field": TIME_FIELD}},
        "size": api.settings.home.rows,
        "track_total_hits": false,
        "sort": [{TIME_FIELD: {"order": "desc", "unmapped_type": "date"}}],
    });
    let answer = api.node.search(&source, &body).await?;
    let lines: Vec<Value> = buckets(&answer, "/hits/hits")
        .iter()
        .filter_map(|hit| {
            let fields = hit.get("_source").and_then(Value::as_object)?;
            Some(json!({
                "index": hit.get("_index"),
                "id": hit.get("_id"),
                "time": hit.pointer("/sort/0"),
                "level": text_at(fields, "log.level").map(|level| level.to_lowercase()),
                "dataset": text_at(fields, "event.dataset").or_else(|| text_at(fields, "data_stream.dataset")),
                "host": text_at(fields, "host.name"),
                "message": document::summary(fields, api.settings.explore.cell_bytes_max),
            }))
        })
        .collect();
    Ok(json!({"lines": lines, "present": !lines.is_empty()}))
}
