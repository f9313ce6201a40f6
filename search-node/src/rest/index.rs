//! Indices and data streams: create, look at, delete, refresh, flush, mappings, settings.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};
use shard::mapping::parse_mapping;

use super::call::Call;
use super::cluster::span;
use super::envelope::Reply;
use super::forward::Reach;
use super::router::{Route, route};
use crate::action::cluster::{settings_json, wait_active};
use crate::error::ApiError;
use crate::indices::{Index, Level, LostIndex};
use crate::time_span::read_span;

const GET: &[Method] = &[Method::GET];
const PUT: &[Method] = &[Method::PUT];
const DELETE: &[Method] = &[Method::DELETE];
const GET_POST: &[Method] = &[Method::GET, Method::POST];
const PUT_POST: &[Method] = &[Method::PUT, Method::POST];

pub(super) const NAMES: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "local",
    "include_type_name",
    "flat_settings",
    "include_defaults",
    "features",
    "wait_for_active_shards",
    "force",
    "wait_if_ongoing",
    "write_index_only",
    "master_timeout",
    "timeout",
];

pub(super) const ROUTES: &[Route] = &[
    route(PUT, "/{index}", NAMES, |call| create(call).boxed()),
    route(GET, "/{index}", NAMES, |call| blocking(call, look).boxed()),
    route(DELETE, "/{index}", NAMES, |call| blocking(call, delete).boxed()),
    route(GET_POST, "/_refresh", NAMES, |call| blocking(call, refresh).boxed()).reaching(Reach::Copies),
    route(GET_POST, "/{index}/_refresh", NAMES, |call| blocking(call, refresh).boxed())
        .reaching(Reach::Copies),
    route(GET_POST, "/_flush", NAMES, |call| blocking(call, flush).boxed()).reaching(Reach::Copies),
    route(GET_POST, "/{index}/_flush", NAMES, |call| blocking(call, flush).boxed()).reaching(Reach::Copies),
    route(GET, "/_mapping", NAMES, |call| blocking(call, mappings).boxed()),
    route(GET, "/{index}/_mapping", NAMES, |call| blocking(call, mappings).boxed()),
    route(GET, "/{index}/_mapping/{type}", NAMES, |call| blocking(call, mappings).boxed()),
    route(PUT_POST, "/{index}/_mapping", NAMES, |call| blocking(call, put_mapping).boxed()),
    route(PUT_POST, "/{index}/_mapping/{type}", NAMES, |call| blocking(call, put_mapping).boxed()),
    route(PUT_POST, "/{index}/{type}/_mapping", NAMES, |call| blocking(call, put_mapping).boxed()),
    route(GET, "/_data_stream", NAMES, |call| blocking(call, streams).boxed()),
    route(GET, "/_data_stream/{name}", NAMES, |call| blocking(call, streams).boxed()),
    route(PUT, "/_data_stream/{name}", NAMES, |call| blocking(call, create_stream).boxed()),
    route(DELETE, "/_data_stream/{name}", NAMES, |call| blocking(call, delete_stream).boxed()),
];

/// Everything here may wait for a disk.
pub(super) async fn blocking(
    call: Call,
    work: fn(&Call) -> Result<Reply, ApiError>,
) -> Result<Reply, ApiError> {
    wait_led(&call).await?;
    let pool = call.node.write_pool.clone();
    pool.run(move || work(&call)).await
}

pub(super) fn chosen(call: &Call) -> Result<Vec<Arc<Index>>, ApiError> {
    let expression = call.path.get("index").map_or("_all", String::as_str);
    call.node.indices.resolve(expression, call.name_options()?)
}

/// `{"index": …}` for each index.
fn by_name(indices: &[Arc<Index>], make: impl Fn(&Index) -> Value) -> Result<Reply, ApiError> {
    let members: Map<String, Value> = indices.iter().map(|index| (index.name.clone(), make(index))).collect();
    Call::ok(Value::Object(members))
}

/// Whoever says how long a node that leads may take to be found (`master_timeout`) waits no longer.
async fn wait_led(call: &Call) -> Result<(), ApiError> {
    let within = call.param("master_timeout").map(|text| read_span("master_timeout", text)).transpose()?;
    match (call.node.others(), within.flatten()) {
        (Some(coordinator), Some(within)) => coordinator.wait_led(within).await,
        _ => Ok(()),
    }
}

async fn create(call: Call) -> Result<Reply, ApiError> {
    wait_led(&call).await?;
    let name = call.part("index");
    let wanted = call.active_copies()?.unwrap_or_default();
    let within = span(&call, "timeout")?;
    let (node, pool) = (Arc::clone(&call.node), call.node.write_pool.clone());
    let made = pool.run(move || {
        let made = call.node.indices.create_at_once(&call.part("index"), &call.json()?)?;
        Ok((made, call.is_followed_by_all()?))
    });
    let (made, acknowledged) = made.await?;
    let is_active = wait_active(&node, &made.uuid, wanted, within).await;
    Call::ok(json!({"acknowledged": acknowledged, "shards_acknowledged": is_active, "index": name}))
}

fn look(call: &Call) -> Result<Reply, ApiError> {
    let indices = chosen(call)?;
    if indices.is_empty() && !call.part("index").contains('*') {
        return Err(ApiError::no_index(&call.part("index")));
    }
    by_name(
        &indices,
        |index| json!({"aliases": index.aliases(), "mappings": index.mapping().to_json(), "settings": settings_json(&call.node, index)}),
    )
}

