//! Opening an engine: the durable state, then every operation of the translog that it does not cover.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use super::deletes::Superseded;
use super::identities::Keeping;
use super::layout::{Layout, Slot};
use super::replay::Durable;
use super::segments::Segments;
use super::throttle::Throttle;
use super::versions::LiveVersions;
use super::writers::Writers;
use super::{Counters, Engine, EngineError, EngineOptions, FolderLock, Shared, Spills, Writing};
use crate::copying::check_finished;
use crate::mapping::Mapping;
use crate::store::{Manifest, SegmentFile, ShardDirectory, check_files};
use crate::translog::{Opening, Translog};
use disk::create_inner_folder_durably;

/// The files of uids end so.
const UID_ENDING: &str = ".uid";

/// A document of more bytes may take ten megabytes and more while it is read, of which no limit is asked when a shard opens: what
/// was acknowledged must come back. So shards that open together read such documents one at a time.
pub const LARGE_DOCUMENT_BYTES: usize = 256 << 10;

impl Engine {
    /// Opens or creates the engine in `folder`. `mapping` must be at least as new as every stored operation.
    pub(crate) fn open(
        folder: &Path,
        mapping: Arc<Mapping>,
        options: EngineOptions,
        shared: Shared,
    ) -> Result<Arc<Self>, EngineError> {
        let lock = FolderLock::take(folder)?;
        check_finished(folder)?;
        let index_folder = folder.join("index");
        let fault = |error: &dyn std::fmt::Display| {
            EngineError::Io(std::io::Error::other(format!("{}: {error}", index_folder.display())))
        };
        create_inner_folder_durably(shared.disk.as_ref(), &index_folder).map_err(|error| fault(&error))?;
        let manifest = check_index(folder, &options)?;
        let directory = ShardDirectory::open(Arc::clone(&shared.disk), &index_folder, manifest.as_ref())
            .map_err(|error| fault(&error))?;
        let slots: Vec<Slot> = match &manifest {
            Some(manifest) => {
                serde_json::from_value(manifest.schema.clone()).map_err(|error| fault(&error))?
            }
            None => Vec::new(),
        };
        let layout = Layout::grow(&slots, mapping, options.sort.clone(), Arc::clone(&options.analysis));
        let layout = Arc::new(layout.packed(options.codec));
        let may_go_on = || shared.workers.check().map_err(std::io::Error::other);
        let keeping = Keeping {
            fielddata: Arc::clone(&shared.fielddata),
            evictions: Arc::default(),
            queries: shared.queries.of_shard(),
            requests: shared.requests.of_shard(),
        };
        let segments = Segments::open(&directory, &layout, manifest.is_none(), &keeping, &may_go_on)?;
        let is_upgraded = manifest.is_some() && segments.has_changed();
        let durable = Durable::of(manifest.as_ref());
        let disk = Arc::clone(&shared.disk);
        let opening = Opening {
            term: options.term,
            own_terms: options.own_terms,
            is_only_copy: options.is_only_copy,
            durable_seq_no: durable.all_up_to,
            retention_bytes: options.retention_bytes,
        };
        let (translog, recovered) = Translog::open(disk, &folder.join("translog"), &opening)?;
        let view = segments.view(Arc::clone(&layout));
        let writing = Writing { layout, index: segments.index() };
        let versions = LiveVersions::new(&shared.tombstones, translog.shared_local());
        let engine = Arc::new(Self {
            directory,
            shared,
            translog,
            versions,
            writers: Writers::new(options.writers),
            options,
            superseded: Mutex::new(Superseded::default()),
            spills: Mutex::new(Spills::default()),
            spilled: Condvar::new(),
            epoch: AtomicU64::new(0),
            flushing: Mutex::new(()),
            put_off: Mutex::default(),
            shows_dropped: AtomicBool::new(false),
            segments: Mutex::new(segments),
            merged: Condvar::new(),
            throttle: Throttle::default(),
            damage: OnceLock::new(),
            are_merges_ended: Arc::default(),
            merges_fail: AtomicBool::new(false),
            writing: ArcSwap::from_pointee(writing),
            view: ArcSwap::from_pointee(view),
            dirty: AtomicBool::new(false),
            counters: Counters::default(),
            activity: Arc::default(),
            folder: folder.to_owned(),
            _lock: lock,
        });
        if let Some(recovered) = recovered {
            engine.replay(&recovered, durable)?;
        }
        if is_upgraded {
            engine.flush(0)?;
        }
        Ok(engine)
    }

    /// Whether the files in `folder` are those of a shard that can be opened. Nothing is changed.
    pub(crate) fn check(folder: &Path, options: &EngineOptions) -> Result<(), EngineError> {
        check_finished(folder)?;
        check_index(folder, options)?;
        Ok(Translog::check_folder(&folder.join("translog"))?)
    }
}

/// Reads the durable state of the shard in `folder` and checks that its files are what was written.
fn check_index(folder: &Path, options: &EngineOptions) -> Result<Option<Manifest>, EngineError> {
    let index_folder = folder.join("index");
    let manifest = Manifest::read(&index_folder)?;
    if let Some(manifest) = &manifest {
        let fits = |bytes: u64| bytes <= options.check_bytes_max;
        let is_uids = |file: &SegmentFile| file.name.ends_with(UID_ENDING);
        let all = fits(manifest.files.iter().map(|file| file.bytes).sum());
        let uids = fits(manifest.files.iter().filter(|file| is_uids(file)).map(|file| file.bytes).sum());
        // Whatever else is damaged is missed or found later; a uid that is not found lets the same document in twice.
        check_files(&index_folder, &manifest.files, |file| all || uids && is_uids(file))??;
    }
    if manifest.is_none() && Translog::was_trimmed(&folder.join("translog"))? {
        return Err(EngineError::Folder {
            path: index_folder.display().to_string(),
            reason: "the manifest is missing, though the translog knows a durable state; restore the shard from a copy or a snapshot".to_owned(),
        });
    }
    Ok(manifest)
}
