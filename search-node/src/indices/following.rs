//! What the map says of an index becomes what the index is on this node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cluster::state::{CopyId, IndexEntry, IndexId, NodeId};
use shard::mapping::{Mapping, parse_mapping};
use shard::{FilesReceiver, create_folder_durably};

use super::analysis_settings;
use super::index::{Index, first_fault};
use super::index_names::IndexNames;
use super::metadata::{FILE, IndexMetadata};
use super::resizing::fills_first;
use super::settings::IndexSettings;
use crate::error::ApiError;
use crate::state_file;

/// An index as another version of the map has it.
struct Newer {
    metadata: IndexMetadata,
    mapping: Mapping,
    settings: IndexSettings,
}

impl Newer {
    /// `settings` are those of the metadata before.
    fn read(
        before: &IndexMetadata,
        settings: &IndexSettings,
        id: &IndexId,
        entry: &IndexEntry,
    ) -> Result<Self, ApiError> {
        let metadata = IndexMetadata { copies: before.copies.clone(), ..IndexMetadata::of_entry(id, entry)? };
        // Mappings grow more often than settings change, and analyzers with many synonyms take a while to make.
        let settings = if metadata.settings == before.settings {
            settings.clone()
        } else {
            IndexSettings::read_stored(&metadata.settings)?
        };
        let mapping = parse_mapping(&metadata.mapping)?.lenient(settings.leniency());
        Ok(Self { metadata, mapping, settings })
    }
}

impl Index {
    /// Makes the index on this node what the map says of it, durably, before anybody works by it.
    pub(super) fn follow(&self, id: &IndexId, entry: &IndexEntry, own: NodeId) -> Result<(), ApiError> {
        let mut metadata = self.metadata.lock();
        // Most changes of the map are about other indices.
        let is_changed = metadata.version != entry.version;
        let newer = is_changed.then(|| Newer::read(&metadata, &self.settings(), id, entry)).transpose()?;
        let wanted = copies_on(entry, own);
        let held = self.begin_copies(&metadata, entry, &wanted)?;
        // Where an older build wrote it, it needs no names of copies as long as all of them are here.
        let is_unnamed = metadata.copies.is_none() && wanted.len() == self.copies.len();
        let copies = (!is_unnamed).then(|| held.clone());
        if newer.is_some() || copies != metadata.copies {
            let (mut next, parsed) = match newer {
                Some(Newer { metadata, mapping, settings }) => (metadata, Some((mapping, settings))),
                None => (metadata.clone(), None),
            };
            next.copies = copies;
            self.keep(&metadata, &next)?;
            let (was_closed, is_closed) = (metadata.is_closed, next.is_closed);
            let defines_others = analysis_settings::differ(&metadata.settings, &next.settings);
            self.is_backing.store(next.data_stream.is_some(), Ordering::Release);
            if is_closed {
                self.is_closed.store(true, Ordering::Release);
                // Its shards may stay open for a while. What changes meanwhile may be what was answered by.
                self.open_shards().for_each(|shard| shard.clear_requests());
            }
            *metadata = next;
            if let Some((mapping, settings)) = parsed {
                let is_outdated = defines_others || opens_otherwise(&self.settings(), &settings, was_closed);
                self.settings.store(Arc::new(settings));
                self.copies().for_each(|copy| copy.set_options(self.engine_options(), is_outdated));
                // Stored first: a shard that is opened meanwhile finds it, or is among the open ones below.
                self.mapping.store(Arc::new(mapping));
            }
            if !is_closed {
                // Whoever is let in finds what was set while it was closed.
                self.is_closed.store(false, Ordering::Release);
            }
        }
        let serving = wanted.into_iter().filter(|(number, copy)| held.get(number) == Some(copy)).collect();
        self.take_copies(&serving, metadata.version);
        self.tell_copies(metadata.version)
    }

    /// Has each copy read documents by a version of the index, also beyond one that cannot; that one is told again until it can. The
    /// caller holds the metadata.
    fn tell_copies(&self, version: u64) -> Result<(), ApiError> {
        let (mapping, now) = (self.mapping(), self.clock.now_millis());
        let told = first_fault(self.copies().map(|copy| copy.read_by(version, &mapping, now)));
        self.told.send_replace(version);
        told
    }

