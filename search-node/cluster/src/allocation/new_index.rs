//! The first copies of a new index, and whether the cluster has room for it.

use super::deciders::Subject;
use super::plan::Planner;
use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, CopyId, IndexEntry, IndexId, ShardCopies, ShardId};

/// There would be more copies than the cluster may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this action would add [{added}] total shards, but this cluster currently has [{open}]/[{most}] maximum shards open; delete indices, add nodes, or raise [cluster.max_shards_per_node]"
)]
pub struct TooManyShards {
    /// How many copies more.
    pub added: usize,
    /// How many copies there should be by now.
    pub open: usize,
    /// The most that there may be.
    pub most: usize,
}

/// Whether there is room for so many copies more (`cluster.max_shards_per_node`).
pub fn check_room(
    state: &ClusterState,
    settings: &AllocationSettings,
    added: usize,
) -> Result<(), TooManyShards> {
    let nodes = state.data_nodes().count();
    let of_index = |entry: &IndexEntry| entry.shards.len() * (state.wanted_replicas(entry) as usize + 1);
    let open = state.indices.values().map(of_index).sum::<usize>();
    // Without any node nothing can be said; the index waits for the first one.
    let most = settings.max_shards_per_node.saturating_mul(nodes.max(1));
    if open.saturating_add(added) > most {
        return Err(TooManyShards { added, open, most });
    }
    Ok(())
}

/// The shards of a new index with their first copies, spread over the nodes that may have them. A shard for which there is no
/// place has none, and gets one with a later [plan](super::plan).
pub fn place_new(
    state: &ClusterState,
    id: &IndexId,
    entry: &IndexEntry,
    shards: u32,
    settings: &AllocationSettings,
    observed: &Observed,
) -> Vec<ShardCopies> {
    let mut planner = Planner::new(state, settings, observed);
    let unplaced = vec![ShardCopies::unplaced(); shards as usize];
    planner.ahead.indices.insert(id.clone(), IndexEntry { shards: unplaced, ..entry.clone() });
    for number in 0..shards {
        let shard = ShardId { index: id.clone(), number };
        if let Some(node) = planner.best_node(&shard, Subject::Primary { is_new: true }) {
            let copy = CopyId(planner.ahead.last_copy + 1);
            planner.command(&shard, crate::state::Command::PlaceFirst { shard: shard.clone(), copy, node });
        }
    }
    planner.ahead.indices.remove(id).map(|entry| entry.shards).unwrap_or_default()
}
