//! The indices of a node as the map says they are: made, changed and removed as it changes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use cluster::state::{ClusterState, Command, CopyId, IndexEntry, IndexId, NodeId, ShardCopies, ShardId};
use parking_lot::{Mutex, RwLock};

use super::agreement::Agreement;
use super::found::{DELETED, Found, give_up};
use super::index::{Index, Resources};
use super::lookup::Lookup;
use super::lost_index::LostIndex;
use super::metadata::{FILE, IndexMetadata};
use super::settings::IndexSettings;
use crate::error::ApiError;
use crate::state_file::{self, StateFileError};

/// The indices of a node.
pub(crate) struct Served {
    folder: PathBuf,
    resources: Resources,
    names: RwLock<Names>,
    /// What every name means, by the map that was followed last.
    lookup: ArcSwap<Lookup>,
    /// What was found in the folder and the map has not named yet.
    found: Mutex<HashMap<IndexId, IndexMetadata>>,
    /// Folders of indices that cannot be read.
    unreadable: HashSet<PathBuf>,
    /// Held while the set of indices changes.
    changing: Mutex<()>,
}

#[derive(Default)]
struct Names {
    by_name: HashMap<String, Arc<Index>>,
    by_id: HashMap<IndexId, Arc<Index>>,
}

impl Served {
    /// None yet; `found` is what the folder holds.
    pub(super) fn new(folder: &Path, resources: Resources, found: &[Found], lost: &[LostIndex]) -> Self {
        let found = found.iter().map(|found| (found.id(), found.metadata.clone())).collect();
        Self {
            folder: folder.to_owned(),
            resources,
            names: RwLock::default(),
            lookup: ArcSwap::default(),
            found: Mutex::new(found),
            unreadable: lost.iter().map(|lost| lost.folder.clone()).collect(),
            changing: Mutex::new(()),
        }
    }