    /// Gives the mapping to every open shard, also beyond one that cannot take it.
    pub(super) fn tell_shards(&self, mapping: &Arc<Mapping>) -> Result<(), ApiError> {
        let now = self.clock.now_millis();
        first_fault(self.open_shards().map(|shard| Ok(shard.set_mapping(Arc::clone(mapping), now)?)))
    }

    /// The version of the map's entry by which a copy here reads documents.
    pub(super) fn version_of_copy(&self, number: usize) -> u64 {
        self.copy(number).map_or(0, |copy| copy.reads_by())
    }

    /// Waits until a copy here reads documents by a version of the map's entry, or a later one.
    pub(super) async fn wait_version_of_copy(&self, number: usize, version: u64) {
        let mut told = self.told.subscribe();
        while self.version_of_copy(number) < version && told.changed().await.is_ok() {}
    }

    /// Writes down what the index is.
    fn keep(&self, before: &IndexMetadata, next: &IndexMetadata) -> Result<(), ApiError> {
        let (disk, is_new) = (self.shared.disk.as_ref(), before.version == 0);
        if is_new {
            // A node without copies of it has none of the folders of its shards.
            create_folder_durably(disk, &self.folder).map_err(|error| self.unwritten(&error))?;
        }
        let names = IndexNames::of(next);
        if is_new || names != IndexNames::of(before) {
            names.write(disk, &self.folder).map_err(|error| self.unwritten(&error))?;
        }
        let written = state_file::write(disk, &self.folder.join(FILE), next);
        written.map_err(|error| self.unwritten(&error))
    }

    /// Begins the copies here that have nothing to begin with; gives those that the folder holds then.
    fn begin_copies(
        &self,
        metadata: &IndexMetadata,
        entry: &IndexEntry,
        wanted: &BTreeMap<u32, CopyId>,
    ) -> Result<BTreeMap<u32, CopyId>, ApiError> {
        let mut held = metadata.copies.clone().unwrap_or_else(|| wanted.clone());
        for (number, copy) in wanted {
            let shard = entry.shards.get(*number as usize);
            let begins = shard.is_some_and(|shard| shard.is_begun_by(*copy));
            // Whoever fills it gives it its name once it is whole.
            if shard.is_some_and(|shard| fills_first(entry, shard, *copy)) {
                continue;
            }
            if held.get(number) != Some(copy) && (metadata.version == 0 || begins) {
                self.begin_copy(*number)?;
                held.insert(*number, *copy);
            }
        }
        Ok(held)
    }

    /// The folder of a copy that begins here. It comes first: an index whose metadata is there and whose shard is not has lost
    /// it. What was there of another copy, or was to be one, goes: the map has let go of it.
    fn begin_copy(&self, number: u32) -> Result<(), ApiError> {
        let (folder, disk) = (self.shard_folder(number), self.shared.disk.as_ref());
        if folder.is_dir() {
            // Whoever has it yet would write into what comes.
            self.close_copy(number)?;
            FilesReceiver::discard(disk, &folder).map_err(|error| self.folder_fault(error))?;
        }
        create_folder_durably(disk, &folder).map_err(|error| self.unwritten(&error))
    }

    fn take_copies(&self, wanted: &BTreeMap<u32, CopyId>, version: u64) {
        for (number, place) in self.copies.iter().enumerate() {
            let number = number as u32;
            let (wanted, current) = (wanted.get(&number), place.load_full());
            match (wanted, current) {
                (None, Some(gone)) => {
                    place.store(None);
                    gone.close();
                }
                (Some(wanted), current) if current.as_ref().is_none_or(|current| current.copy != *wanted) => {
                    let copy = self.closed_copy(*wanted, &self.shard_folder(number), version);
                    place.store(Some(Arc::new(copy)));
                    // What was there was another copy.
                    current.inspect(|other| other.close());
                }
                (None, None) | (Some(_), _) => {}
            }
        }
    }
}

