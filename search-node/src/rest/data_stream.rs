//! Data streams: made, shown, changed, deleted, and their figures.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::allocation::Observed;
use cluster::state::{IndexId, ShardId};
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::cat::bytes_shown;
use super::cluster::wait_led;
use super::envelope::Reply;
use super::index::blocking;
use super::router::{Route, route};
use super::search::as_task;
use crate::action::cluster::{Survey, View, survey};
use crate::action::search::{Manner, Scope, search};
use crate::error::ApiError;
use crate::indices::{LostIndex, NameOptions, Stream, StreamAction};
use crate::tasks::Task;

const GET: &[Method] = &[Method::GET];
const PUT: &[Method] = &[Method::PUT];
const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];

const CHANGES: &[&str] = &["expand_wildcards", "master_timeout", "cluster_manager_timeout", "timeout"];
const LOOKS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "include_defaults",
    "local",
    "master_timeout",
    "verbose",
];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_data_stream", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/_data_stream/_stats", LOOKS, |call| stats(call).boxed()),
    route(GET, "/_data_stream/{name}/_stats", LOOKS, |call| stats(call).boxed()),
    route(POST, "/_data_stream/_modify", CHANGES, |call| blocking(call, modify).boxed()),
    route(POST, "/_data_stream/_migrate/{name}", CHANGES, |call| blocking(call, migrate).boxed()),
    route(GET, "/_data_stream/{name}", LOOKS, |call| blocking(call, look).boxed()),
    route(PUT, "/_data_stream/{name}", CHANGES, |call| blocking(call, create).boxed()),
    route(DELETE, "/_data_stream/{name}", CHANGES, |call| blocking(call, delete).boxed()),
];

/// The streams that the path names, in the order of their names.
fn chosen(call: &Call) -> Result<Vec<String>, ApiError> {
    let Some(expression) = call.path.get("name") else {
        return Ok(call.node.indices.lookup().streams.keys().cloned().collect());
    };
    let mut names = call.node.indices.named(expression, call.name_options()?)?;
    let lookup = call.node.indices.lookup();
    let is_stream = |name: &String| lookup.streams.contains_key(name);
    let no_stream =
        |name: &&String| !is_stream(name) && expression.split(',').any(|part| part.trim() == *name);
    if let Some(other) = names.iter().find(no_stream) {
        return Err(ApiError::no_index(other));
    }
    names.retain(is_stream);
    names.sort_unstable();
    Ok(names)
}

fn look(call: &Call) -> Result<Reply, ApiError> {
    let (lookup, templates, view) =
        (call.node.indices.lookup(), call.node.indices.templates(), View::of(&call.node));
    let names = chosen(call)?;
    let streams = names.iter().filter_map(|name| Some((name, lookup.streams.get(name)?)));
    let shown: Vec<Value> = streams
        .map(|(name, stream)| {
            let indices = stream.indices.iter();
            let indices: Vec<Value> =
                indices.map(|index| json!({"index_name": index.name, "index_uuid": index.uuid})).collect();
            let mut shown = json!({
                "name": name,
                "timestamp_field": {"name": stream.about.timestamp_field},
                "indices": indices,
                "generation": stream.about.generation,
                "status": status(&view, stream)
            });
            if let Some((template, found)) = templates.matching(name, false) {
                shown["template"] = json!(template);
                if let Some(meta) = &found.meta {
                    shown["_meta"] = meta.clone();
                }
            }
            shown["hidden"] = json!(stream.about.is_hidden);
            shown["system"] = json!(false);
            shown["rollover_on_write"] = json!(stream.about.rolls_over_on_write);
            shown
        })
        .collect();
    Call::ok(json!({"data_streams": shown}))
}

/// How well its indices are.
fn status(view: &View, stream: &Stream) -> String {
    let ids: BTreeSet<IndexId> = stream.about.indices.iter().map(|id| IndexId(id.clone())).collect();
    view.only(&ids).health(&Observed::default()).status.as_str().to_uppercase()
}

