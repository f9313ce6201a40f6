//! Asking the nodes with copies, again elsewhere if one fails, and joining what they say.

mod fetch;
mod said;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{IndexId, NodeId, ShardId};
use serde_json::Value;
use shard::{
    AggPartial, AggRequest, Hit, SortKey, Suggested, compare_hits, finish_aggs, one_of_each_group,
    reduce_aggs,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use transport::Lane;

pub(super) use self::fetch::Documents;
use self::said::read_partial;
use super::body::SearchBody;
use super::budget::Budget;
use super::failed::{ShardFailure, phase_failed};
use super::profile::Fetching;
use super::query::{HeldAsked, Part, Partial, Question, ShardAsked, Turn, find_here, higher};
use super::shards::Target;
use super::soonest::Asked;
use super::until::Until;
use super::{Batch, Manner, buckets};
use crate::action::home::peer_of;
use crate::coordination::{Action, Coordinator, Fault, fault_of};
use crate::error::ApiError;
use crate::memory::Reservation;
use crate::node::Node;
use crate::tasks::{Answered, Task};

/// How long a node may take that searches, where the request has no timeout: as long as anybody waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);
/// How much longer than the request's timeout an answer is waited for: whoever ends then has yet to say what it found, on a host
/// that may be busy.
const ANSWER_GRACE: Duration = Duration::from_secs(1);
/// So many times as much as on its way what is computed so far takes while it is written.
const TIMES_OF_SO_FAR: u64 = 8;
/// A search over several nodes.
pub(super) struct Spread<'a> {
    node: &'a Node,
    targets: Vec<Target>,
    /// The body as it was sent, for other nodes.
    json: &'a Value,
    body: &'a SearchBody,
    /// What is computed of all matches, within the budget.
    aggs: AggRequest,
    doc_type: Option<String>,
    now_millis: i64,
    manner: &'a Manner,
    task: &'a Task,
    until: Until,
    /// The memory that it takes on this node.
    budget: Arc<Budget>,
    may_skip: bool,
    /// What this node found its hits in.
    here: Vec<Part>,
    /// Where the hits of a shard can be read that another node has found.
    there: HashMap<usize, Kept>,
    /// The points in time that other nodes keep for this search.
    kept: BTreeSet<Kept>,
    /// What is held already, and is looked in.
    held: Option<HeldAsked>,
    /// Shards that have failed before the search began.
    failures: Vec<ShardFailure>,
}

/// A point in time that a node keeps, by its number there.
type Kept = (NodeId, u64);

/// What all nodes found.
#[derive(Default)]
pub(super) struct Found {
    pub total: u64,
    pub max_score: Option<f32>,
    pub hits: Vec<Hit>,
    pub aggs: AggPartial,
    /// What each node suggests.
    pub suggested: Vec<Suggested>,
    /// What was measured in each shard, and how long its documents took to read, where that is asked.
    pub profiles: Vec<(usize, Vec<u8>)>,
    pub fetching: Fetching,
    pub shards: usize,
    pub answered: usize,
    pub skipped: usize,
    pub failures: Vec<ShardFailure>,
    pub is_timed_out: bool,
    /// Whether a shard had more matches than it was to look for.
    pub is_terminated: bool,
}

/// Which copy of a shard, by its place, is asked next.
type Tries = BTreeMap<usize, usize>;
/// Why a shard was not searched, and where.
type Errors = BTreeMap<usize, (Option<NodeId>, ApiError)>;

/// What a node is asked; no error means that it could not be asked, so that another copy is as good.
struct Call(JoinHandle<Said>);

/// What a node says, and after how long.
type Said = (Result<Bytes, Option<ApiError>>, Duration);

/// A node that looks in shards, by their places.
struct Pending {
    node: NodeId,
    places: Vec<usize>,
    asked: Asked,
    call: Call,
}

impl Call {
    /// Nobody waits for it, and it is done all the same.
    fn go_on(self) {
        drop(Handle::current().spawn(async move {
            let mut call = self;
            drop((&mut call.0).await);
        }));
    }
}

