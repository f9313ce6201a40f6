//! The table of routes, and the way of a request: body, route, parameters, handler, answer.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::call::Call;
use super::envelope::{Reply, Wishes};
use super::{bulk, cat, cluster, document, index, root, search};
use crate::error::ApiError;
use crate::node::Node;

/// A handler of one API.
pub(super) type Handler = fn(Call) -> BoxFuture<'static, Result<Reply, ApiError>>;

/// One row of the table.
pub(super) struct Route {
    methods: &'static [Method],
    path: &'static str,
    params: &'static [&'static str],
    handler: Handler,
}

/// A row.
pub(super) const fn route(
    methods: &'static [Method],
    path: &'static str,
    params: &'static [&'static str],
    handler: Handler,
) -> Route {
    Route { methods, path, params, handler }
}

/// Parameters that every API takes.
const COMMON: [&str; 8] = [
    "pretty",
    "human",
    "error_trace",
    "filter_path",
    "source",
    "source_content_type",
    "master_timeout",
    "timeout",
];

fn tables() -> [&'static [Route]; 7] {
    [
        root::ROUTES,
        cluster::ROUTES,
        cat::ROUTES,
        bulk::ROUTES,
        search::ROUTES,
        index::ROUTES,
        document::ROUTES,
    ]
}

/// The whole API.
pub(crate) fn app(node: Arc<Node>) -> Router {
    Router::new().fallback(handle).with_state(node)
}

async fn handle(State(node): State<Arc<Node>>, request: Request) -> Response {
    node.counters.requests.inc();
    let query = parse_query_string(request.uri().query().unwrap_or_default());
    let wishes = Wishes::of(request.headers(), &query);
    let head = request.method() == Method::HEAD;
    let outcome = answer(node, request, query).await;
    let mut response = wishes.respond(outcome);
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}

async fn answer(
    node: Arc<Node>,
    request: Request,
    query: HashMap<String, String>,
) -> Result<Reply, ApiError> {
    let uri = request.uri().clone();
    let method = request.method().clone();
    let segments = segments_of(uri.path())?;
    let (route, path) = find(&method, &segments, uri.path())?;
    if let Some(unknown) =
        query.keys().find(|key| !COMMON.contains(&key.as_str()) && !route.params.contains(&key.as_str()))
    {
        return Err(unrecognized(uri.path(), unknown, route.params));
    }
    let headers = request.headers().clone();
    let body = read_body(request.into_body(), &headers, node.settings.body_bytes_max).await?;
    let body = match query.get("source") {
        Some(source) if body.is_empty() => Bytes::from(source.clone()),
        _ => body,
    };
    (route.handler)(Call { node, path, query, body }).await
}

fn unrecognized(path: &str, unknown: &str, known: &[&'static str]) -> ApiError {
    let hint = settings::nearest(unknown, known.iter().chain(&COMMON).copied())
        .map_or(String::new(), |near| format!(" -> did you mean [{near}]?"));
    ApiError::argument(format!("request [{path}] contains unrecognized parameter: [{unknown}]{hint}"))
}

fn find(
    method: &Method,
    segments: &[String],
    path: &str,
) -> Result<(&'static Route, HashMap<&'static str, String>), ApiError> {
    let mut best: Option<(&'static Route, usize)> = None;
    let mut allowed: Vec<&Method> = Vec::new();
    for route in tables().into_iter().flatten() {
        let Some(literals) = fits(route.path, segments) else {
            continue;
        };
        if route.methods.contains(method) || (*method == Method::HEAD && route.methods.contains(&Method::GET))
        {
            // The route with the most literal parts is meant.
            if best.is_none_or(|(_, most)| literals > most) {
                best = Some((route, literals));
            }
        } else {
            allowed.extend(route.methods);
        }
    }
    match best {
        Some((route, _)) => Ok((route, parts(route.path, segments))),
        None if allowed.is_empty() => {
            Err(ApiError::argument(format!("no handler found for uri [{path}] and method [{method}]")))
        }
        None => {
            let mut names: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            Err(ApiError::new(
                405,
                "method_not_allowed_exception",
                format!(
                    "Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{}]",
                    names.join(", ")
                ),
            ))
        }
    }
}

/// How many parts of a pattern are literal, if the path fits it.
fn fits(pattern: &str, segments: &[String]) -> Option<usize> {
    let mut given = segments.iter();
    let mut literals = 0;
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let segment = given.next()?;
        if part.starts_with('{') {
            // A name never begins as an API does.
            if segment.starts_with('_') && segment != "_all" && part != "{id}" && part != "{type}" {
                return None;
            }
        } else if part == segment {
            literals += 1;
        } else {
            return None;
        }
    }
    given.next().is_none().then_some(literals)
}

fn parts(pattern: &'static str, segments: &[String]) -> HashMap<&'static str, String> {
    pattern
        .split('/')
        .filter(|part| !part.is_empty())
        .zip(segments)
        .filter_map(|(part, segment)| Some((part.strip_prefix('{')?.strip_suffix('}')?, segment.clone())))
        .collect()
}

fn segments_of(path: &str) -> Result<Vec<String>, ApiError> {
    path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect()
}

fn parse_query_string(text: &str) -> HashMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(key, true).ok()?, decode(value, true).ok()?))
        })
        .collect()
}

/// Undoes percent encoding; in a query a `+` is a space.
fn decode(text: &str, plus_is_space: bool) -> Result<String, ApiError> {
    let fault =
        || ApiError::argument(format!("the path or parameter [{text}] is not valid percent-encoded UTF-8"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().ok_or_else(fault)?, rest.next().ok_or_else(fault)?];
                let digits = std::str::from_utf8(&digits).map_err(|_| fault())?;
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| fault())?);
            }
            b'+' if plus_is_space => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| fault())
}

async fn read_body(body: Body, headers: &HeaderMap, bytes_max: usize) -> Result<Bytes, ApiError> {
    let collected = Limited::new(body, bytes_max).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            too_large(bytes_max)
        } else {
            ApiError::argument(format!("the body could not be read: {error}"))
        }
    })?;
    let bytes = collected.to_bytes();
    match headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()) {
        None | Some("identity") => Ok(bytes),
        Some("gzip") => unpack(&bytes, bytes_max),
        Some(other) => Err(ApiError::new(
            415,
            "media_type_header_exception",
            format!("Content-Encoding [{other}] is not supported; send gzip or none"),
        )),
    }
}

/// Unpacks at most `bytes_max`, whatever the packed size promises.
fn unpack(bytes: &[u8], bytes_max: usize) -> Result<Bytes, ApiError> {
    let mut unpacked = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut unpacked)
        .map_err(|error| ApiError::argument(format!("the gzip body cannot be unpacked: {error}")))?;
    if unpacked.len() > bytes_max { Err(too_large(bytes_max)) } else { Ok(Bytes::from(unpacked)) }
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        413,
        "content_too_long_exception",
        format!(
            "the body is larger than {bytes_max} bytes; send less at once or raise http.max_content_length"
        ),
    )
}
