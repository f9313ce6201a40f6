//! The settings of an index as they count: with as many replicas as it has expanded to.

use cluster::state::{IndexId, Replicas};
use serde_json::{Map, Value, json};

use crate::indices::Index;
use crate::node::Node;

/// How many replicas the map wants of an index that leaves that to the nodes.
pub(crate) fn expanded(node: &Node, index: &Index) -> Option<u32> {
    let map = node.coordinator.as_ref()?.map();
    let entry = map.indices.get(&IndexId(index.uuid.clone()))?;
    matches!(entry.replicas, Replicas::Expand { .. }).then(|| map.wanted_replicas(entry))
}

/// The settings, flat and without `index.`.
pub(crate) fn settings_shown(node: &Node, index: &Index) -> Map<String, Value> {
    let mut shown = index.settings_shown();
    if let Some(number) = expanded(node, index) {
        shown.insert("number_of_replicas".to_owned(), json!(number.to_string()));
    }
    shown
}