/// Whether a shard that is open works by what only opening it reads, and that has changed.
fn opens_otherwise(before: &IndexSettings, next: &IndexSettings, was_closed: bool) -> bool {
    let fixed = |settings: &IndexSettings| (settings.sort.clone(), settings.codec, settings.check_bytes_max);
    // These change while it is open, too, where nobody has to wait for the shard to be opened anew.
    let tuned =
        |settings: &IndexSettings| (settings.merge, settings.gc_deletes, settings.flush_threshold_bytes);
    fixed(before) != fixed(next) || (was_closed && tuned(before) != tuned(next))
}

/// The copies that a node has of the shards.
fn copies_on(entry: &IndexEntry, own: NodeId) -> BTreeMap<u32, CopyId> {
    let numbered = entry.shards.iter().enumerate();
    numbered.filter_map(|(number, shard)| Some((number as u32, shard.on(own)?))).collect()
}

#[cfg(test)]
mod tests {
    use cluster::state::ShardCopies;
    use serde_json::{Value, json};
    use shard::{Condition, HostDisk, Shard, Workers, WriteRequest};
    use testkit::CrashDisk;

    use super::super::auto_create::AutoCreate;
    use super::super::index_run::IndexRun;
    use super::super::registry::Indices;
    use super::super::settings_changes::SettingsChange;
    use super::super::test_disk::{Breakable, resources};
    use super::*;

    struct Tried {
        _root: tempfile::TempDir,
        indices: Indices,
        index: Arc<Index>,
    }

