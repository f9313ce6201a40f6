//! The map of a node that was opened for itself: of what its folder holds.

use std::collections::{BTreeMap, BTreeSet};

use cluster::state::{
    ClusterState, CopyId, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas, Role,
    ShardCopies,
};
use serde_json::Value;

use crate::indices::Index;
use crate::node::Node;

/// The only node of a map for itself.
pub(super) const OWN: NodeId = NodeId(1);

pub(super) fn map_of(node: &Node) -> ClusterState {
    let mut map =
        ClusterState { cluster_uuid: node.identity.cluster_uuid.clone(), ..ClusterState::default() };
    map.nodes.insert(OWN, entry_of(node));
    for index in node.indices.all() {
        let shards = (0..index.number_of_shards()).map(|_| {
            map.last_copy += 1;
            ShardCopies::created(CopyId(map.last_copy), OWN)
        });
        let shards = shards.collect();
        map.version += 1;
        map.indices.insert(IndexId(index.uuid.clone()), index_entry(&index, shards));
    }
    map
}

fn index_entry(index: &Index, shards: Vec<ShardCopies>) -> IndexEntry {
    let settings = index.settings_json();
    let number = settings["index"]["number_of_replicas"].as_str().and_then(|number| number.parse().ok());
    let parts = [
        ("mapping", index.mapping().to_json()),
        ("aliases", Value::Object(index.aliases())),
        ("closed", Value::from(index.is_closed())),
    ];
    IndexEntry {
        name: index.name.clone(),
        version: 1,
        parts: parts.into_iter().map(|(name, part)| (name.to_owned(), part.to_string())).collect(),
        replicas: Replicas::Number(number.unwrap_or_default()),
        filters: BTreeMap::new(),
        allocation: IndexAllocation::default(),
        shards,
    }
}

fn entry_of(node: &Node) -> NodeEntry {
    let settings = &node.settings;
    let address = |port: Option<u16>| match port {
        Some(port) => std::net::SocketAddr::new(settings.host, port).to_string(),
        None => settings.host.to_string(),
    };
    NodeEntry {
        name: settings.node_name.clone(),
        data_id: node.identity.node_id.clone(),
        transport_address: address(settings.cluster.transport_port),
        http_address: address(settings.port),
        roles: BTreeSet::from([Role::Master, Role::Data, Role::Ingest]),
        attributes: settings.cluster.attributes.clone(),
    }
}
