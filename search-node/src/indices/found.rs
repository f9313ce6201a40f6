//! What lies in the folder of all indices when a node starts.

use std::path::{Path, PathBuf};

use cluster::state::IndexId;
use shard::Disk;

use super::index_names::{FILE as NAMES_FILE, IndexNames};
use super::lost_index::LostIndex;
use super::metadata::{FILE, IndexMetadata};
use super::settings::IndexSettings;
use crate::state_file;

/// Folders of deleted indices carry this in front until they are gone.
pub(super) const DELETED: &str = ".deleted-";

/// An index whose metadata could be read, in the folder that is its own.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) folder: PathBuf,
    pub(super) metadata: IndexMetadata,
    /// How many shards it has, here or elsewhere.
    pub(super) shards: u32,
}

impl Found {
    pub(super) fn id(&self) -> IndexId {
        IndexId(self.metadata.uuid.clone())
    }

    pub(super) fn names(&self) -> IndexNames {
        IndexNames::of(&self.metadata)
    }
}

/// Everything below `folder`: the indices, and what cannot be served. What was left half deleted or half made goes.
pub(super) fn look(folder: &Path, disk: &dyn Disk) -> std::io::Result<(Vec<Found>, Vec<LostIndex>)> {
    let (mut found, mut lost, mut strays): (Vec<Found>, _, Vec<Found>) = (Vec::new(), Vec::new(), Vec::new());
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(DELETED) {
            fs_err::remove_dir_all(&path)?;
            continue;
        }
        match read_one(&path, disk) {
            Ok(Some(index)) if name != index.metadata.uuid => strays.push(index),
            Ok(Some(index)) => lost.extend(keep_older(&mut found, index)),
            Ok(None) if is_unborn(&path) => give_up(&path),
            Ok(None) => tracing::warn!(path = %path.display(), "folder without an index was passed over"),
            Err(one) => lost.push(one),
        }
    }
    lost.extend(strays.iter().map(|index| stray(&found, index)));
    Ok((found, lost))
}

fn read_one(path: &Path, disk: &dyn Disk) -> Result<Option<Found>, LostIndex> {
    let file = path.join(FILE);
    let metadata: Option<IndexMetadata> =
        state_file::read(&file).map_err(|error| LostIndex::new(path, error.to_string()))?;
    let Some(metadata) = metadata else {
        // Shards without the file that names their index are a loss; empty ones are of an index that was never acknowledged.
        let has_data = |shard: std::fs::ReadDir| shard.flatten().next().is_some();
        let has_shard = std::fs::read_dir(path.join("0")).is_ok_and(has_data);
        let missing = || format!("{} is missing; restore it from a copy", file.display());
        return if has_shard { Err(LostIndex::new(path, missing())) } else { Ok(None) };
    };
    let names = IndexNames::of(&metadata);
    names.mend(disk, path);
    match IndexSettings::read_stored(&metadata.settings) {
        Ok(settings) => {
            let shards = u32::try_from(settings.routing.shards()).unwrap_or(u32::MAX);
            Ok(Some(Found { folder: path.to_owned(), metadata, shards }))
        }
        Err(error) => Err(unreadable(path, names, &error.reason)),
    }
}

/// An index whose metadata was read and says what this build does not understand.
pub(super) fn unreadable(folder: &Path, names: IndexNames, reason: &str) -> LostIndex {
    let file = folder.join(FILE);
    LostIndex::named(folder, names, format!("{}: {reason}; restore it from a copy", file.display()))
}

/// Of two folders with an index of one name the older one serves, and the other is told; neither is touched.
fn keep_older(found: &mut Vec<Found>, index: Found) -> Option<LostIndex> {
    let Some(known) = found.iter_mut().find(|known| known.metadata.name == index.metadata.name) else {
        found.push(index);
        return None;
    };
    let other = if known.metadata.created_millis <= index.metadata.created_millis {
        index
    } else {
        std::mem::replace(known, index)
    };
    let reason = format!(
        "it is in {} and another of that name in {}; move one of the two folders away",
        other.folder.display(),
        known.folder.display()
    );
    Some(LostIndex::named(&other.folder, other.names(), reason))
}

/// An index in a folder that is not its own: somebody's copy. What was written into it would be gone with it.
fn stray(found: &[Found], index: &Found) -> LostIndex {
    let IndexMetadata { name, uuid, .. } = &index.metadata;
    let reason = format!(
        "it holds index [{name}], whose folder is named {uuid}; move it away, or, where that one is lost, give it that name"
    );
    // Beside the index itself a copy takes no name.
    let is_served = found.iter().any(|served| served.metadata.uuid == *uuid);
    LostIndex { folder: index.folder.clone(), names: (!is_served).then(|| index.names()), reason }
}

/// Whether a folder without an index is what is left of one that could not be made.
fn is_unborn(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().all(|entry| {
        let name = entry.file_name();
        let is_empty_folder =
            || std::fs::read_dir(entry.path()).is_ok_and(|mut shard| shard.next().is_none());
        name == NAMES_FILE || name.to_string_lossy().ends_with(".tmp") || is_empty_folder()
    })
}

/// Removes what is left of an index that could not be made. Nobody was told that there is one.
pub(super) fn give_up(folder: &Path) {
    if let Err(error) = fs_err::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "what is left of an index that could not be made stays behind");
    }
}
