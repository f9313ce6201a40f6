//! Points in time opened in one copy of each shard, closed and listed, on whatever nodes they are.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use cluster::state::NodeId;
use futures::future::join_all;
use rand::RngExt;
use tokio::runtime::Handle;
use transport::Lane;

use super::super::failed::{ShardFailure, phase_failed};
use super::super::query::{ShardAsked, unreadable};
use super::super::shards::Target;
use super::super::spread::{asked_of, no_answer, no_copy};
use super::id::Place;
use super::message::{OpenAsked, Opened, Part, answer};
use super::{Ask, HeldId, Kind, ScrollAsked, read_answer};
use crate::coordination::Action;
use crate::error::ApiError;
use crate::node::Node;

/// How long a node may take to open what it holds, or to let go of it: it may have to open shards.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// A point in time to open.
pub(in crate::action::search) struct Opening<'a> {
    pub node: &'a Node,
    pub targets: &'a [Target],
    pub kind: Kind,
    pub keep_millis: i64,
    pub scroll: Option<ScrollAsked>,
    pub allows_partial: bool,
}

/// What was let go of.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::action::search) struct Freed {
    /// Of how many shards.
    pub shards: usize,
    /// Whether every node was asked that may hold some.
    pub is_whole: bool,
}

/// A point in time that is held on some nodes.
#[derive(Debug, Clone)]
pub(in crate::action::search) struct Listed {
    pub id: HeldId,
    pub opened_millis: i64,
    pub keep_millis: i64,
}

/// What a node has answered; no error means that it could not be asked.
type Answer = Result<Bytes, Option<ApiError>>;

/// Asks nodes, all at the same time. Blocks.
pub(in crate::action::search) fn ask_some(node: &Node, asks: Vec<(NodeId, Ask)>) -> Vec<(NodeId, Answer)> {
    let own = own_of(node);
    let (here, there): (Vec<_>, Vec<_>) = asks.into_iter().partition(|(asked, _)| *asked == own);
    let there = there.into_iter().map(|(other, ask)| async move {
        let Some(coordinator) = &node.coordinator else { return (other, Err(None)) };
        let message = match postcard::to_allocvec(&ask) {
            Ok(message) => message.into(),
            Err(error) => return (other, Err(Some(unreadable(&error)))),
        };
        let called = asked_of(coordinator, other, Lane::Data, Action::Held, message, ANSWER_WITHIN);
        (other, called.await)
    });
    let mut answers = Handle::current().block_on(join_all(there));
    answers.extend(here.into_iter().map(|(own, ask)| (own, answer(node, ask).map_err(Some))));
    answers
}

fn own_of(node: &Node) -> NodeId {
    node.coordinator.as_ref().map_or(NodeId(0), |coordinator| coordinator.origin.process)
}

fn all_nodes(node: &Node) -> Vec<NodeId> {
    let Some(coordinator) = &node.coordinator else { return vec![own_of(node)] };
    coordinator.map().nodes.keys().copied().collect()
}

/// Lets go of points in time. Blocks.
pub(in crate::action::search) fn close(node: &Node, ids: &[HeldId]) -> Freed {
    let mut by_node: BTreeMap<NodeId, Vec<u64>> = BTreeMap::new();
    for id in ids {
        id.nodes().into_iter().for_each(|holder| by_node.entry(holder).or_default().push(id.number));
    }
    freed(ask_some(
        node,
        by_node.into_iter().map(|(holder, numbers)| (holder, Ask::Close(numbers))).collect(),
    ))
}

/// Lets go of all of one kind, on all nodes. Blocks.
pub(in crate::action::search) fn close_all(node: &Node, kind: Kind) -> Freed {
    freed(ask_some(node, all_nodes(node).into_iter().map(|other| (other, Ask::CloseAll(kind))).collect()))
}

fn freed(answers: Vec<(NodeId, Answer)>) -> Freed {
    let mut freed = Freed { shards: 0, is_whole: true };
    for (_, answer) in answers {
        match answer {
            Ok(answer) => freed.shards += read_answer::<usize>(&answer).unwrap_or(0),
            // Whoever is gone holds nothing.
            Err(error) => freed.is_whole &= error.is_none(),
        }
    }
    freed
}

/// The points in time that clients have opened and not closed, the oldest first. Blocks.
pub(in crate::action::search) fn listed(node: &Node) -> Vec<Listed> {
    let answers = ask_some(node, all_nodes(node).into_iter().map(|other| (other, Ask::List)).collect());
    let mut all: HashMap<u64, (Listed, Vec<(usize, Place)>)> = HashMap::new();
    for (holder, answer) in answers {
        let parts: Vec<Part> = answer.ok().and_then(|answer| read_answer(&answer).ok()).unwrap_or_default();
        for part in parts {
            let (listed, places) = all.entry(part.number).or_insert_with(|| {
                let id = HeldId { kind: Kind::PointInTime, number: part.number, shards: Vec::new() };
                let (opened_millis, keep_millis) = (part.opened_millis, part.keep_millis);
                (Listed { id, opened_millis, keep_millis }, Vec::new())
            });
            listed.opened_millis = listed.opened_millis.min(part.opened_millis);
            let shards = part.shards.into_iter();
            places.extend(shards.map(|(place, index, shard)| (place, Place { node: holder, index, shard })));
        }
    }
    let mut all: Vec<Listed> = all
        .into_values()
        .map(|(mut listed, mut places)| {
            places.sort_by_key(|(place, _)| *place);
            listed.id.shards = places.into_iter().map(|(_, place)| place).collect();
            listed
        })
        .collect();
    all.sort_by_key(|listed| (listed.opened_millis, listed.id.number));
    all
}

