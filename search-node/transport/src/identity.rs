//! Who a node is, and who may speak with whom.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most bytes of one name in an identity: no name of a host or a cluster needs more.
pub const NAME_BYTES_MAX: usize = 255;

/// Who a node says it is. The handshake proves that it knows the secret of the cluster, not that a name is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// The name of the cluster, as it is set.
    pub cluster_name: String,
    /// The cluster that its data belongs to; none if it has not joined one yet.
    pub cluster_uuid: Option<String>,
    /// Its name for people.
    pub node_name: String,
    /// Its id, kept with its data.
    pub node_id: u64,
    /// The id of this process: another one after each start.
    pub ephemeral_id: u64,
    /// The version of the program.
    pub version: String,
}

impl NodeIdentity {
    /// Why this node and another are not of one cluster; none if they are, or may become so.
    pub(crate) fn quarrel(&self, other: &NodeIdentity) -> Option<String> {
        if self.cluster_name != other.cluster_name {
            return Some(format!(
                "it is of the cluster [{}] and the other of [{}]; give both the same cluster.name, or leave it out of discovery.seed_hosts",
                self.cluster_name, other.cluster_name
            ));
        }
        match (&self.cluster_uuid, &other.cluster_uuid) {
            (Some(own), Some(others)) if own != others => Some(format!(
                "its data is of the cluster {own} and that of the other of {others}, both named [{}]; give the node that is to move an empty path.data",
                self.cluster_name
            )),
            _ => None,
        }
    }

    /// The name that is too long for the handshake, if any.
    pub(crate) fn too_long(&self) -> Option<&'static str> {
        [
            ("cluster.name", self.cluster_name.as_str()),
            ("node.name", &self.node_name),
            ("cluster_uuid", self.cluster_uuid.as_deref().unwrap_or_default()),
            ("version", &self.version),
        ]
        .into_iter()
        .find(|(_, text)| text.len() > NAME_BYTES_MAX)
        .map(|(name, _)| name)
    }
}

impl fmt::Display for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] ({:016x})", self.node_name, self.node_id)
    }
}

/// A node to call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Where it listens: `host:port`.
    pub address: String,
    /// The process that is meant. If another has the address by now the call is refused.
    pub ephemeral_id: Option<u64>,
}

impl Peer {
    /// Whoever listens at an address.
    pub fn at(address: impl ToString) -> Self {
        Self { address: address.to_string(), ephemeral_id: None }
    }

    /// One process at an address.
    pub fn process(address: impl ToString, ephemeral_id: u64) -> Self {
        Self { address: address.to_string(), ephemeral_id: Some(ephemeral_id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(cluster: &str, uuid: Option<&str>) -> NodeIdentity {
        NodeIdentity {
            cluster_name: cluster.to_owned(),
            cluster_uuid: uuid.map(str::to_owned),
            node_name: "a".to_owned(),
            node_id: 1,
            ephemeral_id: 2,
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn only_nodes_that_are_or_may_become_one_cluster_agree() {
        for (one, other, quarrel) in [
            (node("weir", None), node("weir", None), None),
            (node("weir", Some("u")), node("weir", None), None),
            (node("weir", Some("u")), node("weir", Some("u")), None),
            (node("weir", Some("u")), node("weir", Some("v")), Some("its data is of the cluster")),
            (node("weir", None), node("dam", None), Some("cluster.name")),
        ] {
            for (left, right) in [(&one, &other), (&other, &one)] {
                let said = left.quarrel(right);
                assert_eq!(said.is_some(), quarrel.is_some(), "{left:?} {right:?}");
                assert!(said.unwrap_or_default().contains(quarrel.unwrap_or_default()));
            }
        }
    }
}
