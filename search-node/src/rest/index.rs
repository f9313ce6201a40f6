//! Indices: create, look at, delete, refresh, flush, mappings, settings.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};
use shard::mapping::parse_new_mapping;

use super::call::Call;
use super::cluster::span;
use super::envelope::Reply;
use super::forward::Reach;
use super::index_settings::Wish;
use super::router::{Route, route};
use crate::action::cluster::wait_active;
use crate::error::ApiError;
use crate::indices::{Index, Level, LostIndex, NameOptions};
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
    route(GET_POST, "/_flush/synced", NAMES, |call| blocking(call, synced_flush).boxed())
        .reaching(Reach::Copies),
    route(GET_POST, "/{index}/_flush/synced", NAMES, |call| blocking(call, synced_flush).boxed())
        .reaching(Reach::Copies),
    route(GET, "/_mapping", NAMES, |call| blocking(call, mappings).boxed()),
    route(GET, "/_mappings", NAMES, |call| blocking(call, mappings).boxed()),
    route(GET, "/{index}/_mapping", NAMES, |call| blocking(call, mappings).boxed()),
    route(GET, "/{index}/_mappings", NAMES, |call| blocking(call, mappings).boxed()),
    route(PUT_POST, "/{index}/_mapping", NAMES, |call| blocking(call, put_mapping).boxed()),
    route(PUT_POST, "/{index}/_mappings", NAMES, |call| blocking(call, put_mapping).boxed()),
    route(PUT_POST, "/{index}/_mapping/{type}", NAMES, |call| blocking(call, put_mapping).boxed()),
    route(PUT_POST, "/{index}/{type}/_mapping", NAMES, |call| blocking(call, put_mapping).boxed()),
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

/// The indices that a request is about, for what can be done with closed ones that are named.
pub(super) fn chosen(call: &Call) -> Result<Vec<Arc<Index>>, ApiError> {
    resolved(call, call.name_options()?)
}

/// The same for what can be done with open ones only.
pub(super) fn chosen_open(call: &Call) -> Result<Vec<Arc<Index>>, ApiError> {
    resolved(call, call.open_names()?)
}

/// The same for what changes indices, closed ones as well.
pub(super) fn chosen_to_change(call: &Call) -> Result<Vec<Arc<Index>>, ApiError> {
    resolved(call, call.changed_names()?)
}

fn resolved(call: &Call, options: NameOptions) -> Result<Vec<Arc<Index>>, ApiError> {
    let expression = call.path.get("index").map_or("_all", String::as_str);
    call.node.indices.resolve(expression, options)
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
    let wanted = call.active_copies()?.unwrap_or_default();
    let within = span(&call, "timeout")?;
    let (node, pool) = (Arc::clone(&call.node), call.node.write_pool.clone());
    let made = pool.run(move || {
        let made = call.node.indices.create_at_once(&call.part("index"), &call.json()?)?;
        Ok((made, call.is_followed_by_all()?))
    });
    let (made, acknowledged) = made.await?;
    let is_active = wait_active(&node, &made.uuid, wanted, within).await;
    Call::ok(json!({"acknowledged": acknowledged, "shards_acknowledged": is_active, "index": made.name}))
}

fn look(call: &Call) -> Result<Reply, ApiError> {
    let indices = chosen(call)?;
    if indices.is_empty() && !call.part("index").contains('*') {
        return Err(ApiError::no_index(&call.part("index")));
    }
    let features = Features::of(call)?;
    let wish = Wish::of(call)?;
    let typed = call.flag("include_type_name")?;
    let lookup = call.node.indices.lookup();
    by_name(&indices, |index| {
        let mut shown = Map::new();
        if features.aliases {
            shown.insert("aliases".to_owned(), Value::Object(index.aliases()));
        }
        if features.mappings {
            shown.insert("mappings".to_owned(), mapping_shown(index, typed));
        }
        if features.settings
            && let Some(Value::Object(settings)) = wish.of_index(&call.node, index)
        {
            shown.extend(settings);
        }
        if let Some(stream) = lookup.stream_of(index) {
            shown.insert("data_stream".to_owned(), json!(stream));
        }
        Value::Object(shown)
    })
}

/// What of an index is shown (`features`).
struct Features {
    aliases: bool,
    mappings: bool,
    settings: bool,
}

