//! Asking the nodes with copies, again elsewhere if one fails, and joining what they say.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{IndexId, NodeId, ShardId};
use serde_json::Value;
use shard::{AggPartial, AggRequest, Hit, SortKey, compare_hits, reduce_aggs};
use tokio::runtime::Handle;
use transport::Lane;

use super::Manner;
use super::body::SearchBody;
use super::query::{Part, Partial, Question, ShardAsked, Wanted, fetch_here, find_here, higher, unreadable};
use super::shards::Target;
use crate::action::home::peer_of;
use crate::coordination::{Action, Coordinator, Fault, fault_of};
use crate::error::ApiError;
use crate::node::Node;

/// How long a node may take that searches, where the request has no timeout: as long as anybody waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// A search over several nodes.
pub(super) struct Spread<'a> {
    node: &'a Node,
    targets: Vec<Target>,
    /// The body as it was sent, for other nodes.
    json: &'a Value,
    body: &'a SearchBody,
    doc_type: Option<String>,
    now_millis: i64,
    manner: &'a Manner,
    /// What this node found its hits in.
    here: Vec<Part>,
    /// Where the hits of other nodes can be read.
    there: HashMap<NodeId, u64>,
    /// Which node answered for a shard; none for this one.
    answered_by: HashMap<usize, NodeId>,
}

/// What all nodes found.
#[derive(Default)]
pub(super) struct Found {
    pub total: u64,
    pub max_score: Option<f32>,
    pub hits: Vec<Hit>,
    pub aggs: AggPartial,
    pub shards: usize,
    pub answered: usize,
    pub failures: Vec<ShardFailure>,
    pub is_timed_out: bool,
}

/// A shard in which nobody could look.
pub(super) struct ShardFailure {
    pub index: String,
    pub number: usize,
    pub node: Option<String>,
    pub error: ApiError,
}

/// What a node is asked, and what it said.
type Call = (NodeId, Vec<usize>, tokio::task::JoinHandle<Result<Bytes, Option<ApiError>>>);

impl<'a> Spread<'a> {
    pub(super) fn new(
        node: &'a Node,
        targets: Vec<Target>,
        (json, body): (&'a Value, &'a SearchBody),
        doc_type: Option<&str>,
        now_millis: i64,
        manner: &'a Manner,
    ) -> Self {
        Self {
            node,
            targets,
            json,
            body,
            doc_type: doc_type.map(str::to_owned),
            now_millis,
            manner,
            here: Vec::new(),
            there: HashMap::new(),
            answered_by: HashMap::new(),
        }
    }

