//! An index of the cluster: what it is called, what its documents look like, and where its shards are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{IndexAllocation, ShardCopies};

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexEntry {
    pub name: String,
    /// Rises with each change of what the index is; not with changes of where its shards are.
    pub version: u64,
    /// What only nodes read: settings, mapping, aliases, each a JSON text under its name.
    pub parts: BTreeMap<String, String>,
    pub replicas: Replicas,
    /// `index.routing.allocation.{require,include,exclude}.*`: attributes of nodes, by the rule's name.
    pub filters: BTreeMap<String, String>,
    pub allocation: IndexAllocation,
    pub shards: Vec<ShardCopies>,
}

/// How many copies each shard has beside its primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Replicas {
    /// `index.number_of_replicas`.
    Number(u32),
    /// `index.auto_expand_replicas`: as many as there are further nodes, within bounds.
    Expand { least: u32, most: u32 },
}

impl Replicas {
    /// How many there should be with so many nodes that hold data.
    pub fn wanted(self, data_nodes: usize) -> u32 {
        let others = u32::try_from(data_nodes.saturating_sub(1)).unwrap_or(u32::MAX);
        match self {
            Self::Number(number) => number,
            Self::Expand { least, most } => others.clamp(least, most.max(least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_expand_with_the_nodes_within_their_bounds() {
        let expand = Replicas::Expand { least: 1, most: 3 };
        assert_eq!([0, 1, 2, 3, 4, 9].map(|nodes| expand.wanted(nodes)), [1, 1, 1, 2, 3, 3]);
        assert_eq!(Replicas::Number(2).wanted(1), 2);
    }
}
