//! The table of routes, and the way of a request: body, route, parameters, handler, answer.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use http_body::Body as _;
use shard::LARGE_DOCUMENT_BYTES;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use super::body::{BodyStream, WHAT};
use super::call::Call;
use super::entrance::Entrance;
use super::envelope::{Reply, Wishes};
use super::formats::{Format, MediaType};
use super::forward::{self, Reach};
use super::guard::{check_caller, check_content_type};
use super::parameters::{check_names, check_values};
use super::{
    alias, analyze, async_search, blocks, bulk, by_query, cache, cat, cluster, copies, data_stream, document,
    explain, field_caps, field_mapping, force_merge, get, index, index_figures, index_settings, multi_search,
    named_parts, open_close, plugin_async_search, point_in_time, rank_eval, resize, resolve, rollover, root,
    scroll, search, search_template, stored_script, tasks, template, term_vectors, terms_enum, type_mapping,
    validate_query,
};
use crate::error::ApiError;
use crate::json::UTF8_MARK;
use crate::memory::Reservation;
use crate::node::Node;
use crate::tasks::called;

pub(super) type Answer = BoxFuture<'static, Result<Reply, ApiError>>;

/// A handler of one API.
pub(super) enum Handler {
    /// It gets the body as a whole.
    Whole(fn(Call) -> Answer),
    /// It reads the body as it arrives.
    Streaming(fn(Call, BodyStream) -> Answer),
}

/// One row of the table.
pub(super) struct Route {
    methods: &'static [Method],
    pub(super) path: &'static str,
    pub(super) params: &'static [&'static str],
    pub(super) handler: Handler,
    pub(super) reach: Reach,
    /// What of its body a request says in its address too, for whoever has to find out where it is answered.
    pub(super) address: Option<Address>,
}

/// Takes over what the body of a request says into its address.
pub(super) type Address = fn(&mut Call) -> Result<(), ApiError>;

impl Route {
    /// The same for requests that are answered elsewhere.
    pub(super) const fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// The same for requests whose bodies say where they are answered.
    pub(super) const fn addressed(mut self, address: Address) -> Self {
        self.address = Some(address);
        self
    }
}

/// A row.
pub(super) const fn route(
    methods: &'static [Method],
    path: &'static str,
    params: &'static [&'static str],
    handler: fn(Call) -> Answer,
) -> Route {
    Route { methods, path, params, handler: Handler::Whole(handler), reach: Reach::Here, address: None }
}

/// A row whose handler reads the body as it arrives.
pub(super) const fn streaming(
    methods: &'static [Method],
    path: &'static str,
    params: &'static [&'static str],
    handler: fn(Call, BodyStream) -> Answer,
) -> Route {
    Route { methods, path, params, handler: Handler::Streaming(handler), reach: Reach::Here, address: None }
}

pub(super) fn tables() -> impl Iterator<Item = &'static [Route]> {
    let tables = [
        root::ROUTES,
        copies::ROUTES,
        bulk::ROUTES,
        search::ROUTES,
        scroll::ROUTES,
        point_in_time::ROUTES,
        analyze::ROUTES,
        index::ROUTES,
        index_settings::ROUTES,
        open_close::ROUTES,
        alias::ROUTES,
        template::ROUTES,
        data_stream::ROUTES,
        rollover::ROUTES,
        resize::ROUTES,
        resolve::ROUTES,
        field_mapping::ROUTES,
        type_mapping::ROUTES,
        explain::ROUTES,
        field_caps::ROUTES,
        multi_search::ROUTES,
        term_vectors::ROUTES,
        validate_query::ROUTES,
        rank_eval::ROUTES,
        terms_enum::ROUTES,
        async_search::ROUTES,
        plugin_async_search::ROUTES,
        search_template::ROUTES,
        stored_script::ROUTES,
        blocks::ROUTES,
        cache::ROUTES,
        force_merge::ROUTES,
        by_query::ROUTES,
        tasks::ROUTES,
        get::ROUTES,
        document::ROUTES,
    ];
    let of_rooms = [cluster::ROUTES, cat::ROUTES, index_figures::ROUTES];
    tables.into_iter().chain(of_rooms.into_iter().flatten().copied())
}

