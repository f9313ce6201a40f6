//! `_async_search`: searches whose answers are asked for later, from any node.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use transport::Peer;

use super::call::Call;
use super::envelope::{Reply, is_pretty};
use super::forward::{Carried, Carry, Reach, carry_as_written};
use super::pieces::Pieces;
use super::router::{Route, route};
use super::search::{description, found, manner, scope, with_named_documents};
use crate::action::async_search::{AsyncSearch, AsyncSearchId, Shown, Written};
use crate::action::cluster::View;
use crate::action::search::count_shards;
use crate::coordination::DynamicSettings;
use crate::error::ApiError;
use crate::node::Node;
use crate::tasks::TaskKind;
use crate::time_span::read_span;

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];

pub(super) const GET_PARAMS: &[&str] = &["keep_alive", "wait_for_completion_timeout", "typed_keys"];
const PARAMS: &[&str] = &[
    "wait_for_completion_timeout",
    "keep_on_completion",
    "keep_alive",
    "allow_no_indices",
    "allow_partial_search_results",
    "analyze_wildcard",
    "analyzer",
    "batched_reduce_size",
    "ccs_minimize_roundtrips",
    "default_operator",
    "df",
    "docvalue_fields",
    "expand_wildcards",
    "explain",
    "from",
    "ignore_throttled",
    "ignore_unavailable",
    "lenient",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "preference",
    "q",
    "request_cache",
    "rest_total_hits_as_int",
    "routing",
    "search_type",
    "seq_no_primary_term",
    "size",
    "sort",
    "_source",
    "_source_excludes",
    "_source_includes",
    "stats",
    "stored_fields",
    "terminate_after",
    "timeout",
    "track_scores",
    "track_total_hits",
    "typed_keys",
    "version",
];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_async_search", PARAMS, |call| submit(call).boxed()),
    route(POST, "/{index}/_async_search", PARAMS, |call| submit(call).boxed()),
    route(GET, "/_async_search/{id}", GET_PARAMS, |call| get(call).boxed())
        .reaching(Reach::Nodes(|call| get_anywhere(call).boxed())),
    route(DELETE, "/_async_search/{id}", &[], |call| delete_here(call).boxed())
        .reaching(Reach::Nodes(|call| delete(call).boxed())),
    route(GET, "/_async_search/status/{id}", &["keep_alive"], |call| status(call).boxed())
        .reaching(Reach::Nodes(|call| elsewhere(call, Method::GET, &["status"], status).boxed())),
];

/// How long a request waits for the end unless it says otherwise, as in Elasticsearch.
const WAIT_DEFAULT: Duration = Duration::from_secs(1);
/// How long an answer is kept unless a request says otherwise, as in Elasticsearch.
const KEEP_DEFAULT: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// For a shorter time nobody could ask for it.
const KEEP_LEAST: Duration = Duration::from_secs(1);
/// How long another node may take to answer beside what it waits for.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a request may wait: nobody waits for longer.
const WAIT_LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Forgets a search that its client is gone from before it was told the id.
struct UntilAnswered<'a> {
    node: &'a Node,
    search: Option<Arc<AsyncSearch>>,
}

impl Drop for UntilAnswered<'_> {
    fn drop(&mut self) {
        if let Some(search) = self.search.take() {
            self.node.async_searches.remove(&search, "nobody waits for it");
        }
    }
}

