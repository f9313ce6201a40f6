//! The folders of an index's copies: begun, taken over, filled, and let go of. Which copy a folder holds is in the index's metadata.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use cluster::state::{CopyId, ShardCopies, UnassignedReason};
use shard::{Disk, EngineOptions, FilesReceiver, Shard, create_inner_folder_durably};

use super::index::Index;
use super::metadata::{FILE, IndexMetadata};
use super::settings::RESIZE_SOURCE_UUID;
use crate::error::ApiError;
use crate::state_file;

impl Index {
    /// The copy in the folder of a shard, whether it serves or not.
    pub(crate) fn held_copy(&self, number: u32) -> Option<CopyId> {
        self.metadata.lock().copies.as_ref()?.get(&number).copied()
    }

    /// Refuses to tell what another copy has than the one that is meant.
    pub(crate) fn check_copy(&self, number: usize, meant: Option<CopyId>) -> Result<(), ApiError> {
        let serves = self.copies.get(number).and_then(|place| place.load().as_ref().map(|copy| copy.copy));
        match meant {
            Some(meant) if serves != Some(meant) => Err(ApiError::new(
                503,
                "no_shard_available_action_exception",
                format!("copy {meant} of shard [{number}] of [{}] is not on this node any more", self.name),
            )),
            _ => Ok(()),
        }
    }

    /// Whether a copy here holds operations that are not committed.
    pub(crate) fn has_uncommitted(&self, number: u32) -> bool {
        self.copy(number as usize).is_ok_and(|copy| copy.stats().has_uncommitted)
    }