    /// Every index, in the order of names.
    pub(super) fn all(&self) -> Vec<Arc<Index>> {
        let mut all: Vec<Arc<Index>> = self.names.read().by_name.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// What every name means.
    pub(super) fn lookup(&self) -> Arc<Lookup> {
        self.lookup.load_full()
    }

    /// The index of exactly this name.
    pub(super) fn get(&self, name: &str) -> Option<Arc<Index>> {
        self.names.read().by_name.get(name).cloned()
    }

    /// The index of this id.
    pub(super) fn of_id(&self, id: &IndexId) -> Option<Arc<Index>> {
        self.names.read().by_id.get(id).cloned()
    }

    /// Makes the indices of this node what the map says. Gives those for which that failed; the others are done, and who calls
    /// again later tries again.
    pub(crate) fn follow(
        &self,
        map: &ClusterState,
        own: NodeId,
        agreement: &Arc<dyn Agreement>,
    ) -> BTreeMap<IndexId, ApiError> {
        let _changing = self.changing.lock();
        let mut failures = BTreeMap::new();
        for (id, entry) in &map.indices {
            let followed = match self.of_id(id) {
                Some(index) => index.follow(id, entry, own),
                None => self.take_up(id, entry, own, agreement),
            };
            if let Err(error) = followed {
                failures.insert(id.clone(), error);
            }
        }
        // A name that goes over to another index means one of them at any time: what is gone goes last.
        let lookup = Lookup::of(map, &self.names.read().by_id, &self.lookup());
        self.lookup.store(Arc::new(lookup));
        let gone: Vec<(IndexId, Arc<Index>)> = {
            let names = self.names.read();
            let is_gone = |(id, _): &(&IndexId, &Arc<Index>)| !map.indices.contains_key(*id);
            names.by_id.iter().filter(is_gone).map(|(id, index)| (id.clone(), Arc::clone(index))).collect()
        };
        for (id, index) in gone {
            if let Err(error) = self.let_go(&id, &index) {
                failures.insert(id, error);
            }
        }
        failures
    }

    /// The commands that make a map say what the folder holds: every shard is in sync, here. The folder knows of it before the map
    /// does.
    pub(super) fn commands_for_found(
        &self,
        map: &ClusterState,
        own: NodeId,
    ) -> Result<Vec<Command>, StateFileError> {
        let mut last = map.last_copy;
        let mut commands = Vec::new();
        for (id, metadata) in self.found.lock().iter_mut() {
            let Ok(settings) = IndexSettings::read_stored(&metadata.settings) else { continue };
            let copies: BTreeMap<u32, CopyId> = (0..settings.routing.shards() as u32)
                .map(|number| (number, CopyId(last + 1 + u64::from(number))))
                .collect();
            last += copies.len() as u64;
            let shards = copies.values().map(|copy| ShardCopies::created(*copy, own)).collect();
            metadata.copies = Some(copies);
            metadata.version = metadata.version.max(1);
            state_file::write(
                self.resources.shared.disk.as_ref(),
                &self.folder.join(&id.0).join(FILE),
                metadata,
            )?;
            commands.push(Command::CreateIndex { id: id.clone(), entry: metadata.to_stored_entry(shards) });
        }
        Ok(commands)
    }

    /// The copies here that the map does not know on any node.
    pub(super) fn found_copies(&self, map: &ClusterState) -> Vec<(ShardId, CopyId)> {
        let mut found = Vec::new();
        for (id, entry) in &map.indices {
            let Some(index) = self.of_id(id) else { continue };
            for (number, copy) in index.held() {
                let shard = entry.shards.get(number as usize);
                if shard.is_some_and(|shard| !shard.present().contains_key(&copy)) {
                    found.push((ShardId { index: id.clone(), number }, copy));
                }
            }
        }
        found
    }

    /// What the copies here wish the map to say of them: that the first one of a shard is there.
    pub(super) fn wishes(&self, map: &ClusterState) -> Vec<Command> {
        let mut wishes = Vec::new();
        for (id, entry) in &map.indices {
            let Some(index) = self.of_id(id) else { continue };
            for (number, copy) in index.held() {
                let Some(shard) = entry.shards.get(number as usize) else { continue };
                let name = ShardId { index: id.clone(), number };
                if shard.is_begun_by(copy) {
                    wishes.push(Command::MarkInSync { shard: name, copy, term: shard.term() });
                }
            }
        }
        wishes
    }

    fn take_up(
        &self,
        id: &IndexId,
        entry: &IndexEntry,
        own: NodeId,
        agreement: &Arc<dyn Agreement>,
    ) -> Result<(), ApiError> {
        let folder = self.folder.join(&id.0);
        if self.unreadable.contains(&folder) && folder.is_dir() {
            // It is listed as lost; what is left of it may still be saved.
            return Ok(());
        }
        let found = self.found.lock().get(id).cloned();
        let is_new = found.is_none();
        let metadata = match found {
            Some(metadata) => metadata,
            None => IndexMetadata { version: 0, ..IndexMetadata::of_entry(id, entry)? },
        };
        let index = Index::new(&folder, metadata, &self.resources, Arc::clone(agreement))?;
        index.remove_nameless();
        index.follow(id, entry, own).inspect_err(|_| {
            if is_new {
                give_up(&folder);
            }
        })?;
        self.found.lock().remove(id);
        let index = Arc::new(index);
        let mut names = self.names.write();
        names.by_name.insert(index.name.clone(), Arc::clone(&index));
        names.by_id.insert(id.clone(), Arc::clone(&index));
        if is_new {
            tracing::info!(index = index.name, shards = index.number_of_shards(), "created index");
        }
        Ok(())
    }

    fn let_go(&self, id: &IndexId, index: &Index) -> Result<(), ApiError> {
        index.set_gone(true);
        let removed = self.remove(index.folder(), &index.name, || {
            let mut names = self.names.write();
            names.by_id.remove(id);
            // Another one may have the name by now.
            if names.by_name.get(&index.name).is_some_and(|named| named.uuid == index.uuid) {
                names.by_name.remove(&index.name);
            }
            drop(names);
            index.close_refreshes();
        });
        removed.inspect_err(|_| index.set_gone(!index.folder().is_dir()))?;
        tracing::info!(index = index.name, "deleted index");
        Ok(())
    }

    /// Removes the folder of an index. It is renamed first, so that a crash in between leaves nothing half there; `forget` is
    /// called once nothing can bring it back.
    pub(super) fn remove(&self, folder: &Path, name: &str, forget: impl FnOnce()) -> Result<(), ApiError> {
        let fault =
            |error: std::io::Error| ApiError::internal(format!("index [{name}] cannot be deleted: {error}"));
        let own = folder.file_name().and_then(|own| own.to_str()).unwrap_or(name);
        let doomed = self.folder.join(format!("{DELETED}{own}"));
        fs_err::rename(folder, &doomed).map_err(fault)?;
        self.resources.shared.disk.sync_folder(&self.folder).map_err(fault)?;
        forget();
        fs_err::remove_dir_all(&doomed).map_err(fault)
    }
}
