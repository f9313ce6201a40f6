//! Each monitor's last check and a strip of the checks before it, from heartbeat.

use serde_json::{Map, Value, json};

use super::{STEP, Window, buckets, key_millis, key_text};
use crate::document::{number_at, text_at};
use crate::error::ApiError;
use crate::explore::request::TIME_FIELD;
use crate::server::Api;
use crate::source::Source;

/// How many of the newest checks are read to find the last of each monitor.
const CHECKS_READ: usize = 300;

const WANTED: &[&str] = &["@timestamp", "monitor", "url", "error", "http.response.status_code", "summary"];

pub(super) async fn monitors(api: &Api, window: Window) -> Result<Value, ApiError> {
    let source = Source::of("uptime-*");
    let fields = api.fields.of(&api.node, &source).await?;
    if fields.indices == 0 {
        return Ok(json!({"monitors": [], "present": false}));
    }
    let range = window.clause()?;
    let query = json!({"bool": {"filter": [range, {"exists": {"field": "monitor.status"}}]}});
    let strips = json!({
        "query": query,
        "size": CHECKS_READ,
        "_source": WANTED,
        "track_total_hits": false,
        "sort": [{TIME_FIELD: {"order": "desc", "unmapped_type": "date"}}],
        "aggs": {"monitors": {
            "terms": {"field": fields.countable_or_self("monitor.id"), "size": api.settings.home.items_max},
            "aggs": {"time": {
                "date_histogram": {"field": TIME_FIELD, "fixed_interval": STEP, "min_doc_count": 1},
                "aggs": {"status": {"terms": {"field": fields.countable_or_self("monitor.status"), "size": 4}}},
            }},
        }},
    });
    let answer = api.node.search(&source, &strips).await?;
    let checks = last_checks(&answer);
    let mut rows: Vec<Value> = buckets(&answer, "/aggregations/monitors/buckets")
        .iter()
        .map(|bucket| row(bucket, &checks, window))
        .collect();
    // Down first, then by name.
    rows.sort_by_key(|row| (row["status"] != "down", row["name"].as_str().unwrap_or_default().to_owned()));
    Ok(json!({"monitors": rows, "present": true}))
}

/// The newest check of each monitor, by its id.
fn last_checks(answer: &Value) -> Map<String, Value> {
    let mut checks = Map::new();
    for hit in buckets(answer, "/hits/hits") {
        let Some(source) = hit.get("_source").and_then(Value::as_object) else {
            continue;
        };
        let Some(id) = text_at(source, "monitor.id") else {
            continue;
        };
        if checks.contains_key(&id) {
            continue;
        }
        let check = json!({
            "name": text_at(source, "monitor.name"),
            "type": text_at(source, "monitor.type"),
            "status": text_at(source, "monitor.status"),
            "url": text_at(source, "url.full"),
            "error": text_at(source, "error.message"),
            "code": number_at(source, "http.response.status_code"),
            "duration_us": number_at(source, "monitor.duration.us"),
            "seen": hit.pointer("/sort/0"),
        });
        checks.insert(id, check);
    }
    checks
}

fn row(bucket: &Value, checks: &Map<String, Value>, window: Window) -> Value {
    let id = key_text(bucket);
    let mut strip = vec![Value::Null; window.steps()];
    let (mut up, mut down) = (0, 0);
    for step in buckets(bucket, "/time/buckets") {
        let count = |status: &str| {
            let parts = buckets(step, "/status/buckets");
            let part = parts.iter().find(|part| key_text(part) == status);
            part.and_then(|part| part.get("doc_count")).and_then(Value::as_u64).unwrap_or(0)
        };
        let (ups, downs) = (count("up"), count("down"));
        up += ups;
        down += downs;
        if let Some(at) = window.step_of(key_millis(step)) {
            strip[at] = json!(if downs > 0 { "down" } else { "up" });
        }
    }
    let mut row = checks.get(&id).cloned().unwrap_or_else(|| json!({}));
    row["up"] = json!(up);
    row["down"] = json!(down);
    row["strip"] = json!(strip);
    if row["name"].as_str().is_none_or(str::is_empty) {
        row["name"] = json!(id);
    }
    row["id"] = json!(id);
    row
}
