//! Documents by id, each read where the primary of its shard is. Nobody waits for another node, or for a confirmation, with a place in
//! a pool.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{join, join_all};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout};
use transport::{Lane, Peer};

use super::Wanted;
use crate::action::get::{GetOptions, Seen};
use crate::action::home::{Home, LOOK_AGAIN, PRIMARY_WITHIN, has_copy_here, home_of};
use crate::action::target::Target;
use crate::coordination::{Action, Coordinator};
use crate::error::ApiError;
use crate::node::Node;

/// A document as it is asked for elsewhere. Its index is named as it is.
#[derive(Debug, Serialize, Deserialize)]
struct Carried {
    index: String,
    doc_type: String,
    id: String,
    routing: Option<String>,
    options: GetOptions,
}

/// What came of one, as JSON; none if its primary is on another node.
type Answer = Option<serde_bytes::ByteBuf>;

/// Documents that were read here, by their places, with what has to be confirmed; none if the primary has moved.
type Read = Vec<(usize, Option<(Value, Option<Seen>)>)>;

/// Where the documents of one round are.
#[derive(Default)]
struct Round {
    here: Read,
    there: HashMap<Peer, Vec<(usize, Carried)>>,
    later: Vec<usize>,
}

/// Reads them all, each where the primary of its shard is.
pub(crate) async fn multi_get(node: &Arc<Node>, wanted: Vec<Wanted>) -> Result<Value, ApiError> {
    let (wanted, deadline) = (Arc::new(wanted), Instant::now() + node.settings.replication.timeout);
    let mut docs: Vec<Option<Value>> = vec![None; wanted.len()];
    let mut left: Vec<usize> = (0..wanted.len()).collect();
    let mut changes = node.coordinator.as_ref().map(|coordinator| coordinator.changes());
    let mut is_first = true;
    if let Err(error) = catch_up(node, &wanted).await {
        left.retain(|at| {
            let is_known = !wanted[*at].is_unknown(node);
            docs[*at] = (!is_known).then(|| wanted[*at].failed(&error));
            is_known
        });
    }
    while !left.is_empty() && (is_first || Instant::now() < deadline) && !node.stopping.is_cancelled() {
        if let Some(changes) = &mut changes {
            changes.borrow_and_update();
        }
        let round = {
            let (node, wanted) = (Arc::clone(node), Arc::clone(&wanted));
            let pool = node.get_pool.clone();
            let work = move || Ok(look(&node, &wanted, &left));
            if is_first { pool.run(work).await? } else { pool.go_on(work).await? }
        };
        is_first = false;
        left = round.later;
        let (here, there) = join(confirmed(round.here, &wanted), carried(node, round.there)).await;
        for (at, doc) in here.into_iter().chain(there) {
            match doc {
                Some(doc) => docs[at] = Some(doc),
                None => left.push(at),
            }
        }
        if let (false, Some(changes)) = (left.is_empty(), &mut changes) {
            drop(timeout(LOOK_AGAIN, changes.changed()).await);
        }
    }
    let shown = docs.into_iter().zip(&*wanted);
    let shown = shown.map(|(doc, one)| doc.unwrap_or_else(|| one.failed(&no_primary(one)))).collect();
    // Put in by hand: `json!` would copy them all.
    Ok(Value::Object(Map::from_iter([("docs".to_owned(), Value::Array(shown))])))
}

/// An index that this node does not know may have been made through another one.
async fn catch_up(node: &Node, wanted: &[Wanted]) -> Result<(), ApiError> {
    match node.others() {
        Some(coordinator) if wanted.iter().any(|one| one.is_unknown(node)) => {
            coordinator.catch_up(node.settings.replication.timeout).await
        }
        _ => Ok(()),
    }
}

/// Reads what is here, and says where the rest is.
fn look(node: &Node, wanted: &[Wanted], left: &[usize]) -> Round {
    let mut round = Round::default();
    let others = node.others();
    for at in left {
        match others.map(|coordinator| wanted[*at].home(node, coordinator)) {
            Some((Home::There(peer), Some(carried))) => {
                round.there.entry(peer).or_default().push((*at, carried));
            }
            Some((Home::Nowhere, _)) => round.later.push(*at),
            // What is wrong with it is found here too.
            _ => round.here.push((*at, wanted[*at].read(node))),
        }
    }
    round
}

/// What was read here and may be told. Each primary confirms once, with the newest of what was seen.
async fn confirmed(read: Read, wanted: &[Wanted]) -> Vec<(usize, Option<Value>)> {
    let mut primaries: Vec<Seen> = Vec::new();
    for seen in read.iter().filter_map(|(_, read)| read.as_ref()?.1.as_ref()) {
        match primaries.iter_mut().find(|other| other.is_of_same(seen)) {
            Some(other) => other.widen(seen),
            None => primaries.push(seen.clone()),
        }
    }
    let outcomes = join_all(primaries.iter().map(Seen::confirm)).await;
    let refusal = |seen: &Seen| {
        let of = primaries.iter().zip(&outcomes).find(|(primary, _)| primary.is_of_same(seen));
        of.and_then(|(_, outcome)| outcome.as_ref().err())
    };
    let told = |(at, read): (usize, Option<(Value, Option<Seen>)>)| {
        let Some((shown, seen)) = read else { return (at, None) };
        match seen.as_ref().and_then(refusal) {
            None => (at, Some(shown)),
            Some(error) if error.is_not_primary() => (at, None),
            Some(error) => (at, Some(wanted[at].failed(error))),
        }
    };
    read.into_iter().map(told).collect()
}

