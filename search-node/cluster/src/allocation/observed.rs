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
    /// Primaries that nodes are opening from their own disks.
    pub opening_primaries: BTreeMap<NodeId, usize>,
    /// Copies that nodes have on their disks and the map does not know on any node.
    pub found: BTreeMap<(NodeId, ShardId), CopyId>,
    /// Since when a shard has lacked a copy.
    pub lacking_since: BTreeMap<ShardId, i64>,
    /// Shards whose primary gave up to hand over, and when it may be asked again.
    pub hand_over_not_before: BTreeMap<ShardId, i64>,
}

/// How long a primary that gave up to hand over is left alone: writes stood still for nothing, and what was in the way may last.
const HAND_OVER_PAUSE_MILLIS: i64 = 30_000;

impl Observed {
    /// Notes which shards lack copies, to be called with each change of the state. Whoever begins to lead begins to count anew.
    pub fn note_lacking(&mut self, state: &ClusterState) {
        let lacking: BTreeSet<ShardId> = state
            .shards()
            .filter(|(shard, copies)| {
                copies.primary().is_none() || copies.standing() < state.wanted_copies(shard)
            })
            .map(|(shard, _)| shard)
            .collect();
        self.lacking_since.retain(|shard, _| lacking.contains(shard));
        for shard in lacking {
            self.lacking_since.entry(shard).or_insert(self.now_millis);
        }
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

    /// Until when a copy in sync may come back with a restarted node, so that no other one is filled.
    pub fn delayed_until(&self, state: &ClusterState, shard: &ShardId, copies: &ShardCopies) -> Option<i64> {
        let is_awaited = copies.unassigned().reason == UnassignedReason::NodeLeft
            && copies.in_sync().iter().any(|copy| !copies.present().contains_key(copy));
        let since = self.lacking_since.get(shard).filter(|_| is_awaited)?;
        let delay = state.indices.get(&shard.index)?.allocation.delay_millis;
        Some(since + delay).filter(|until| self.now_millis < *until)
    }
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