pub(super) async fn submit(call: Call) -> Result<Reply, ApiError> {
    let keep_alive = keep_alive(&call)?.unwrap_or(KEEP_DEFAULT);
    let wait = span(&call, "wait_for_completion_timeout")?.unwrap_or(WAIT_DEFAULT).min(WAIT_LONGEST);
    let is_changed = is_changed(&call);
    let keeps = call.flag("keep_on_completion")?;
    let read = with_named_documents(&call).await?;
    let node = Arc::clone(&call.node);
    let registered = node.tasks.register(TaskKind::AsyncSearch, description(&call), None, Vec::new());
    // What is wrong with the names is told by the search.
    let shards = count_shards(&node, &scope(&call)?, &manner(&call, &Value::Null)?).unwrap_or_default();
    let search = node.async_searches.begin(
        AsyncSearchId::new(&node.identity.node_id),
        &registered.task,
        (node.clock.now_millis(), wait.saturating_add(keep_alive)),
        shards,
    )?;
    let mut waiting = UntilAnswered { node: &node, search: Some(Arc::clone(&search)) };
    let (running, pool) = (Arc::clone(&search), call.node.search_pool.clone());
    let owner = Arc::clone(&node);
    tokio::spawn(async move {
        let task = Arc::clone(&registered.task);
        let done = pool.run(move || {
            let found = found(&call, read, &registered.task);
            // Written where that keeps no other request waiting, and by the task still.
            let written = found.map(|answer| Written::new(&answer));
            drop(registered);
            written
        });
        let found = tokio::select! {
            biased;
            done = done => done,
            () = task.cancel.cancelled() => Err(task.cancelled_error()),
        };
        owner.async_searches.finish(&running, found, owner.clock.now_millis(), response_bytes_max(&owner));
    });
    let is_over = tokio::time::timeout(wait, search.over()).await.is_ok();
    let is_kept = keeps || !is_over;
    if is_kept {
        node.async_searches.keep(&search, response_bytes_max(&node));
        // Its time begins when the client knows the id, however long was waited before: an id that is told can be used.
        search.told(node.clock.now_millis(), keep_alive);
        waiting.search = None;
        tokio::spawn(forget_in_time(Arc::clone(&node), Arc::clone(&search)));
    }
    // Shown before it is forgotten, which it is if it is not to be kept.
    shown(search.show(is_kept), is_changed).await
}

/// What changes how an answer is written.
const CHANGES: [&str; 2] = ["pretty", "filter_path"];

/// Whether the client wants an answer in another way than it was written.
fn is_changed(call: &Call) -> bool {
    is_pretty(&call.query) || call.query.contains_key("filter_path")
}

/// An answer that was written, as JSON that can be changed. It may be large, and is read where that keeps no other request waiting.
pub(super) async fn as_json(reply: Reply) -> Result<Reply, ApiError> {
    let Reply::Pieces(status, pieces) = reply else { return Ok(reply) };
    let read = move || serde_json::from_slice(&pieces.into_iter().collect::<Vec<_>>().concat());
    let read =
        tokio::task::spawn_blocking(read).await.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Reply::Json(status, read.map_err(|error| ApiError::internal(error.to_string()))?))
}

/// A search as it is sent: as it was written, unless that has to be changed.
async fn shown(shown: Shown, is_changed: bool) -> Result<Reply, ApiError> {
    let status = shown.status;
    let mut pieces = Pieces::default();
    pieces.extend(shown.pieces());
    let written = Reply::Pieces(status, pieces);
    if is_changed { as_json(written).await } else { Ok(written) }
}

/// Ends and forgets a search when its time is up.
async fn forget_in_time(node: Arc<Node>, search: Arc<AsyncSearch>) {
    loop {
        let left = search.expires_millis() - node.clock.now_millis();
        let Ok(left) = u64::try_from(left) else { break };
        if left == 0 {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(left)) => {}
            () = search.gone() => return,
            () = node.stopping.cancelled() => return,
        }
    }
    node.async_searches.remove(&search, "its time is up");
}

fn span(call: &Call, name: &str) -> Result<Option<Duration>, ApiError> {
    call.param(name).map(|text| read_span(name, text)).transpose().map(Option::flatten)
}

fn keep_alive(call: &Call) -> Result<Option<Duration>, ApiError> {
    let span = span(call, "keep_alive")?;
    match span {
        Some(span) if span < KEEP_LEAST => Err(ApiError::validation(format!(
            "[keep_alive] must be greater or equals than 1 second, got:{}",
            call.param("keep_alive").unwrap_or_default()
        ))),
        other => Ok(other),
    }
}

