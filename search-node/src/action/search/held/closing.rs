//! Points in time let go of: those that clients close, and those that no client was told of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cluster::state::NodeId;
use daemon::CancellationToken;
use tokio::runtime::Handle;
use transport::Lane;

use super::super::spread::asked_of;
use super::asking::{ask_some, is_there, own_of};
use super::message::answer;
use super::{Ask, HeldId, Kind, read_answer};
use crate::coordination::Action;
use crate::error::ApiError;
use crate::node::Node;

/// How long a node may take to let go of what it holds.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);
/// After how long a node that was silent is asked again; twice as long each time, up to the second.
const AGAIN_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What was let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::action::search) struct Freed {
    /// Of how many shards.
    pub shards: usize,
    /// Whether every node has answered that may hold some.
    pub is_whole: bool,
}

impl Freed {
    const NOTHING: Self = Self { shards: 0, is_whole: true };
}

/// Lets go of points in time, each node asked once: what was let go of each. Blocks.
pub(in crate::action::search) fn close(node: &Node, ids: &[HeldId]) -> Vec<Freed> {
    let mut by_node: BTreeMap<NodeId, BTreeSet<u64>> = BTreeMap::new();
    for id in ids {
        let holders = id.nodes().into_iter().filter(|holder| is_there(node, *holder));
        for holder in holders {
            by_node.entry(holder).or_default().insert(id.number);
        }
    }
    let asks = by_node.iter().map(|(holder, numbers)| (*holder, numbers.iter().copied().collect::<Vec<_>>()));
    let asks = asks.map(|(holder, numbers)| (holder, Ask::Close(numbers))).collect();
    let mut answers: BTreeMap<NodeId, Option<BTreeMap<u64, usize>>> = BTreeMap::new();
    for (holder, said) in ask_some(node, asks, CLOSED_WITHIN, &CancellationToken::new()) {
        let numbers = by_node.remove(&holder).unwrap_or_default();
        let closed = said.and_then(|said| read_answer::<Vec<usize>>(&said).map_err(Some));
        let closed = closed.inspect_err(|error| {
            let reason = error.as_ref().map_or("it did not answer", |error| error.reason.as_str());
            tracing::warn!(
                node = %holder, count = numbers.len(), reason,
                "a node may not have let go of points in time that were closed; it does when their keep_alive is over"
            );
        });
        answers.insert(holder, closed.ok().map(|closed| numbers.into_iter().zip(closed).collect()));
    }
    freed(ids, &mut answers)
}

/// What was let go of each of these, as the nodes say that were asked. One that is named twice is let go of once.
fn freed(ids: &[HeldId], answers: &mut BTreeMap<NodeId, Option<BTreeMap<u64, usize>>>) -> Vec<Freed> {
    let of_id = |id: &HeldId| {
        let mut freed = Freed::NOTHING;
        for holder in id.nodes() {
            match answers.get_mut(&holder) {
                Some(Some(closed)) => freed.shards += closed.insert(id.number, 0).unwrap_or(0),
                Some(None) => freed.is_whole = false,
                // Whoever is gone holds nothing.
                None => {}
            }
        }
        freed
    };
    ids.iter().map(of_id).collect()
}

/// Lets go of all of one kind, on all nodes. Blocks.
pub(in crate::action::search) fn close_all(node: &Node, kind: Kind) -> Freed {
    let asks = super::asking::all_nodes(node).into_iter().map(|other| (other, Ask::CloseAll(kind)));
    let mut freed = Freed::NOTHING;
    for (holder, said) in ask_some(node, asks.collect(), CLOSED_WITHIN, &CancellationToken::new()) {
        match said.and_then(|said| read_answer::<usize>(&said).map_err(Some)) {
            Ok(shards) => freed.shards += shards,
            Err(error) => {
                freed.is_whole = false;
                let reason = error.as_ref().map_or("it did not answer", |error| error.reason.as_str());
                tracing::warn!(
                    node = %holder, reason,
                    "a node may not have let go of all points in time that were closed; it does when their keep_alive is over"
                );
            }
        }
    }
    freed
}

/// Lets go of a point in time that no client knows of, without waiting for other nodes.
pub(in crate::action::search) fn let_go_of(node: &Node, id: &HeldId) {
    let asks = id.nodes().into_iter().map(|holder| (holder, Ask::Close(vec![id.number])));
    let_go(node, asks.collect());
}

