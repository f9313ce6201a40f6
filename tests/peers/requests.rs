//! Requests, as both servers are sent them.

use search_client::Method;
use serde_json::Value;

/// What stands in the body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Json(Value),
    Lines(Vec<Value>),
}

/// One request, and of what kind it is.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// What is counted together.
    pub(crate) kind: String,
    /// The kind without its options.
    pub(crate) family: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Body,
}

impl Request {
    /// A POST of JSON.
    pub(crate) fn post(kind: impl Into<String>, path: impl Into<String>, body: Value) -> Self {
        Self::new(kind.into(), Method::POST, path.into(), Body::Json(body))
    }

    /// A POST of lines.
    pub(crate) fn lines(kind: impl Into<String>, path: impl Into<String>, lines: Vec<Value>) -> Self {
        Self::new(kind.into(), Method::POST, path.into(), Body::Lines(lines))
    }

    /// Any other.
    pub(crate) fn new(kind: String, method: Method, path: String, body: Body) -> Self {
        Self { family: kind.clone(), kind, method, path, body }
    }

    /// The same as one of a family.
    pub(crate) fn of(self, family: &str) -> Self {
        Self { family: family.to_owned(), ..self }
    }

    /// The body as it is sent.
    pub(crate) fn text(&self) -> String {
        match &self.body {
            Body::Json(body) => body.to_string(),
            Body::Lines(lines) => lines.iter().map(|line| format!("{line}\n")).collect(),
        }
    }

    /// The media type of the body.
    pub(crate) fn media_type(&self) -> &'static str {
        match self.body {
            Body::Json(_) => "application/json",
            Body::Lines(_) => "application/x-ndjson",
        }
    }

    /// The whole as a person would type it.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}\n{}", self.method, self.path, self.text())
    }
}
