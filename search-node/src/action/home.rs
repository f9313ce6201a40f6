//! Where a document's shard has its primary.

use std::sync::Arc;
use std::time::Duration;

use cluster::state::{ClusterState, IndexId, NodeId, ShardCopies, ShardId};
use shard::Shard;
use transport::Peer;

use crate::coordination::Coordinator;
use crate::indices::Index;
use crate::node::Node;

/// How long a request waits for a primary, and for what another node does, as in Elasticsearch, where it does not say (`timeout`).
pub(crate) const PRIMARY_WITHIN: Duration = Duration::from_secs(60);
/// Pause before a primary is looked for again, should the map not change.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Where a write, or a read of the newest state, has to be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Home {
    Here,
    There(Peer),
    /// The shard has no primary at the moment.
    Nowhere,
}

impl Node {
    /// A shard for a search, if a copy of it is here that has everything; a node that agrees with itself has all of them.
    pub(crate) fn shard_in_sync_here(&self, index: &Index, number: usize) -> Option<Arc<Shard>> {
        let is_whole = |coordinator: &Arc<Coordinator>| {
            u32::try_from(number).is_ok_and(|number| is_in_sync_here(coordinator, index, number))
        };
        let is_here = self.coordinator.as_ref().is_none_or(is_whole);
        if is_here { index.shard_to_search(number).ok() } else { None }
    }

    /// The way to the other nodes, if there are any.
    pub(crate) fn others(&self) -> Option<&Arc<Coordinator>> {
        self.coordinator.as_ref().filter(|coordinator| coordinator.map().nodes.len() > 1)
    }
}

/// Where the primary of a document's shard is, by the map as this node knows it.
pub(crate) fn home_of(coordinator: &Coordinator, index: &Index, id: &str, routing: Option<&str>) -> Home {
    let map = coordinator.map();
    let shard = ShardId { index: IndexId(index.uuid.clone()), number: index.shard_number(id, routing) };
    match primary_node(&map, &shard) {
        Some(node) if node == coordinator.origin.process => Home::Here,
        Some(node) => peer_of(&map, node).map_or(Home::Nowhere, Home::There),
        None => Home::Nowhere,
    }
}

/// Whether a copy of a document's shard is here that was in sync when this node last heard of it.
pub(crate) fn has_copy_here(
    coordinator: &Coordinator,
    index: &Index,
    id: &str,
    routing: Option<&str>,
) -> bool {
    is_in_sync_here(coordinator, index, index.shard_number(id, routing))
}

/// Whether a copy of a shard is here that was in sync when this node last heard of it.
pub(crate) fn is_in_sync_here(coordinator: &Coordinator, index: &Index, number: u32) -> bool {
    let map = coordinator.map();
    let shard = ShardId { index: IndexId(index.uuid.clone()), number };
    let in_sync = |copies: &ShardCopies| {
        copies.on(coordinator.origin.process).is_some_and(|copy| copies.in_sync().contains(&copy))
    };
    map.shard(&shard).is_some_and(in_sync)
}

/// The node with the primary of a shard, once that has everything that was acknowledged.
pub(crate) fn primary_node(map: &ClusterState, shard: &ShardId) -> Option<NodeId> {
    let copies = map.shard(shard)?;
    let primary = copies.primary().filter(|primary| copies.in_sync().contains(primary))?;
    Some(copies.present().get(&primary)?.node)
}

/// A node as it is called.
pub(crate) fn peer_of(map: &ClusterState, node: NodeId) -> Option<Peer> {
    let entry = map.nodes.get(&node)?;
    Some(Peer::process(&entry.transport_address, node.0))
}