/// Has nodes let go of what no client knows of: this one at once, and others as soon as they hear of it.
pub(super) fn let_go(node: &Node, asks: Vec<(NodeId, Ask)>) {
    let own = own_of(node);
    let longest = super::HeldLimits::of(node).keep_max;
    for (holder, ask) in asks {
        if holder == own {
            // What cannot be written as an answer is let go of all the same.
            drop(answer(node, ask, &CancellationToken::new()));
        } else if let (Some(coordinator), Ok(message)) = (&node.coordinator, postcard::to_allocvec(&ask)) {
            let (coordinator, stop) = (Arc::clone(coordinator), node.stopping.clone());
            let (message, map) = (bytes::Bytes::from(message), Arc::clone(&coordinator));
            let ask = move || {
                let (coordinator, message) = (Arc::clone(&coordinator), message.clone());
                async move {
                    asked_of(&coordinator, holder, Lane::Data, Action::Held, message, CLOSED_WITHIN).await
                }
            };
            let is_gone = move || !map.map().nodes.contains_key(&holder);
            let told = tell(holder, ask, is_gone, longest);
            drop(Handle::current().spawn(async move { stop.run_until_cancelled(told).await }));
        }
    }
}

/// Tells a node until it has heard, is gone, or nothing can be held any more of what is meant. `ask` comes to no error where it was not heard.
async fn tell<T, F: Future<Output = Result<T, Option<ApiError>>>>(
    holder: NodeId,
    ask: impl Fn() -> F,
    is_gone: impl Fn() -> bool,
    longest: Duration,
) {
    let until = tokio::time::Instant::now() + longest;
    let (mut pause, most) = AGAIN_AFTER;
    loop {
        let is_heard = !matches!(ask().await, Err(None));
        if is_heard || is_gone() || tokio::time::Instant::now() >= until {
            return;
        }
        tracing::debug!(node = %holder, "a node has yet to hear that nobody wants a point in time that it may hold");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(most);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::id::Place;
    use super::*;

    fn id(number: u64, holders: &[u64]) -> HeldId {
        let place = |(shard, node): (usize, &u64)| Place {
            node: NodeId(*node),
            index: ("u".to_owned(), "i".to_owned()),
            shard,
        };
        HeldId { kind: Kind::Scroll, number, shards: holders.iter().enumerate().map(place).collect() }
    }

    /// How often a node is told, and for how long, that hears the time given or is gone then.
    async fn told(
        heard_at: usize,
        gone_at: usize,
        answer: Result<(), Option<ApiError>>,
    ) -> (usize, Duration) {
        let times = AtomicUsize::new(0);
        let ask = || {
            let at = times.fetch_add(1, Ordering::Relaxed) + 1;
            std::future::ready(if at == heard_at { answer.clone() } else { Err(None) })
        };
        let is_gone = || times.load(Ordering::Relaxed) >= gone_at;
        let begun = tokio::time::Instant::now();
        tell(NodeId(7), ask, is_gone, Duration::from_secs(600)).await;
        (times.load(Ordering::Relaxed), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_told_until_it_has_heard_or_is_gone_or_holds_nothing_any_more() {
        const NEVER: usize = usize::MAX;
        let seconds = Duration::from_secs;
        assert_eq!(told(1, NEVER, Ok(())).await, (1, seconds(0)));
        // The node that says why it cannot has heard it.
        assert_eq!(told(1, NEVER, Err(Some(ApiError::internal("full")))).await, (1, seconds(0)));
        assert_eq!(told(4, NEVER, Ok(())).await, (4, seconds(1 + 2 + 4)));
        assert_eq!(told(NEVER, 3, Ok(())).await, (3, seconds(1 + 2)));
        // Twice as long each time, up to a minute, until nothing can be held any more.
        let (times, after) = told(NEVER, NEVER, Ok(())).await;
        assert_eq!((times, after), (7 + 9, seconds(63 + 9 * 60)));
    }

    #[test]
    fn what_was_freed_of_each_is_what_its_own_nodes_say() {
        let mut answers = BTreeMap::from([
            (NodeId(1), Some(BTreeMap::from([(7, 2), (8, 1)]))),
            (NodeId(2), None),
            (NodeId(3), Some(BTreeMap::from([(9, 0)]))),
        ]);
        let ids = [id(7, &[1]), id(8, &[1, 2]), id(9, &[3]), id(7, &[1]), id(5, &[4])];

        let freed = freed(&ids, &mut answers);

        let told: Vec<_> = freed.iter().map(|freed| (freed.shards, freed.is_whole)).collect();
        assert_eq!(told, [(2, true), (1, false), (0, true), (0, true), (0, true)]);
    }
}
