//! `_search` and `_count`, typed and typeless, from the body and from the URI.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::async_search::response_bytes_max;
use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use crate::action::search::{
    Batch, Manner, Scope, Untold, check_in_point, count_matches, may_name_documents, read_terminate_after,
    search, with_documents,
};
use crate::error::ApiError;
use crate::indices::may_name_scripts;
use crate::memory::Reservation;
use crate::tasks::{Description, Searched, Task, TaskKind};
use crate::time_span::read_span;

/// How many shards of a search are told of together while it runs, unless a request says otherwise, as in Elasticsearch.
const BATCH_DEFAULT: usize = 5;
const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "ignore_throttled",
    "q",
    "df",
    "default_operator",
    "lenient",
    "analyze_wildcard",
    "analyzer",
    "from",
    "size",
    "sort",
    "_source",
    "_source_includes",
    "_source_excludes",
    "track_total_hits",
    "track_scores",
    "rest_total_hits_as_int",
    "typed_keys",
    "version",
    "seq_no_primary_term",
    "preference",
    "routing",
    "search_type",
    "request_cache",
    "batched_reduce_size",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "ccs_minimize_roundtrips",
    "allow_partial_search_results",
    "terminate_after",
    "timeout",
    "stats",
    "explain",
    "stored_fields",
    "docvalue_fields",
    "scroll",
    "suggest_field",
    "suggest_mode",
    "suggest_size",
    "suggest_text",
];

const COUNT_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "ignore_throttled",
    "q",
    "df",
    "default_operator",
    "lenient",
    "analyze_wildcard",
    "analyzer",
    "preference",
    "routing",
    "min_score",
    "terminate_after",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_search", PARAMS, |call| run_search(call).boxed()),
    route(METHODS, "/{index}/_search", PARAMS, |call| run_search(call).boxed()),
    route(METHODS, "/{index}/{type}/_search", PARAMS, |call| run_search(call).boxed()),
    route(METHODS, "/_count", COUNT_PARAMS, |call| run_count(call).boxed()),
    route(METHODS, "/{index}/_count", COUNT_PARAMS, |call| run_count(call).boxed()),
    route(METHODS, "/{index}/{type}/_count", COUNT_PARAMS, |call| run_count(call).boxed()),
];

/// What memory is reserved for.
const WHAT: &str = "stored_scripts";
/// How often the text of a script is in memory: in the body, in what is read of it, and in what other nodes are asked.
const SCRIPT_TIMES: u64 = 3;

/// The body with the documents and the stored scripts that it names; none where it names none.
pub(super) async fn with_named_documents(call: &Call) -> Result<Option<Value>, ApiError> {
    let indices = call.path.get("index").map_or("_all", String::as_str);
    with_named(call, &call.body, || call.json(), indices).await
}

/// The same for a part of a body, which is searched for in `indices`.
pub(super) async fn with_named(
    call: &Call,
    text: &[u8],
    read: impl FnOnce() -> Result<Value, ApiError>,
    indices: &str,
) -> Result<Option<Value>, ApiError> {
    let (documents, scripts) = (may_name_documents(text), may_name_scripts(text));
    if !documents && !scripts {
        return Ok(None);
    }
    let mut body = read()?;
    if scripts {
        let bytes = call.node.indices.scripts_bytes(&mut body);
        let mut reserved = call.node.memory.reserve_now(SCRIPT_TIMES * bytes, WHAT)?;
        call.node.indices.fill_scripts(&mut body);
        // They stay in memory until the search is over.
        reserved.fill(bytes);
    }
    if documents {
        body = with_documents(&call.node, body, indices).await?;
    }
    Ok(Some(body))
}

pub(super) async fn run_search(call: Call) -> Result<Reply, ApiError> {
    let read = with_named_documents(&call).await?;
    let work = |call: &Call, task: &Task| {
        let answer = found(call, read, task)?;
        Ok((Untold::of_search(&call.node, &answer), answer))
    };
    // Whoever is gone by now is told nothing, and no scroll is held for it.
    let ((untold, answer), promised) = as_task_for(call, work).await?;
    untold.tell();
    Ok(Call::ok(answer)?.within(promised))
}

