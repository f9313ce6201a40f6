//! Requests that other nodes answer, wholly or in part, for they hold what these are about.
//!
//! A request about one document goes to the node with its shard's primary. One about every copy (refresh, flush, merges) goes to
//! each node and the answers are added up; one about other things that several nodes know says itself whom it asks. What was
//! carried is answered where it arrives, and never carried further.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use transport::{CallError, Lane, Peer};

use super::call::Call;
use super::envelope::Reply;
use super::get::may_be_old;
use super::router::{Answer, Handler, Route, find};
use crate::action::home::{Home, LOOK_AGAIN, PRIMARY_WITHIN, has_copy_here, home_of};
use crate::coordination::{Action, Coordinator, Fault, fault_of, pack, read, unpack};
use crate::error::ApiError;
use cluster::state::IndexId;

use crate::indices::{Index, NameOptions, new_id};
use crate::node::Node;
use crate::planted::{Bug, is_planted};
use crate::time_span::read_span;

/// Where a request is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// On any node.
    Here,
    /// Where the primary of the document's shard is.
    Document {
        /// Whether an index is made that is not there.
        is_write: bool,
    },
    /// On every node that holds copies.
    Copies,
    /// On nodes that this asks, where there are others; each of them answers for itself only.
    Nodes(fn(Call) -> Answer),
}

/// A request on its way; its body follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Carried {
    pub(super) method: String,
    pub(super) segments: Vec<String>,
    pub(super) query: HashMap<String, String>,
}

/// Answers a request, wherever that has to be done.
pub(super) async fn answer(
    route: &'static Route,
    method: &Method,
    segments: Vec<String>,
    mut call: Call,
) -> Result<Reply, ApiError> {
    if let Some(address) = route.address {
        address(&mut call)?;
    }
    let Handler::Whole(handler) = route.handler else {
        return Err(ApiError::internal("a request whose body is read as it arrives is carried by itself"));
    };
    let Some(coordinator) = call.node.coordinator.clone() else { return handler(call).await };
    if coordinator.map().nodes.len() < 2 {
        return match route.reach {
            // What is here is not primary any more, or not yet.
            Reach::Document { is_write } => match handler(call.again()).await {
                Err(error) if error.is_not_primary() => {
                    Way { route, method, segments, call }.answer_for_document(&coordinator, is_write).await
                }
                answered => answered,
            },
            Reach::Copies => {
                let node = Arc::clone(&call.node);
                let (part, options) = (call.part("index"), call.name_options()?);
                let Reply::Json(status, mut body) = handler(call).await? else {
                    return Err(ApiError::internal("an answer for every copy has no body"));
                };
                count_missing(&node, &part, options, &mut body);
                Ok(Reply::Json(status, body))
            }
            _ => handler(call).await,
        };
    }
    match route.reach {
        Reach::Here => handler(call).await,
        Reach::Document { is_write } => {
            let mut way = Way { route, method, segments, call };
            way.answer_for_document(&coordinator, is_write).await
        }
        Reach::Copies => {
            let way = Way { route, method, segments, call };
            way.answer_for_copies(&coordinator).await
        }
        Reach::Nodes(asking) => asking(call).await,
    }
}

/// What an answer may take on its way.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

struct Way<'a> {
    route: &'static Route,
    method: &'a Method,
    segments: Vec<String>,
    call: Call,
}