/// The whole API.
pub(crate) fn app(entrance: Entrance, is_compressed: bool) -> Router {
    let router = Router::new().fallback(handle).with_state(entrance);
    if !is_compressed {
        return router;
    }
    let layer = CompressionLayer::new().quality(CompressionLevel::Precise(COMPRESSION_LEVEL));
    router.layer(layer.compress_when(SizeAbove::new(COMPRESSED_FROM)))
}

/// Elasticsearch's level for answers: a higher one takes longer and hardly saves more.
const COMPRESSION_LEVEL: i32 = 3;
/// A smaller answer fits one packet anyway.
const COMPRESSED_FROM: u16 = 1024;

/// What a client calls its request, which it gets back.
const OPAQUE_ID: &str = "x-opaque-id";

async fn handle(State(entrance): State<Entrance>, request: Request) -> Response {
    let opaque_id = request.headers().get(OPAQUE_ID).cloned();
    let name = opaque_id.as_ref().and_then(|id| id.to_str().ok()).map(Arc::from);
    let mut response = called(name, respond(entrance, request)).await;
    if let Some(id) = opaque_id {
        response.headers_mut().insert(OPAQUE_ID, id);
    }
    response
}

async fn respond(entrance: Entrance, request: Request) -> Response {
    let query = parse_query_string(request.uri().query().unwrap_or_default());
    let Some(node) = entrance.node(request.uri().path(), &query).await else {
        let wishes = Wishes::of(request.headers(), &query).unwrap_or_default();
        let alone = ApiError::new(
            503,
            "master_not_discovered_exception",
            "this node is not in its cluster yet; its log says what it waits for",
        );
        return wishes.respond(Err(alone)).await;
    };
    node.counters.requests.inc();
    let wishes = match Wishes::of(request.headers(), &query) {
        Ok(wishes) => wishes,
        Err(error) => return Wishes::default().respond(Err(error)).await,
    };
    let head = request.method() == Method::HEAD;
    let path = path_of(request.uri()).into_owned();
    let outcome = answer(node, request, query).await;
    let is_wrong_method = matches!(&outcome, Err(error) if error.status == 405);
    let mut response = wishes.respond(outcome).await;
    if is_wrong_method && let Some(methods) = segments_of(&path).ok().map(|segments| allowed(&segments)) {
        add_allow(&mut response, &methods);
    }
    if head {
        // The length is that of what a GET answers.
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Body::empty();
    }
    response
}

/// The path of a request. A client that leaves out the slash in front of it has sent the name of a host, as HTTP sees it.
fn path_of(uri: &Uri) -> Cow<'_, str> {
    match uri.authority() {
        Some(name) if uri.scheme().is_none() => Cow::Owned(format!("/{name}")),
        _ => Cow::Borrowed(uri.path()),
    }
}

fn add_allow(response: &mut Response, methods: &[&str]) {
    if let Ok(value) = HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, value);
    }
}

async fn answer(
    node: Arc<Node>,
    request: Request,
    mut query: HashMap<String, String>,
) -> Result<Reply, ApiError> {
    let uri = request.uri().clone();
    let method = request.method().clone();
    check_caller(&node.settings, request.headers())?;
    check_content_type(&method, request.headers())?;
    let shown = path_of(&uri);
    let mut segments = segments_of(&shown)?;
    if method == Method::OPTIONS {
        return Ok(Reply::Allow(allowed(&segments).join(", ")));
    }
    let (mut route, mut path) = find(&method, &segments, &shown)?;
    if let Some(meant) = named_parts::meant(&method, route, &path, &mut query) {
        (route, path, segments) = (meant.route, meant.path, meant.segments);
    }
    node.usage.count(route.path);
    check_names(&shown, &query, route.params)?;
    check_values(&query)?;
    let headers = request.headers().clone();
    let body = BodyStream::new(request.into_body(), &headers, node.settings.body_bytes_max)?;
    let media = media_of(&headers)?;
    match &route.handler {
        Handler::Streaming(_) if media.format != Format::Json => {
            let given = media.shown();
            let given = given.to_str().unwrap_or_default();
            Err(ApiError::plain(
                406,
                format!(
                    "Content-Type header [{given}] is not supported; send lines of JSON as application/x-ndjson"
                ),
            ))
        }
        Handler::Streaming(handler) => {
            handler(Call { node, path, query, body: Bytes::new(), reserved: None }, body).await
        }
        Handler::Whole(_) => {
            let (body, reserved) = body.whole(&node.memory).await?;
            let (body, reserved) = match query.get("source") {
                Some(source) if body.is_empty() => {
                    let told =
                        query.get("source_content_type").map_or(Ok(None), |told| MediaType::read(told))?;
                    (told.unwrap_or_default().format.to_json(Bytes::from(source.clone()))?, reserved)
                }
                _ => as_json(&node, media.format, (without_mark(body), reserved)).await?,
            };
            forward::answer(route, &method, segments, Call { node, path, query, body, reserved }).await
        }
    }
}