/// What other nodes answered; none for what they did not.
async fn carried(node: &Node, there: HashMap<Peer, Vec<(usize, Carried)>>) -> Vec<(usize, Option<Value>)> {
    let Some(coordinator) = &node.coordinator else { return Vec::new() };
    let calls = there.into_iter().map(|(peer, group)| async move {
        let (ats, carried): (Vec<usize>, Vec<Carried>) = group.into_iter().unzip();
        // Reading again does no harm, whatever became of the call.
        let answers = ask(coordinator, &peer, &carried).await.unwrap_or_else(|| vec![None; ats.len()]);
        let read = |answer: Answer| serde_json::from_slice(&answer?).ok();
        ats.into_iter().zip(answers.into_iter().map(read)).collect::<Vec<_>>()
    });
    join_all(calls).await.into_iter().flatten().collect()
}

async fn ask(coordinator: &Coordinator, peer: &Peer, carried: &[Carried]) -> Option<Vec<Answer>> {
    let message = postcard::to_allocvec(carried).ok()?;
    let asked = coordinator.call(peer, Lane::Data, Action::MultiGet, message.into(), PRIMARY_WITHIN);
    let answers: Vec<Answer> = postcard::from_bytes(&asked.await.ok()?).ok()?;
    (answers.len() == carried.len()).then_some(answers)
}

/// Reads documents that another node wants.
pub(crate) async fn answer_multi_get(node: Arc<Node>, message: Bytes) -> Result<Bytes, ApiError> {
    let unreadable = |error: postcard::Error| {
        ApiError::internal(format!(
            "a message of another node cannot be read: {error}; do both run the same build?"
        ))
    };
    let carried: Vec<Carried> = postcard::from_bytes(&message).map_err(unreadable)?;
    let wanted: Arc<Vec<Wanted>> = Arc::new(carried.into_iter().map(Carried::wanted).collect());
    let pool = node.carried_get_pool.clone();
    let read = {
        let wanted = Arc::clone(&wanted);
        pool.go_on(move || Ok(read_here(&node, &wanted))).await?
    };
    let mut answers: Vec<Answer> = vec![None; wanted.len()];
    for (at, told) in confirmed(read, &wanted).await {
        answers[at] = told.map(|told| told.to_string().into_bytes().into());
    }
    Ok(postcard::to_allocvec(&answers).map_err(unreadable)?.into())
}

/// Reads those whose primaries are here.
fn read_here(node: &Node, wanted: &[Wanted]) -> Read {
    let Some(coordinator) = &node.coordinator else { return Vec::new() };
    let is_here = |one: &Wanted| matches!(one.home(node, coordinator).0, Home::Here);
    let here = wanted.iter().enumerate().filter(|(_, one)| is_here(one));
    here.map(|(at, one)| (at, one.read(node))).collect()
}

fn no_primary(one: &Wanted) -> ApiError {
    let id = one.target.id.as_deref().unwrap_or_default();
    let reason =
        format!("No shard available for [get [{}][{}][{id}]]", one.target.index, one.target.doc_type);
    ApiError::new(503, "no_shard_available_action_exception", reason)
}

impl Carried {
    fn wanted(self) -> Wanted {
        let target = Target {
            index: self.index.into(),
            doc_type: self.doc_type.into(),
            id: Some(self.id),
            routing: self.routing,
        };
        Wanted { target, options: self.options }
    }
}

impl Wanted {
    /// Whether this node knows no such index, which may be because it is behind.
    fn is_unknown(&self, node: &Node) -> bool {
        !self.options.may_be_old && self.target.existing_index(node).is_err_and(|error| error.status == 404)
    }

    /// Where it is read, and how it is asked for there. An error is one that whoever reads it finds too.
    fn home(&self, node: &Node, coordinator: &Coordinator) -> (Home, Option<Carried>) {
        let Target { doc_type, id: Some(id), .. } = &self.target else { return (Home::Here, None) };
        let Ok(index) = self.target.existing_index(node) else { return (Home::Here, None) };
        let Ok(target) = self.target.routed(node, &index) else { return (Home::Here, None) };
        let routing = &target.routing;
        if target.check_routing(&index, id).is_err() {
            return (Home::Here, None);
        }
        let carried = Carried {
            index: index.name.clone(),
            doc_type: doc_type.to_string(),
            id: id.clone(),
            routing: routing.clone(),
            options: self.options.clone(),
        };
        if self.options.may_be_old && has_copy_here(coordinator, &index, id, routing.as_deref()) {
            return (Home::Here, None);
        }
        (home_of(coordinator, &index, id, routing.as_deref()), Some(carried))
    }
}
