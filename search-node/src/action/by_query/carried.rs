//! The writes of a batch as they are spread over the nodes with their primaries, and as they travel there.

use std::sync::Arc;

use bytes::Bytes;
use cluster::state::IndexId;
use serde::{Deserialize, Serialize};
use shard::{Condition, WriteRequest, uid_parts};

use super::change::Change;
use crate::action::at_primaries::Spread;
use crate::action::home::{Home, home_of};
use crate::action::target::typed;
use crate::action::writes::Writes;
use crate::coordination::{Action, Coordinator};
use crate::error::ApiError;
use crate::indices::{Index, IndexRun, Place};
use crate::node::Node;
use crate::replication::{ActiveCopies, ActiveWait};

/// What becomes of a write: whether there was a document before.
pub(super) type Outcome = Result<bool, ApiError>;

/// The writes that are done together.
pub(super) struct Changes<'a> {
    pub changes: &'a [Change],
    /// How many copies of a shard have to be there before anything is written to it.
    pub active: ActiveCopies,
}

/// One write on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Carried<'a> {
    /// The index by its id: its name may mean another one by then.
    index: &'a str,
    uid: &'a str,
    routing: Option<&'a str>,
    source: Option<&'a [u8]>,
    condition: Condition,
}

/// What became of one, on its way back.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Became {
    Done {
        existed: bool,
    },
    /// The error, as JSON.
    Failed(Vec<u8>),
    /// Nothing was done: its primary is on another node.
    Elsewhere,
}

impl Change {
    fn carried(&self) -> Carried<'_> {
        Carried {
            index: &self.index.uuid,
            uid: &self.uid,
            routing: self.routing.as_deref(),
            source: self.source.as_deref(),
            condition: self.condition,
        }
    }

    /// Does it on this node.
    pub(super) fn write(&self, node: &Node, run: &mut IndexRun) -> Outcome {
        let (written, _) = self.carried().write(node, run)?;
        node.counters.documents_written.inc();
        Ok(written)
    }
}

impl Carried<'_> {
    fn write(&self, node: &Node, run: &mut IndexRun) -> Result<(bool, Arc<Place>), ApiError> {
        let (doc_type, id) = uid_parts(self.uid);
        let request = WriteRequest {
            uid: self.uid,
            doc_type: typed(doc_type),
            id,
            routing: self.routing,
            source: self.source,
            condition: self.condition,
            is_new_id: false,
            now_millis: node.clock.now_millis(),
        };
        let (written, place) = run.write(&request)?;
        Ok((written.existed, place))
    }
}

/// Writes on this node, which begin once so many copies are there.
pub(super) fn writes(node: &Node, active: ActiveCopies) -> Writes {
    let mut writes = Writes::new(node);
    writes.active = ActiveWait::of(active);
    writes
}

/// Does writes on this node and makes them durable; none for one whose primary is not here any more.
fn write_here(
    node: &Node,
    active: ActiveCopies,
    asked: &[(&Arc<Index>, Carried<'_>)],
) -> Vec<Option<Outcome>> {
    let mut runs = writes(node, active);
    let outcomes: Vec<_> =
        asked.iter().map(|(index, carried)| carried.write(node, runs.run_of(index))).collect();
    let unsynced = runs.sync_each();
    let mut written = 0;
    let settled = outcomes.into_iter().map(|outcome| {
        // Nothing is acknowledged unless it is durable.
        let outcome = outcome.and_then(|(existed, place)| {
            let failed = unsynced.iter().find(|(failed, _)| Arc::ptr_eq(failed, &place));
            failed.map_or(Ok(existed), |(_, error)| Err(error.clone()))
        });
        written += u64::from(outcome.is_ok());
        let is_elsewhere = outcome.as_ref().is_err_and(ApiError::is_not_primary);
        (!is_elsewhere).then_some(outcome)
    });
    let settled = settled.collect();
    node.counters.documents_written.inc_by(written);
    settled
}

impl Spread for Changes<'_> {
    type Outcome = Outcome;
    const ACTION: Action = Action::ByQueryWrites;

    fn count(&self) -> usize {
        self.changes.len()
    }

    fn home(&self, at: usize, coordinator: &Coordinator) -> Home {
        let change = &self.changes[at];
        home_of(coordinator, &change.index, uid_parts(&change.uid).1, change.routing.as_deref())
    }

    fn do_here(&mut self, node: &Node, ats: &[usize]) -> Vec<Option<Outcome>> {
        let writes: Vec<_> =
            ats.iter().map(|at| (&self.changes[*at].index, self.changes[*at].carried())).collect();
        write_here(node, self.active, &writes)
    }

    fn pack(&self, ats: &[usize]) -> Bytes {
        let carried: Vec<Carried<'_>> = ats.iter().map(|at| self.changes[*at].carried()).collect();
        // Plain values always can be written.
        postcard::to_allocvec(&(self.active, carried)).unwrap_or_default().into()
    }

    fn unpack(&self, answer: &[u8]) -> Result<Vec<Option<Outcome>>, ApiError> {
        let became: Vec<Became> = postcard::from_bytes(answer).map_err(|error| unreadable(&error))?;
        let outcomes = became.into_iter().map(|became| match became {
            Became::Done { existed } => Some(Ok(existed)),
            Became::Failed(error) => {
                let error = serde_json::from_slice(&error);
                Some(Err(error.unwrap_or_else(|_| ApiError::internal("a write failed on another node"))))
            }
            Became::Elsewhere => None,
        });
        Ok(outcomes.collect())
    }

    fn failed(&self, _: usize, error: ApiError) -> Outcome {
        Err(error)
    }

    fn index(&self, at: usize) -> Option<&Index> {
        Some(&self.changes[at].index)
    }

    fn names(&self, at: usize) -> (&str, &str) {
        (&self.changes[at].index.name, uid_parts(&self.changes[at].uid).1)
    }
}

/// Does writes that another node has carried here.
pub(crate) fn answer_writes(node: &Node, message: &[u8]) -> Result<Bytes, ApiError> {
    let (active, carried): (ActiveCopies, Vec<Carried<'_>>) =
        postcard::from_bytes(message).map_err(|error| unreadable(&error))?;
    let indices: Vec<Option<Arc<Index>>> = carried.iter().map(|carried| index_here(node, carried)).collect();
    let writes: Vec<_> = indices
        .iter()
        .zip(&carried)
        .filter_map(|(index, carried)| Some((index.as_ref()?, carried.clone())))
        .collect();
    let mut outcomes = write_here(node, active, &writes).into_iter();
    let became: Vec<Became> = indices
        .iter()
        .map(|index| match index.as_ref().and_then(|_| outcomes.next().flatten()) {
            Some(Ok(existed)) => Became::Done { existed },
            Some(Err(error)) => Became::Failed(serde_json::to_vec(&error).unwrap_or_default()),
            None => Became::Elsewhere,
        })
        .collect();
    Ok(postcard::to_allocvec(&became).map_err(|error| unreadable(&error))?.into())
}

/// The index of a write whose primary is here. An index that is not known yet is not here either.
fn index_here(node: &Node, carried: &Carried<'_>) -> Option<Arc<Index>> {
    let coordinator = node.coordinator.as_ref()?;
    let index = node.indices.of_id(&IndexId(carried.index.to_owned()))?;
    let (_, id) = uid_parts(carried.uid);
    (home_of(coordinator, &index, id, carried.routing) == Home::Here).then_some(index)
}

pub(super) fn unreadable(error: &postcard::Error) -> ApiError {
    ApiError::internal(format!(
        "a part of an operation by query cannot be read: {error}; do all nodes run the same build?"
    ))
}
