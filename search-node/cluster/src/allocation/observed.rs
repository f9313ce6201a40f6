//! What whoever leads has seen of the nodes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AllocationSettings, DiskSpace};
use crate::state::{ClusterState, CopyId, IndexId, NodeId, ShardCopies, ShardId, UnassignedReason};

/// What whoever leads has seen; none of it is agreed upon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    pub now_millis: i64,
    /// The space of each node's disk.
    pub disks: BTreeMap<NodeId, DiskSpace>,
    /// How much a copy of a shard takes.
    pub shard_bytes: BTreeMap<ShardId, u64>,
    /// Nodes that are about to stop: their primaries hand over, and they get no copies. What they have stays, since they may be back
    /// soon; `exclude._name` empties a node for good.
    pub stopping: BTreeSet<NodeId>,
    /// Nodes that have not answered when they were asked last: nobody hands over to them. Only whoever leads needs to know.
    #[serde(skip)]
    pub silent: BTreeSet<NodeId>,
    /// Primaries that have found a file of theirs damaged: they hand over. Only whoever leads needs to know.
    #[serde(skip)]
    pub damaged: BTreeSet<(ShardId, CopyId)>,
    /// Copies that nodes have on their disks and the map does not know on any node.
    pub found: BTreeMap<(NodeId, ShardId), CopyId>,
    /// Shards that lack copies; kept by [`note_lacking`](Self::note_lacking).
    pub lacking: BTreeMap<ShardId, Lacking>,
    /// Shards whose primary gave up to hand over, and when it may be asked again.
    pub hand_over_not_before: BTreeMap<ShardId, i64>,
}

/// Copies that a shard lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacking {
    pub since_millis: i64,
    pub copies: usize,
}

/// How long a primary that gave up to hand over is left alone: writes stood still for nothing, and what was in the way may last.
const HAND_OVER_PAUSE_MILLIS: i64 = 30_000;

impl Observed {
    /// Notes which shards lack copies, to be called with each change of the state. Whoever begins to lead begins to count anew.
    pub fn note_lacking(&mut self, state: &ClusterState) {
        let now = self.now_millis;
        let before = std::mem::take(&mut self.lacking);
        for (shard, copies) in state.shards() {
            let lacking = state.wanted_copies(&shard).saturating_sub(copies.standing());
            if lacking == 0 {
                continue;
            }
            // One more that is gone is waited for anew.
            let known = before.get(&shard).filter(|known| known.copies >= lacking);
            let since_millis = known.map_or(now, |known| known.since_millis);
            self.lacking.insert(shard, Lacking { since_millis, copies: lacking });
        }
        self.hand_over_not_before.retain(|_, until| *until > now);
    }

    /// A primary gave up to hand over.
    pub fn hand_over_aborted(&mut self, shard: ShardId) {
        self.hand_over_not_before.insert(shard, self.now_millis + HAND_OVER_PAUSE_MILLIS);
    }

    /// When the first wait is over, so that there is something to plan again.
    pub fn next_wait_ends(&self, state: &ClusterState) -> Option<i64> {
        let ends = state.shards().filter_map(|(shard, copies)| self.delayed_until(state, &shard, copies));
        let pauses = self.hand_over_not_before.values().copied().filter(|until| *until > self.now_millis);
        ends.chain(pauses).min()
    }

    /// Until when a copy may come back with a restarted node, so that no other one is filled. It need not be in sync any more: the
    /// primary goes on without it as soon as there is something to write, and it lacks little all the same.
    pub fn delayed_until(&self, state: &ClusterState, shard: &ShardId, copies: &ShardCopies) -> Option<i64> {
        let is_awaited = copies.primary().is_some()
            && copies.unassigned().reason == UnassignedReason::NodeLeft
            && copies.standing() < state.wanted_copies(shard);
        let since = self.lacking.get(shard).filter(|_| is_awaited)?.since_millis;
        let delay = state.indices.get(&shard.index)?.allocation.delay_millis;
        Some(since.saturating_add(delay)).filter(|until| self.now_millis < *until)
    }
}

/// The shards whose primary is on a node and could be elsewhere: a node that stops waits until there are none.
pub fn to_hand_over(state: &ClusterState, node: NodeId, observed: &Observed) -> Vec<ShardId> {
    let is_there = |copies: &ShardCopies| {
        let primary = copies.primary().and_then(|primary| copies.present().get(&primary));
        primary.is_some_and(|primary| primary.node == node)
    };
    let could_go = |copies: &ShardCopies| {
        let mut others = copies.present().iter().filter(|(id, copy)| {
            copies.in_sync().contains(id) && copy.node != node && !observed.stopping.contains(&copy.node)
        });
        others.next().is_some()
    };
    let shards = state.shards().filter(|(_, copies)| is_there(copies) && could_go(copies));
    shards.map(|(shard, _)| shard).collect()
}

/// The indices that have a copy on a node whose disk is beyond the flood stage: nothing may be added to them.
pub fn flooded_indices(
    state: &ClusterState,
    settings: &AllocationSettings,
    observed: &Observed,
) -> BTreeSet<IndexId> {
    let is_flooded = |node: &NodeId| {
        let space = observed.disks.get(node);
        settings.disk.is_enabled && space.is_some_and(|space| settings.disk.flood_stage.is_exceeded(*space))
    };
    let flooded =
        state.shards().filter(|(_, copies)| copies.present().values().any(|copy| is_flooded(&copy.node)));
    flooded.map(|(shard, _)| shard.index).collect()
}