impl Way<'_> {
    async fn answer_for_document(
        &mut self,
        coordinator: &Arc<Coordinator>,
        is_write: bool,
    ) -> Result<Reply, ApiError> {
        let Handler::Whole(handler) = self.route.handler else {
            return Err(ApiError::internal("no handler"));
        };
        // Whoever reads can ask again; Elasticsearch does not wait at all for a primary to read from.
        let default = if is_write { PRIMARY_WITHIN } else { self.call.node.settings.replication.timeout };
        let within = match self.call.param("timeout") {
            Some(text) => read_span("timeout", text)?.unwrap_or(default),
            None => default,
        };
        self.name_document();
        let may_make = may_make(self.method, &self.call);
        let deadline = Instant::now() + within;
        let mut changes = coordinator.changes();
        let mut is_caught_up = false;
        loop {
            changes.borrow_and_update();
            match home(&self.call, coordinator, is_write, may_make).await {
                // It may have been made through another node.
                Err(error) if error.status == 404 && !is_caught_up && !may_be_old(&self.call)? => {
                    coordinator.catch_up(self.call.node.settings.replication.timeout).await?;
                    is_caught_up = true;
                    continue;
                }
                Err(_) => return handler(self.call.again()).await,
                Ok(Home::Here) => match handler(self.call.again()).await {
                    Err(error) if error.is_not_primary() && Instant::now() < deadline => {}
                    answered => return answered,
                },
                Ok(Home::Nowhere) => {}
                Ok(Home::There(peer)) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    // It waits for copies as long as the request says, and tells what came of that.
                    let answer = if is_write { within + self.write_takes() } else { left };
                    match self.carry(coordinator, &peer, answer).await {
                        Err(Carry::Elsewhere) => {}
                        Err(Carry::Failed(error)) => return Err(error),
                        Ok(reply) => return Ok(reply),
                    }
                }
            }
            if Instant::now() >= deadline || self.call.node.stopping.is_cancelled() {
                let (index, id) = (self.call.part("index"), self.call.part("id"));
                return Err(ApiError::no_primary(&index, &id, within).with("index", index));
            }
            let look = deadline.min(Instant::now() + LOOK_AGAIN);
            let _looked = timeout_at(look, changes.changed()).await;
        }
    }

    /// How long a write may take once nothing is waited for any more: until copies that do not answer are let go of.
    fn write_takes(&self) -> Duration {
        self.call.node.settings.replication.timeout + ANSWER_GRACE
    }

    /// A document without an id gets one here, so that it is the same one wherever it is tried.
    fn name_document(&mut self) {
        if self.route.path.contains("/_create") {
            self.call.query.insert("op_type".to_owned(), "create".to_owned());
        }
        if self.route.path.ends_with("{id}") || self.call.path.contains_key("id") {
            return;
        }
        let id = new_id(self.call.node.clock.now_millis());
        self.segments.push(id.clone());
        self.call.path.insert("id", id);
        self.call.query.entry("op_type".to_owned()).or_insert_with(|| "create".to_owned());
    }

    async fn carry(&self, coordinator: &Coordinator, peer: &Peer, within: Duration) -> Result<Reply, Carry> {
        let carried = Carried {
            method: self.method.to_string(),
            segments: self.segments.clone(),
            query: self.call.query.clone(),
        };
        let is_read = matches!(self.route.reach, Reach::Document { is_write: false });
        carry(coordinator, peer, &carried, &self.call.body, is_read, within).await
    }

    async fn answer_for_copies(self, coordinator: &Arc<Coordinator>) -> Result<Reply, ApiError> {
        let Handler::Whole(handler) = self.route.handler else {
            return Err(ApiError::internal("no handler"));
        };
        let map = coordinator.map();
        let others = map.data_nodes().filter(|(node, _)| *node != coordinator.origin.process);
        let peers: Vec<Peer> =
            others.map(|(node, entry)| Peer::process(&entry.transport_address, node.0)).collect();
        let carried = peers.iter().map(|peer| self.carry(coordinator, peer, PRIMARY_WITHIN));
        let (own, others) = futures::future::join(handler(self.call.again()), join_all(carried)).await;
        let Reply::Json(status, mut body) = own? else {
            return Err(ApiError::internal("an answer for every copy has no body"));
        };
        for (peer, other) in peers.iter().zip(others) {
            match other {
                Ok(Reply::Json(_, other)) => add_shards(&mut body, &other),
                Err(Carry::Failed(error)) => {
                    tracing::warn!(peer = peer.address, reason = error.reason, "node did not do its part")
                }
                _ => {}
            }
        }
        count_missing(&self.call.node, &self.call.part("index"), self.call.name_options()?, &mut body);
        Ok(Reply::Json(status, body))
    }
}

