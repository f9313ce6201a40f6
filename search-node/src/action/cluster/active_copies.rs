//! Waiting until so many copies of each shard of an index serve (`wait_for_active_shards`).

use std::sync::Arc;
use std::time::Duration;

use cluster::state::{ClusterState, IndexEntry, IndexId, ShardCopies, ShardId, Stage};
use tokio::time::{Instant, timeout, timeout_at};

use crate::action::target::Target;
use crate::node::Node;
use crate::replication::{ActiveCopies, ActiveWait};

/// Whether every shard of an index has so many.
fn is_met(wanted: ActiveCopies, entry: &IndexEntry, replicas: u32) -> bool {
    let wanted = wanted.of(replicas) as usize;
    entry.shards.iter().all(|shard| serving(shard) >= wanted)
}

/// How many copies of a shard serve. None does while there is no primary to write to.
fn serving(shard: &ShardCopies) -> usize {
    if shard.primary().is_none() {
        return 0;
    }
    let present = shard.present().iter();
    present.filter(|(id, copy)| copy.stage == Stage::Started && shard.in_sync().contains(id)).count()
}

/// Waits until the shard of a document has so many copies that serve, or time is over, without a place in a pool; what is left for
/// who writes then. Of an index that is made by the write nothing is known yet.
pub(crate) async fn wait_active_for(node: &Node, target: &Target, wait: ActiveWait) -> ActiveWait {
    let (Some(coordinator), Ok(index), Some(doc)) =
        (&node.coordinator, target.existing_index(node), target.id.as_deref())
    else {
        return wait;
    };
    let wait = wait.of_index(index.settings().active);
    if wait.is_usual() {
        return wait;
    }
    let routing = target.routed(node, &index).ok().and_then(|target| target.routing.clone());
    let number = index.shard_number(doc, routing.as_deref());
    let id = ShardId { index: IndexId(index.uuid.clone()), number };
    let is_met = |map: &Arc<ClusterState>| {
        let replicas = map.wanted_copies(&id).saturating_sub(1) as u32;
        map.shard(&id).is_none_or(|shard| serving(shard) >= wait.copies.of(replicas) as usize)
    };
    let mut changes = coordinator.changes();
    let met = tokio::select! {
        () = node.stopping.cancelled() => false,
        met = timeout(wait.within, changes.wait_for(is_met)) => met.is_ok(),
    };
    wait.waited(met)
}

/// Waits until every shard of an index has so many copies that serve; whether it has.
pub(crate) async fn wait_active(node: &Node, index: &str, wanted: ActiveCopies, within: Duration) -> bool {
    let id = IndexId(index.to_owned());
    let said = node.indices.of_id(&id).map(|index| index.settings().active);
    let wanted = wanted.of_index(said.unwrap_or_default());
    let Some(coordinator) = &node.coordinator else {
        // Who agrees with nobody has one copy of each shard, and it serves.
        return wanted.is_usual() || wanted == ActiveCopies::Number(0);
    };
    let is_met = |map: &Arc<ClusterState>| {
        // One that is gone is waited for no more.
        map.indices.get(&id).is_none_or(|entry| is_met(wanted, entry, map.wanted_replicas(entry)))
    };
    let mut changes = coordinator.changes();
    let deadline = Instant::now() + within;
    tokio::select! {
        () = node.stopping.cancelled() => is_met(&coordinator.map()),
        met = timeout_at(deadline, changes.wait_for(is_met)) => met.is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cluster::state::{CopyId, IndexAllocation, NodeId, Replicas};

    use super::*;

    #[test]
    fn copies_count_once_they_serve() {
        let mut shard = ShardCopies::created(CopyId(1), NodeId(1));
        shard.add(CopyId(2), NodeId(2), None).expect("added");
        let entry = |shards| IndexEntry {
            name: "i".to_owned(),
            version: 1,
            parts: BTreeMap::new(),
            replicas: Replicas::Number(1),
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards,
        };
        let filling = entry(vec![shard.clone()]);
        shard.mark_in_sync(CopyId(2), shard.term()).expect("in sync");
        let filled = entry(vec![shard.clone()]);
        shard.node_left(NodeId(1), "a node");
        let headless = entry(vec![shard, ShardCopies::unplaced()]);

        for (wanted, met) in [
            (ActiveCopies::Number(0), [true, true, true]),
            (ActiveCopies::Number(1), [true, true, false]),
            (ActiveCopies::Number(2), [false, true, false]),
            (ActiveCopies::Number(3), [false, false, false]),
            (ActiveCopies::All, [false, true, false]),
        ] {
            let found = [&filling, &filled, &headless].map(|entry| is_met(wanted, entry, 1));
            assert_eq!(found, met, "{wanted:?}");
        }
    }
}
