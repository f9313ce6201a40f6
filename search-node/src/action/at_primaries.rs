//! Writes of one request that belong to several nodes: each is done where its primary is, those of one node together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cluster::state::{ClusterState, IndexId};
use tokio::runtime::Handle;
use transport::{CallError, Lane, Peer};

use super::home::{Home, LOOK_AGAIN, PRIMARY_WITHIN};
use crate::coordination::{Action, Coordinator, Fault, fault_of};
use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;

/// Writes, each known by its place among them.
pub(crate) trait Spread {
    /// What becomes of one.
    type Outcome;
    /// What another node is asked to do those by that are carried there.
    const ACTION: Action;

    /// How many there are.
    fn count(&self) -> usize;
    /// Where one is done. What is wrong with it is found here, too.
    fn home(&self, at: usize, coordinator: &Coordinator) -> Home;
    /// Does some here, and gives what became of each in their order; none for one whose primary has just moved.
    fn do_here(&mut self, node: &Node, ats: &[usize]) -> Vec<Option<Self::Outcome>>;
    /// Some as they travel.
    fn pack(&self, ats: &[usize]) -> Bytes;
    /// What a node answered, in the order in which it was asked; none for one whose primary it has not.
    fn unpack(&self, answer: &[u8]) -> Result<Vec<Option<Self::Outcome>>, ApiError>;
    /// The outcome of one that could not be done.
    fn failed(&self, at: usize, error: ApiError) -> Self::Outcome;
    /// The index that one is for, if there is one.
    fn index(&self, at: usize) -> Option<&Index>;
    /// Its index and its id, for people.
    fn names(&self, at: usize) -> (&str, &str);
}

/// Does writes, each where its primary is; what became of each, in their order.
pub(crate) fn do_at_primaries<S: Spread>(
    node: &Node,
    coordinator: &Arc<Coordinator>,
    writes: &mut S,
) -> Vec<S::Outcome> {
    let mut outcomes: Vec<Option<S::Outcome>> = (0..writes.count()).map(|_| None).collect();
    let mut left: Vec<usize> = (0..outcomes.len()).collect();
    let deadline = Instant::now() + PRIMARY_WITHIN;
    let mut changes = coordinator.changes();
    while !left.is_empty() {
        changes.borrow_and_update();
        round(node, coordinator, writes, &mut left, &mut outcomes);
        let map = coordinator.map();
        left.retain(|at| {
            // Nobody waits for a primary of what was deleted meanwhile.
            let gone = writes.index(*at).filter(|index| is_gone(&map, index));
            if let Some(index) = gone {
                outcomes[*at] = Some(writes.failed(*at, ApiError::no_index(&index.name)));
            }
            gone.is_none()
        });
        if left.is_empty() {
            break;
        }
        if Instant::now() >= deadline || node.stopping.is_cancelled() {
            for at in left.drain(..) {
                let (index, id) = writes.names(at);
                outcomes[at] = Some(writes.failed(at, ApiError::no_primary(index, id, PRIMARY_WITHIN)));
            }
            break;
        }
        wait(&mut changes);
    }
    outcomes.into_iter().flatten().collect()
}

fn is_gone(map: &ClusterState, index: &Index) -> bool {
    !map.indices.contains_key(&IndexId(index.uuid.clone()))
}

/// Tries what is left, once.
fn round<S: Spread>(
    node: &Node,
    coordinator: &Arc<Coordinator>,
    writes: &mut S,
    left: &mut Vec<usize>,
    outcomes: &mut [Option<S::Outcome>],
) {
    let (mut here, mut there, mut nowhere) = (Vec::new(), HashMap::<Peer, Vec<usize>>::new(), Vec::new());
    for at in left.drain(..) {
        match writes.home(at, coordinator) {
            Home::Here => here.push(at),
            Home::There(peer) => there.entry(peer).or_default().push(at),
            Home::Nowhere => nowhere.push(at),
        }
    }
    *left = nowhere;
    let runtime = Handle::current();
    let calls: Vec<_> = there
        .into_iter()
        .map(|(peer, ats)| {
            let (message, coordinator) = (writes.pack(&ats), Arc::clone(coordinator));
            let call =
                async move { coordinator.call(&peer, Lane::Data, S::ACTION, message, PRIMARY_WITHIN).await };
            (ats, runtime.spawn(call))
        })
        .collect();
    // The other nodes write meanwhile.
    if !here.is_empty() {
        let done = writes.do_here(node, &here);
        take(writes, here, done, left, outcomes);
    }
    for (ats, call) in calls {
        let answered = runtime.block_on(call).unwrap_or_else(|error| {
            Err(CallError::Unknown { to: "another node".to_owned(), reason: error.to_string() })
        });
        match answered.map_err(why).and_then(|answer| writes.unpack(&answer).map_err(Some)) {
            Ok(done) => take(writes, ats, done, left, outcomes),
            Err(None) => left.extend(ats),
            Err(Some(error)) => {
                for at in ats {
                    outcomes[at] = Some(writes.failed(at, error.clone()));
                }
            }
        }
    }
    left.sort_unstable();
}