/// Searches, as a task. `read` is the body if it was read already.
pub(super) fn found(call: &Call, read: Option<Value>, task: &Task) -> Result<Value, ApiError> {
    let mut json = read.map_or_else(|| call.json(), Ok)?;
    add_uri_parameters(call, &mut json)?;
    let manner = Manner { scroll: scroll_of(call)?, batch: batch_of(call, task)?, ..manner(call, &json)? };
    let names_indices = call.path.contains_key("index");
    let says_names = NAMES.iter().any(|name| call.param(name).is_some());
    check_in_point(&json, names_indices, says_names, &manner)?;
    let as_number = call.flag("rest_total_hits_as_int")?;
    if as_number
        && let Some(most) = json.get("track_total_hits").and_then(Value::as_i64).filter(|most| *most >= 0)
    {
        return Err(ApiError::argument(format!(
            "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not accurate, got {most}"
        )));
    }
    search(&call.node, &scope(call)?, &json, &manner, as_number, task)
}

async fn run_count(call: Call) -> Result<Reply, ApiError> {
    let read = with_named_documents(&call).await?;
    as_task(call, |call, task| {
        let mut json = read.map_or_else(|| call.json(), Ok)?;
        add_query_text(call, &mut json)?;
        let min_score = call.param("min_score").map(read_score).transpose()?;
        let manner = manner(call, &Value::Null)?;
        let terminate_after = call.param("terminate_after").map(|text| json!(text));
        let terminate_after = terminate_after.map(|value| read_terminate_after("terminate_after", &value));
        let terminate_after = terminate_after.transpose()?.flatten();
        Call::ok(count_matches(&call.node, &scope(call)?, &json, min_score, terminate_after, &manner, task)?)
    })
    .await
}

/// What a task says that it is about.
pub(super) fn description(call: &Call) -> Description {
    Description::Search(Searched {
        indices: call.path.get("index").cloned().unwrap_or_else(|| "_all".to_owned()),
        doc_type: call.path.get("type").cloned(),
        body: call.body.clone(),
        text: call.param("q").map(str::to_owned),
    })
}

/// Does it in the pool, listed as a task until nothing works on it any more. It is cancelled too when the client is gone, with
/// whom this future goes.
pub(super) async fn as_task(
    call: Call,
    work: impl FnOnce(&Call, &Task) -> Result<Reply, ApiError> + Send + 'static,
) -> Result<Reply, ApiError> {
    let (reply, promised) = as_task_for(call, work).await?;
    Ok(reply.within(promised))
}

/// The same for what becomes a reply, with the memory that is promised for its text.
pub(super) async fn as_task_for<T: Send + 'static>(
    call: Call,
    work: impl FnOnce(&Call, &Task) -> Result<T, ApiError> + Send + 'static,
) -> Result<(T, Vec<Reservation>), ApiError> {
    let registered = call.node.tasks.register(TaskKind::Search, description(&call), None, Vec::new());
    let task = Arc::clone(&registered.task);
    let _until_gone = task.cancel.clone().drop_guard();
    let pool = call.node.search_pool.clone();
    let done = pool.run(move || {
        let done = work(&call, &registered.task)?;
        Ok((done, std::mem::take(&mut *registered.task.promised.lock())))
    });
    tokio::select! {
        biased;
        done = done => done,
        () = task.cancel.cancelled() => Err(task.cancelled_error()),
    }
}

