//! A node that listens nowhere: requests go straight to its API, bodies in pieces as they would arrive.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use daemon::clock::Clock;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use search_node::{Node, NodeSettings, SCHEMA, SilentHeap};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::scratch;

const JSON: &str = "application/json";
const NOW_NANOS: i64 = 1_795_515_630_123_000_000;

/// The node and what it stands on.
pub(crate) struct InProcess {
    runtime: Runtime,
    api: Router,
    /// Below everything else, and so dropped last.
    _folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl InProcess {
    /// A node on `folder` with further settings, as lines of YAML.
    pub(crate) fn open(folder: TempDir, yaml: &str) -> Result<Self, String> {
        let yaml = format!("path.data: {}\nmemory.limit: 4gb\n{yaml}", folder.path().display());
        let settings = settings::load_text(SCHEMA, "search-node.yml", &yaml, &[]);
        let settings = settings.and_then(|settings| NodeSettings::read(&settings)).expect("valid settings");
        let node = Node::open(settings, Clock::fixed(NOW_NANOS), Arc::new(SilentHeap))
            .map_err(|error| format!("{error:#}"))?;
        // Two threads suffice: one request at a time, and what it does in a pool.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Ok(Self { runtime, api: node.api(), _folder: folder })
    }

    /// An empty node.
    pub(crate) fn empty(yaml: &str) -> Self {
        Self::open(scratch::folder(), yaml).expect("an empty folder opens")
    }

    /// Sends one request.
    pub(crate) fn call(&self, method: Method, path: &str, pieces: Vec<Bytes>) -> Answer {
        self.call_in(method, path, JSON, pieces)
    }

    /// Sends one request whose body has this media type. The answer comes as JSON.
    pub(crate) fn call_in(&self, method: Method, path: &str, media: &str, pieces: Vec<Bytes>) -> Answer {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let body = futures::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, media)
            .header(header::ACCEPT, JSON)
            .header(header::CONTENT_LENGTH, length)
            .body(Body::from_stream(body))
            .expect("a request");
        let (status, bytes) = self.send(request);
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status, body }
    }

    /// The answer to a request without a body, in this media type.
    pub(crate) fn bytes(&self, method: Method, path: &str, media: &str) -> (StatusCode, Bytes) {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, media);
        self.send(request.body(Body::empty()).expect("a request"))
    }

    fn send(&self, request: Request<Body>) -> (StatusCode, Bytes) {
        let mut api = self.api.clone();
        self.runtime.block_on(async {
            let Ok(response) = api.call(request).await;
            let status = response.status();
            (status, response.into_body().collect().await.expect("an answer").to_bytes())
        })
    }

    /// Sends one request whose body is one JSON value, or none.
    pub(crate) fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        let pieces = if body.is_null() { Vec::new() } else { vec![Bytes::from(body.to_string())] };
        self.call(method, path, pieces)
    }
}

impl Answer {
    /// What a caller sent is the caller's fault, never the node's.
    pub(crate) fn check(&self) {
        let status = self.status.as_u16();
        assert!(status < 500 && status != 429, "{status}: {}", self.body);
        assert!(self.body.is_object() || self.body.is_array(), "not JSON: {}", self.body);
    }
}

/// A name as a part of a path.
pub(crate) fn in_path(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