/// The form of the body, as the request says.
fn media_of(headers: &HeaderMap) -> Result<MediaType, ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.map_or(Ok(None), MediaType::read).map(Option::unwrap_or_default)
}

/// What a body in another form than JSON takes while it is read, for each of its bytes: a list of small numbers is one of values.
const READ_TIMES: u64 = 40;

/// A body as JSON. A large one in another form waits for the memory that reading takes, which is promised for what is made of it too,
/// and is read where it may block.
async fn as_json(
    node: &Node,
    format: Format,
    (body, reserved): (Bytes, Option<Reservation>),
) -> Result<(Bytes, Option<Reservation>), ApiError> {
    if format == Format::Json || body.len() <= LARGE_DOCUMENT_BYTES {
        return Ok((format.to_json(body)?, reserved));
    }
    // Whoever holds one promise and waits for another one may wait for ever.
    drop(reserved);
    let promised = node.memory.reserve(READ_TIMES * body.len() as u64, WHAT).await?;
    let body = node.write_pool.go_on(move || format.to_json(body)).await?;
    Ok((body, Some(promised)))
}

/// The body without the mark of UTF-8 (BOM) that some editors put before a text.
fn without_mark(body: Bytes) -> Bytes {
    if body.starts_with(UTF8_MARK) { body.slice(UTF8_MARK.len()..) } else { body }
}

/// The methods that a path answers.
fn allowed(segments: &[String]) -> Vec<&'static str> {
    let mut names: Vec<&str> = tables()
        .flatten()
        .filter(|route| fits(route.path, segments).is_some())
        .flat_map(|route| route.methods)
        .flat_map(|method| if *method == Method::GET { vec!["GET", "HEAD"] } else { vec![method.as_str()] })
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

pub(super) fn find(
    method: &Method,
    segments: &[String],
    path: &str,
) -> Result<(&'static Route, HashMap<&'static str, String>), ApiError> {
    let mut best: Option<(&'static Route, usize)> = None;
    for route in tables().flatten() {
        let Some(literals) = fits(route.path, segments) else {
            continue;
        };
        if is_for(route, method) {
            // The route with the most literal parts is meant.
            if best.is_none_or(|(_, most)| literals > most) {
                best = Some((route, literals));
            }
        }
    }
    match best {
        Some((route, _)) => Ok((route, parts(route.path, segments))),
        None => Err(not_found(method, segments, path)),
    }
}

/// Whether a route answers a method. Who asks for the head of an answer asks for the answer.
pub(super) fn is_for(route: &Route, method: &Method) -> bool {
    route.methods.contains(method) || (*method == Method::HEAD && route.methods.contains(&Method::GET))
}

fn not_found(method: &Method, segments: &[String], path: &str) -> ApiError {
    let methods = allowed(segments);
    if methods.is_empty() {
        return ApiError::plain(400, format!("no handler found for uri [{path}] and method [{method}]"));
    }
    ApiError::plain(
        405,
        format!(
            "Incorrect HTTP method for uri [{path}] and method [{method}], allowed: [{}]",
            methods.join(", ")
        ),
    )
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
            let key = decode(key, true).ok()?;
            // OpenSearch has another word for whoever leads.
            let key = if key == "cluster_manager_timeout" { "master_timeout".to_owned() } else { key };
            Some((key, decode(value, true).ok()?))
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