impl Features {
    fn of(call: &Call) -> Result<Self, ApiError> {
        let asked = call.list("features");
        let known = ["aliases", "mappings", "settings"];
        if let Some(other) = asked.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(ApiError::argument(format!("No endpoint or operation is available at [{other}]")));
        }
        let has = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
        Ok(Self { aliases: has("aliases"), mappings: has("mappings"), settings: has("settings") })
    }
}

/// The mapping of an index; under the name of its type for who asks for that, if there is one.
fn mapping_shown(index: &Index, typed: bool) -> Value {
    let mapping = index.mapping().to_json();
    let is_empty = mapping.as_object().is_none_or(Map::is_empty);
    if typed && !is_empty { json!({"_doc": mapping}) } else { mapping }
}

fn delete(call: &Call) -> Result<Reply, ApiError> {
    let options = NameOptions { with_aliases: false, with_streams: false, ..call.all_names()? };
    let meant = call.node.indices.meant(&call.part("index"), options)?;
    // What cannot be served may still be saved: only who names it gives it up.
    let lost: Vec<Arc<LostIndex>> =
        meant.lost.into_iter().filter(|(_, is_named)| *is_named).map(|(lost, _)| lost).collect();
    for index in &meant.indices {
        index.settings().blocks.check_delete(&index.name)?;
    }
    for names in lost.iter().filter_map(|lost| lost.names.as_ref()) {
        if let Some(stream) = &names.data_stream {
            return Err(ApiError::argument(format!(
                "index [{}] is on the disk as a backing index of data stream [{stream}] and cannot be served; delete the stream with DELETE /_data_stream/{stream}",
                names.name
            )));
        }
    }
    call.node.indices.delete(&meant.indices)?;
    call.node.indices.delete_lost(&lost)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

/// The copies here; how many there should be everywhere is added where the request came in.
pub(super) fn shards_of(indices: &[Arc<Index>]) -> Value {
    let copies: usize = indices.iter().map(|index| index.held().len()).sum();
    json!({"_shards": {"total": copies, "successful": copies, "failed": 0}})
}

fn refresh(call: &Call) -> Result<Reply, ApiError> {
    let indices = chosen_open(call)?;
    for index in &indices {
        index.refresh()?;
    }
    Call::ok(shards_of(&indices))
}

fn flush(call: &Call) -> Result<Reply, ApiError> {
    if call.flag("force")? && call.maybe_flag("wait_if_ongoing")? == Some(false) {
        return Err(ApiError::validation("wait_if_ongoing must be true for a force flush"));
    }
    let indices = chosen_open(call)?;
    for index in &indices {
        index.flush()?;
    }
    Call::ok(shards_of(&indices))
}

/// As 7.x has it: a flush that tells of each index. Copies know by themselves whether they have the same, so that it leaves no mark.
fn synced_flush(call: &Call) -> Result<Reply, ApiError> {
    let indices = chosen_open(call)?;
    for index in &indices {
        index.flush()?;
    }
    let mut told = shards_of(&indices);
    for index in &indices {
        told[&index.name] = shards_of(std::slice::from_ref(index))["_shards"].take();
    }
    Call::ok(told)
}

fn mappings(call: &Call) -> Result<Reply, ApiError> {
    let typed = call.flag("include_type_name")?;
    let indices = chosen(call)?;
    indices.iter().try_for_each(|index| index.check_block(Level::MetadataRead))?;
    by_name(&indices, |index| json!({"mappings": mapping_shown(index, typed)}))
}

/// The indices whose mapping grows: with `write_index_only` of aliases and streams those alone that are written to.
fn written(call: &Call) -> Result<Vec<Arc<Index>>, ApiError> {
    if !call.flag("write_index_only")? {
        return chosen_to_change(call);
    }
    let names = call.node.indices.named(&call.part("index"), call.changed_names()?)?;
    let lookup = call.node.indices.lookup();
    let written = names
        .iter()
        .map(|name| lookup.write_index(name, true).unwrap_or_else(|| Err(ApiError::no_index(name))));
    written.collect()
}

fn put_mapping(call: &Call) -> Result<Reply, ApiError> {
    let mut body = call.required_json()?;
    if let Some(inner) = call.path.get("type").and_then(|doc_type| body.get(doc_type)).cloned() {
        body = inner;
    }
    let added = parse_new_mapping(&body)?;
    for index in written(call)? {
        index.check_block(Level::MetadataWrite)?;
        index.check_room()?;
        index.add_mapping(&added)?;
    }
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}