    /// Looks in one copy of each shard.
    pub(super) fn find(&mut self, hits: usize) -> Result<Found, ApiError> {
        let body = self.body;
        let deadline = self.manner.timeout.map(|timeout| Instant::now() + timeout);
        let mut found = Found { shards: self.targets.len(), ..Found::default() };
        let mut errors: BTreeMap<usize, (Option<NodeId>, ApiError)> = BTreeMap::new();
        // Which copy of a shard is asked next.
        let mut tries: BTreeMap<usize, usize> = (0..self.targets.len()).map(|place| (place, 0)).collect();
        while !tries.is_empty() {
            let (here, there) = self.groups(&mut tries);
            if here.is_empty() && there.is_empty() {
                break;
            }
            let calls = self.ask(there, hits, deadline);
            if !here.is_empty() {
                let question = self.question(&here, hits, Vec::new());
                let (partial, parts) = find_here(self.node, &question, body);
                self.here.extend(parts);
                self.take(None, partial, &body.request.aggs, &mut found, &mut tries, &mut errors);
            }
            for (node, places, call) in calls {
                match Handle::current()
                    .block_on(call)
                    .unwrap_or_else(|error| Err(Some(ApiError::internal(error.to_string()))))
                {
                    Ok(answer) => {
                        let partial: Partial =
                            postcard::from_bytes(&answer).map_err(|error| unreadable(&error))?;
                        if let Some(context) = partial.context {
                            self.there.insert(node, context);
                        }
                        self.take(
                            Some(node),
                            partial,
                            &body.request.aggs,
                            &mut found,
                            &mut tries,
                            &mut errors,
                        );
                    }
                    Err(None) => {
                        found.is_timed_out |= deadline.is_some_and(|deadline| Instant::now() >= deadline);
                        places.iter().for_each(|place| next_copy(&mut tries, *place));
                    }
                    Err(Some(error)) => {
                        for place in places {
                            errors.insert(place, (Some(node), error.clone()));
                            next_copy(&mut tries, place);
                        }
                    }
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) && !tries.is_empty() {
                found.is_timed_out = true;
                break;
            }
        }
        sort_hits(&mut found.hits, &body.request.sort, hits);
        self.check(found, errors)
    }

    /// The shards by the nodes that are asked for them now. A shard whose copies were all asked is given up.
    fn groups(&self, tries: &mut BTreeMap<usize, usize>) -> (Vec<usize>, BTreeMap<NodeId, Vec<usize>>) {
        let own = self.node.coordinator.as_ref().map(|coordinator| coordinator.origin.process);
        let (mut here, mut there) = (Vec::new(), BTreeMap::<NodeId, Vec<usize>>::new());
        tries.retain(|place, tried| {
            let target = &self.targets[*place];
            match target.nodes.get(*tried) {
                Some(node) if Some(*node) == own => here.push(*place),
                Some(node) => there.entry(*node).or_default().push(*place),
                // A node that agrees with itself has all shards.
                None if own.is_none() && *tried == 0 => here.push(*place),
                None => return false,
            }
            true
        });
        (here, there)
    }

    fn question(&self, places: &[usize], hits: usize, body: Vec<u8>) -> Question {
        let asked = |place: &usize| ShardAsked {
            place: *place,
            index: self.targets[*place].index.uuid.clone(),
            number: self.targets[*place].number,
        };
        Question {
            body,
            doc_type: self.doc_type.clone(),
            now_millis: self.now_millis,
            hits,
            shards: places.iter().map(asked).collect(),
            is_kept: hits > 0,
        }
    }

    fn ask(&self, there: BTreeMap<NodeId, Vec<usize>>, hits: usize, deadline: Option<Instant>) -> Vec<Call> {
        let Some(coordinator) = &self.node.coordinator else { return Vec::new() };
        let text = if there.is_empty() { Vec::new() } else { self.json.to_string().into_bytes() };
        let left =
            deadline.map_or(ANSWER_WITHIN, |deadline| deadline.saturating_duration_since(Instant::now()));
        there
            .into_iter()
            .map(|(node, places)| {
                let message =
                    postcard::to_allocvec(&self.question(&places, hits, text.clone())).unwrap_or_default();
                let call = call(Arc::clone(coordinator), node, Action::Query, message.into(), left);
                (node, places, Handle::current().spawn(call))
            })
            .collect()
    }

    fn take(
        &mut self,
        node: Option<NodeId>,
        partial: Partial,
        aggs: &AggRequest,
        found: &mut Found,
        tries: &mut BTreeMap<usize, usize>,
        errors: &mut BTreeMap<usize, (Option<NodeId>, ApiError)>,
    ) {
        found.total += partial.total;
        found.max_score = higher(found.max_score, partial.max_score);
        found.hits.extend(partial.hits);
        found.aggs = reduce_aggs(aggs, std::mem::take(&mut found.aggs), partial.aggs);
        found.answered += partial.answered.len();
        for place in partial.answered {
            tries.remove(&place);
            errors.remove(&place);
            if let Some(node) = node {
                self.answered_by.insert(place, node);
            }
        }
        for (place, error) in partial.failures {
            let error =
                serde_json::from_slice(&error).unwrap_or_else(|_| ApiError::internal("a shard failed"));
            errors.insert(place, (node, error));
            next_copy(tries, place);
        }
    }

    /// Whether what was found is an answer.
    fn check(
        &self,
        mut found: Found,
        errors: BTreeMap<usize, (Option<NodeId>, ApiError)>,
    ) -> Result<Found, ApiError> {
        // What is wrong with the request is wrong everywhere, and what is damaged must not look like nothing.
        let first = errors.values().next().map(|(_, error)| error.clone());
        if let Some(error) = first.filter(|error| found.answered == 0 || error.status < 500) {
            return Err(error);
        }
        if found.shards > 0 && found.answered == 0 && !found.is_timed_out {
            return Err(self.why_nothing());
        }
        for (place, (node, error)) in errors {
            let target = &self.targets[place];
            found.failures.push(ShardFailure {
                index: target.index.name.clone(),
                number: target.number,
                node: node.map(|node| node.to_string()),
                error,
            });
        }
        let is_whole = found.answered == found.shards;
        if !is_whole && !self.manner.allows_partial {
            let reason = format!(
                "Search rejected due to missing shards: {} of {} answered. Consider using `allow_partial_search_results` setting to bypass this error.",
                found.answered, found.shards
            );
            return Err(ApiError::new(503, "search_phase_execution_exception", reason));
        }
        Ok(found)
    }

    /// Why no shard has a copy that could be asked, as far as the map knows.
    fn why_nothing(&self) -> ApiError {
        let map = self.node.coordinator.as_ref().map(|coordinator| coordinator.map());
        let details = self.targets.iter().find_map(|target| {
            let shard = ShardId { index: IndexId(target.index.uuid.clone()), number: target.number as u32 };
            let unassigned = map.as_ref()?.shard(&shard)?.unassigned().clone();
            Some(format!("[{}][{}]: {}", target.index.name, target.number, unassigned.details?))
        });
        match details {
            Some(details) => all_failed().caused_by("no_shard_available_action_exception", details),
            None => all_failed(),
        }
    }

    /// Reads the documents of the hits from `from` on.
    pub(super) fn fetch(&self, found: &Found, from: usize) -> Result<Vec<Value>, ApiError> {
        let body = self.body;
        let wanted: Vec<&Hit> = found.hits.iter().skip(from).collect();
        let mut shown: Vec<Option<Value>> = vec![None; wanted.len()];
        let mut groups: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
        let mut own = Vec::new();
        for (at, hit) in wanted.iter().enumerate() {
            match self.answered_by.get(&hit.shard) {
                Some(node) => groups.entry(*node).or_default().push(at),
                None => own.push(at),
            }
        }
        let mut calls = Vec::new();
        if let Some(coordinator) = &self.node.coordinator {
            for (node, ats) in groups {
                let hits = ats.iter().map(|at| wanted[*at].clone()).collect();
                let context = self.there.get(&node).copied().unwrap_or_default();
                let message = Wanted { context, body: self.json.to_string().into_bytes(), hits };
                let message = postcard::to_allocvec(&message).map_err(|error| unreadable(&error))?;
                let call = call(Arc::clone(coordinator), node, Action::Fetch, message.into(), ANSWER_WITHIN);
                calls.push((ats, Handle::current().spawn(call)));
            }
        }
        let hits: Vec<Hit> = own.iter().map(|at| wanted[*at].clone()).collect();
        for (at, value) in own.into_iter().zip(fetch_here(&self.here, &hits, body)?) {
            shown[at] = Some(value);
        }
        for (ats, call) in calls {
            let answer =
                Handle::current().block_on(call).map_err(|error| ApiError::internal(error.to_string()))?;
            let answer = answer.map_err(|error| error.unwrap_or_else(all_failed))?;
            let values: Vec<Value> = serde_json::from_slice(&answer).map_err(|error| {
                ApiError::internal(format!("hits of another node cannot be read: {error}"))
            })?;
            for (at, value) in ats.into_iter().zip(values) {
                shown[at] = Some(value);
            }
        }
        Ok(shown.into_iter().flatten().collect())
    }
}

fn next_copy(tries: &mut BTreeMap<usize, usize>, place: usize) {
    if let Some(tried) = tries.get_mut(&place) {
        *tried += 1;
    }
}

fn sort_hits(hits: &mut Vec<Hit>, keys: &[SortKey], most: usize) {
    // Whoever answered first must not decide between equals.
    hits.sort_by_key(|hit| hit.shard);
    hits.sort_by(|a, b| compare_hits(a, b, keys));
    hits.truncate(most);
}

fn all_failed() -> ApiError {
    ApiError::new(503, "search_phase_execution_exception", "all shards failed")
}

/// Asks a node. No error means that it could not be asked, so that another copy is as good.
async fn call(
    coordinator: Arc<Coordinator>,
    node: NodeId,
    action: Action,
    message: Bytes,
    within: Duration,
) -> Result<Bytes, Option<ApiError>> {
    let peer = peer_of(&coordinator.map(), node).ok_or(None)?;
    let answer = coordinator.call(&peer, Lane::Data, action, message, within).await;
    answer.map_err(|error| match error {
        transport::CallError::Failed(_) => match fault_of(error) {
            Fault::NotLeader(_) => None,
            Fault::Failed(error) => Some(error),
        },
        _ => None,
    })
}