    /// The disk of the folders.
    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.shared.disk)
    }

    /// The folder of a shard.
    pub(crate) fn shard_folder(&self, number: u32) -> PathBuf {
        self.folder.join(number.to_string())
    }

    /// A copy begins with nothing.
    pub(crate) fn make_empty(&self, number: u32, copy: CopyId) -> Result<(), ApiError> {
        self.clear_folder(number)?;
        self.name_copy(number, copy)
    }

    /// A shard in the emptied folder of one, which is no copy and serves nobody before [`Self::name_copy`]. Whoever opens it is the
    /// only one who has it.
    pub(crate) fn open_nameless(&self, number: u32) -> Result<Shard, ApiError> {
        self.clear_folder(number)?;
        let options = EngineOptions { is_only_copy: true, ..self.engine_options() };
        Ok(Shard::open(&self.shard_folder(number), self.mapping(), options, self.shared.clone())?)
    }

    /// Removes what was being filled with documents of another index when the node ended: nobody goes on with that. Called before
    /// anything uses the folders.
    pub(super) fn remove_nameless(&self) {
        let is_made_of_another = self.metadata.lock().settings.contains_key(RESIZE_SOURCE_UUID);
        for number in (0..self.number_of_shards() as u32).filter(|_| is_made_of_another) {
            let folder = self.shard_folder(number);
            // What was coming from another copy is of use to that one.
            if self.held_copy(number).is_none()
                && Shard::peek(&folder).is_ok()
                && let Err(error) = fs_err::remove_dir_all(&folder)
            {
                tracing::warn!(index = self.name, number, %error, "what is left of a shard that was not whole could not be removed");
            }
        }
    }

    /// Whatever was in the folder of a shard goes.
    fn clear_folder(&self, number: u32) -> Result<(), ApiError> {
        self.release_copy(number)?;
        let folder = self.shard_folder(number);
        let discarded = FilesReceiver::discard(self.shared.disk.as_ref(), &folder);
        discarded.map_err(|error| self.folder_fault(error))?;
        create_inner_folder_durably(self.shared.disk.as_ref(), &folder)
            .map_err(|error| self.unwritten(&error))
    }

    /// Makes the primary of a shard whose copies were given up: out of an older copy that is here, with all that it has, or empty.
    pub(crate) fn make_forced(&self, number: u32, copy: CopyId, map: &ShardCopies) -> Result<(), ApiError> {
        let made_of = map.present().get(&copy).and_then(|found| found.made_of);
        let is_forced_empty = map.unassigned().reason == UnassignedReason::ForcedEmptyPrimary;
        match made_of {
            Some(older) if self.held_copy(number) == Some(older) => {
                self.close_copy(number)?;
                self.name_copy(number, copy)
            }
            None if is_forced_empty
                && !map.is_of_this_history(self.held_copy(number).unwrap_or_default()) =>
            {
                self.make_empty(number, copy)
            }
            _ => Err(ApiError::new(
                503,
                "no_shard_available_action_exception",
                format!("this node does not hold copy {copy} of shard [{number}] of [{}]", self.name),
            )),
        }
    }

    /// Makes a copy out of what is here of an older one: all up to where every copy is equal. Gives whether there is anything of use.
    pub(crate) fn take_apart(&self, number: u32, before: CopyId, copy: CopyId) -> Result<bool, ApiError> {
        if self.held_copy(number) != Some(before) {
            return Ok(false);
        }
        let open = self.copy(number as usize).ok().and_then(|copy| copy.opened());
        if let Some(damage) = open.and_then(|shard| shard.damage()) {
            return Err(ApiError::new(500, "corrupt_index_exception", damage));
        }
        self.close_copy(number)?;
        let folder = self.shard_folder(number);
        Shard::peek(&folder).map_err(|error| self.folder_fault(error))?;
        let options = EngineOptions { is_only_copy: false, ..self.engine_options() };
        let shard = Shard::open(&folder, self.mapping(), options, self.shared.clone())?;
        let (term, _, held) = shard.held();
        let beyond: Vec<u64> = held.keys().map(|seq_no| *seq_no as u64).collect();
        if !beyond.is_empty() {
            shard.drop_operations(term, &beyond)?;
        }
        // Nobody else has it: the next opening shows what is left.
        shard.close()?;
        self.name_copy(number, copy)?;
        Ok(true)
    }

    /// The folder of a shard is no copy any more that serves, and whatever is in it is nobody's.
    pub(crate) fn release_copy(&self, number: u32) -> Result<(), ApiError> {
        // Its name goes first: whoever follows the map meanwhile gives nothing out that is being cleared.
        let before = self.held_copy(number);
        self.change_copies(|copies| {
            copies.remove(&number);
        })?;
        self.close_copy(number).inspect_err(|_| {
            let back = before.map_or(Ok(()), |copy| {
                self.change_copies(|copies| {
                    copies.insert(number, copy);
                })
            });
            if let Err(error) = back {
                tracing::warn!(
                    index = self.name,
                    number,
                    reason = error.reason,
                    "a copy that is in use has no name"
                );
            }
        })
    }

    /// What is in the folder of a shard is this copy from now on, and serves.
    pub(crate) fn name_copy(&self, number: u32, copy: CopyId) -> Result<(), ApiError> {
        let mut metadata = self.metadata.lock();
        self.write_copies(&mut metadata, |copies| {
            copies.insert(number, copy);
        })?;
        self.give_out(number, copy, metadata.version);
        Ok(())
    }

    /// Under the lock of the metadata: whoever follows the map meanwhile tells this copy what it is opened with from then on. Operations
    /// may wait for it already, and the next version may be long in coming.
    fn give_out(&self, number: u32, copy: CopyId, version: u64) {
        let closed = self.closed_copy(copy, &self.shard_folder(number), version);
        self.copies[number as usize].store(Some(Arc::new(closed)));
        self.told.send_replace(version);
    }

    /// The same for what was filled in the folder while nobody had it, if it is still wanted and the folder is nobody else's meanwhile.
    /// Gives whether it is. All of that is looked at under the lock under which folders change hands.
    pub(crate) fn name_filled(
        &self,
        number: u32,
        copy: CopyId,
        is_wanted: impl Fn() -> bool,
    ) -> Result<bool, ApiError> {
        let mut is_named = false;
        let mut metadata = self.metadata.lock();
        self.write_copies(&mut metadata, |copies| {
            is_named = is_wanted() && !copies.contains_key(&number);
            if is_named {
                copies.insert(number, copy);
            }
        })?;
        if is_named {
            self.give_out(number, copy, metadata.version);
        }
        Ok(is_named)
    }

    /// Removes the folder of a copy that nobody needs.
    pub(crate) fn remove_copy(&self, number: u32, copy: CopyId) -> Result<(), ApiError> {
        if self.held_copy(number) != Some(copy) {
            return Ok(());
        }
        self.release_copy(number)?;
        let folder = self.shard_folder(number);
        // A merge in the background may have it yet.
        let discarded = FilesReceiver::discard(self.shared.disk.as_ref(), &folder);
        discarded.map_err(|error| self.folder_fault(error))?;
        tracing::info!(index = self.name, number, %copy, "removed a copy that is no longer needed here");
        fs_err::remove_dir_all(&folder).map_err(|error| self.unwritten(&error))
    }

    /// Takes a copy from everybody and closes it.
    pub(super) fn close_copy(&self, number: u32) -> Result<(), ApiError> {
        let place = &self.copies[number as usize];
        let Some(copy) = place.swap(None) else { return Ok(()) };
        copy.end().inspect_err(|_| place.store(Some(copy)))
    }

    fn change_copies(&self, change: impl FnOnce(&mut BTreeMap<u32, CopyId>)) -> Result<(), ApiError> {
        self.write_copies(&mut self.metadata.lock(), change)
    }

    fn write_copies(
        &self,
        metadata: &mut IndexMetadata,
        change: impl FnOnce(&mut BTreeMap<u32, CopyId>),
    ) -> Result<(), ApiError> {
        let mut next = metadata.clone();
        change(next.copies.get_or_insert_default());
        if next != *metadata {
            let written = state_file::write(self.shared.disk.as_ref(), &self.folder.join(FILE), &next);
            written.map_err(|error| self.unwritten(&error))?;
            *metadata = next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cluster::state::CopyId;
    use serde_json::json;
    use shard::HostDisk;

    use super::super::{AutoCreate, Indices, resources};

    /// The folder may have been given to another copy after the last document was written.
    #[test]
    fn what_was_filled_has_no_name_where_it_is_not_wanted_or_the_folder_is_another_copys() {
        let folder = tempfile::tempdir().expect("a folder");
        let indices =
            Indices::open(folder.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
        let index = indices.create("i", &json!({})).expect("made");
        let fill = || index.open_nameless(0).expect("open").close().expect("closed");
        let (filled, other) = (CopyId(7), CopyId(8));

        fill();
        assert!(!index.name_filled(0, filled, || false).expect("looked at"));
        assert_eq!(index.held_copy(0), None, "it is not wanted");
        index.make_empty(0, other).expect("given away");
        assert!(!index.name_filled(0, filled, || true).expect("looked at"));
        assert_eq!(index.held_copy(0), Some(other));
        fill();
        assert!(index.name_filled(0, filled, || true).expect("named"));
        assert_eq!(index.held_copy(0), Some(filled));
    }

    /// It used to wait for the next version of its index, and refused what its primary sent until there was one.
    #[tokio::test]
    async fn a_copy_that_gets_its_name_reads_by_the_version_that_its_index_is_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let indices =
            Indices::open(folder.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
        let index = indices.create("i", &json!({})).expect("made");
        let version = index.metadata.lock().version;
        assert_ne!(version, 0);
        index.release_copy(0).expect("released");
        let waiting = index.wait_version_of_copy(0, version);
        tokio::pin!(waiting);
        assert!(futures::poll!(waiting.as_mut()).is_pending(), "there is no copy");

        index.open_nameless(0).expect("open").close().expect("closed");
        index.name_copy(0, CopyId(7)).expect("named");

        waiting.await;
        assert_eq!(index.version_of_copy(0), version);
    }
}
