//! The web app inside the binary: files that never change under their name, and the page that names them.
//!
//! `/assets/*` carry a hash in their names and are kept by browsers forever; everything else is asked for again and
//! answered 304 when it is the same. A missing asset is 404; any other path is the page, whose router reads it.
//! `build.rs` put the compressed copies (`.br`, `.gz`) beside the files.

use std::borrow::Cow;
use std::fmt::Write;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use rust_embed::{EmbeddedFile, RustEmbed};

/// The files of the web app, put together by `build.rs`.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Files;

/// Scripts and connections only to ourselves. Styles inline: the components set positions and sizes that way.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Answers every path that no route has.
pub(crate) async fn asset(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let is_source = |path: &str| !path.is_empty() && !path.ends_with(".br") && !path.ends_with(".gz");
    if is_source(path)
        && let Some(file) = Files::get(path)
    {
        return answer(path, &file, &headers);
    }
    if path.starts_with("assets/") || path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return (StatusCode::NOT_FOUND, "no such file").into_response();
    }
    match Files::get("index.html") {
        Some(file) => answer("index.html", &file, &headers),
        None => {
            (StatusCode::INTERNAL_SERVER_ERROR, "this binary was built without its web app").into_response()
        }
    }
}

fn answer(path: &str, file: &EmbeddedFile, asked: &HeaderMap) -> Response {
    let (encoding, data) = encoded(path, file, asked);
    let etag = etag(file, encoding);
    let mut response = if is_same(asked, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match data {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        };
        Response::new(body)
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, etag);
    }
    let kept = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if path.ends_with(".html") {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    response
}

/// The smallest copy that the browser takes.
fn encoded(path: &str, file: &EmbeddedFile, asked: &HeaderMap) -> (Option<&'static str>, Cow<'static, [u8]>) {
    let accepted = asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if accepts(accepted, encoding)
            && let Some(copy) = Files::get(&format!("{path}.{ending}"))
        {
            return (Some(encoding), copy.data);
        }
    }
    (None, file.data.clone())
}

fn accepts(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let named = words.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && !words.any(|word| matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn etag(file: &EmbeddedFile, encoding: Option<&str>) -> String {
    let mut etag = String::from("\"");
    for byte in &file.metadata.sha256_hash()[..12] {
        let _infallible = write!(etag, "{byte:02x}");
    }
    etag.push_str(encoding.map_or("", |encoding| if encoding == "br" { "-br" } else { "-gz" }));
    etag.push('"');
    etag
}

fn is_same(asked: &HeaderMap, etag: &str) -> bool {
    let known = asked.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_taken_only_when_accepted() {
        for (accepted, encoding, taken) in [
            ("gzip, deflate, br", "br", true),
            ("gzip;q=0.5", "gzip", true),
            ("br;q=0, gzip", "br", false),
            ("", "br", false),
            ("brotli", "br", false),
        ] {
            assert_eq!(accepts(accepted, encoding), taken, "{accepted}");
        }
    }

    async fn get(path: &str, headers: &[(&'static str, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("a header"));
        }
        asset(Method::GET, path.parse().expect("a path"), map).await
    }

    #[tokio::test]
    async fn every_page_path_is_the_page_with_a_policy_and_is_asked_for_again() {
        for path in ["/", "/explore", "/explore/deep?q=a.b"] {
            let response = get(path, &[]).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-cache");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
            assert!(
                response.headers()[CONTENT_SECURITY_POLICY]
                    .to_str()
                    .is_ok_and(|p| p.contains("script-src 'self'"))
            );
        }
    }

    #[tokio::test]
    async fn missing_files_are_not_the_page() {
        for path in ["/assets/nothing.js", "/favicon.ico", "/index.html.br"] {
            assert_eq!(get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_that_is_known_is_not_sent_again() {
        let first = get("/", &[("accept-encoding", "br")]).await;
        let etag = first.headers()[ETAG].to_str().expect("text").to_owned();
        let again = get("/", &[("accept-encoding", "br"), ("if-none-match", &etag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let other = get("/", &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status(), StatusCode::OK);
    }

    /// Every embedded script is served compressed, unpacks to itself, and is kept forever.
    #[tokio::test]
    async fn hashed_files_are_immutable_and_compressed() {
        let is_script =
            |name: &std::borrow::Cow<'_, str>| name.starts_with("assets/") && name.ends_with(".js");
        let scripts: Vec<_> = Files::iter().filter(is_script).collect();
        if scripts.is_empty() {
            assert_ne!(
                option_env!("DASHBOARD_UI"),
                Some("build"),
                "the web app was built in without a script"
            );
            println!(
                "SKIPPED: scripts were not looked at: the web app is not built in; set DASHBOARD_UI=build"
            );
        }
        for name in scripts {
            let response = get(&format!("/{name}"), &[("accept-encoding", "gzip, br")]).await;
            assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable", "{name}");
            let big = Files::get(&name).is_some_and(|file| file.data.len() > 1_024);
            assert_eq!(response.headers().get(CONTENT_ENCODING).is_some_and(|e| e == "br"), big, "{name}");
        }
    }
}
