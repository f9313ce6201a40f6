//! The search node as this program asks it: a bounded number of requests at a time, failures as [`ApiError`].
//!
//! # Invariants
//!
//! - Dropping a call (the browser went away) drops its request and its turn in the queue.
//! - A name of an index reaches a path only through [`Source`], which holds nothing that could change the path.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use daemon::metrics::{Counter, Gauge, Metrics};
use search_client::{Method, SearchClient};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::ApiError;
use crate::settings::DashboardSettings;
use crate::source::Source;

/// The search node.
#[derive(Debug)]
pub(crate) struct Node {
    client: SearchClient,
    turns: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
    requests: Counter,
    failures: Counter,
    running: Gauge,
}

impl Node {
    /// Connects only when asked something.
    pub(crate) fn new(settings: &DashboardSettings, metrics: &Metrics) -> Result<Arc<Self>, ApiError> {
        Ok(Arc::new(Self {
            client: SearchClient::new(settings.client.clone())?,
            turns: Semaphore::new(settings.requests_max),
            waiting: AtomicUsize::new(0),
            waiting_max: settings.requests_waiting_max,
            requests: metrics.counter("dashboard_node_requests", "Requests sent to the search node"),
            failures: metrics
                .counter("dashboard_node_failures", "Requests to the search node without a good answer"),
            running: metrics
                .gauge("dashboard_node_requests_running", "Requests that the search node works on"),
        }))
    }

    /// The addresses, for messages.
    pub(crate) fn hosts(&self) -> String {
        self.client.hosts().trim_end_matches('/').replace("/,", ",")
    }

    /// Asks with GET.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.ask(Method::GET, path, None).await
    }

    /// Searches a source. Indices that are missing are left out; one that cannot answer is an error, so that no count is shown that is short of it.
    pub(crate) async fn search(&self, source: &Source, body: &Value) -> Result<Value, ApiError> {
        let path = format!(
            "/{}/_search?ignore_unavailable=true&allow_no_indices=true&allow_partial_search_results=false",
            source.as_str()
        );
        self.ask(Method::POST, &path, Some(body)).await
    }

    /// The mappings of a source, by index. No index at all is an empty object.
    pub(crate) async fn mapping(&self, source: &Source) -> Result<Value, ApiError> {
        let path = format!("/{}/_mapping?ignore_unavailable=true&allow_no_indices=true", source.as_str());
        match self.ask(Method::GET, &path, None).await {
            Err(ApiError::NodeRefused { status: 404, .. }) => Ok(Value::Object(serde_json::Map::new())),
            other => other,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        let _turn = self.turn().await?;
        let _running = Running::start(&self.running);
        self.requests.inc();
        let answer = self.client.json(method, path, body).await;
        if answer.is_err() {
            self.failures.inc();
        }
        Ok(answer?)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        if let Ok(permit) = self.turns.try_acquire() {
            return Ok(permit);
        }
        let _waiting = Waiting::start(&self.waiting, self.waiting_max)?;
        self.turns.acquire().await.map_err(|_| ApiError::TooBusy("the dashboard is stopping".to_owned()))
    }
}

/// One request at work; counts down when it ends or is dropped.
struct Running<'a>(&'a Gauge);

impl<'a> Running<'a> {
    fn start(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// One request in the queue; leaves it when it gets its turn or is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn start(count: &'a AtomicUsize, limit: usize) -> Result<Self, ApiError> {
        if count.fetch_add(1, Ordering::AcqRel) >= limit {
            count.fetch_sub(1, Ordering::AcqRel);
            return Err(ApiError::TooBusy(format!(
                "{limit} requests already wait for the search node; try again, or raise `elasticsearch.requests_waiting_max`"
            )));
        }
        Ok(Self(count))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
