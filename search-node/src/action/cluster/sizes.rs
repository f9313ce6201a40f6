//! How much the copies of shards take, as whoever leads wants to know it now and then: what is to move must fit where it goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::{ClusterState, IndexId, NodeId, ShardId};
use futures::future::join_all;
use transport::Lane;

use crate::action::home::peer_of;
use crate::coordination::{Action, Coordinator, read, write};
use crate::indices::Index;
use crate::node::Node;

/// How long a node may take to say it: it has it at hand. One that does not say it costs its part; what was known before counts on.
const SIZES_WITHIN: Duration = Duration::from_secs(5);

/// Has this node know the sizes of all copies whenever it leads, anew after each interval (`cluster.info.update.interval`), until
/// it stops.
pub(crate) async fn follow_sizes(node: Arc<Node>, coordinator: Arc<Coordinator>, interval: Duration) {
    let stopping = coordinator.stopping();
    let follow = async {
        loop {
            coordinator.wait_leads().await;
            let map = coordinator.map();
            let told = told_by_all(&node, &coordinator, &map).await;
            coordinator.change_shard_bytes(|known| renew(known, &map, told));
            tokio::time::sleep(interval).await;
        }
    };
    stopping.run_until_cancelled(follow).await;
}

/// Answers whoever leads.
pub(crate) fn answer_sizes(node: &Node) -> Bytes {
    write(&sizes_here(node))
}

/// Copies at rest are not woken for it.
fn sizes_here(node: &Node) -> Vec<(ShardId, u64)> {
    let of_index = |index: Arc<Index>| {
        let id = IndexId(index.uuid.clone());
        let figures = index.copy_figures().into_iter();
        figures.map(move |(number, _, _, stats)| (ShardId { index: id.clone(), number }, stats.bytes))
    };
    node.indices.all().into_iter().flat_map(of_index).collect()
}

async fn told_by_all(node: &Arc<Node>, coordinator: &Coordinator, map: &ClusterState) -> Vec<(ShardId, u64)> {
    let others = map.nodes.keys().copied().filter(|other| *other != coordinator.origin.process);
    let others = join_all(others.map(|other| told_by(coordinator, map, other)));
    let (here, pool) = (Arc::clone(node), node.carried_search_pool.clone());
    let (here, others) = tokio::join!(pool.go_on(move || Ok(sizes_here(&here))), others);
    others.into_iter().flatten().chain(here.unwrap_or_default()).collect()
}

/// Nothing, where the node does not tell.
async fn told_by(coordinator: &Coordinator, map: &ClusterState, other: NodeId) -> Vec<(ShardId, u64)> {
    let Some(peer) = peer_of(map, other) else { return Vec::new() };
    let call = coordinator.call(&peer, Lane::State, Action::Sizes, Bytes::new(), SIZES_WITHIN);
    match call.await {
        Ok(answer) => read(&answer).unwrap_or_default(),
        Err(error) => {
            tracing::debug!(node = %other, %error, "node did not tell the sizes of its copies");
            Vec::new()
        }
    }
}

/// What is told now counts instead of what was known; of the copies of a shard the largest. What nobody tells of stays as it is,
/// while there is such a shard.
fn renew(known: &mut BTreeMap<ShardId, u64>, map: &ClusterState, told: Vec<(ShardId, u64)>) {
    let mut now: BTreeMap<ShardId, u64> = BTreeMap::new();
    for (shard, bytes) in told {
        let largest = now.entry(shard).or_default();
        *largest = bytes.max(*largest);
    }
    known.extend(now);
    known.retain(|shard, _| map.shard(shard).is_some());
}

#[cfg(test)]
mod tests {
    use cluster::state::{IndexAllocation, IndexEntry, Replicas, ShardCopies};

    use super::*;

    fn shard(number: u32) -> ShardId {
        ShardId { index: IndexId("i".to_owned()), number }
    }

    #[test]
    fn the_largest_copy_counts_and_what_nobody_tells_of_stays() {
        let entry = IndexEntry {
            name: "i".to_owned(),
            version: 1,
            parts: BTreeMap::new(),
            replicas: Replicas::Number(1),
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards: vec![ShardCopies::default(); 3],
        };
        let indices = BTreeMap::from([(IndexId("i".to_owned()), entry)]);
        let map = ClusterState { indices, ..ClusterState::default() };
        let mut known = BTreeMap::from([(shard(0), 90), (shard(2), 7), (shard(3), 5)]);

        renew(&mut known, &map, vec![(shard(0), 10), (shard(1), 3), (shard(0), 12), (shard(0), 11)]);

        assert_eq!(known, BTreeMap::from([(shard(0), 12), (shard(1), 3), (shard(2), 7)]));
    }
}