impl Drop for Call {
    /// Whoever still works on the answer is told that nobody waits for it.
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<'a> Spread<'a> {
    pub(super) fn new(
        node: &'a Node,
        targets: Vec<Target>,
        (json, body): (&'a Value, &'a SearchBody),
        doc_type: Option<&str>,
        now_millis: i64,
        manner: &'a Manner,
        task: &'a Task,
    ) -> Self {
        let shards = targets.len() as u64;
        let until = Until::new(manner.timeout, task.cancel.clone());
        let budget = Arc::new(Budget::new(&node.memory, until.clone()));
        let aggs = match &body.request.aggs {
            none if none.is_empty() => AggRequest::default(),
            some => {
                let most = buckets::most(node);
                some.clone().with_most_buckets(most).within(Arc::<Budget>::clone(&budget))
            }
        };
        Self {
            node,
            targets,
            json,
            body,
            aggs,
            doc_type: doc_type.map(str::to_owned),
            now_millis,
            manner,
            task,
            until,
            budget,
            // One shard is searched in any case: what is wrong with the request is told there.
            // What is suggested has nothing to do with what matches.
            may_skip: shards > manner.skip_beyond.unwrap_or(1) && body.suggest.is_empty(),
            here: Vec::new(),
            there: HashMap::new(),
            kept: BTreeSet::new(),
            held: None,
            failures: Vec::new(),
        }
    }

    /// How long the search goes on.
    pub(super) fn until(&self) -> &Until {
        &self.until
    }

    /// Whether these are not the first hits of what is gone through.
    pub(super) fn goes_on(&self) -> bool {
        self.held.is_some_and(|held| held.turn == Some(Turn::Next))
    }

    /// The same beside shards that have failed already.
    pub(super) fn beside(mut self, failures: Vec<ShardFailure>) -> Self {
        self.failures = failures;
        self
    }

    /// The same in what nodes hold.
    pub(super) fn in_held(mut self, held: HeldAsked) -> Self {
        self.held = Some(held);
        self
    }

    /// Looks in one copy of each shard.
    pub(super) fn find(&mut self, hits: usize) -> Result<Found, ApiError> {
        let mut found = Found { shards: self.targets.len(), ..Found::default() };
        let mut errors = Errors::new();
        // Which copy of a shard is asked next.
        let mut tries: Tries = (0..self.targets.len()).map(|place| (place, 0)).collect();
        loop {
            while !tries.is_empty() && self.ask_all(hits, &mut found, &mut tries, &mut errors)? {}
            if found.skipped == 0 || found.skipped < found.shards {
                break;
            }
            // Nothing can match anywhere. One shard says what else there is to say of such a search.
            self.may_skip = false;
            found.skipped -= 1;
            found.answered -= 1;
            tries.insert(0, 0);
        }
        sort_hits(&mut found.hits, &self.body.request.sort, hits);
        found.shards += self.failures.len();
        found.failures.append(&mut self.failures);
        self.check(found, errors)
    }

    /// Asks one copy of each shard that nobody has answered for; whether there may be others to ask.
    fn ask_all(
        &mut self,
        hits: usize,
        found: &mut Found,
        tries: &mut Tries,
        errors: &mut Errors,
    ) -> Result<bool, ApiError> {
        let (here, there) = self.groups(tries, errors);
        if here.is_empty() && there.is_empty() {
            return Ok(false);
        }
        let calls = self.ask(there, hits);
        for together in here.chunks(self.together()) {
            let partial = self.find_here(together, hits)?;
            self.take(None, partial, found, tries, errors);
        }
        for Pending { node, places, asked, call } in calls {
            let (mut said, after) = self.wait(call)?;
            if let Ok(answer) = &said
                && let Err(error) = self.budget.take_answer(answer)
            {
                if !self.budget.is_late(&error) {
                    return Err(error);
                }
                found.is_timed_out = true;
                said = Err(Some(error));
            }
            let said = said.and_then(|answer| read_partial(&answer, &places).map_err(Some));
            match (said, after) {
                (Ok(partial), after) => {
                    asked.answered(after, partial.service, partial.queue);
                    self.take(Some(node), partial, found, tries, errors);
                    self.budget.check()?;
                    found.is_timed_out |= self.budget.late().is_some();
                }
                (Err(None), after) => {
                    asked.was_silent(after);
                    let is_time_up = self.until.is_time_up();
                    found.is_timed_out |= is_time_up;
                    for place in places {
                        let reason = || if is_time_up { not_in_time() } else { no_answer() };
                        errors.entry(place).or_insert_with(|| (Some(node), reason()));
                        next_copy(tries, place);
                    }
                }
                (Err(Some(error)), _) => {
                    for place in places {
                        errors.insert(place, (Some(node), error.clone()));
                        next_copy(tries, place);
                    }
                }
            }
        }
        let is_over = self.until.is_time_up() && !tries.is_empty();
        if is_over {
            found.is_timed_out = true;
            for place in tries.keys() {
                errors.entry(*place).or_insert_with(|| (None, not_in_time()));
            }
        }
        Ok(!is_over)
    }

    /// How many shards of a node are asked at once.
    fn together(&self) -> usize {
        self.manner.batch.map_or(usize::MAX, |batch| batch.shards.max(1))
    }

    /// Looks in shards of this node.
    fn find_here(&mut self, places: &[usize], hits: usize) -> Result<Partial, ApiError> {
        let own = self.node.coordinator.as_ref().map(|coordinator| coordinator.origin.process);
        let asked = own.map(|own| self.node.soonest.ask(own));
        let question = self.question(own, places, hits, Vec::new());
        let (partial, parts) =
            find_here(self.node, &question, (self.json, self.body), &self.until, &self.budget)?;
        self.here.extend(parts);
        if let Some(asked) = asked {
            asked.answered(partial.service, partial.service, partial.queue);
        }
        Ok(partial)
    }

    /// Aggregations as they are shown.
    pub(super) fn finished(&self, aggs: AggPartial, now_millis: i64) -> Result<Value, ApiError> {
        let finished = self.budget.checked(finish_aggs(&self.aggs, aggs, now_millis))?;
        let failed = |error| buckets::not_finished(error, self.aggs.most_buckets());
        finished.map_err(|error| self.budget.late().unwrap_or_else(|| failed(error)))
    }

    /// What is computed of the shards that have answered, as it is shown; none where nobody may look, or where there is no room for it beside the search.
    fn aggs_so_far(&self, found: &Found) -> Option<Bytes> {
        let Batch { bytes_max, .. } = self.manner.batch.filter(|_| !self.body.request.aggs.is_empty())?;
        if found.answered >= found.shards {
            return None;
        }
        let aggs = postcard::to_allocvec(&found.aggs).ok()?;
        let _room = self.budget.spare(TIMES_OF_SO_FAR * aggs.len() as u64)?;
        let copy = postcard::from_bytes(&aggs).ok()?;
        let request = self.body.request.aggs.clone().with_most_buckets(self.aggs.most_buckets());
        let shown = finish_aggs(&request, copy, self.now_millis).ok()?.to_string();
        (shown.len() as u64 <= bytes_max).then(|| shown.into())
    }

    /// The memory that is promised for the text of a long answer.
    pub(super) fn for_text(&self) -> Option<Reservation> {
        self.budget.for_text()
    }

    /// What a node says; an error where nobody wants to know any more.
    fn wait(&self, mut call: Call) -> Result<Said, ApiError> {
        Handle::current().block_on(async {
            tokio::select! {
                biased;
                answer = &mut call.0 => {
                    Ok(answer.unwrap_or_else(|error| {
                        (Err(Some(ApiError::internal(error.to_string()))), Duration::ZERO)
                    }))
                }
                () = self.until.cancelled.cancelled() => Err(self.task.cancelled_error()),
            }
        })
    }

    /// The shards by the nodes that are asked for them now. A shard whose copies were all asked is given up.
    fn groups(&self, tries: &mut Tries, errors: &mut Errors) -> (Vec<usize>, BTreeMap<NodeId, Vec<usize>>) {
        let own = self.node.coordinator.as_ref().map(|coordinator| coordinator.origin.process);
        let (mut here, mut there) = (Vec::new(), BTreeMap::<NodeId, Vec<usize>>::new());
        tries.retain(|place, tried| {
            let target = &self.targets[*place];
            match target.nodes.get(*tried) {
                Some(node) if Some(*node) == own => here.push(*place),
                Some(node) => there.entry(*node).or_default().push(*place),
                // A node that agrees with itself has all shards.
                None if own.is_none() && *tried == 0 => here.push(*place),
                None => {
                    errors.entry(*place).or_insert_with(|| (None, self.no_copy(target)));
                    return false;
                }
            }
            true
        });
        (here, there)
    }

    fn question(&self, node: Option<NodeId>, places: &[usize], hits: usize, body: Vec<u8>) -> Question {
        let asked = |place: &usize| {
            let target = &self.targets[*place];
            ShardAsked {
                place: *place,
                index: target.index.uuid.clone(),
                number: target.number,
                copy: target.copy_on(node).filter(|_| self.held.is_none()),
                filter: target.filter(),
            }
        };
        Question {
            body,
            doc_type: self.doc_type.clone(),
            now_millis: self.now_millis,
            hits,
            shards: places.iter().map(asked).collect(),
            is_kept: hits > 0 || self.body.suggest.has_completions(),
            may_skip: self.may_skip,
            within: self.until.left(),
            held: self.held,
            request_cache: self.manner.request_cache,
            task: format!("{}:{}", self.node.identity.node_id, self.task.number),
        }
    }

    fn ask(&self, there: BTreeMap<NodeId, Vec<usize>>, hits: usize) -> Vec<Pending> {
        let Some(coordinator) = &self.node.coordinator else { return Vec::new() };
        let text = if there.is_empty() { Vec::new() } else { self.json.to_string().into_bytes() };
        let within = self.until.left().map_or(ANSWER_WITHIN, |left| left.saturating_add(ANSWER_GRACE));
        let together = self.together();
        let parts = there
            .iter()
            .flat_map(|(node, places)| places.chunks(together).map(|together| (*node, together.to_vec())));
        parts
            .map(|(node, places)| {
                let question = self.question(Some(node), &places, hits, text.clone());
                let message = postcard::to_allocvec(&question).unwrap_or_default();
                let call = call(Arc::clone(coordinator), node, Action::Query, message.into(), within);
                // Also while this node looks in shards of its own: who is called learns that nobody waits.
                let (cancelled, error) =
                    (self.until.cancelled.clone(), ApiError::task_cancelled("nobody waits for it"));
                let call = async move {
                    cancelled.run_until_cancelled(call).await.unwrap_or((Err(Some(error)), Duration::ZERO))
                };
                let asked = self.node.soonest.ask(node);
                Pending { node, places, asked, call: Call(Handle::current().spawn(call)) }
            })
            .collect()
    }

    fn take(
        &mut self,
        node: Option<NodeId>,
        partial: Partial,
        found: &mut Found,
        tries: &mut Tries,
        errors: &mut Errors,
    ) {
        found.total += partial.total;
        found.max_score = higher(found.max_score, partial.max_score);
        found.hits.extend(partial.hits);
        found.aggs = reduce_aggs(&self.aggs, std::mem::take(&mut found.aggs), partial.aggs);
        found.is_timed_out |= partial.is_timed_out;
        found.is_terminated |= partial.is_terminated;
        found.suggested.push(partial.suggested);
        found.profiles.extend(partial.profiles);
        let kept = node.zip(partial.context);
        self.kept.extend(kept);
        found.answered += partial.answered.len();
        found.skipped += partial.skipped;
        for place in partial.answered {
            tries.remove(&place);
            errors.remove(&place);
            if let Some(kept) = kept {
                self.there.insert(place, kept);
            }
        }
        self.task.answered.tell(Answered {
            shards: found.answered,
            skipped: found.skipped,
            nodes: found.suggested.len(),
            total: found.total,
            aggs: self.aggs_so_far(found),
        });
        for (place, error) in partial.failures {
            let error =
                serde_json::from_slice(&error).unwrap_or_else(|_| ApiError::internal("a shard failed"));
            errors.insert(place, (node, error));
            next_copy(tries, place);
        }
    }

    /// Whether what was found is an answer.
    fn check(&self, found: Found, errors: Errors) -> Result<Found, ApiError> {
        // Who has ended the search wants no part of it.
        let mut said = errors.values().map(|(_, error)| error);
        if let Some(ended) = said.find(|error| error.kind == ApiError::TASK_CANCELLED) {
            return Err(ended.clone());
        }
        self.settle(found, errors)
    }

    /// What was found, with the shards that have failed; an error if that is nothing, or not enough for who asks.
    fn settle(&self, mut found: Found, errors: Errors) -> Result<Found, ApiError> {
        let has_none = found.shards > 0 && found.answered == 0;
        let mut said = errors.values().map(|(_, error)| error);
        let is_said = said.any(|error| !is_silent(error))
            || found.failures.iter().any(|failure| !is_silent(&failure.error));
        if has_none && !is_said {
            return Err(all_silent(errors.into_values().map(|(_, error)| error)));
        }
        let now = self.node.coordinator.as_ref().map(|coordinator| coordinator.map());
        // As clients know it, also if it has left meanwhile, or just come.
        let called = |target: &Target, node: NodeId| {
            let mut maps = [&target.map, &now].into_iter().flatten();
            let entry = maps.find_map(|map| map.nodes.get(&node));
            entry.map_or_else(|| node.to_string(), |entry| entry.data_id.clone())
        };
        for (place, (node, error)) in errors {
            let target = &self.targets[place];
            found.failures.push(ShardFailure {
                index: target.index.name.clone(),
                number: target.number,
                node: match node {
                    Some(node) => Some(called(target, node)),
                    None => (!is_silent(&error)).then(|| self.node.identity.node_id.clone()),
                },
                error,
            });
        }
        if has_none {
            return Err(phase_failed("all shards failed", &found.failures));
        }
        if is_said && !self.manner.allows_partial {
            return Err(phase_failed("Partial shards failure", &found.failures));
        }
        let is_whole = found.answered == found.shards;
        if !is_whole && !self.manner.allows_partial {
            let reason = format!(
                "Search rejected due to missing shards: {} of {} answered. Consider using `allow_partial_search_results` setting to bypass this error.",
                found.answered, found.shards
            );
            return Err(ApiError::new(503, "search_phase_execution_exception", reason));
        }
        if found.is_timed_out && !self.manner.allows_partial {
            let error = ApiError::new(500, "search_phase_execution_exception", "Partial shards failure");
            return Err(error.caused_by("query_phase_execution_exception", "Time exceeded"));
        }
        Ok(found)
    }

    /// Why a shard has no copy that could be asked, as far as the map knows.
    fn no_copy(&self, target: &Target) -> ApiError {
        match &self.held {
            // Only one node holds a shard as it was.
            Some(held) => ApiError::no_search_context(held.number),
            None => no_copy(self.node, target),
        }
    }
}

/// Why a shard has no copy that could be asked, as far as the map knows.
pub(super) fn no_copy(node: &Node, target: &Target) -> ApiError {
    let map = node.coordinator.as_ref().map(|coordinator| coordinator.map());
    let shard = ShardId { index: IndexId(target.index.uuid.clone()), number: target.number as u32 };
    let details = map.as_ref().and_then(|map| map.shard(&shard)?.unassigned().details.clone());
    let details = details.unwrap_or_else(|| "no copy of it can be searched".to_owned());
    ApiError::new(503, NO_COPY, format!("[{}][{}]: {details}", target.index.name, target.number))
}

/// Whether nobody has said what is wrong.
fn is_silent(error: &ApiError) -> bool {
    [NO_ANSWER, NO_COPY].contains(&error.kind.as_str())
}

fn next_copy(tries: &mut Tries, place: usize) {
    if let Some(tried) = tries.get_mut(&place) {
        *tried += 1;
    }
}

fn sort_hits(hits: &mut Vec<Hit>, keys: &[SortKey], most: usize) {
    // Whoever answered first must not decide between equals.
    hits.sort_by_key(|hit| hit.shard);
    hits.sort_by(|a, b| compare_hits(a, b, keys));
    one_of_each_group(hits);
    hits.truncate(most);
}

/// What a shard is told to have failed of whose node could not be asked, or fell silent.
const NO_ANSWER: &str = "node_not_connected_exception";

pub(super) fn no_answer() -> ApiError {
    ApiError::new(503, NO_ANSWER, "the node with the copy that was asked did not answer")
}

fn not_in_time() -> ApiError {
    ApiError::new(
        503,
        NO_ANSWER,
        "the node with the copy that was asked did not answer before the time was up",
    )
}

/// What a shard is told to have failed of that has no copy to ask.
const NO_COPY: &str = "no_shard_available_action_exception";

/// No shard was searched; with a reason, rather of a shard without copies than of one whose node is silent.
fn all_silent(reasons: impl Iterator<Item = ApiError>) -> ApiError {
    let failed = ApiError::new(503, "search_phase_execution_exception", "all shards failed");
    match reasons.max_by_key(|reason| reason.kind == NO_COPY) {
        Some(reason) => failed.caused_by(&reason.kind, reason.reason),
        None => failed,
    }
}

/// Asks a node. No error means that it could not be asked, so that another copy is as good.
async fn call(
    coordinator: Arc<Coordinator>,
    node: NodeId,
    action: Action,
    message: Bytes,
    within: Duration,
) -> Said {
    let begun = Instant::now();
    let answer = asked_of(&coordinator, node, Lane::Data, action, message, within).await;
    (answer, begun.elapsed())
}

/// The same without the time that it took.
pub(super) async fn asked_of(
    coordinator: &Arc<Coordinator>,
    node: NodeId,
    lane: Lane,
    action: Action,
    message: Bytes,
    within: Duration,
) -> Result<Bytes, Option<ApiError>> {
    let peer = peer_of(&coordinator.map(), node).ok_or(None)?;
    let answer = coordinator.call(&peer, lane, action, message, within).await;
    answer.map_err(|error| match error {
        transport::CallError::Failed(_) => match fault_of(error) {
            Fault::NotLeader(_) => None,
            Fault::Failed(error) => Some(error),
        },
        _ => None,
    })
}
