//! Who may call: only this dashboard's own pages, under names that are ours, and every answer with the same headers.
//!
//! # Invariants
//!
//! - A dashboard on loopback answers only to loopback names and `server.allowed_hosts`: a web page cannot reach it by
//!   pointing a name of its own at 127.0.0.1.
//! - A call that is not GET carries [`HEADER`], which a foreign page cannot send without being asked for permission
//!   that is never given, and comes from our own origin if the browser says from where.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use daemon::own_host::is_own_host;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method};

use crate::error::ApiError;
use crate::server::Api;

/// The header of every call that is not GET.
pub(crate) const HEADER: &str = "x-weir-request";

/// Checks a request and completes its answer.
pub(crate) async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let number = api.numbers.next();
    api.numbers.count();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = match check(&api, &method, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let took = started.elapsed();
    let status = response.status().as_u16();
    tracing::debug!(%method, path, status, took_ms = took.as_millis() as u64, request = number, "answered");
    let headers = response.headers_mut();
    insert(headers, "x-request-id", &number);
    insert(headers, "server-timing", &format!("total;dur={:.1}", took.as_secs_f64() * 1_000.0));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    headers.insert("x-frame-options", HeaderValue::from_static("SAMEORIGIN"));
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn check(api: &Api, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = text(headers, HOST.as_str());
    if api.settings.address.ip().is_loopback() && !is_own_host(host, &api.settings.allowed_hosts) {
        return Err(ApiError::Foreign(format!(
            "this dashboard listens on loopback and does not answer to the name `{host}`; list it in `server.allowed_hosts` if it is yours"
        )));
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if !headers.contains_key(HEADER) {
        return Err(ApiError::Foreign(format!("calls that are not GET need the header `{HEADER}: 1`")));
    }
    let origin = text(headers, ORIGIN.as_str());
    let own = origin.split_once("://").is_none_or(|(_, authority)| authority.eq_ignore_ascii_case(host));
    let site = text(headers, "sec-fetch-site");
    if !own || matches!(site, "cross-site" | "same-site") {
        return Err(ApiError::Foreign(format!("a page of `{origin}` may not call this dashboard")));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_listed_names_are_ours() {
        let allowed = ["logs.example".to_owned()];
        for host in [
            "localhost:5601",
            "127.0.0.1:5601",
            "[::1]:5601",
            "LOCALHOST",
            "logs.example",
            "logs.example:443",
        ] {
            assert!(is_own_host(host, &allowed), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:5601", "10.0.0.1"]
        {
            assert!(!is_own_host(host, &allowed), "{host}");
        }
    }
}
