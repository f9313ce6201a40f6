//! `POST /api/explore/search`: rows and histogram as frames, each sent as soon as it is there.
//!
//! What is wrong with the request is an ordinary error answer; what fails later is an `error` frame, and the frames
//! that came before it stay good. Dropping the response (the browser went away) drops both searches.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{FuturesUnordered, Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::explore::histogram::HistogramPlan;
use crate::explore::request::{SearchRequest, TIME_FIELD, all_of, instant};
use crate::explore::rows::RowsPlan;
use crate::fields::Fields;
use crate::server::{Api, ApiJson};

/// Everything that the frames need.
struct Search {
    api: Api,
    request: SearchRequest,
    fields: Arc<Fields>,
    rows: RowsPlan,
    histogram: Option<HistogramPlan>,
}

/// Answers with NDJSON frames: `plan`, then `rows` and `histogram` in the order in which they arrive, then `done`.
pub(crate) async fn search(
    State(api): State<Api>,
    ApiJson(request): ApiJson<SearchRequest>,
) -> Result<Response, ApiError> {
    let bounds = &api.settings.explore;
    request.check(bounds)?;
    let fields = api.fields.of(&api.node, &request.scope.source).await?;
    let query = request.scope.dsl(&fields)?;
    let rows = RowsPlan::new(&request, query.clone(), &fields)?;
    let histogram =
        request.histogram.then(|| HistogramPlan::new(&request, query, &fields, bounds.histogram_buckets));
    let search = Arc::new(Search { api, request, fields, rows, histogram });
    let body = Body::from_stream(frames(search).map(|frame| Ok::<_, std::convert::Infallible>(line(&frame))));
    Ok(([(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")], body).into_response())
}

fn line(frame: &Value) -> Bytes {
    let mut text = frame.to_string();
    text.push('\n');
    Bytes::from(text)
}

type Part = Pin<Box<dyn Future<Output = Result<Value, ApiError>> + Send>>;

fn frames(search: Arc<Search>) -> impl Stream<Item = Value> + Send {
    let plan = search.plan();
    let parts: FuturesUnordered<Part> = FuturesUnordered::new();
    let at = Arc::clone(&search);
    parts.push(Box::pin(async move { at.rows().await }));
    if search.histogram.is_some() {
        let at = Arc::clone(&search);
        parts.push(Box::pin(async move { at.histogram().await }));
    }
    let ended = Arc::clone(&search);
    let parts = parts.map(|part| part.unwrap_or_else(|error| error_frame(&error)));
    futures::stream::once(std::future::ready(plan))
        .chain(parts)
        .chain(futures::stream::once(async move { ended.done().await }))
}

fn error_frame(error: &ApiError) -> Value {
    let mut frame = error.body();
    frame["frame"] = json!("error");
    frame
}

impl Search {
    fn plan(&self) -> Value {
        let histogram = self.histogram.as_ref();
        json!({
            "frame": "plan",
            "columns": self.rows.columns,
            "sort": self.rows.order,
            "timed": self.fields.get(TIME_FIELD).is_some(),
            "step": histogram.and_then(|plan| plan.step),
            "by": histogram.and_then(|plan| plan.by.clone()),
            "indices": self.fields.indices,
        })
    }

    async fn rows(&self) -> Result<Value, ApiError> {
        let bounds = &self.api.settings.explore;
        let mut frame = self.rows.run(&self.api.node, &self.request, &self.fields, bounds).await?;
        let is_empty = frame["ids"].as_array().is_some_and(Vec::is_empty);
        if is_empty && self.request.after.is_none() && self.fields.get(TIME_FIELD).is_some() {
            frame["nearest"] = self.nearest().await?;
        }
        Ok(frame)
    }

    async fn histogram(&self) -> Result<Value, ApiError> {
        match &self.histogram {
            Some(plan) => plan.run(&self.api.node, &self.request, &self.fields).await,
            None => Ok(Value::Null),
        }
    }

    /// Where the same query would find something: the last time before the range and the first after it.
    async fn nearest(&self) -> Result<Value, ApiError> {
        let scope = &self.request.scope;
        let clauses = scope.clauses(&self.fields)?;
        let before = self.edge(clauses.clone(), "lt", scope.from, "desc");
        let after = self.edge(clauses, "gt", scope.to, "asc");
        let (before, after) = futures::future::try_join(before, after).await?;
        Ok(json!({"before": before, "after": after}))
    }

    async fn edge(
        &self,
        mut clauses: Vec<Value>,
        op: &str,
        bound: i64,
        order: &str,
    ) -> Result<Value, ApiError> {
        clauses.push(json!({"range": {TIME_FIELD: {op: instant(bound)?}}}));
        let body = json!({
            "query": all_of(clauses),
            "size": 1,
            "_source": false,
            "track_total_hits": false,
            "sort": [{TIME_FIELD: {"order": order, "unmapped_type": "date"}}],
        });
        let answer = self.api.node.search(&self.request.scope.source, &body).await?;
        Ok(answer.pointer("/hits/hits/0/sort/0").cloned().unwrap_or_default())
    }

    async fn done(&self) -> Value {
        json!({"frame": "done"})
    }
}
