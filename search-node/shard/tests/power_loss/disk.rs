//! The shard's disk over one that remembers every change, with faults on demand.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use shard::{Disk, DiskFile};
use testkit::{CrashDisk, FileId};

/// The disk of a test; clones are the same disk.
#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) crash: CrashDisk,
    forgets: Forgets,
    calls: Arc<Mutex<Calls>>,
}

/// What the disk only pretends to do, to show that the test would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgets {
    Nothing,
    /// The names in the folder of segments are never made durable.
    Folders,
    /// The content of closed files is never made durable.
    Files,
    /// The content of open files is never made durable.
    Writes,
}

/// What is asked of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    CreateFolder,
    Create,
    Open,
    Rename,
    Remove,
    SyncFolder,
    SyncFile,
    Write,
    SetLength,
    Sync,
}

/// A place at which the disk can fail: an operation on a kind of path.
pub(crate) type Place = (Operation, &'static str);

/// One call that fails, once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injection {
    pub(crate) place: Place,
    /// Which of the calls at that place.
    pub(crate) nth: usize,
    pub(crate) kind: io::ErrorKind,
}

#[derive(Default)]
struct Calls {
    counts: BTreeMap<Place, usize>,
    injection: Option<Injection>,
    has_failed: bool,
}

struct RecordedFile {
    disk: Recorded,
    path_kind: &'static str,
    id: FileId,
    file: fs_err::File,
}

impl std::fmt::Debug for RecordedFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RecordedFile({})", self.id)
    }
}

/// What a path is for.
fn kind_of(path: &Path) -> &'static str {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("tlog") => "translog",
        Some("ckp") => "checkpoint",
        Some("del") => "deletes",
        Some("tmp") => "manifest",
        Some(_) => "segment",
        None if name == "manifest" => "manifest",
        None => match name {
            "translog" => "folder of the translog",
            "index" => "folder of segments",
            _ => "folder",
        },
    }
}

impl Recorded {
    pub(crate) fn new(crash: CrashDisk, forgets: Forgets, injection: Option<Injection>) -> Self {
        let calls = Calls { injection, ..Calls::default() };
        Self { crash, forgets, calls: Arc::new(Mutex::new(calls)) }
    }

    /// How often each place was reached.
    pub(crate) fn counts(&self) -> BTreeMap<Place, usize> {
        self.calls.lock().expect("no panic").counts.clone()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.calls.lock().expect("no panic").has_failed
    }

    /// Counts a call, and fails it if it is the one.
    fn call(&self, operation: Operation, path_kind: &'static str) -> io::Result<()> {
        let mut calls = self.calls.lock().expect("no panic");
        let place = (operation, path_kind);
        let count = calls.counts.entry(place).or_default();
        let nth = *count;
        *count += 1;
        match calls.injection {
            Some(injection) if injection.place == place && injection.nth == nth => {
                calls.has_failed = true;
                Err(io::Error::new(injection.kind, format!("injected: {operation:?} of {path_kind}")))
            }
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path, opened: (FileId, fs_err::File)) -> Arc<dyn DiskFile> {
        let (id, file) = opened;
        Arc::new(RecordedFile { disk: self.clone(), path_kind: kind_of(path), id, file })
    }
}

impl Disk for Recorded {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.call(Operation::CreateFolder, kind_of(path))?;
        self.crash.create_folder(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.call(Operation::Create, kind_of(path))?;
        if path.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        Ok(self.file(path, self.crash.create(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.call(Operation::Create, kind_of(path))?;
        Ok(self.file(path, self.crash.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.call(Operation::Open, kind_of(path))?;
        Ok(self.file(path, self.crash.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(Operation::Rename, kind_of(to))?;
        self.crash.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(Operation::Remove, kind_of(path))?;
        self.crash.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call(Operation::SyncFolder, kind_of(path))?;
        if self.forgets == Forgets::Folders && path.ends_with("index") {
            return Ok(());
        }
        self.crash.sync_folder(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.call(Operation::SyncFile, kind_of(path)).inspect_err(|_| self.crash.fail_sync_file(path))?;
        if self.forgets == Forgets::Files { Ok(()) } else { self.crash.sync_file(path) }
    }
}

impl DiskFile for RecordedFile {
    /// A write that fails has often written a part.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let failed = self.disk.call(Operation::Write, self.path_kind);
        let written = if failed.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        self.disk.crash.write_at(self.id, &self.file, written, offset)?;
        failed
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.call(Operation::SetLength, self.path_kind)?;
        self.disk.crash.set_length(self.id, &self.file, length)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk
            .call(Operation::Sync, self.path_kind)
            .inspect_err(|_| self.disk.crash.fail_sync(self.id))?;
        if self.disk.forgets != Forgets::Writes {
            self.disk.crash.sync(self.id);
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        self.file.file().read_exact_at(bytes, offset)
    }
}
