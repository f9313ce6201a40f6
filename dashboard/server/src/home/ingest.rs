//! What each source received: documents and rate of the last 15 minutes, a small chart, and when it was last seen.

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::{STEP, Window, buckets, key_millis};
use crate::error::ApiError;
use crate::explore::histogram::total;
use crate::explore::request::TIME_FIELD;
use crate::server::Api;
use crate::source::Source;
use crate::sources::{self, SourceInfo};

/// How many sources are asked at the same time, so that Home leaves turns for others.
const AT_ONCE: usize = 4;

pub(super) async fn ingest(api: &Api, window: Window) -> Result<Value, ApiError> {
    let mut members = sources::members(&api.node).await?;
    let all = members.len();
    members.truncate(api.settings.home.sources_max);
    let mut rows: Vec<Value> = stream::iter(members)
        .map(|member| source_row(api, window, member))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let received = |row: &Value| row["received"].as_u64().unwrap_or(0);
    rows.sort_by_key(|row| std::cmp::Reverse((received(row), row["docs"].as_u64().unwrap_or(0))));
    let sum: u64 = rows.iter().map(received).sum();
    Ok(
        json!({"sources": rows, "left_out": all.saturating_sub(api.settings.home.sources_max), "received": sum}),
    )
}

async fn source_row(api: &Api, window: Window, member: SourceInfo) -> Result<Value, ApiError> {
    let source = Source::try_from(member.name.clone())?;
    let body = json!({
        "query": {"bool": {"filter": [window.clause()?]}},
        "size": 1,
        "_source": false,
        "track_total_hits": true,
        "sort": [{TIME_FIELD: {"order": "desc", "unmapped_type": "date"}}],
        "aggs": {"time": {"date_histogram": {"field": TIME_FIELD, "fixed_interval": STEP, "min_doc_count": 1}}},
    });
    let answer = api.node.search(&source, &body).await?;
    let mut chart = vec![0_u64; window.steps()];
    for bucket in buckets(&answer, "/aggregations/time/buckets") {
        if let Some(step) = window.step_of(key_millis(bucket)) {
            chart[step] = bucket.get("doc_count").and_then(Value::as_u64).unwrap_or(0);
        }
    }
    let mut seen = answer.pointer("/hits/hits/0/sort/0").cloned();
    if seen.is_none() && member.docs > 0 {
        seen = last_seen(api, &source).await?;
    }
    Ok(json!({
        "name": member.name,
        "kind": member.kind,
        "docs": member.docs,
        "received": total(&answer),
        "chart": chart,
        "seen": seen,
    }))
}

async fn last_seen(api: &Api, source: &Source) -> Result<Option<Value>, ApiError> {
    let body = json!({
        "query": {"exists": {"field": TIME_FIELD}},
        "size": 1,
        "_source": false,
        "track_total_hits": false,
        "sort": [{TIME_FIELD: {"order": "desc", "unmapped_type": "date"}}],
    });
    let answer = api.node.search(source, &body).await?;
    Ok(answer.pointer("/hits/hits/0/sort/0").filter(|key| key.is_number()).cloned())
}
