//! The answer as bytes: a value in the form that the client reads, pretty if asked, cut by `filter_path`, or a text; with the
//! headers that clients check.

use std::collections::HashMap;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::call::Call;
use super::cat::Shown;
use super::filter_path::{filter, filter_path};
use super::formats::{Format, MediaType};
use super::human::for_people;
use super::parameters::read_flag;
use super::pieces::Pieces;
use crate::error::ApiError;
use crate::memory::Reservation;

/// What a handler answers.
pub(super) enum Reply {
    Json(u16, Value),
    /// The same with the memory that is promised for its text.
    Large(u16, Value, Vec<Reservation>),
    /// JSON that is already written as the client wants it.
    Pieces(u16, Pieces),
    /// A table: a text for people, or rows for programs.
    Table(Shown),
    /// No body, only the methods that a path answers.
    Allow(String),
    Text(u16, String, &'static str),
}

impl Reply {
    /// The same with what is promised for its text, if anything is.
    pub(super) fn within(self, promised: Vec<Reservation>) -> Self {
        match self {
            Self::Json(status, value) if !promised.is_empty() => Self::Large(status, value, promised),
            other => other,
        }
    }
}

/// How the client wants the answer.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    is_pretty: bool,
    /// Whether errors tell all faults below them.
    with_trace: bool,
    filter_path: Vec<String>,
    media: MediaType,
    /// Whether it asks for that form, which tables are shown in then.
    is_asked: bool,
}

const PLAIN: &str = "text/plain; charset=UTF-8";

impl Wishes {
    /// What a request says. `format` goes before `Accept`, and that before the form in which the request itself came.
    pub(super) fn of(headers: &HeaderMap, query: &HashMap<String, String>) -> Result<Self, ApiError> {
        let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let accepted = said(header::ACCEPT).unwrap_or_default();
        let wants_text =
            accepted.split(',').next().is_some_and(|first| first.trim().starts_with("text/plain"));
        let mut media = None;
        for part in accepted.split(',') {
            media = media.or(MediaType::read(part)?);
        }
        let is_accepted = media.is_some() && !wants_text;
        let media = match (media, said(header::CONTENT_TYPE)) {
            (Some(media), _) => media,
            (None, Some(given)) => MediaType::read(given)?.unwrap_or_default(),
            (None, None) => MediaType::default(),
        };
        let named = query.get("format").map(|name| format_of(name)).transpose()?;
        Ok(Self {
            is_pretty: is_pretty(query),
            with_trace: query.get("error_trace").is_some_and(|text| read_flag(text) == Ok(true)),
            filter_path: filter_path(query),
            media: media.with_format(named.flatten().unwrap_or(media.format)),
            is_asked: named.map_or(is_accepted, |named| named.is_some()),
        })
    }

    /// The answer as bytes.
    pub(super) async fn respond(&self, outcome: Result<Reply, ApiError>) -> Response {
        let reply = outcome.unwrap_or_else(|error| self.error_shown(&error));
        let mut allow = None;
        let (status, body, content_type) = match reply {
            Reply::Allow(methods) => {
                allow = HeaderValue::from_str(&methods).ok();
                (200, Body::empty(), self.media.shown())
            }
            Reply::Table(table) if !self.is_asked => {
                (200, Body::from(table.text()), HeaderValue::from_static(PLAIN))
            }
            Reply::Table(table) => (200, Body::from(self.bytes(&table.rows())), self.media.shown()),
            Reply::Json(status, value) => (status, Body::from(self.bytes(&value)), self.media.shown()),
            // Promised until it is written.
            Reply::Large(status, value, _promised) => {
                (status, Body::from(self.bytes(&value)), self.media.shown())
            }
            Reply::Pieces(status, pieces) => (status, self.rewritten(pieces).await, self.media.shown()),
            Reply::Text(status, text, kind) => (status, Body::from(text), HeaderValue::from_static(kind)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        if let Some(methods) = allow {
            headers.insert(header::ALLOW, methods);
        }
        headers.insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
        response
    }

    fn error_shown(&self, error: &ApiError) -> Reply {
        tracing::debug!(status = error.status, kind = error.kind, reason = error.reason, "request refused");
        let mut body = error.to_body();
        if self.with_trace && !error.kind.is_empty() {
            body["error"]["stack_trace"] = json!(error.trace());
        }
        Reply::Json(error.status, body)
    }

    fn bytes(&self, value: &Value) -> Vec<u8> {
        let filtered;
        let value = if self.filter_path.is_empty() {
            value
        } else {
            filtered = filter(value, &self.filter_path);
            &filtered
        };
        self.media.format.write(value, self.is_pretty)
    }

    /// Pieces as the client reads them. Only JSON is sent piece by piece; for any other form all of it has to be known.
    async fn rewritten(&self, pieces: Pieces) -> Body {
        if self.media.format == Format::Json {
            return Body::new(pieces);
        }
        let whole = match pieces.collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(never) => match never {},
        };
        let value: Value = serde_json::from_slice(&whole).unwrap_or_default();
        Body::from(self.media.format.write(&value, false))
    }
}

/// A form by its name; none for a text.
fn format_of(name: &str) -> Result<Option<Format>, ApiError> {
    if matches!(name, "text" | "txt") {
        return Ok(None);
    }
    // Clients that know the media type may say so, too.
    let format = Format::of(name).or(MediaType::read(name)?.map(|media| media.format));
    format.map(Some).ok_or_else(|| {
        ApiError::argument(format!("format [{name}] is not supported; use json, yaml, cbor, smile or text"))
    })
}

/// Whether the client wants JSON laid out in lines.
pub(super) fn is_pretty(query: &HashMap<String, String>) -> bool {
    query.get("pretty").is_some_and(|value| value.is_empty() || value == "true")
}

impl Call {
    /// 200 with JSON.
    pub(super) fn ok(value: Value) -> Result<Reply, ApiError> {
        Ok(Reply::Json(200, value))
    }

