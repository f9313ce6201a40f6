//! Maps with indices and their aliases, for the tests of decisions.

use std::collections::BTreeMap;

use cluster::state::{ClusterState, Command, IndexAllocation, IndexEntry, IndexId, Replicas};
use serde_json::{Map, Value};

use super::metadata::aliases_of;

/// A map with indices without shards; each is called as its id.
pub(crate) fn map_of(indices: &[(&str, Value)]) -> ClusterState {
    let mut map = ClusterState::default();
    for (name, aliases) in indices {
        let entry = IndexEntry {
            name: (*name).to_owned(),
            version: 1,
            parts: BTreeMap::from([("aliases".to_owned(), aliases.to_string())]),
            replicas: Replicas::Number(0),
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards: Vec::new(),
        };
        map.apply(Command::CreateIndex { id: IndexId((*name).to_owned()), entry }).expect("made");
    }
    map
}

/// The names of the aliases of each index.
pub(super) fn aliases_in_map(map: &ClusterState) -> Value {
    let names = |entry: &IndexEntry| {
        let mut names: Vec<String> = aliases_of(entry).into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        Value::from(names)
    };
    let indices: Map<String, Value> =
        map.indices.values().map(|entry| (entry.name.clone(), names(entry))).collect();
    Value::Object(indices)
}
