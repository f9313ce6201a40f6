//! The seam of the programs over a [`CrashDisk`]: everything is remembered, and the test decides what becomes of each call.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskFile, DiskOperation};

use crate::{CrashDisk, FileId};

/// What becomes of a call of the disk.
#[derive(Debug)]
pub enum Fate {
    /// It is done.
    Done,
    /// The disk says that it was done, and does nothing: only for syncs, to show that a test would notice.
    Forgotten,
    /// It fails. A write has written its first half by then, and a sync has given up what was not durable.
    Failed(io::Error),
}

type Decision = dyn Fn(DiskOperation, &Path) -> Fate + Send + Sync;

/// The disk; clones are the same.
#[derive(Clone)]
pub struct RecordedDisk {
    crash: CrashDisk,
    decide: Arc<Decision>,
}

struct RecordedFile {
    of: RecordedDisk,
    path: PathBuf,
    id: FileId,
    file: fs_err::File,
}

impl RecordedDisk {
    /// A disk that does all it is told.
    pub fn over(crash: &CrashDisk) -> Self {
        Self::deciding(crash, |_, _| Fate::Done)
    }

    /// A disk of whose calls `decide` tells what becomes of them. The path of a rename is the new one.
    pub fn deciding(
        crash: &CrashDisk,
        decide: impl Fn(DiskOperation, &Path) -> Fate + Send + Sync + 'static,
    ) -> Self {
        Self { crash: crash.clone(), decide: Arc::new(decide) }
    }

    /// A disk whose call number `nth`, counted from nought over all that change anything, fails with `kind`.
    pub fn failing_once(crash: &CrashDisk, nth: usize, kind: io::ErrorKind) -> Self {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        Self::deciding(crash, move |operation, path| {
            let is_counted = operation != DiskOperation::Read;
            if !is_counted || calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) != nth {
                return Fate::Done;
            }
            let reason = format!("injected: {operation:?} of {}", path.display());
            Fate::Failed(io::Error::new(kind, reason))
        })
    }

    /// What it has recorded.
    pub fn history(&self) -> &CrashDisk {
        &self.crash
    }

    /// The disk as the programs take it.
    pub fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Whether the call is to be done; an error if it is to fail.
    fn call(&self, operation: DiskOperation, path: &Path) -> io::Result<bool> {
        match (self.decide)(operation, path) {
            Fate::Done => Ok(true),
            Fate::Forgotten => Ok(false),
            Fate::Failed(error) => Err(error),
        }
    }

    fn file(&self, path: &Path, opened: (FileId, fs_err::File)) -> Arc<dyn DiskFile> {
        let (id, file) = opened;
        Arc::new(RecordedFile { of: self.clone(), path: path.to_owned(), id, file })
    }
}

impl Disk for RecordedDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.call(DiskOperation::CreateFolder, path)?;
        self.crash.create_folder(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.call(DiskOperation::CreateNew, path)?;
        if path.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        Ok(self.file(path, self.crash.create(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.call(DiskOperation::Create, path)?;
        Ok(self.file(path, self.crash.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.call(DiskOperation::Open, path)?;
        Ok(self.file(path, self.crash.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(DiskOperation::Rename, to)?;
        self.crash.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(DiskOperation::Remove, path)?;
        self.crash.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if self.call(DiskOperation::SyncFolder, path)? { self.crash.sync_folder(path) } else { Ok(()) }
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let is_done =
            self.call(DiskOperation::SyncFile, path).inspect_err(|_| self.crash.fail_sync_file(path))?;
        if is_done { self.crash.sync_file(path) } else { Ok(()) }
    }
}

impl DiskFile for RecordedFile {
    /// A write that fails has often written a part.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let failed = self.of.call(DiskOperation::Write, &self.path);
        let written = if failed.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        self.of.crash.write_at(self.id, &self.file, written, offset)?;
        failed.map(|_| ())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.of.call(DiskOperation::SetLength, &self.path)?;
        self.of.crash.set_length(self.id, &self.file, length)
    }

    fn sync(&self) -> io::Result<()> {
        let is_done = self
            .of
            .call(DiskOperation::Sync, &self.path)
            .inspect_err(|_| self.of.crash.fail_sync(self.id))?;
        if is_done {
            self.of.crash.sync(self.id);
        }
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.of.call(DiskOperation::Read, &self.path)?;
        self.file.file().read_exact_at(bytes, offset)
    }
}

impl std::fmt::Debug for RecordedFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RecordedFile({})", self.path.display())
    }
}
