//! The client: a pool of nodes, one request at a time or many bulk items until they are delivered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use crate::bulk::{self, BulkAction, ItemOutcome};
use crate::error::ClientError;
use crate::pause::Pause;

/// How to reach the nodes.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Addresses such as `http://127.0.0.1:9200` or `127.0.0.1:9200`; at least one.
    pub hosts: Vec<String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// The first pause before a repeat.
    pub backoff_init: Duration,
    /// The longest pause before a repeat.
    pub backoff_max: Duration,
    /// Name and password, if the node asks for them.
    pub credentials: Option<(String, String)>,
    /// An API key as `id:key`, instead of name and password.
    pub api_key: Option<String>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            hosts: vec!["http://127.0.0.1:9200".to_owned()],
            timeout: Duration::from_secs(90),
            backoff_init: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            credentials: None,
            api_key: None,
        }
    }
}

/// A node's answer to any request.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The content type, empty if none was sent.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A client of one cluster.
#[derive(Debug)]
pub struct SearchClient {
    http: reqwest::Client,
    hosts: Vec<Url>,
    next: AtomicUsize,
    options: ClientOptions,
}

impl SearchClient {
    /// Checks the addresses; connects only when asked something.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let hosts = options.hosts.iter().map(|host| address(host)).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err(ClientError::Host { host: String::new(), reason: "the list is empty".to_owned() });
        }
        let http = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(Duration::from_secs(10)))
            .no_proxy()
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, hosts, next: AtomicUsize::new(0), options })
    }

    /// The addresses, for messages.
    pub fn hosts(&self) -> String {
        self.hosts.iter().map(Url::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Sends one request to the first node that answers. Any status is an answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, ClientError> {
        let body = body.into();
        let start = self.next.load(Ordering::Relaxed);
        let mut reason = String::new();
        for turn in 0..self.hosts.len() {
            let at = (start + turn) % self.hosts.len();
            let request = self.request(method.clone(), &self.hosts[at], path, content_type, body.clone())?;
            match receive(request).await {
                Ok(answer) => {
                    self.next.store(at, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => reason = root_cause(&error),
            }
        }
        Err(ClientError::Unreachable { hosts: self.hosts(), reason })
    }

    /// Sends JSON, or nothing, and reads JSON; a status of 400 and above is [`ClientError::Refused`].
    pub async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let answer = self.send(method.clone(), path, "application/json", bytes).await?;
        let value: Result<Value, _> = serde_json::from_slice(&answer.body);
        if !answer.is_success() {
            return Err(refused(&method, path, &answer, value.ok().as_ref()));
        }
        value.map_err(|error| ClientError::Unexpected {
            path: path.to_owned(),
            host: self.hosts(),
            reason: error.to_string(),
        })
    }

    /// Sends actions once and tells the fate of each. A refusal of the whole request, 429 included, is an error.
    pub async fn bulk(&self, actions: &[BulkAction]) -> Result<Vec<ItemOutcome>, ClientError> {
        let path = "/_bulk";
        let answer = self.send(Method::POST, path, "application/x-ndjson", bulk::body(actions)).await?;
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.is_success() {
            return Err(refused(&Method::POST, path, &answer, Some(&value)));
        }
        bulk::outcomes(&value, actions.len()).ok_or_else(|| ClientError::Unexpected {
            path: path.to_owned(),
            host: self.hosts(),
            reason: "`items` does not match the actions sent".to_owned(),
        })
    }

    /// Begins with another node next time, because this one's answer was none to go on with.
    pub(crate) fn pass_over(&self) {
        self.next.fetch_add(1, Ordering::Relaxed);
    }

    /// The growing pause between tries.
    pub(crate) fn pause(&self) -> Pause {
        Pause::new(self.options.backoff_init, self.options.backoff_max)
    }

    fn request(
        &self,
        method: Method,
        host: &Url,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<RequestBuilder, ClientError> {
        let url = host.join(path.trim_start_matches('/')).map_err(|error| ClientError::Host {
            host: format!("{host}{path}"),
            reason: error.to_string(),
        })?;
        let mut request = self.http.request(method, url);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, content_type).body(body);
        }
        if let Some((name, password)) = &self.options.credentials {
            request = request.basic_auth(name, Some(password));
        }
        if let Some(key) = &self.options.api_key {
            request = request.header("authorization", format!("ApiKey {key}"));
        }
        Ok(request)
    }
}

async fn receive(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    Ok(Answer { status, content_type, body: response.bytes().await? })
}

fn refused(method: &Method, path: &str, answer: &Answer, body: Option<&Value>) -> ClientError {
    let error = body.and_then(|body| body.get("error")).map(telling);
    let member = |name: &str| error.and_then(|e| e.get(name)).and_then(Value::as_str).map(str::to_owned);
    let reason = member("reason")
        .or_else(|| error.and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| String::from_utf8_lossy(&answer.body).chars().take(300).collect());
    ClientError::Refused {
        method: method.to_string(),
        path: path.to_owned(),
        status: answer.status,
        kind: member("type").unwrap_or_default(),
        reason,
    }
}

/// The part of an error that says what is wrong: of a search that failed in all shards, what the first of them says.
fn telling(error: &Value) -> &Value {
    match error.get("type").and_then(Value::as_str) {
        Some("search_phase_execution_exception") => error.pointer("/root_cause/0").unwrap_or(error),
        _ => error,
    }
}

fn address(host: &str) -> Result<Url, ClientError> {
    let full = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
    let slashed = if full.ends_with('/') { full } else { format!("{full}/") };
    Url::parse(&slashed)
        .map_err(|error| ClientError::Host { host: host.to_owned(), reason: error.to_string() })
}

/// The innermost reason: "Connection refused" says more than "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_search_that_failed_everywhere_says_why() {
        let cause = json!({"type": "query_shard_exception", "reason": "No mapping found for [x]"});
        let kind = "search_phase_execution_exception";
        let failed = json!({"root_cause": [cause], "type": kind, "reason": "all shards failed"});
        assert_eq!(telling(&failed), &cause);
        let silent = json!({"root_cause": [], "type": kind, "reason": "all shards failed"});
        assert_eq!(telling(&silent), &silent);
        assert_eq!(telling(&cause), &cause);
    }
}