/// Copies that there should be and are nowhere count too, as in Elasticsearch.
fn count_missing(node: &Node, names: &str, options: NameOptions, body: &mut Value) {
    let (Some(coordinator), Ok(indices)) =
        (&node.coordinator, node.indices.resolve(names_of(names), options))
    else {
        return;
    };
    let map = coordinator.map();
    let mut all = 0;
    for index in &indices {
        let Some(entry) = map.indices.get(&IndexId(index.uuid.clone())) else { continue };
        let wanted = entry.shards.len() as u64 * (u64::from(map.wanted_replicas(entry)) + 1);
        all += wanted;
        raise_total(body, &index.name, wanted);
    }
    raise_total(body, "_shards", all);
}

/// What is told of some copies, if anything is, tells of no fewer than there should be.
fn raise_total(body: &mut Value, of: &str, wanted: u64) {
    if let Some(told) = body.get_mut(of) {
        told["total"] = json!(told["total"].as_u64().unwrap_or(0).max(wanted));
    }
}

fn names_of(names: &str) -> &str {
    if names.is_empty() { "_all" } else { names }
}

/// Has a request answered by another node; one that only reads may be answered twice.
pub(super) async fn carry(
    coordinator: &Coordinator,
    peer: &Peer,
    carried: &Carried,
    body: &[u8],
    is_read: bool,
    within: Duration,
) -> Result<Reply, Carry> {
    let (status, answer) = carry_as_written(coordinator, peer, carried, body, is_read, within).await?;
    Ok(Reply::Json(status, read(&answer).map_err(Carry::Failed)?))
}

/// The same with the answer as the other node has written it.
pub(super) async fn carry_as_written(
    coordinator: &Coordinator,
    peer: &Peer,
    carried: &Carried,
    body: &[u8],
    is_read: bool,
    within: Duration,
) -> Result<(u16, Bytes), Carry> {
    match coordinator.call(peer, Lane::Data, Action::Rest, pack(carried, body), within).await {
        Ok(answer) => unpack::<u16>(&answer).map_err(Carry::Failed),
        Err(error) if error.is_not_done() => Err(Carry::Elsewhere),
        // Reading again does no harm.
        Err(CallError::Unknown { .. }) if is_read || is_planted(Bug::TriedTwice) => Err(Carry::Elsewhere),
        Err(error @ CallError::Unknown { .. }) => {
            Err(Carry::Failed(ApiError::unknown_outcome(error.to_string())))
        }
        Err(error) => Err(match fault_of(error) {
            Fault::NotLeader(_) => Carry::Elsewhere,
            Fault::Failed(error) => Carry::Failed(error),
        }),
    }
}

/// Why a request was not answered by another node.
pub(super) enum Carry {
    /// Nothing was done: the map has changed, or will.
    Elsewhere,
    Failed(ApiError),
}

/// Adds up what each node says of its copies.
fn add_shards(body: &mut Value, other: &Value) {
    // Beside all copies together, those of each index where the answer tells of them.
    for (of, told) in other.as_object().into_iter().flatten() {
        for key in ["total", "successful", "failed"] {
            let sum = body[of][key].as_u64().unwrap_or(0) + told[key].as_u64().unwrap_or(0);
            body[of][key] = json!(sum);
        }
    }
    if let Some(failures) = other["_shards"]["failures"].as_array() {
        match body["_shards"]["failures"].as_array_mut() {
            Some(known) => known.extend(failures.iter().cloned()),
            None => body["_shards"]["failures"] = json!(failures),
        }
    }
}