/// Takes what became of some; one that nothing is said of has an unknown outcome.
fn take<S: Spread>(
    writes: &S,
    ats: Vec<usize>,
    done: Vec<Option<S::Outcome>>,
    left: &mut Vec<usize>,
    outcomes: &mut [Option<S::Outcome>],
) {
    let mut done = done.into_iter();
    for at in ats {
        match done.next() {
            Some(Some(outcome)) => outcomes[at] = Some(outcome),
            Some(None) => left.push(at),
            None => {
                outcomes[at] = Some(
                    writes.failed(at, ApiError::unknown_outcome("it was not told what became of a write")),
                )
            }
        }
    }
}

/// What a call that failed means for its writes: none if nothing was done, so that they can be tried again.
fn why(error: CallError) -> Option<ApiError> {
    match error {
        error if error.is_not_done() => None,
        CallError::Unknown { .. } => Some(ApiError::unknown_outcome(error.to_string())),
        error => match fault_of(error) {
            Fault::NotLeader(_) => None,
            Fault::Failed(error) => Some(error),
        },
    }
}

fn wait(changes: &mut tokio::sync::watch::Receiver<Arc<ClusterState>>) {
    let looked = async { tokio::time::timeout(LOOK_AGAIN, changes.changed()).await };
    drop(Handle::current().block_on(looked));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers(usize);

    impl Spread for Numbers {
        type Outcome = Result<usize, String>;
        const ACTION: Action = Action::Bulk;

        fn count(&self) -> usize {
            self.0
        }

        fn home(&self, _: usize, _: &Coordinator) -> Home {
            Home::Nowhere
        }

        fn do_here(&mut self, _: &Node, ats: &[usize]) -> Vec<Option<Self::Outcome>> {
            ats.iter().map(|at| Some(Ok(*at))).collect()
        }

        fn pack(&self, _: &[usize]) -> Bytes {
            Bytes::new()
        }

        fn unpack(&self, _: &[u8]) -> Result<Vec<Option<Self::Outcome>>, ApiError> {
            Ok(Vec::new())
        }

        fn failed(&self, at: usize, error: ApiError) -> Self::Outcome {
            Err(format!("{at}: {}", error.kind))
        }

        fn index(&self, _: usize) -> Option<&Index> {
            None
        }

        fn names(&self, _: usize) -> (&str, &str) {
            ("i", "1")
        }
    }

    #[test]
    fn what_is_elsewhere_is_tried_again_and_what_nothing_is_said_of_is_unknown() {
        let (mut left, mut outcomes) = (vec![0], vec![None; 4]);

        take(&Numbers(4), vec![1, 2, 3], vec![Some(Ok(7)), None], &mut left, &mut outcomes);

        assert_eq!(left, [0, 2]);
        assert_eq!(outcomes[1], Some(Ok(7)));
        assert_eq!(outcomes[3], Some(Err("3: process_cluster_event_timeout_exception".to_owned())));
    }

    #[test]
    fn only_what_is_certainly_not_done_is_tried_again() {
        let (to, reason) = ("n".to_owned(), "r".to_owned());
        assert_eq!(why(CallError::NotSent { to: to.clone(), reason: reason.clone() }), None);
        let error = why(CallError::Unknown { to, reason }).expect("an error");
        assert_eq!(error.details["outcome"], "unknown");
        let moved = crate::coordination::write(&Fault::NotLeader(None));
        assert_eq!(why(CallError::Failed(moved)), None);
        let failed = crate::coordination::write(&Fault::Failed(ApiError::argument("no")));
        assert_eq!(why(CallError::Failed(failed)).map(|error| error.status), Some(400));
    }
}
