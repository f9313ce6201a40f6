//! The names of an index, in a file of their own: they stay taken when nothing else of the index can be read.
//!
//! Written when the index is made, and again when the node starts and finds it damaged; read only when `index.state` is lost. Where this file is lost too, or an older
//! version did not write it, the name is looked for in what is left of `index.state`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Deserializer;
use shard::Disk;

use super::metadata::{FILE as STATE_FILE, IndexMetadata};
use super::names::check_index_name;
use crate::state_file::{self, StateFileError};

/// The name of the file in the index's folder.
pub(super) const FILE: &str = "index.names";

/// Everything that means one index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexNames {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) data_stream: Option<String>,
}

impl IndexNames {
    pub(super) fn of(metadata: &IndexMetadata) -> Self {
        Self {
            name: metadata.name.clone(),
            uuid: metadata.uuid.clone(),
            aliases: metadata.aliases.keys().cloned().collect(),
            data_stream: metadata.data_stream.clone(),
        }
    }

    pub(super) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), StateFileError> {
        state_file::write(disk, &folder.join(FILE), self)
    }

    /// Writes the file again where it is not what it should be: it is there for the day on which nothing else can be read.
    pub(super) fn mend(&self, disk: &dyn Disk, folder: &Path) {
        let kept = state_file::read::<Self>(&folder.join(FILE));
        if kept.as_ref().is_ok_and(|kept| kept.as_ref() == Some(self)) {
            return;
        }
        let found = kept.err().map(|error| error.to_string());
        match self.write(disk, folder) {
            Ok(()) => tracing::info!(index = self.name, found, "wrote the names of the index again"),
            Err(error) => {
                tracing::warn!(index = self.name, %error, "the names of the index could not be written again");
            }
        }
    }

    /// The names of an index whose metadata cannot be read; none if nothing tells them.
    pub(super) fn find(folder: &Path) -> Option<Self> {
        if let Ok(Some(names)) = state_file::read(&folder.join(FILE)) {
            return Some(names);
        }
        let left = fs_err::read(folder.join(STATE_FILE)).ok()?;
        let uuid = folder.file_name()?.to_str()?.to_owned();
        Some(Self { name: name_in(&left)?, uuid, aliases: Vec::new(), data_stream: None })
    }

    /// Every name, once for each.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let others = self.aliases.iter().chain(&self.data_stream);
        std::iter::once(self.name.as_str()).chain(others.map(String::as_str))
    }
}

/// The name in a damaged state file: the first member of its JSON, if that much is left of it.
fn name_in(left: &[u8]) -> Option<String> {
    const BEFORE: &[u8] = b"{\"name\":";
    let at = left.windows(BEFORE.len()).position(|window| window == BEFORE)? + BEFORE.len();
    let name: String = Deserializer::from_slice(&left[at..]).into_iter().next()?.ok()?;
    check_index_name(&name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};
    use shard::HostDisk;

    use super::*;

    fn metadata() -> IndexMetadata {
        IndexMetadata {
            name: "logs-2026.11.24".to_owned(),
            uuid: "u".to_owned(),
            created_millis: 0,
            settings: Map::new(),
            mapping: json!({"properties": {}}),
            aliases: Map::from_iter([("all".to_owned(), Value::Null)]),
            data_stream: Some("stream".to_owned()),
            is_closed: false,
            version: 1,
            copies: None,
        }
    }

    #[test]
    fn names_are_kept_beside_and_else_found_in_what_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let metadata = metadata();
        state_file::write(&HostDisk, &folder.path().join(STATE_FILE), &metadata).expect("written");
        let left = IndexNames::find(folder.path()).expect("found");
        assert_eq!(left.all().collect::<Vec<_>>(), ["logs-2026.11.24"], "without a file of their own");

        IndexNames::of(&metadata).write(&HostDisk, folder.path()).expect("written");

        let kept = IndexNames::find(folder.path()).expect("found");
        assert_eq!(kept.all().collect::<Vec<_>>(), ["logs-2026.11.24", "all", "stream"]);
    }

    /// Whatever was cut off or overwritten, what is found is a name that an index can have.
    #[test]
    fn what_is_left_of_a_state_file_gives_a_name_or_none() {
        let whole = serde_json::to_vec(&metadata()).expect("JSON");
        for end in 0..whole.len() {
            let name = name_in(&whole[..end]);
            let is_whole = end >= br#"{"name":"logs-2026.11.24""#.len();
            assert_eq!(name.is_some(), is_whole, "cut at {end}: {name:?}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x20;
            let name = name_in(&damaged);
            assert!(name.is_none_or(|name| check_index_name(&name).is_ok()), "byte {at}");
        }
        assert_eq!(name_in(br#"{"name":"No Such Name"}"#), None);
    }
}
