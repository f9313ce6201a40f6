//! The map as this node sees it: as the nodes agreed on it, without the copies that cannot be opened here.
//!
//! What is left of an index whose description is lost stands in it as a shard without copies, so that nobody takes it for well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::allocation::Observed;
use cluster::health::{ClusterHealth, CopyRow, Status, health, rows};
use cluster::state::{
    ClusterState, Command, CopyId, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas,
    ShardCopies, ShardId,
};
use serde_json::Value;

use super::alone;
use crate::error::ApiError;
use crate::indices::{CopyState, NameOptions};
use crate::node::Node;

/// The map, and who looks at it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) map: Arc<ClusterState>,
    pub(crate) own: NodeId,
    /// Who leads, as far as this node knows.
    pub(crate) master: Option<NodeId>,
    /// Folders here that hold an index of which not even the name is known.
    pub(crate) nameless: usize,
}

impl View {
    /// As this node sees it now.
    pub(crate) fn of(node: &Node) -> Self {
        let agreed = Self::agreed(node);
        let (map, nameless) = without_failed(node, agreed.map, agreed.own);
        Self { map, nameless, ..agreed }
    }

    /// As the nodes have agreed on it, with copies that cannot be opened here.
    pub(crate) fn agreed(node: &Node) -> Self {
        let (map, own, master) = match &node.coordinator {
            Some(coordinator) => {
                let map = coordinator.map();
                let master = coordinator.leading_process(&map);
                (map, coordinator.origin.process, master)
            }
            None => (Arc::new(alone::map_of(node)), alone::OWN, Some(alone::OWN)),
        };
        Self { map, own, master, nameless: 0 }
    }

    /// The indices that an expression means; all of them, if there is none. An index that is not there is an error where it is
    /// named.
    pub(crate) fn meant(
        &self,
        node: &Node,
        expression: Option<&str>,
        options: NameOptions,
    ) -> Result<BTreeSet<IndexId>, ApiError> {
        let Some(expression) = expression else { return Ok(self.map.indices.keys().cloned().collect()) };
        let meant = node.indices.meant(expression, options)?;
        let served = meant.indices.iter().map(|index| index.uuid.clone());
        let lost = meant.lost.iter().filter_map(|(lost, _)| Some(lost.names.as_ref()?.uuid.clone()));
        let ids: BTreeSet<IndexId> = served.chain(lost).map(IndexId).collect();
        // What was made a moment ago is served, and may be gone from the map by now.
        Ok(ids.into_iter().filter(|id| self.map.indices.contains_key(id)).collect())
    }

    /// The same with other indices left out.
    pub(crate) fn only(&self, indices: &BTreeSet<IndexId>) -> Self {
        if indices.len() == self.map.indices.len() {
            return self.clone();
        }
        let mut map = ClusterState::clone(&self.map);
        map.indices.retain(|id, _| indices.contains(id));
        Self { map: Arc::new(map), nameless: 0, ..self.clone() }
    }

    /// How well it is.
    pub(crate) fn health(&self, observed: &Observed) -> ClusterHealth {
        let mut health = health(&self.map, observed);
        if self.nameless > 0 {
            health.status = Status::Red;
            health.counts.unassigned += self.nameless;
        }
        health
    }

    /// A row for each copy.
    pub(crate) fn rows(&self, observed: &Observed) -> Vec<CopyRow> {
        rows(&self.map, observed)
    }

    pub(crate) fn node(&self, node: NodeId) -> Option<&NodeEntry> {
        self.map.nodes.get(&node)
    }

    /// The name of a node that it keeps over restarts, as clients know it.
    pub(crate) fn node_id(&self, node: NodeId) -> &str {
        self.node(node).map_or("_na_", |entry| entry.data_id.as_str())
    }
}

/// The map without the copies that cannot be opened here, and how many folders have lost even their names.
fn without_failed(node: &Node, map: Arc<ClusterState>, own: NodeId) -> (Arc<ClusterState>, usize) {
    let mut failed: BTreeMap<ShardId, String> = BTreeMap::new();
    for index in node.indices.all() {
        if !index.copy_states().any(|state| state == CopyState::Failed) {
            continue;
        }
        for (number, _, state, _) in index.copy_figures() {
            if state == CopyState::Failed {
                let shard = ShardId { index: IndexId(index.uuid.clone()), number };
                failed.insert(shard, "the copy cannot be opened; the log of its node says why".to_owned());
            }
        }
    }
    let lost = node.indices.lost();
    if failed.is_empty() && lost.is_empty() {
        return (map, 0);
    }
    let mut seen = ClusterState::clone(&map);
    let mut nameless = 0;
    for lost in lost {
        let Some(names) = &lost.names else {
            nameless += 1;
            continue;
        };
        let id = IndexId(names.uuid.clone());
        match map.indices.get(&id) {
            Some(entry) => {
                let shards = (0..entry.shards.len())
                    .map(|number| ShardId { index: id.clone(), number: number as u32 });
                failed.extend(shards.map(|shard| (shard, lost.error().reason)));
            }
            None => drop(seen.indices.insert(id, unknown_index(&names.name))),
        }
    }
    for (shard, details) in failed {
        if let Some(copy) = copy_on(&seen, &shard, own) {
            let term = seen.shard(&shard).map_or(0, ShardCopies::term);
            // It is there, so that nothing is refused.
            drop(seen.apply(Command::FailCopy { shard, copy, term, details }));
        }
    }
    seen.version = map.version;
    (Arc::new(seen), nameless)
}

fn copy_on(map: &ClusterState, shard: &ShardId, node: NodeId) -> Option<CopyId> {
    map.shard(shard)?.on(node)
}

/// An index of which only the name is known.
fn unknown_index(name: &str) -> IndexEntry {
    IndexEntry {
        name: name.to_owned(),
        version: 1,
        parts: BTreeMap::new(),
        replicas: Replicas::Number(0),
        filters: BTreeMap::new(),
        allocation: IndexAllocation::default(),
        shards: vec![ShardCopies::unplaced()],
    }
}

/// A part of an index's description.
pub(crate) fn part_of(entry: &IndexEntry, name: &str) -> Value {
    entry.parts.get(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