fn create(call: &Call) -> Result<Reply, ApiError> {
    if !matches!(call.json()?, Value::Null) {
        return Err(ApiError::argument(format!(
            "request [PUT /_data_stream/{}] does not support having a body",
            call.part("name")
        )));
    }
    call.node.indices.create_stream(&call.part("name"))?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn delete(call: &Call) -> Result<Reply, ApiError> {
    let name = call.part("name");
    let of_stream = |lost: &Arc<LostIndex>| {
        let stream = lost.names.as_ref().and_then(|names| names.data_stream.as_deref());
        stream.is_some_and(|stream| name.split(',').any(|part| part.trim() == stream))
    };
    let lost: Vec<Arc<LostIndex>> = call.node.indices.lost().into_iter().filter(of_stream).collect();
    let options = call.name_options()?;
    // Of a stream of which nothing can be served only the name is left.
    let ignore_unavailable = options.ignore_unavailable || !lost.is_empty();
    call.node.indices.delete_streams(&name, NameOptions { ignore_unavailable, ..options })?;
    call.node.indices.delete_lost(&lost)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn modify(call: &Call) -> Result<Reply, ApiError> {
    let body = call.required_json()?;
    let fault = ApiError::malformed;
    let actions = body.get("actions").and_then(Value::as_array).filter(|actions| !actions.is_empty());
    let actions =
        actions.ok_or_else(|| fault("[data_stream_actions] must have a list of [actions]".to_owned()))?;
    let read = |said: &Value| {
        let wrong = || fault(format!("[data_stream_action] cannot be read: [{said}]"));
        let (kind, body) = said.as_object().and_then(|members| members.iter().next()).ok_or_else(wrong)?;
        let member = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong);
        let (stream, index) = (member("data_stream")?, member("index")?);
        match kind.as_str() {
            "add_backing_index" => Ok(StreamAction::AddBackingIndex { stream, index }),
            "remove_backing_index" => Ok(StreamAction::RemoveBackingIndex { stream, index }),
            other => Err(fault(format!("[data_stream_action] unknown field [{other}]"))),
        }
    };
    let actions: Vec<StreamAction> = actions.iter().map(read).collect::<Result<_, _>>()?;
    call.node.indices.modify_streams(&actions)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn migrate(call: &Call) -> Result<Reply, ApiError> {
    call.node.indices.migrate_alias(&call.part("name"))?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

/// The figures of streams: how large they are, and the newest time in each.
async fn stats(call: Call) -> Result<Reply, ApiError> {
    wait_led(&call).await?;
    let view = View::of(&call.node);
    let survey = survey(&call.node, &view, |_| true).await?;
    as_task(call, move |call, task| {
        let lookup = call.node.indices.lookup();
        let is_for_people = call.flag("human")?;
        let (mut streams, mut total) = (Vec::new(), Sizes::default());
        for name in chosen(call)? {
            let Some(stream) = lookup.streams.get(&name) else { continue };
            let sizes = Sizes::of(&view, &survey, stream);
            total.add(&sizes);
            let mut shown = json!({
                "data_stream": name, "backing_indices": stream.indices.len(),
                "store_size_bytes": sizes.bytes,
                "maximum_timestamp": newest(call, &name, &stream.about.timestamp_field, task)?
            });
            if is_for_people {
                shown["store_size"] = json!(bytes_shown(sizes.bytes));
            }
            streams.push((shown, stream.indices.len()));
        }
        let mut body = json!({
            "_shards": {"total": total.copies, "successful": total.told, "failed": total.copies - total.told},
            "data_stream_count": streams.len(),
            "backing_indices": streams.iter().map(|(_, count)| count).sum::<usize>(),
            "total_store_size_bytes": total.bytes
        });
        if is_for_people {
            body["total_store_size"] = json!(bytes_shown(total.bytes));
        }
        body["data_streams"] = streams.into_iter().map(|(shown, _)| shown).collect();
        Call::ok(body)
    })
    .await
}

/// The newest time in a stream, in milliseconds since 1970; 0 where it is empty.
fn newest(call: &Call, stream: &str, field: &str, task: &Task) -> Result<i64, ApiError> {
    let json = json!({"size": 0, "track_total_hits": false, "aggs": {"newest": {"max": {"field": field}}}});
    // What is closed is not looked into.
    let options = NameOptions { refuses_closed: true, ignore_unavailable: true, ..NameOptions::default() };
    let scope = Scope { indices: stream.to_owned(), options, doc_type: None };
    let manner = Manner { allows_partial: true, ..Manner::default() };
    let found = search(&call.node, &scope, &json, &manner, false, task)?;
    Ok(found["aggregations"]["newest"]["value"].as_f64().map_or(0, |millis| millis as i64))
}

/// What the copies of indices take on disks.
#[derive(Default)]
struct Sizes {
    copies: usize,
    told: usize,
    bytes: u64,
}

impl Sizes {
    fn of(view: &View, survey: &Survey, stream: &Stream) -> Self {
        let mut sizes = Self::default();
        for id in stream.about.indices.iter().map(|id| IndexId(id.clone())) {
            let Some(entry) = view.map.indices.get(&id) else { continue };
            sizes.copies += entry.shards.len() * (view.map.wanted_replicas(entry) as usize + 1);
            for number in 0..entry.shards.len() {
                let shard = ShardId { index: id.clone(), number: number as u32 };
                let told = survey.copies_of(&view.map, &shard);
                sizes.told += told.len();
                sizes.bytes += told.iter().map(|(_, copy)| copy.bytes).sum::<u64>();
            }
        }
        // A copy that is let go of may still tell.
        sizes.told = sizes.told.min(sizes.copies);
        sizes
    }

    fn add(&mut self, other: &Self) {
        self.copies += other.copies;
        self.told += other.told;
        self.bytes += other.bytes;
    }
}
