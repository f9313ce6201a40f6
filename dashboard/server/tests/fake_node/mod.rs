//! A search node that answers what a test tells it, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

type Search = Arc<dyn Fn(&Value) -> Value + Send + Sync>;

#[derive(Clone, Default)]
struct Script {
    answers: HashMap<(String, String), (u16, Value)>,
    search: Option<Search>,
    hang: Option<Hung>,
    searches: Vec<Value>,
}

/// The node; clones share it.
#[derive(Clone)]
pub(crate) struct FakeNode {
    address: String,
    script: Arc<Mutex<Script>>,
}

/// Searches that never end by themselves.
#[derive(Clone)]
pub(crate) struct Hung {
    started: Arc<watch::Sender<usize>>,
    dropped: Arc<watch::Sender<usize>>,
}

impl Hung {
    pub(crate) async fn started(&self, count: usize) {
        at_least(&self.started, count).await;
    }

    pub(crate) async fn dropped(&self, count: usize) {
        at_least(&self.dropped, count).await;
    }
}

async fn at_least(sender: &watch::Sender<usize>, count: usize) {
    let mut seen = sender.subscribe();
    seen.wait_for(|value| *value >= count).await.expect("the sender lives");
}

/// Counts when its request is dropped.
struct Dropped(Arc<watch::Sender<usize>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count += 1);
    }
}

impl FakeNode {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let node =
            Self { address: listener.local_addr().expect("bound").to_string(), script: Arc::default() };
        let router = Router::new().fallback(answer).with_state(node.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        node
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn answer(&self, method: &str, path: &str, status: u16, body: Value) {
        self.with(|script| script.answers.insert((method.to_owned(), path.to_owned()), (status, body)));
    }

    pub(crate) fn on_search(&self, search: impl Fn(&Value) -> Value + Send + Sync + 'static) {
        self.with(|script| script.search = Some(Arc::new(search)));
    }

    pub(crate) fn hang_searches(&self) -> Hung {
        let hung = Hung { started: Arc::new(watch::channel(0).0), dropped: Arc::new(watch::channel(0).0) };
        self.with(|script| script.hang = Some(hung.clone()));
        hung
    }

    /// The bodies of all searches so far.
    pub(crate) fn searches(&self) -> Vec<Value> {
        self.with(|script| script.searches.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(State(node): State<FakeNode>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let script = node.with(|script| script.clone());
    if let Some((status, body)) = script.answers.get(&(method.to_string(), path.clone())) {
        return reply(*status, body);
    }
    if path.ends_with("/_search") {
        let body: Value = serde_json::from_slice(&body).expect("a search has a JSON body");
        node.with(|script| script.searches.push(body.clone()));
        if let Some(hung) = script.hang {
            let _dropped = Dropped(Arc::clone(&hung.dropped));
            hung.started.send_modify(|count| *count += 1);
            std::future::pending::<()>().await;
        }
        if let Some(search) = script.search {
            return reply(200, &search(&body));
        }
    }
    if path.ends_with("/_mapping") {
        return reply(200, &json!({}));
    }
    reply(404, &json!({"error": {"type": "index_not_found_exception", "reason": format!("no {path}")}}))
}

fn reply(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}
