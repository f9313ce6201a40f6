//! One copy on a disk whose power can be cut.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use shard::mapping::{Mapping, parse_mapping};
use shard::{
    Applied, EngineError, EngineOptions, FilesReceiver, MergeOptions, Operation, Shard, Shared, Workers,
};
use tempfile::TempDir;
use testkit::{CrashDisk, PowerCut, RecordedDisk, Survival, scratch};

pub(crate) const NOW: i64 = 1_795_515_630_123;

pub(crate) fn mapping() -> Arc<Mapping> {
    let fields = json!({"properties": {
        "n": {"type": "long"}, "t": {"type": "text"},
        "a": {"type": "nested", "properties": {"x": {"type": "long"}}}
    }});
    Arc::new(parse_mapping(&fields).expect("valid"))
}

/// Deletes are forgotten at once if nothing keeps them, and what is replayed is shown three by three.
pub(crate) fn options(term: u64) -> EngineOptions {
    EngineOptions {
        writers: 2,
        term,
        own_terms: false,
        is_only_copy: false,
        flush_wait: Duration::ZERO,
        gc_deletes: Duration::ZERO,
        replay_batch: 3,
        merge: MergeOptions { factor: 3, throttle_max: Duration::ZERO, ..MergeOptions::default() },
        ..EngineOptions::default()
    }
}

pub(crate) fn open(disk: &RecordedDisk, folder: &std::path::Path, term: u64) -> Result<Shard, EngineError> {
    let shared = Shared { workers: Workers::new(0), disk: disk.shared(), ..Shared::default() };
    Shard::open(folder, mapping(), options(term), shared)
}

/// A copy.
pub(crate) struct Copy {
    root: TempDir,
    disk: RecordedDisk,
    shard: Option<Shard>,
    /// What the primary has sent and this copy has not applied.
    pub(crate) inbox: Vec<Operation>,
    /// Up to where it had everything when it was synced last.
    pub(crate) synced: i64,
    /// Whether it still waits for a part of what a new primary has named.
    pub(crate) is_resyncing: bool,
    /// Whether it has everything that was acknowledged, and is waited for.
    pub(crate) is_in_sync: bool,
}

impl Copy {
    pub(crate) fn new() -> Result<Self, EngineError> {
        let root = scratch();
        let disk = RecordedDisk::over(&CrashDisk::new(root.path()));
        let mut copy = Self {
            root,
            disk,
            shard: None,
            inbox: Vec::new(),
            synced: -1,
            is_resyncing: false,
            is_in_sync: true,
        };
        copy.open(1)?;
        Ok(copy)
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("shard")
    }

    pub(crate) fn shard(&self) -> &Shard {
        self.shard.as_ref().expect("open")
    }

    fn open(&mut self, term: u64) -> Result<(), EngineError> {
        self.shard = Some(open(&self.disk, &self.folder(), term)?);
        Ok(())
    }

    /// Closes it in order and opens it again.
    pub(crate) fn reopen(&mut self) -> Result<(), EngineError> {
        let shard = self.shard.take().expect("open");
        shard.close()?;
        self.open(1)
    }

    /// Cuts its power, and opens what is left.
    pub(crate) fn crash(&mut self, survival: Survival) -> Result<(), EngineError> {
        self.shard = None;
        let history = self.disk.history();
        let root = scratch();
        PowerCut::after(history, history.len(), survival).lay_out(root.path())?;
        self.disk = RecordedDisk::over(&CrashDisk::over(root.path())?);
        self.root = root;
        self.open(1)
    }

    /// Opens it again without what does not count.
    pub(crate) fn roll_back(&mut self) -> Result<(), EngineError> {
        let shard = self.shard.take().expect("open");
        self.shard = Some(shard.roll_back()?);
        Ok(())
    }

    pub(crate) fn sync(&mut self) -> Result<(), EngineError> {
        self.shard().sync_all()?;
        self.synced = self.shard().local();
        Ok(())
    }

    /// Applies what was sent at a place of the inbox.
    pub(crate) fn apply(&mut self, at: usize, is_doubled: bool) -> Result<(), EngineError> {
        let operation = self.inbox.swap_remove(at);
        let mut run = self.shard().apply_run(self.shard().term(), NOW);
        for _ in 0..=usize::from(is_doubled) {
            match run.apply(&operation)? {
                Applied::Done(_) => {}
                Applied::NeedsMapping(_) => panic!("the mapping has every field"),
            }
        }
        Ok(())
    }

    /// Makes it anew from the files of another copy; gives up to where it has everything then.
    pub(crate) fn fill(&mut self, source: &Self, part: usize) -> Result<i64, EngineError> {
        let snapshot = source.shard().snapshot_files(NOW)?;
        self.shard = None;
        let mut receiver = FilesReceiver::begin(self.disk.shared(), &self.folder(), &snapshot.files)?;
        for file in receiver.missing() {
            let mut offset = 0;
            while offset < file.bytes {
                let bytes = snapshot.read(&file.name, offset, part)?;
                receiver.write(&file.name, offset, &bytes)?;
                offset += bytes.len() as u64;
            }
        }
        let received = receiver.finish(source.shard().term())?;
        self.open(1)?;
        self.synced = received.max_seq_no;
        Ok(received.max_seq_no)
    }
}