fn read_score(text: &str) -> Result<f32, ApiError> {
    text.parse().map_err(|_| {
        ApiError::argument(format!("Failed to parse float parameter [min_score] with value [{text}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))
    })
}

pub(super) fn scope(call: &Call) -> Result<Scope, ApiError> {
    Ok(Scope {
        indices: call.path.get("index").cloned().unwrap_or_else(|| "_all".to_owned()),
        options: call.open_names()?,
        doc_type: call.path.get("type").cloned(),
    })
}

/// What says which indices a name means.
const NAMES: [&str; 4] = ["allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable"];

/// For how long all matches are held, if a scroll is asked for.
fn scroll_of(call: &Call) -> Result<Option<Duration>, ApiError> {
    let Some(text) = call.param("scroll").filter(|text| !text.is_empty()) else { return Ok(None) };
    if call.maybe_flag("request_cache")? == Some(true) {
        return Err(ApiError::validation("[request_cache] cannot be used in a scroll context"));
    }
    read_span("scroll", text)
}

pub(super) fn manner(call: &Call, body: &Value) -> Result<Manner, ApiError> {
    let said =
        body.get("timeout").map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let timeout = call.param("timeout").map(str::to_owned).or(said);
    Ok(Manner {
        preference: call.param("preference").map(str::to_owned),
        routing: call.list("routing"),
        skip_beyond: call.number("pre_filter_shard_size")?,
        allows_partial: call.maybe_flag("allow_partial_search_results")?.unwrap_or(true),
        timeout: timeout.map(|text| read_span("timeout", &text)).transpose()?.flatten(),
        scroll: None,
        request_cache: request_cache(call)?,
        typed_keys: call.flag("typed_keys")?,
        batch: None,
    })
}

/// How what has been found is told while the search runs: of those alone whose answers are asked for later.
fn batch_of(call: &Call, task: &Task) -> Result<Option<Batch>, ApiError> {
    let shards = call.number("batched_reduce_size")?.map_or(BATCH_DEFAULT, |shards| shards as usize);
    let batch = Batch { shards, bytes_max: response_bytes_max(&call.node) };
    Ok((task.kind == TaskKind::AsyncSearch).then_some(batch))
}

/// Whether answers of shards are kept. Where words are to be counted in all shards first, they are not.
fn request_cache(call: &Call) -> Result<Option<bool>, ApiError> {
    let is_asked = call.maybe_flag("request_cache")?;
    Ok(if call.param("search_type") == Some("dfs_query_then_fetch") { Some(false) } else { is_asked })
}

/// Puts `?q=` into the body as a `query_string`.
pub(super) fn add_query_text(call: &Call, body: &mut Value) -> Result<(), ApiError> {
    let Some(text) = call.param("q") else {
        return Ok(());
    };
    let mut query = Map::from_iter([("query".to_owned(), json!(text))]);
    if let Some(field) = call.param("df") {
        query.insert("default_field".to_owned(), json!(field));
    }
    if let Some(operator) = call.param("default_operator") {
        query.insert("default_operator".to_owned(), json!(operator));
    }
    if let Some(name) = call.param("analyzer") {
        query.insert("analyzer".to_owned(), json!(name));
    }
    for name in ["lenient", "analyze_wildcard"] {
        if let Some(flag) = call.maybe_flag(name)? {
            query.insert(name.to_owned(), json!(flag));
        }
    }
    insert(body, "query", json!({"query_string": query}));
    Ok(())
}

fn add_uri_parameters(call: &Call, body: &mut Value) -> Result<(), ApiError> {
    add_query_text(call, body)?;
    for name in ["from", "size", "track_total_hits", "terminate_after"] {
        if let Some(value) = call.param(name) {
            insert(body, name, json!(value));
        }
    }
    if let Some(sort) = call.param("sort") {
        insert(body, "sort", json!(sort.split(',').collect::<Vec<_>>()));
    }
    for name in ["track_scores", "version", "seq_no_primary_term", "explain"] {
        if let Some(flag) = call.maybe_flag(name)? {
            insert(body, name, json!(flag));
        }
    }
    for name in ["stored_fields", "docvalue_fields"] {
        if call.param(name).is_some() {
            insert(body, name, json!(call.list(name)));
        }
    }
    if let Some(source) = super::get::source_parameters(call) {
        insert(body, "_source", source);
    }
    add_suggestion(call, body)
}

/// Puts `?suggest_field=` into the body as a suggestion of that name.
fn add_suggestion(call: &Call, body: &mut Value) -> Result<(), ApiError> {
    let Some(field) = call.param("suggest_field") else { return Ok(()) };
    let text = call.param("suggest_text").or_else(|| call.param("q"));
    let size = call.number("suggest_size")?.unwrap_or(5);
    let mode = call.param("suggest_mode").unwrap_or("missing");
    let term = json!({"field": field, "size": size, "suggest_mode": mode});
    let mut suggestion = json!({"term": term});
    if let Some(text) = text {
        suggestion["text"] = json!(text);
    }
    let mut all = body.get("suggest").cloned().unwrap_or_else(|| json!({}));
    if let Value::Object(members) = &mut all {
        members.insert(field.to_owned(), suggestion);
    }
    insert(body, "suggest", all);
    Ok(())
}

fn insert(body: &mut Value, key: &str, value: Value) {
    if body.is_null() {
        *body = json!({});
    }
    if let Value::Object(members) = body {
        members.insert(key.to_owned(), value);
    }
}
