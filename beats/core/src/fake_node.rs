//! A small node for the tests of the beats: keeps what it is sent by index and id, and fails when told to.
//!
//! Faults follow the number of the request, so that a failing test fails again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use event::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the node does to a request instead of answering it well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers 503 and keeps nothing.
    Unavailable,
    /// Keeps every second item and answers 429 for the others.
    HalfBusy,
    /// Keeps everything, then answers 500, so that the sender cannot know.
    LostAnswer,
    /// Refuses every item with 400.
    Refuses,
}

/// Decides by the request's number, counted from 1.
pub type Faults = fn(u64) -> Option<Fault>;

/// The running node; it ends with the test's runtime.
#[derive(Debug, Clone)]
pub struct FakeNode {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    faults: Mutex<Faults>,
    kept: Mutex<Kept>,
    asked: watch::Sender<u64>,
    stored: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: u64,
    /// Items received, repeats counted.
    items: usize,
    documents: HashMap<(String, String), Value>,
    without_id: usize,
}

impl FakeNode {
    /// Starts on a free port of loopback, or on the port given.
    pub async fn start(port: u16, faults: Faults) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let (stored, _) = watch::channel(0);
        let (asked, _) = watch::channel(0);
        let shared = Arc::new(Shared { faults: Mutex::new(faults), kept: Mutex::default(), asked, stored });
        let about = || async { Json(json!({"version": {"number": "7.10.2"}})) };
        let router = Router::new()
            .route("/", get(about))
            .route("/_bulk", post(bulk))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, shared })
    }

    /// Its address, `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Waits until so many different documents are kept; false if that takes longer than a minute.
    pub async fn holds(&self, documents: usize) -> bool {
        let mut seen = self.shared.stored.subscribe();
        let waiting = seen.wait_for(|count| *count >= documents);
        matches!(tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await, Ok(Ok(_)))
    }

    /// Waits until so many bulk requests came; false if that takes longer than a minute.
    pub async fn is_asked(&self, requests: u64) -> bool {
        let mut seen = self.shared.asked.subscribe();
        let waiting = seen.wait_for(|count| *count >= requests);
        matches!(tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await, Ok(Ok(_)))
    }

    /// Bulk requests so far.
    pub fn requests(&self) -> u64 {
        *self.shared.asked.borrow()
    }

    /// Has other faults from now on.
    pub fn becomes(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Every document with its index.
    pub fn documents(&self) -> Vec<(String, Value)> {
        let kept = self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.documents.iter().map(|((index, _), document)| (index.clone(), document.clone())).collect()
    }

    /// Items received, repeats counted.
    pub fn items(&self) -> usize {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner).items
    }
}

async fn bulk(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let (answer, count) = {
        let mut kept = shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.requests += 1;
        let faults = *shared.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults(kept.requests);
        shared.asked.send_replace(kept.requests);
        if fault == Some(Fault::Unavailable) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let items = kept.take(&body, fault);
        let answer = match fault {
            Some(Fault::LostAnswer) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            _ => Json(json!({"errors": fault.is_some(), "items": items})).into_response(),
        };
        (answer, kept.documents.len())
    };
    shared.stored.send_replace(count);
    answer
}

impl Kept {
    fn take(&mut self, body: &[u8], fault: Option<Fault>) -> Vec<Value> {
        let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut items = Vec::new();
        while let (Some(action), Some(source)) = (lines.next(), lines.next()) {
            let action: Value = serde_json::from_slice(action).unwrap_or_default();
            let source: Value = serde_json::from_slice(source).unwrap_or_default();
            let op = if action.get("create").is_some() { "create" } else { "index" };
            self.items += 1;
            let busy = fault == Some(Fault::HalfBusy) && self.items.is_multiple_of(2);
            let status = match fault {
                Some(Fault::Refuses) => 400,
                _ if busy => 429,
                _ => self.keep(&action[op], op, source),
            };
            let error = json!({"type": "some_exception", "reason": "as the test wants"});
            items.push(match status {
                200..=299 => json!({op: {"status": status}}),
                _ => json!({op: {"status": status, "error": error}}),
            });
        }
        items
    }

    fn keep(&mut self, head: &Value, op: &str, source: Value) -> u16 {
        let index = head["_index"].as_str().unwrap_or_default().to_owned();
        let id = head["_id"].as_str().map_or_else(
            || {
                self.without_id += 1;
                format!("auto-{}", self.without_id)
            },
            str::to_owned,
        );
        let key = (index, id);
        if op == "create" && self.documents.contains_key(&key) {
            return 409;
        }
        self.documents.insert(key, source);
        201
    }
}
