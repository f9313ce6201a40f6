//! What the registry of a host knows of a cluster: its id, and its nodes on this host.
//!
//! Decisions only; `registry` reads and writes it. A node stays in the record while its data is there, also when it is
//! stopped: that is how the record is known to be of a cluster that still exists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::membership::Neighbour;

/// The nodes of one cluster that one host may have: far more than run on one, and few enough to look at each.
pub(crate) const NODES_MAX: usize = 256;

/// What the registry knows of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: u32,
    pub(crate) cluster_uuid: String,
    /// By `path.data`: where the node's transport listens; none while it is stopped.
    pub(crate) nodes: BTreeMap<String, Option<String>>,
}

/// The version that is written; another one is refused.
pub(crate) const VERSION: u32 = 1;

impl Record {
    pub(crate) fn new(cluster_uuid: &str) -> Self {
        Self { version: VERSION, cluster_uuid: cluster_uuid.to_owned(), nodes: BTreeMap::new() }
    }

    /// What is still true of it: the nodes whose data belongs to the cluster. None if there is none, for then the cluster
    /// is gone. A folder that cannot be read may belong to it, and so counts.
    pub(crate) fn valid(mut self, look: impl Fn(&str) -> Neighbour) -> Option<Record> {
        self.nodes.retain(|path_data, _| match look(path_data) {
            Neighbour::Of(uuid) => uuid == self.cluster_uuid,
            Neighbour::Nobody => false,
            Neighbour::Unreadable(reason) => {
                tracing::warn!(
                    path_data,
                    reason,
                    "the data of a node cannot be read, and is taken for the cluster's"
                );
                true
            }
        });
        (!self.nodes.is_empty()).then_some(self)
    }

    /// Where nodes of the cluster listen, or did when they were last heard of.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.nodes.values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_of_a_cluster_while_any_of_its_nodes_has_its_data() {
        let look = |path: &str| match path {
            "member" | "stopped" => Neighbour::Of("one".to_owned()),
            "moved" => Neighbour::Of("other".to_owned()),
            "broken" => Neighbour::Unreadable("damaged".to_owned()),
            _ => Neighbour::Nobody,
        };
        for (nodes, left) in [
            (vec!["member", "gone", "moved"], Some(vec!["member"])),
            (vec!["stopped"], Some(vec!["stopped"])),
            (vec!["broken"], Some(vec!["broken"])),
            (vec!["gone", "moved"], None),
            (vec![], None),
        ] {
            let mut record = Record::new("one");
            record.nodes = nodes
                .iter()
                .map(|node| ((*node).to_owned(), (*node != "stopped").then(String::new)))
                .collect();

            let valid = record.valid(look);

            let kept = valid.map(|record| record.nodes.into_keys().collect::<Vec<_>>());
            assert_eq!(kept, left.map(|left| left.into_iter().map(str::to_owned).collect()), "{nodes:?}");
        }
    }
}
