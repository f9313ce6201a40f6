//! Points in time opened in one copy of each shard, on whatever nodes they are.

use std::collections::{BTreeMap, BTreeSet};

use cluster::state::NodeId;
use rand::RngExt;

use super::super::failed::{ShardFailure, phase_failed};
use super::super::query::ShardAsked;
use super::super::shards::Target;
use super::super::spread::{no_answer, no_copy};
use super::asking::{ask_some, own_of};
use super::closing::let_go;
use super::id::Place;
use super::message::{OpenAsked, Opened};
use super::{Ask, HeldId, Kind, ScrollAsked, read_answer};
use crate::error::ApiError;
use crate::node::Node;
use crate::tasks::Task;

/// How long a node may take to open what it holds: it may have to open shards.
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

/// A point in time to open.
pub(in crate::action::search) struct Opening<'a> {
    pub node: &'a Node,
    /// Whose end is the end of this too.
    pub task: &'a Task,
    pub targets: &'a [Target],
    pub kind: Kind,
    pub keep_millis: i64,
    pub scroll: Option<ScrollAsked>,
    pub allows_partial: bool,
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
        let mut untold = Untold { opening: &self, number: id.number, places: BTreeMap::new() };
        while !left.is_empty() {
            let mut asks: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
            for (place, holder) in self.next(&mut left, &mut failures) {
                asks.entry(holder).or_default().push(place);
            }
            let asked = asks.iter().map(|(holder, places)| (*holder, self.ask(id.number, *holder, places)));
            untold.ask(&asks);
            for (holder, answer) in ask_some(self.node, asked.collect(), ANSWER_WITHIN, &self.task.cancel) {
                let opened = answer.and_then(|answer| read_answer::<Opened>(&answer).map_err(Some));
                let places = asks.get(&holder).map(Vec::as_slice).unwrap_or_default();
                if opened.is_err() {
                    untold.let_go(holder, places);
                }
                take(holder, places, opened, &mut left, &mut holders);
            }
            if self.task.cancel.is_cancelled() {
                return Err(self.task.cancelled_error());
            }
        }
        let place = |(place, node): (usize, NodeId)| {
            let Target { index, number, .. } = &self.targets[place];
            Place { node, index: (index.uuid.clone(), index.name.clone()), shard: *number }
        };
        id.shards = holders.into_iter().map(place).collect();
        let is_refused = !failures.is_empty() && (!self.allows_partial || id.shards.is_empty());
        if is_refused {
            let reason = if failures.len() == self.targets.len() {
                "all shards failed"
            } else {
                "Partial shards failure"
            };
            return Err(phase_failed(reason, &failures));
        }
        untold.places.clear();
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

/// What nodes may hold by now, and nobody was told of: let go of when it is dropped.
struct Untold<'a> {
    opening: &'a Opening<'a>,
    number: u64,
    places: BTreeMap<NodeId, BTreeSet<usize>>,
}

impl Untold<'_> {
    /// Nodes are asked to hold shards.
    fn ask(&mut self, asks: &BTreeMap<NodeId, Vec<usize>>) {
        for (holder, places) in asks {
            self.places.entry(*holder).or_default().extend(places);
        }
    }

    /// Has a node let go of shards that it may hold, or will: it answers no more, and other copies are held instead.
    fn let_go(&mut self, holder: NodeId, places: &[usize]) {
        if let Some(held) = self.places.get_mut(&holder) {
            held.retain(|place| !places.contains(place));
        }
        let_go(self.opening.node, vec![(holder, Ask::LetGo(self.number, places.to_vec()))]);
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        let held = std::mem::take(&mut self.places).into_iter();
        let asks =
            held.map(|(holder, places)| (holder, Ask::LetGo(self.number, places.into_iter().collect())));
        let_go(self.opening.node, asks.collect());
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
