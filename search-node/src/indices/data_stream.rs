//! Data streams: one name for a row of backing indices, written only at its newest end.
//!
//! The map keeps a text for each, of the kind [`KIND`]: which indices, in which order, and how many there ever were. A stream of a
//! build that kept none is what its indices say; it gets its text with its first change.

use std::collections::BTreeMap;

use cluster::state::{ClusterState, Command, IndexId};
use serde::{Deserialize, Serialize};

use super::metadata::stream_of;

/// What data streams are among the texts of the map.
pub(super) const KIND: &str = "data_stream";

/// The field by which a stream is ordered in time, where its template names no other.
pub(crate) const TIMESTAMP: &str = "@timestamp";

/// A data stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataStream {
    pub timestamp_field: String,
    /// Its backing indices by their ids, the oldest first; the last one is written to.
    pub indices: Vec<String>,
    /// How many write indices there have been.
    pub generation: u64,
    #[serde(default)]
    pub is_hidden: bool,
    /// The next write begins another backing index (`_rollover?lazy`).
    #[serde(default)]
    pub rolls_over_on_write: bool,
}

impl DataStream {
    /// One that begins with an index.
    pub(super) fn begun(timestamp_field: &str, index: &str, is_hidden: bool) -> Self {
        Self {
            timestamp_field: timestamp_field.to_owned(),
            indices: vec![index.to_owned()],
            generation: 1,
            is_hidden,
            rolls_over_on_write: false,
        }
    }

    /// The streams of a map, by their names.
    pub(crate) fn all(map: &ClusterState) -> BTreeMap<String, Self> {
        let mut streams = Self::unwritten(map);
        // A text of another build that cannot be read is none.
        let read = |(name, text): (&str, &cluster::state::MetadataText)| {
            Some((name.to_owned(), serde_json::from_str(&text.text).ok()?))
        };
        streams.extend(map.metadata.of_kind(KIND).filter_map(read));
        streams
    }

    /// The streams that only their indices tell of: backing indices sort by their names.
    fn unwritten(map: &ClusterState) -> BTreeMap<String, Self> {
        let mut members: BTreeMap<String, Vec<(&str, &IndexId)>> = BTreeMap::new();
        for (id, entry) in &map.indices {
            if let Some(stream) = stream_of(entry) {
                members.entry(stream).or_default().push((&entry.name, id));
            }
        }
        let streams = members.into_iter().map(|(name, mut indices)| {
            indices.sort_unstable();
            let last = indices.last().and_then(|(name, _)| generation_of(name));
            let stream = Self {
                timestamp_field: TIMESTAMP.to_owned(),
                generation: last.unwrap_or(indices.len() as u64),
                indices: indices.into_iter().map(|(_, id)| id.0.clone()).collect(),
                is_hidden: false,
                rolls_over_on_write: false,
            };
            (name, stream)
        });
        streams.collect()
    }

    /// The command that makes the map say this of a stream.
    pub(super) fn written(&self, name: &str, seen: &ClusterState) -> Command {
        // Plain values always can be written.
        Self::command(name, Some(serde_json::to_string(self).unwrap_or_default()), seen)
    }

    /// The command that makes the map forget a stream; none where it kept no text of it.
    pub(super) fn forgotten(name: &str, seen: &ClusterState) -> Option<Command> {
        seen.metadata.get(KIND, name).map(|_| Self::command(name, None, seen))
    }

    fn command(name: &str, text: Option<String>, map: &ClusterState) -> Command {
        let seen = map.metadata.get(KIND, name).map(|known| known.version);
        Command::ChangeMetadata { kind: KIND.to_owned(), name: name.to_owned(), seen, text }
    }
}

/// The name of a backing index.
pub(super) fn backing_name(stream: &str, now_millis: i64, generation: u64) -> String {
    let day = shard::mapping::dates::show(now_millis)[..10].replace('-', ".");
    format!(".ds-{stream}-{day}-{generation:06}")
}

/// The number at the end of a backing index's name.
fn generation_of(name: &str) -> Option<u64> {
    name.rsplit_once('-')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cluster::state::{IndexAllocation, IndexEntry, Replicas};

    use super::*;

    fn map_with(indices: &[&str]) -> ClusterState {
        let entry = |name: &str| IndexEntry {
            name: name.to_owned(),
            version: 1,
            parts: BTreeMap::from([("data_stream".to_owned(), "\"logs-a-b\"".to_owned())]),
            replicas: Replicas::Number(0),
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards: Vec::new(),
        };
        let indices = indices.iter().map(|name| (IndexId(format!("id-of-{name}")), entry(name)));
        ClusterState { indices: indices.collect(), ..ClusterState::default() }
    }

    #[test]
    fn a_stream_without_a_text_is_what_its_indices_say_and_a_text_counts_more() {
        let (old, new) = (".ds-logs-a-b-2026.11.24-000003", ".ds-logs-a-b-2026.11.25-000007");
        let mut map = map_with(&[new, old]);

        let stream = DataStream::all(&map).remove("logs-a-b").expect("a stream");

        assert_eq!(stream.indices, [format!("id-of-{old}"), format!("id-of-{new}")]);
        assert_eq!(stream.generation, 7);

        let changed = DataStream { generation: 8, ..stream };
        map.apply(changed.written("logs-a-b", &map.clone())).expect("kept");
        assert_eq!(DataStream::all(&map).remove("logs-a-b"), Some(changed));

        map.apply(DataStream::forgotten("logs-a-b", &map.clone()).expect("a text")).expect("forgotten");
        assert!(DataStream::forgotten("logs-a-b", &map).is_none());
    }

    #[test]
    fn backing_indices_are_named_by_day_and_generation() {
        let name = backing_name("logs-a-b", 1_795_515_630_123, 1);

        assert_eq!(name, ".ds-logs-a-b-2026.11.24-000001");
        assert_eq!(generation_of(&name), Some(1));
    }
}
