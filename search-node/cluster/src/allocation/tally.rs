//! What is on which node, counted once and kept up with each command that is planned.

use std::collections::BTreeMap;

use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, IndexId, NodeId, ShardCopies, ShardId, Stage};

/// Counts of copies. A copy that moves counts where it moves to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    all: BTreeMap<NodeId, Load>,
    of_index: BTreeMap<IndexId, BTreeMap<NodeId, Load>>,
    recoveries: BTreeMap<NodeId, Recoveries>,
    /// Copies that move, anywhere.
    moves: usize,
}

/// Copies on a node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) copies: usize,
    pub(super) primaries: usize,
}

/// What is being filled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recoveries {
    pub(super) incoming: usize,
    pub(super) outgoing: usize,
    /// What is going to be on the node's disk when all of it has come.
    pub(super) incoming_bytes: u64,
    /// Copies that move away.
    pub(super) leaving: usize,
    /// What is going to be free when they have.
    pub(super) leaving_bytes: u64,
}

impl Tally {
    pub(super) fn of(state: &ClusterState, observed: &Observed) -> Self {
        let mut tally = Self::default();
        for (shard, copies) in state.shards() {
            tally.change(&shard, copies, observed, usize::wrapping_add, u64::wrapping_add);
        }
        tally
    }

    /// A shard is not as it was.
    pub(super) fn changed(
        &mut self,
        shard: &ShardId,
        before: &ShardCopies,
        after: &ShardCopies,
        observed: &Observed,
    ) {
        self.change(shard, before, observed, usize::wrapping_sub, u64::wrapping_sub);
        self.change(shard, after, observed, usize::wrapping_add, u64::wrapping_add);
    }

    fn change(
        &mut self,
        shard: &ShardId,
        copies: &ShardCopies,
        observed: &Observed,
        by: fn(usize, usize) -> usize,
        bytes: fn(u64, u64) -> u64,
    ) {
        let size = observed.shard_bytes.get(shard).copied().unwrap_or_default();
        let primary = copies.primary().and_then(|primary| copies.present().get(&primary));
        // A primary that hands over counts where it goes.
        let leads = copies.hand_over_under_way().map(|under_way| under_way.to).or(copies.primary());
        let of_index = self.of_index.entry(shard.index.clone()).or_default();
        for (id, copy) in copies.present() {
            let is_primary = usize::from(leads == Some(*id));
            let recoveries = self.recoveries.entry(copy.node).or_default();
            if copies.replacement_of(*id).is_some() {
                recoveries.leaving = by(recoveries.leaving, 1);
                recoveries.leaving_bytes = bytes(recoveries.leaving_bytes, size);
                self.moves = by(self.moves, 1);
            }
            // A first copy is empty, and comes from nowhere.
            if copy.stage == Stage::Recovering && copies.primary() != Some(*id) {
                recoveries.incoming = by(recoveries.incoming, 1);
                recoveries.incoming_bytes = bytes(recoveries.incoming_bytes, size);
                if let Some(primary) = primary {
                    let from = self.recoveries.entry(primary.node).or_default();
                    from.outgoing = by(from.outgoing, 1);
                }
            }
            let is_staying = usize::from(copies.replacement_of(*id).is_none());
            for load in [self.all.entry(copy.node).or_default(), of_index.entry(copy.node).or_default()] {
                load.copies = by(load.copies, is_staying);
                load.primaries = by(load.primaries, is_primary);
            }
        }
    }

    pub(super) fn moves(&self) -> usize {
        self.moves
    }

    pub(super) fn load(&self, node: NodeId) -> Load {
        self.all.get(&node).copied().unwrap_or_default()
    }

    pub(super) fn load_of(&self, index: &IndexId, node: NodeId) -> Load {
        self.of_index.get(index).and_then(|loads| loads.get(&node)).copied().unwrap_or_default()
    }

    pub(super) fn recoveries(&self, node: NodeId) -> Recoveries {
        self.recoveries.get(&node).copied().unwrap_or_default()
    }

    /// How full a node is for a copy of an index: the less, the better a place for the next.
    pub(super) fn weight(&self, node: NodeId, index: &IndexId, settings: &AllocationSettings) -> f64 {
        let (all, of_index) = (self.load(node).copies, self.load_of(index, node).copies);
        all as f64 * settings.balance.shard + of_index as f64 * settings.balance.index
    }

    /// The same of primaries, which do more than other copies.
    pub(super) fn primary_weight(&self, node: NodeId, index: &IndexId, settings: &AllocationSettings) -> f64 {
        let (all, of_index) = (self.load(node).primaries, self.load_of(index, node).primaries);
        all as f64 * settings.balance.shard + of_index as f64 * settings.balance.index
    }
}