    /// 200 with figures, also as people read them if the request says so (`human`).
    pub(super) fn figures(&self, value: Value) -> Result<Reply, ApiError> {
        Self::ok(if self.flag("human")? { for_people(value) } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(
        headers: &[(header::HeaderName, &str)],
        query: &[(&str, &str)],
    ) -> (u16, String, Vec<u8>) {
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect();
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = match Wishes::of(&headers, &query) {
            Ok(wishes) => wishes.respond(Ok(Reply::Json(200, json!({"a": {"b": 1, "c": 2}})))).await,
            Err(error) => Wishes::default().respond(Err(error)).await,
        };
        let kind = response.headers()[header::CONTENT_TYPE].to_str().expect("a text").to_owned();
        let status = response.status().as_u16();
        (status, kind, response.into_body().collect().await.expect("a body").to_bytes().to_vec())
    }

    #[tokio::test]
    async fn an_answer_has_the_form_that_was_asked_for() {
        let yaml = &b"---\na:\n  b: 1\n  c: 2\n"[..];
        let json = &b"{\"a\":{\"b\":1,\"c\":2}}"[..];
        let (accept, given) = (header::ACCEPT, header::CONTENT_TYPE);
        for (headers, query, kind, body) in [
            (vec![], vec![], "application/json", json),
            (vec![(accept.clone(), "*/*")], vec![], "application/json", json),
            (
                vec![(accept.clone(), "text/html,application/yaml;q=0.9,application/json")],
                vec![],
                "application/yaml",
                yaml,
            ),
            (vec![(accept.clone(), "application/json")], vec![("format", "yaml")], "application/yaml", yaml),
            (vec![(given.clone(), "application/yaml")], vec![], "application/yaml", yaml),
            (
                vec![(given.clone(), "application/yaml"), (accept.clone(), "application/json")],
                vec![],
                "application/json",
                json,
            ),
            (
                vec![(accept.clone(), "application/vnd.elasticsearch+json; compatible-with=8")],
                vec![("format", "yaml")],
                "application/vnd.elasticsearch+yaml;compatible-with=8",
                yaml,
            ),
            (
                vec![],
                vec![("format", "cbor"), ("filter_path", "a.b")],
                "application/cbor",
                b"\xa1\x61a\xa1\x61b\x01",
            ),
            (
                vec![],
                vec![("format", "smile"), ("filter_path", "a.b")],
                "application/smile",
                b":)\n\x01\xfa\x80a\xfa\x80b\xc2\xfb\xfb",
            ),
            (
                vec![],
                vec![("pretty", ""), ("filter_path", "-a.c")],
                "application/json",
                b"{\n  \"a\": {\n    \"b\": 1\n  }\n}\n",
            ),
        ] {
            let shown = format!("{headers:?} {query:?}");
            assert_eq!(answered(&headers, &query).await, (200, kind.to_owned(), body.to_vec()), "{shown}");
        }
        let (status, _, body) = answered(&[], &[("format", "xml")]).await;
        assert!(status == 400 && String::from_utf8_lossy(&body).contains("format [xml] is not supported"));
    }

    #[tokio::test]
    async fn an_error_tells_all_faults_below_it_to_who_asks() {
        let error =
            || ApiError::argument("no").caused_by("number_format_exception", "For input string: \"x\"");
        for (query, trace) in [
            (HashMap::new(), json!(null)),
            (
                HashMap::from([("error_trace".to_owned(), String::new())]),
                json!(
                    "illegal_argument_exception: no\nCaused by: number_format_exception: For input string: \"x\""
                ),
            ),
        ] {
            let wishes = Wishes::of(&HeaderMap::new(), &query).expect("wishes");
            let body = wishes.respond(Err(error())).await.into_body().collect().await.expect("a body");
            let body: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
            assert_eq!(body["error"]["stack_trace"], trace);
        }
    }
}
