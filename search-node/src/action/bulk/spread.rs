//! A bulk request whose actions belong to several nodes: each goes to the node with its primary, those of one node together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::state::ClusterState;
use tokio::runtime::Handle;
use transport::{CallError, Lane, Peer};

use super::carried::{Outcome, pack, unpack_outcomes};
use super::line::{Action, Head, Op};
use super::{Bulk, Given, append_error};
use crate::action::home::{Home, home_of};
use crate::coordination::{Action as Asked, Coordinator, Fault, fault_of};
use crate::error::ApiError;
use crate::indices::{IdMaker, Index};
use crate::node::Node;

/// How long an action waits for a primary, and for what another node does, as in Elasticsearch.
const PRIMARY_WITHIN: Duration = Duration::from_secs(60);
/// Pause before actions without a primary are looked at again, should the map not change.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// An action with the index and the id that it is done under.
struct Placed<'a> {
    head: Arc<Head>,
    source: &'a [u8],
    index: Option<Arc<Index>>,
}

impl Bulk {
    /// Does actions, each where its primary is, and appends their items in their order.
    pub(super) fn spread(
        &mut self,
        node: &Node,
        coordinator: &Arc<Coordinator>,
        actions: &[Action<'_>],
        items: &mut Vec<u8>,
    ) {
        let mut ids = IdMaker::at(node.clock.now_millis());
        let placed: Vec<Placed<'_>> = actions.iter().map(|action| place(node, action, &mut ids)).collect();
        for index in placed.iter().filter_map(|placed| placed.index.as_ref()) {
            self.remember(std::iter::once(index));
        }
        let mut outcomes: Vec<Option<(Vec<u8>, bool)>> = vec![None; actions.len()];
        let mut left: Vec<usize> = (0..actions.len()).collect();
        let deadline = Instant::now() + PRIMARY_WITHIN;
        let mut changes = coordinator.changes();
        while !left.is_empty() {
            changes.borrow_and_update();
            self.round(node, coordinator, &placed, &mut left, &mut outcomes);
            if left.is_empty() {
                break;
            }
            if Instant::now() >= deadline || node.stopping.is_cancelled() {
                for at in left.drain(..) {
                    outcomes[at] = Some((failed(&placed[at].head, &no_primary(&placed[at].head)), true));
                }
                break;
            }
            wait(&mut changes);
        }
        for (item, is_error) in outcomes.into_iter().flatten() {
            self.errors |= is_error;
            items.extend_from_slice(&item);
        }
    }

    /// Tries what is left, once.
    fn round(
        &mut self,
        node: &Node,
        coordinator: &Arc<Coordinator>,
        placed: &[Placed<'_>],
        left: &mut Vec<usize>,
        outcomes: &mut [Option<(Vec<u8>, bool)>],
    ) {
        let (mut here, mut there, mut nowhere) = (Vec::new(), HashMap::<Peer, Vec<usize>>::new(), Vec::new());
        for at in left.drain(..) {
            match placed[at].home(coordinator) {
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
                let carried = ats.iter().map(|at| (&*placed[*at].head, placed[*at].source));
                let message = pack(carried, &self.options);
                let coordinator = Arc::clone(coordinator);
                let call = async move {
                    coordinator.call(&peer, Lane::Data, Asked::Bulk, message, PRIMARY_WITHIN).await
                };
                (ats, runtime.spawn(call))
            })
            .collect();
        let actions: Vec<Action<'_>> = here.iter().map(|at| placed[*at].action()).collect();
        let mut ats = here.into_iter();
        self.do_here(node, &actions, None, |given| match (ats.next(), given) {
            (Some(at), Given::Item { item, is_error }) => outcomes[at] = Some((item.to_vec(), is_error)),
            (Some(at), Given::Elsewhere) => left.push(at),
            (None, _) => {}
        });
        for (ats, call) in calls {
            let answered = runtime.block_on(call);
            let answered = answered.unwrap_or_else(|error| {
                Err(CallError::Unknown { to: "another node".to_owned(), reason: error.to_string() })
            });
            match answered.map_err(why).and_then(|answer| unpack_outcomes(&answer).map_err(Some)) {
                Ok(answers) => {
                    for (at, outcome) in ats.into_iter().zip(answers) {
                        match outcome {
                            Outcome::Item { item, is_error } => outcomes[at] = Some((item, is_error)),
                            Outcome::Elsewhere => left.push(at),
                        }
                    }
                }
                Err(None) => left.extend(ats),
                Err(Some(error)) => {
                    for at in ats {
                        outcomes[at] = Some((failed(&placed[at].head, &error), true));
                    }
                }
            }
        }
        left.sort_unstable();
    }
}

/// What a call that failed means for its actions: none if nothing was done, so that they can be tried again.
fn why(error: CallError) -> Option<ApiError> {
    match error {
        error if error.is_not_done() => None,
        CallError::Unknown { .. } => Some(
            ApiError::new(503, "process_cluster_event_timeout_exception", error.to_string())
                .with("outcome", "unknown"),
        ),
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

/// Finds the index of an action, which is made if need be, and gives it an id if it has none. What is wrong with it is found
/// again by whoever does it here.
fn place<'a>(node: &Node, action: &Action<'a>, ids: &mut IdMaker) -> Placed<'a> {
    let (mut head, source) = (Arc::clone(&action.head), action.source);
    let found = match head.op {
        _ if head.fault.is_some() => None,
        _ if head.options.require_alias && !node.indices.is_alias(&head.target.index) => None,
        Op::Delete => head.target.existing_index(node).ok(),
        Op::Index | Op::Create | Op::Update => {
            let is_create = head.options.is_create || head.target.id.is_none();
            node.indices.for_write(&head.target.index, is_create).ok()
        }
    };
    let Some(index) = found.filter(|index| head.target.check_routing(index, "").is_ok()) else {
        return Placed { head, source, index: None };
    };
    let own = Arc::make_mut(&mut head);
    own.target.index = index.name.as_str().into();
    own.options.require_alias = false;
    if own.target.id.is_none() {
        own.target.id = Some(ids.id());
        own.options.is_new_id = true;
    }
    Placed { head, source, index: Some(index) }
}

impl<'a> Placed<'a> {
    fn home(&self, coordinator: &Coordinator) -> Home {
        let (Some(index), Some(id)) = (&self.index, &self.head.target.id) else { return Home::Here };
        home_of(coordinator, index, id, self.head.target.routing.as_deref())
    }

    fn action(&self) -> Action<'a> {
        Action { head: Arc::clone(&self.head), source: self.source }
    }
}

fn no_primary(head: &Head) -> ApiError {
    let (index, id) = (&head.target.index, head.target.id.as_deref().unwrap_or_default());
    ApiError::new(
        503,
        "unavailable_shards_exception",
        format!(
            "[{index}] primary shard is not active Timeout: [{}ms], document [{id}]",
            PRIMARY_WITHIN.as_millis()
        ),
    )
}

fn failed(head: &Head, error: &ApiError) -> Vec<u8> {
    let mut item = Vec::new();
    append_error(head, error, &mut item);
    item
}