/// Shards that are not open yet: for each, how many of its copies were tried, and why the last one failed, and where.
type Left = BTreeMap<usize, (usize, Option<(Option<NodeId>, ApiError)>)>;

impl Opening<'_> {
    /// Opens it in one copy of each shard: its id, and the shards in which that failed. Blocks.
    pub(crate) fn open(self) -> Result<(HeldId, Vec<ShardFailure>), ApiError> {
        let mut id = HeldId { kind: self.kind, number: rand::rng().random::<u64>() >> 1, shards: Vec::new() };
        let mut holders: BTreeMap<usize, NodeId> = BTreeMap::new();
        let mut left: Left = (0..self.targets.len()).map(|place| (place, (0, None))).collect();
        let mut failures = Vec::new();
        while !left.is_empty() {
            let mut asks: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
            for (place, holder) in self.next(&mut left, &mut failures) {
                asks.entry(holder).or_default().push(place);
            }
            let asked = asks.iter().map(|(holder, places)| (*holder, self.ask(id.number, *holder, places)));
            for (holder, answer) in ask_some(self.node, asked.collect()) {
                let opened = answer.and_then(|answer| read_answer::<Opened>(&answer).map_err(Some));
                let places = asks.get(&holder).map(Vec::as_slice).unwrap_or_default();
                take(holder, places, opened, &mut left, &mut holders);
            }
        }
        let place = |(place, node): (usize, NodeId)| {
            let Target { index, number, .. } = &self.targets[place];
            Place { node, index: (index.uuid.clone(), index.name.clone()), shard: *number }
        };
        id.shards = holders.into_iter().map(place).collect();
        let is_refused = !failures.is_empty() && (!self.allows_partial || id.shards.is_empty());
        if is_refused {
            close(self.node, &[id]);
            let reason = if failures.len() == self.targets.len() {
                "all shards failed"
            } else {
                "Partial shards failure"
            };
            return Err(phase_failed(reason, &failures));
        }
        Ok((id, failures))
    }

    /// Whom to ask next for each shard. A shard whose copies were all tried has failed.
    fn next(&self, left: &mut Left, failures: &mut Vec<ShardFailure>) -> Vec<(usize, NodeId)> {
        let is_alone = self.node.coordinator.is_none();
        let mut asked = Vec::new();
        left.retain(|place, (tried, error)| {
            let target = &self.targets[*place];
            // A node that agrees with itself has all shards.
            let alone = (is_alone && *tried == 0).then(|| own_of(self.node));
            let Some(holder) = target.nodes.get(*tried).copied().or(alone) else {
                let (at, error) = error.take().unwrap_or_else(|| (None, no_copy(self.node, target)));
                failures.push(ShardFailure {
                    index: target.index.name.clone(),
                    number: target.number,
                    node: at.map(|at| self.called(at)),
                    error,
                });
                return false;
            };
            asked.push((*place, holder));
            true
        });
        asked
    }

    fn ask(&self, number: u64, holder: NodeId, places: &[usize]) -> Ask {
        let shard = |place: &usize| {
            let target = &self.targets[*place];
            ShardAsked {
                place: *place,
                index: target.index.uuid.clone(),
                number: target.number,
                copy: target.copy_on(self.node.coordinator.is_some().then_some(holder)),
                filter: target.filter(),
            }
        };
        Ask::Open(OpenAsked {
            number,
            kind: self.kind,
            keep_millis: self.keep_millis,
            scroll: self.scroll.clone(),
            shards: places.iter().map(shard).collect(),
        })
    }

    /// A node as clients know it.
    fn called(&self, other: NodeId) -> String {
        let map = self.node.coordinator.as_ref().map(|coordinator| coordinator.map());
        let known = map.as_ref().and_then(|map| Some(map.nodes.get(&other)?.data_id.clone()));
        known.unwrap_or_else(|| self.node.identity.node_id.clone())
    }
}

fn take(
    holder: NodeId,
    places: &[usize],
    opened: Result<Opened, Option<ApiError>>,
    left: &mut Left,
    holders: &mut BTreeMap<usize, NodeId>,
) {
    let (done, mut errors) = match opened {
        Ok(opened) => (opened.places, opened.failures.into_iter().collect::<BTreeMap<_, _>>()),
        Err(error) => {
            for place in places {
                next_copy(left, *place, holder, error.clone().unwrap_or_else(no_answer));
            }
            return;
        }
    };
    for place in places {
        if done.contains(place) {
            holders.insert(*place, holder);
            left.remove(place);
            continue;
        }
        let error = errors.remove(place).and_then(|error| serde_json::from_slice(&error).ok());
        next_copy(left, *place, holder, error.unwrap_or_else(no_answer));
    }
}

fn next_copy(left: &mut Left, place: usize, holder: NodeId, error: ApiError) {
    if let Some((tried, last)) = left.get_mut(&place) {
        *tried += 1;
        *last = Some((Some(holder), error));
    }
}