/// How large an answer may be that is kept.
pub(super) fn response_bytes_max(node: &Node) -> u64 {
    let own = node.settings.async_search.response_bytes_max;
    DynamicSettings::of(&View::of(node).map).async_response_bytes(own)
}

fn kept(call: &Call) -> Result<Arc<AsyncSearch>, ApiError> {
    let id = call.part("id");
    let found = call.node.async_searches.find(&id, call.node.clock.now_millis());
    let search = found.ok_or_else(|| missing(&id))?;
    if let Some(span) = keep_alive(call)? {
        search.keep_alive(call.node.clock.now_millis(), span);
    }
    Ok(search)
}

fn missing(id: &str) -> ApiError {
    ApiError::new(404, "resource_not_found_exception", id)
}

async fn get(call: Call) -> Result<Reply, ApiError> {
    let search = kept(&call)?;
    if let Some(wait) = span(&call, "wait_for_completion_timeout")? {
        // Whoever is still looking then says so.
        let _in_time = tokio::time::timeout(wait.min(WAIT_LONGEST), search.over()).await;
        // Another one may have forgotten it meanwhile, and so may time.
        if call.node.async_searches.find(&call.part("id"), call.node.clock.now_millis()).is_none() {
            return Err(missing(&call.part("id")));
        }
    }
    shown(search.show(true), is_changed(&call)).await
}

async fn status(call: Call) -> Result<Reply, ApiError> {
    Call::ok(kept(&call)?.show_status())
}

/// An answer, wherever it is kept.
pub(super) async fn get_anywhere(call: Call) -> Result<Reply, ApiError> {
    elsewhere(call, Method::GET, &[], get).await
}

/// Forgets a search, wherever it is kept.
pub(super) async fn delete(call: Call) -> Result<Reply, ApiError> {
    elsewhere(call, Method::DELETE, &[], delete_here).await
}

async fn delete_here(call: Call) -> Result<Reply, ApiError> {
    let search = kept(&call)?;
    call.node.async_searches.remove(&search, "by user request");
    Call::ok(json!({"acknowledged": true}))
}

/// Answers on the node that the id names.
async fn elsewhere<F: Future<Output = Result<Reply, ApiError>>>(
    call: Call,
    method: Method,
    before: &[&str],
    own: fn(Call) -> F,
) -> Result<Reply, ApiError> {
    let id = call.part("id");
    let node_id = AsyncSearchId::read(&id).ok_or_else(|| missing(&id))?.node_id;
    let coordinator = call.node.others().filter(|_| node_id != call.node.identity.node_id);
    let Some(coordinator) = coordinator.cloned() else { return own(call).await };
    let map = coordinator.map();
    let (process, entry) =
        map.nodes.iter().find(|(_, entry)| entry.data_id == node_id).ok_or_else(|| missing(&id))?;
    let segments = ["_async_search"].iter().chain(before).map(|part| (*part).to_owned());
    let segments = segments.chain([id.clone()]).collect();
    // It is shown here as the client wants it, and carried as it was written.
    let query = call.query.iter().filter(|(name, _)| !CHANGES.contains(&name.as_str()));
    let query = query.map(|(name, value)| (name.clone(), value.clone())).collect();
    let carried = Carried { method: method.to_string(), segments, query };
    let wait = span(&call, "wait_for_completion_timeout")?.unwrap_or_default().min(WAIT_LONGEST);
    let peer = Peer::process(&entry.transport_address, process.0);
    let answered = carry_as_written(&coordinator, &peer, &carried, &[], true, wait + ANSWER_WITHIN).await;
    let (status, text) = answered.map_err(|carry| match carry {
        Carry::Failed(error) => error,
        Carry::Elsewhere => {
            let reason = format!("node [{node_id}] that keeps [{id}] does not answer; ask again");
            ApiError::new(503, "node_not_connected_exception", reason)
        }
    })?;
    let mut pieces = Pieces::default();
    pieces.push(text);
    let written = Reply::Pieces(status, pieces);
    if is_changed(&call) { as_json(written).await } else { Ok(written) }
}
