//! How full a node is with copies: the fewer, the better a place for the next.

use std::collections::BTreeMap;

use crate::state::{ClusterState, IndexId, NodeId};

/// Copies on each node, all together and of each index.
#[derive(Debug, Default)]
pub(super) struct Loads {
    all: BTreeMap<NodeId, usize>,
    of_index: BTreeMap<(NodeId, IndexId), usize>,
}

impl Loads {
    pub(super) fn of(state: &ClusterState) -> Self {
        let mut loads = Self::default();
        for (node, _) in state.data_nodes() {
            loads.all.insert(node, 0);
        }
        for (shard, copies) in state.shards() {
            for copy in copies.present().values() {
                loads.add(copy.node, &shard.index);
            }
        }
        loads
    }

    pub(super) fn add(&mut self, node: NodeId, index: &IndexId) {
        *self.all.entry(node).or_default() += 1;
        *self.of_index.entry((node, index.clone())).or_default() += 1;
    }

    /// A copy of the index goes first to the node with the fewest of it, then to that with the fewest at all, then to the first.
    pub(super) fn weight(&self, node: NodeId, index: &IndexId) -> (usize, usize, NodeId) {
        let of_index = self.of_index.get(&(node, index.clone())).copied().unwrap_or_default();
        (of_index, self.all(node), node)
    }

    pub(super) fn all(&self, node: NodeId) -> usize {
        self.all.get(&node).copied().unwrap_or_default()
    }

    /// The nodes with the most and the fewest copies, if moving one would make them more equal.
    pub(super) fn uneven(&self) -> Option<(NodeId, NodeId)> {
        let most = self.all.iter().max_by_key(|(node, count)| (**count, **node))?;
        let fewest = self.all.iter().min_by_key(|(node, count)| (**count, **node))?;
        (most.1 - fewest.1 >= 2).then_some((*most.0, *fewest.0))
    }
}
