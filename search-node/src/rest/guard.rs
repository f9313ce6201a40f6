//! Who may call a node on loopback: programs and people of this host, and no page of the web.
//!
//! There are no users yet, so that whoever reaches the port may do everything. A browser reaches it for any page; it says in
//! `Host` and `Origin` for whom. And a page can send a body without being asked for permission only under content
//! types that this API does not take.

use daemon::own_host::{is_own_host, is_same_origin};
use http::{HeaderMap, Method, header};

use super::formats::MediaType;
use crate::error::ApiError;
use crate::settings::NodeSettings;

/// Refuses what comes from a foreign page.
pub(super) fn check_caller(settings: &NodeSettings, headers: &HeaderMap) -> Result<(), ApiError> {
    if !settings.host.is_loopback() {
        return Ok(());
    }
    let allowed = &settings.allowed_hosts;
    let host = text(headers, header::HOST);
    // Every browser sends a host; a program that sends none is no page.
    if !host.is_empty() && !is_own_host(host, allowed) {
        return Err(foreign(format!(
            "this node listens on loopback and does not answer to the name [{host}]; list it in `http.allowed_hosts` if it is yours"
        )));
    }
    let origin = text(headers, header::ORIGIN);
    let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let is_listed = allowed.iter().any(|entry| entry.eq_ignore_ascii_case(authority));
    if !origin.is_empty() && !is_listed && !is_same_origin(origin, host) {
        return Err(foreign(format!(
            "a page of [{origin}] may not call this node; list its host in `http.allowed_hosts` if it is yours"
        )));
    }
    Ok(())
}

/// Refuses a body under a content type that the API does not take, or under none.
pub(super) fn check_content_type(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || text(headers, header::CONTENT_LENGTH).parse::<u64>().is_ok_and(|length| length > 0);
    if !has_body || matches!(*method, Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let given = text(headers, header::CONTENT_TYPE);
    let refused = |reason: String| Err(ApiError::plain(406, reason));
    if given.is_empty() {
        return refused(
            "Content-Type header is missing; send application/json or application/x-ndjson".to_owned(),
        );
    }
    match MediaType::read(given)? {
        Some(_) => Ok(()),
        None => refused(format!("Content-Type header [{given}] is not supported")),
    }
}

fn foreign(reason: String) -> ApiError {
    ApiError::new(403, "security_exception", reason)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    fn content(media: &str) -> Result<(), ApiError> {
        let pairs = [(header::CONTENT_LENGTH, "2"), (header::CONTENT_TYPE, media)];
        check_content_type(&Method::POST, &headers(&pairs))
    }

    /// What a page can send without being asked for permission is exactly what is refused.
    #[test]
    fn a_body_needs_a_content_type_of_the_api() {
        for media in [
            "application/json",
            "application/json; charset=UTF-8",
            "application/x-ndjson",
            "application/yaml",
            "application/cbor",
            "application/smile",
            "application/vnd.elasticsearch+json;compatible-with=8",
        ] {
            assert!(content(media).is_ok(), "{media}");
        }
        for media in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
        {
            assert_eq!(content(media).expect_err("refused").status, 406, "{media}");
        }
        assert!(check_content_type(&Method::POST, &headers(&[])).is_ok(), "no body, no type");
    }
}
