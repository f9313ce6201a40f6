//! What is known of an index beside its documents: agreed on by all nodes, and kept durable in the index's folder.

use std::collections::BTreeMap;

use cluster::state::{CopyId, IndexEntry, IndexId, ShardCopies};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shard::mapping::{MappingError, parse_new_mapping};

use super::replicas::CopySettings;
use super::settings::RESIZE_SOURCE_UUID;
use crate::error::ApiError;

/// The metadata of an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct IndexMetadata {
    pub name: String,
    pub uuid: String,
    pub created_millis: i64,
    /// Flat, without `index.` in front.
    pub settings: Map<String, Value>,
    pub mapping: Value,
    pub aliases: Map<String, Value>,
    /// The data stream that this is a backing index of.
    pub data_stream: Option<String>,
    /// Whether it is closed: kept on all its nodes, and neither read nor written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
    /// Rises with each change that all nodes agree on.
    #[serde(default)]
    pub version: u64,
    /// The copies of shards in this folder, by the numbers of the shards. None where an older build wrote it: every folder of a
    /// shard is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<BTreeMap<u32, CopyId>>,
}

/// The name of the file in the index's folder.
pub(super) const FILE: &str = "index.state";

/// The names of the parts under which an entry of the map has it.
const SETTINGS: &str = "settings";
const MAPPING: &str = "mapping";
const ALIASES: &str = "aliases";
const DATA_STREAM: &str = "data_stream";
const CREATED: &str = "created_millis";
/// Whether the index is closed. Where nothing is said it is open.
const CLOSED: &str = "closed";

impl IndexMetadata {
    /// Tells in the log of a mapping that an older build took and that is read no further than it can be.
    pub(super) fn warn_of_mapping(&self) {
        if let Err(MappingError { reason, .. }) = parse_new_mapping(&self.mapping) {
            tracing::warn!(
                index = self.name,
                reason,
                "the stored mapping says what no new one may; what cannot be read of it counts as not said"
            );
        }
    }

    /// The entry of the map that says the same, with these shards.
    pub(super) fn to_entry(&self, shards: Vec<ShardCopies>) -> Result<IndexEntry, ApiError> {
        Ok(self.entry_of(CopySettings::read(&self.settings)?, shards))
    }

    /// The same of an index that was on the disk, without what this build does not take of its copies.
    pub(super) fn to_stored_entry(&self, shards: Vec<ShardCopies>) -> IndexEntry {
        self.entry_of(CopySettings::read_stored(&self.settings).0, shards)
    }

    fn entry_of(&self, copies: CopySettings, shards: Vec<ShardCopies>) -> IndexEntry {
        let mut parts = BTreeMap::from([
            (SETTINGS.to_owned(), Value::Object(self.settings.clone()).to_string()),
            (MAPPING.to_owned(), self.mapping.to_string()),
            (ALIASES.to_owned(), Value::Object(self.aliases.clone()).to_string()),
            (CREATED.to_owned(), self.created_millis.to_string()),
        ]);
        if let Some(stream) = &self.data_stream {
            parts.insert(DATA_STREAM.to_owned(), Value::from(stream.as_str()).to_string());
        }
        if self.is_closed {
            parts.extend(closed_part(true));
        }
        let CopySettings { replicas, filters, allocation } = copies;
        let (name, version) = (self.name.clone(), self.version);
        IndexEntry { name, version, parts, replicas, filters, allocation, shards }
    }

    /// What an entry of the map says; which copies are in the folder is another matter.
    pub(super) fn of_entry(id: &IndexId, entry: &IndexEntry) -> Result<Self, ApiError> {
        Ok(Self {
            name: entry.name.clone(),
            uuid: id.0.clone(),
            created_millis: part(entry, CREATED)?.unwrap_or_default(),
            settings: part(entry, SETTINGS)?.unwrap_or_default(),
            mapping: part(entry, MAPPING)?.unwrap_or_else(|| Value::Object(Map::new())),
            aliases: part(entry, ALIASES)?.unwrap_or_default(),
            data_stream: part::<Option<String>>(entry, DATA_STREAM)?.flatten(),
            is_closed: part(entry, CLOSED)?.unwrap_or_default(),
            version: entry.version,
            copies: Some(BTreeMap::new()),
        })
    }
}

/// The parts of an entry that change with a mapping.
pub(super) fn mapping_part(mapping: &Value) -> BTreeMap<String, String> {
    BTreeMap::from([(MAPPING.to_owned(), mapping.to_string())])
}

/// The parts of an entry that change with settings.
pub(super) fn settings_part(settings: &Map<String, Value>) -> BTreeMap<String, String> {
    BTreeMap::from([(SETTINGS.to_owned(), Value::Object(settings.clone()).to_string())])
}

/// The part of an entry that says which aliases it has.
pub(super) fn aliases_part(aliases: &Map<String, Value>) -> BTreeMap<String, String> {
    BTreeMap::from([(ALIASES.to_owned(), Value::Object(aliases.clone()).to_string())])
}

/// The part of an entry that says of which data stream it is a backing index.
pub(super) fn stream_part(stream: Option<&str>) -> BTreeMap<String, String> {
    BTreeMap::from([(DATA_STREAM.to_owned(), Value::from(stream).to_string())])
}

/// The part of an entry that says whether it is closed.
pub(super) fn closed_part(is_closed: bool) -> BTreeMap<String, String> {
    BTreeMap::from([(CLOSED.to_owned(), Value::from(is_closed).to_string())])
}

/// What an entry has under a name; nothing where another build wrote what this one cannot read.
fn part_or_default<T: DeserializeOwned + Default>(entry: &IndexEntry, name: &str) -> T {
    part(entry, name).ok().flatten().unwrap_or_default()
}

/// The aliases of an entry.
pub(super) fn aliases_of(entry: &IndexEntry) -> Map<String, Value> {
    part_or_default(entry, ALIASES)
}

/// The data stream that an entry says it is a backing index of.
pub(super) fn stream_of(entry: &IndexEntry) -> Option<String> {
    part_or_default(entry, DATA_STREAM)
}

/// The settings of an entry, flat.
pub(super) fn settings_of(entry: &IndexEntry) -> Map<String, Value> {
    part_or_default(entry, SETTINGS)
}

/// The mapping of an entry.
pub(super) fn mapping_of(entry: &IndexEntry) -> Value {
    part_or_default(entry, MAPPING)
}

/// Since when an entry is there.
pub(super) fn created_of(entry: &IndexEntry) -> i64 {
    part_or_default(entry, CREATED)
}

/// Whether an entry is closed.
pub(crate) fn is_closed(entry: &IndexEntry) -> bool {
    part_or_default(entry, CLOSED)
}

/// The index that an entry was made of by `_shrink`, `_split` or `_clone`.
pub(crate) fn resize_source_of(entry: &IndexEntry) -> Option<IndexId> {
    let uuid = settings_of(entry).get(RESIZE_SOURCE_UUID)?.as_str()?.to_owned();
    Some(IndexId(uuid))
}

/// Whether wildcards pass an entry over.
pub(super) fn is_hidden(entry: &IndexEntry) -> bool {
    settings_of(entry).get("hidden").and_then(Value::as_str) == Some("true")
}

fn part<T: DeserializeOwned>(entry: &IndexEntry, name: &str) -> Result<Option<T>, ApiError> {
    let read = |text: &String| serde_json::from_str(text);
    entry.parts.get(name).map(read).transpose().map_err(|error| {
        ApiError::internal(format!("the {name} of index [{}] cannot be read: {error}", entry.name))
    })
}