/// Where the primary of a document's shard is. An error is one that whoever answers the request finds too.
async fn home(
    call: &Call,
    coordinator: &Arc<Coordinator>,
    is_write: bool,
    may_make: bool,
) -> Result<Home, ApiError> {
    let id = call.part("id");
    let index = index_of(call, is_write, may_make).await?;
    let lookup = call.node.indices.lookup();
    let routing = lookup.index_routing(&call.part("index"), &index, call.param("routing"))?;
    let routing = routing.as_deref();
    if index.requires_routing() && routing.is_none() {
        return Err(ApiError::argument("routing is required"));
    }
    if is_planted(Bug::ReadsAnywhere) && !is_write {
        return Ok(Home::Here);
    }
    let has_copy = || has_copy_here(coordinator, &index, &id, routing);
    if !is_write && may_be_old(call)? && has_copy() {
        return Ok(Home::Here);
    }
    Ok(home_of(coordinator, &index, &id, routing))
}

/// Whether an index is made that is not there: not to delete from it, unless that leaves a version behind.
fn may_make(method: &Method, call: &Call) -> bool {
    let is_external = call.param("version_type").is_some_and(|kind| kind != "internal");
    *method != Method::DELETE || is_external
}

async fn index_of(call: &Call, is_write: bool, may_make: bool) -> Result<Arc<Index>, ApiError> {
    let name = call.part("index");
    if let Some(index) = call.node.indices.get(&name) {
        return Ok(index);
    }
    let (node, options) = (Arc::clone(&call.node), call.name_options()?);
    let is_create = call.param("op_type") == Some("create");
    let found = move || {
        if is_write && node.indices.meant(&name, options).is_err() {
            return if may_make {
                node.indices.for_write(&name, is_create)
            } else {
                Err(ApiError::no_index(&name))
            };
        }
        match node.indices.resolve(&name, options)?.as_slice() {
            [only] if !is_write => Ok(Arc::clone(only)),
            _ if is_write => node.indices.for_write(&name, is_create),
            _ => Err(ApiError::no_index(&name)),
        }
    };
    call.node.write_pool.go_on(found).await
}

/// Answers a request that another node has carried here.
pub(crate) async fn answer_carried(node: Arc<Node>, body: Bytes) -> Result<Bytes, Fault> {
    let failed = Fault::Failed;
    let (carried, body) = unpack::<Carried>(&body).map_err(failed)?;
    let method = Method::from_bytes(carried.method.as_bytes())
        .map_err(|error| failed(ApiError::argument(error.to_string())))?;
    let shown = carried.segments.join("/");
    let (route, path) = find(&method, &carried.segments, &shown).map_err(failed)?;
    let Handler::Whole(handler) = route.handler else {
        return Err(failed(ApiError::argument(format!("[{shown}] cannot be carried"))));
    };
    let call = Call { node: Arc::clone(&node), path, query: carried.query, body, reserved: None };
    if let (Reach::Document { is_write }, Some(coordinator)) = (route.reach, &node.coordinator) {
        let may_make = may_make(&method, &call);
        let mut home_here = home(&call, coordinator, is_write, may_make).await;
        if home_here.as_ref().is_err_and(|error| error.status == 404) {
            // Whoever has carried it here knows the index.
            coordinator.catch_up(node.settings.replication.timeout).await.map_err(failed)?;
            home_here = home(&call, coordinator, is_write, may_make).await;
        }
        if !matches!(home_here, Ok(Home::Here) | Err(_)) {
            return Err(Fault::NotLeader(None));
        }
    }
    let answered = handler(call)
        .await
        .map_err(|error| if error.is_not_primary() { Fault::NotLeader(None) } else { failed(error) });
    match answered? {
        Reply::Json(status, value) | Reply::Large(status, value, _) => {
            Ok(pack(&status, value.to_string().as_bytes()))
        }
        Reply::Pieces(status, pieces) => Ok(pack(&status, &pieces.into_iter().collect::<Vec<_>>().concat())),
        _ => Err(failed(ApiError::internal(format!("[{shown}] has no answer that can be carried")))),
    }
}