fn delete(call: &Call) -> Result<Reply, ApiError> {
    let meant = call.node.indices.meant(&call.part("index"), call.name_options()?)?;
    // What cannot be served may still be saved: only who names it gives it up.
    let lost: Vec<Arc<LostIndex>> =
        meant.lost.into_iter().filter(|(_, is_named)| *is_named).map(|(lost, _)| lost).collect();
    let served = meant.indices.iter().map(|index| (index.name.as_str(), index.data_stream.as_deref()));
    let named = lost.iter().filter_map(|lost| lost.names.as_ref());
    let named = named.map(|names| (names.name.as_str(), names.data_stream.as_deref()));
    for index in &meant.indices {
        index.settings().blocks.check_delete(&index.name)?;
    }
    for (name, stream) in served.chain(named) {
        if let Some(stream) = stream {
            return Err(ApiError::argument(format!(
                "index [{name}] is the write index for data stream [{stream}] and cannot be deleted; delete the stream with DELETE /_data_stream/{stream}"
            )));
        }
    }
    call.node.indices.delete(&meant.indices)?;
    call.node.indices.delete_lost(&lost)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

/// The copies here; how many there should be everywhere is added where the request came in.
fn shards_of(indices: &[Arc<Index>]) -> Value {
    let copies: usize = indices.iter().map(|index| index.held().len()).sum();
    json!({"_shards": {"total": copies, "successful": copies, "failed": 0}})
}

fn refresh(call: &Call) -> Result<Reply, ApiError> {
    let indices = chosen(call)?;
    for index in &indices {
        index.refresh()?;
    }
    Call::ok(shards_of(&indices))
}

fn flush(call: &Call) -> Result<Reply, ApiError> {
    if call.flag("force")? && call.maybe_flag("wait_if_ongoing")? == Some(false) {
        return Err(ApiError::validation("wait_if_ongoing must be true for a force flush"));
    }
    let indices = chosen(call)?;
    for index in &indices {
        index.flush()?;
    }
    Call::ok(shards_of(&indices))
}

fn mappings(call: &Call) -> Result<Reply, ApiError> {
    let typed = call.flag("include_type_name")? || call.path.contains_key("type");
    let doc_type = call.path.get("type").cloned().unwrap_or_else(|| "_doc".to_owned());
    let indices = chosen(call)?;
    indices.iter().try_for_each(|index| index.check_block(Level::MetadataRead))?;
    by_name(&indices, |index| {
        let mapping = index.mapping().to_json();
        if typed { json!({"mappings": {doc_type.clone(): mapping}}) } else { json!({"mappings": mapping}) }
    })
}

fn put_mapping(call: &Call) -> Result<Reply, ApiError> {
    let mut body = call.required_json()?;
    if let Some(inner) = call.path.get("type").and_then(|doc_type| body.get(doc_type)).cloned() {
        body = inner;
    }
    let added = parse_mapping(&body)?;
    for index in chosen(call)? {
        index.check_block(Level::MetadataWrite)?;
        index.check_room()?;
        index.add_mapping(&added)?;
    }
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn streams(call: &Call) -> Result<Reply, ApiError> {
    let expression = call.path.get("name").map_or("*", String::as_str);
    let all = call.node.indices.streams();
    let names: Vec<&str> = all.iter().map(|stream| stream.name.as_str()).collect();
    let wanted = crate::indices::expand(expression, &names, call.name_options()?)?;
    let shown: Vec<Value> = all
        .iter()
        .filter(|stream| wanted.contains(&stream.name.as_str()))
        .map(|stream| {
            let indices: Vec<Value> = stream
                .indices
                .iter()
                .map(|(name, uuid)| json!({"index_name": name, "index_uuid": uuid}))
                .collect();
            json!({
                "name": stream.name, "timestamp_field": {"name": "@timestamp"}, "indices": indices,
                "generation": stream.indices.len(), "status": "GREEN", "template": "built-in", "hidden": false
            })
        })
        .collect();
    Call::ok(json!({"data_streams": shown}))
}

fn create_stream(call: &Call) -> Result<Reply, ApiError> {
    let name = call.part("name");
    if call.node.indices.streams().iter().any(|stream| stream.name == name) {
        return Err(ApiError::new(
            400,
            "resource_already_exists_exception",
            format!("data_stream [{name}] already exists"),
        ));
    }
    call.node.indices.create_stream(&name)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn delete_stream(call: &Call) -> Result<Reply, ApiError> {
    let name = call.part("name");
    let all = call.node.indices.streams();
    let of_stream = |lost: &Arc<LostIndex>| {
        let stream = lost.names.as_ref().and_then(|names| names.data_stream.as_deref());
        stream.is_some_and(|stream| name.split(',').any(|part| part.trim() == stream))
    };
    let lost: Vec<Arc<LostIndex>> = call.node.indices.lost().into_iter().filter(of_stream).collect();
    let lost_names =
        lost.iter().flat_map(|lost| &lost.names).filter_map(|names| names.data_stream.as_deref());
    let names: Vec<&str> = all.iter().map(|stream| stream.name.as_str()).chain(lost_names).collect();
    let wanted = crate::indices::expand(&name, &names, call.name_options()?)?;
    let doomed: Vec<Arc<Index>> = call
        .node
        .indices
        .all()
        .into_iter()
        .filter(|index| index.data_stream.as_deref().is_some_and(|stream| wanted.contains(&stream)))
        .collect();
    call.node.indices.delete(&doomed)?;
    call.node.indices.delete_lost(&lost)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}