    fn document(id: &str) -> WriteRequest<'_> {
        WriteRequest {
            uid: id,
            doc_type: None,
            id,
            routing: None,
            source: Some(b"{}"),
            condition: Condition::None,
            is_new_id: false,
            now_millis: 0,
        }
    }

    impl Tried {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a folder");
            let folder = root.path().join("indices");
            let mut resources = resources(HostDisk::shared());
            // Merges wait for ever.
            resources.shared.workers = Workers::on_demand();
            let indices = Indices::open(&folder, AutoCreate::All, resources).expect("opens");
            let index = indices.create("door", &Value::Null).expect("made");
            Self { _root: root, indices, index }
        }

        fn shard(&self) -> Arc<Shard> {
            self.index.open_copy(0).expect("opened")
        }

        fn close(&self) {
            self.indices.close_indices(&[Arc::clone(&self.index)]).expect("closed");
        }

        fn open(&self) {
            self.indices.open_indices(&[Arc::clone(&self.index)]).expect("open");
        }

        fn put(&self, id: &str) {
            let mut run = IndexRun::new(Arc::clone(&self.index));
            run.write(&document(id)).expect("written");
            assert!(run.sync().is_empty());
        }

        fn set(&self, changes: &Value) {
            let change = SettingsChange { changes, keeps_existing: false, expanded: None };
            self.index.change_settings(change).expect("set");
        }
    }

    /// It used to go on as it was opened before, where nothing had let go of it between.
    #[test]
    fn a_shard_is_opened_anew_by_what_changed_while_its_index_was_closed() {
        for changes in [
            json!({"codec": "best_compression"}),
            json!({"shard.check_on_startup": "checksum"}),
            json!({"merge.policy.segments_per_tier": "5"}),
            json!({"gc_deletes": "1s"}),
            json!({"translog.flush_threshold_size": "1mb"}),
            json!({"analysis": {"analyzer": {"mine": {"type": "custom", "tokenizer": "keyword"}}}}),
        ] {
            let tried = Tried::new();
            let before = Arc::downgrade(&tried.shard());
            tried.close();
            tried.set(&changes);
            tried.open();

            let now = Arc::downgrade(&tried.shard());

            assert!(!before.ptr_eq(&now), "{changes}");
            assert!(before.upgrade().is_none(), "{changes}");
        }
    }

    /// Whoever used it next was told that it is in use, ten seconds later, until its merges were done.
    #[test]
    fn a_shard_that_merges_is_opened_anew_all_the_same() {
        let tried = Tried::new();
        for n in 0..12 {
            tried.put(&n.to_string());
            tried.shard().refresh(0).expect("shown");
        }
        assert!(!tried.shard().is_alone(), "a merge waits");
        tried.close();
        tried.set(&json!({"analysis": {"analyzer": {"mine": {"type": "custom", "tokenizer": "keyword"}}}}));
        tried.open();

        let shard = tried.shard();

        assert_eq!(shard.stats().documents, 12);
        assert!(shard.is_alone());
    }

    /// It used to lose its folder to the next one, and went on to write there.
    #[test]
    fn a_copy_begins_once_nobody_has_the_one_before() {
        let tried = Tried::new();
        tried.put("before");
        let user = tried.shard();
        let id = IndexId(tried.index.uuid.clone());
        let mut shard = ShardCopies::unplaced();
        shard.place_first(CopyId(99), NodeId(7)).expect("placed");
        let entry = tried.index.metadata.lock().to_stored_entry(vec![shard]);

        std::thread::scope(|scope| {
            let following = scope.spawn(|| tried.index.follow(&id, &entry, NodeId(7)));
            while tried.index.has_copies() && !following.is_finished() {
                std::thread::yield_now();
            }
            assert!(!following.is_finished(), "somebody has it");
            user.flush(0).expect("its files are there");
            drop(user);
            following.join().expect("ran").expect("followed");
        });

        assert_eq!(tried.index.held_copy(0), Some(CopyId(99)));
        assert!(tried.shard().get("before").expect("read").is_none());
        tried.put("after");
        assert!(tried.shard().get("after").expect("read").is_some());
    }

    /// The version used to be raised first: a shard that could not take the mapping was never told of it again, and let operations in.
    #[test]
    fn a_shard_that_cannot_take_a_mapping_is_told_again_until_it_can() {
        let root = tempfile::tempdir().expect("a folder");
        let disk = Breakable::over(&CrashDisk::new(root.path()));
        let resources = resources(Arc::clone(&disk.disk));
        let indices = Indices::open(&root.path().join("indices"), AutoCreate::All, resources).expect("opens");
        let two =
            json!({"settings": {"number_of_shards": 2}, "mappings": {"properties": {"n": {"type": "long"}}}});
        let tried = Tried { _root: root, index: indices.create("door", &two).expect("made"), indices };
        let index = &tried.index;
        let (id, own) = (IndexId(index.uuid.clone()), NodeId(7));
        let shards = [1, 2].map(|copy| ShardCopies::created(CopyId(copy), own));
        let mut entry = index.metadata.lock().to_stored_entry(shards.to_vec());
        entry.version += 1;
        index.follow(&id, &entry, own).expect("followed");
        tried.put("a");
        tried.put("b");
        let broken = index.shard_of("a", None);
        assert_ne!(broken, index.shard_of("b", None));
        disk.set_broken(true);
        let mut run = IndexRun::new(Arc::clone(index));
        run.write(&document("a")).expect("written");
        assert!(!run.sync().is_empty(), "its disk is broken");
        drop(run);
        disk.set_broken(false);
        let before = entry.version;
        entry.version += 1;
        let mapping = json!({"dynamic": false, "properties": {"n": {"type": "long"}, "m": {"type": "long"}}});
        entry.parts.insert("mapping".to_owned(), mapping.to_string());

        let failed = index.follow(&id, &entry, own).err();

        assert_eq!(failed.map(|error| error.kind.to_string()).as_deref(), Some("translog_exception"));
        let versions = || [broken, 1 - broken].map(|number| index.version_of_copy(number));
        assert_eq!(versions(), [before, entry.version], "the other one does not wait for it");
        index.mend_at(i64::MAX).expect("mended");
        index.follow(&id, &entry, own).expect("followed");
        assert_eq!(versions(), [entry.version; 2]);
    }

    #[test]
    fn a_shard_of_which_nothing_changed_goes_on_as_it_is() {
        let tried = Tried::new();
        let before = Arc::downgrade(&tried.shard());
        tried.set(&json!({"gc_deletes": "1s"}));
        assert!(before.ptr_eq(&Arc::downgrade(&tried.shard())), "nobody waits for it while it is open");

        tried.close();
        tried.set(&json!({"max_result_window": "5"}));
        tried.open();

        assert!(before.ptr_eq(&Arc::downgrade(&tried.shard())));
    }
}
