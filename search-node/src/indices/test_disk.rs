//! The disk of a test: it remembers every change, and its syncs fail on demand.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daemon::clock::Clock;
use shard::{Disk, DiskFile, Shared, Workers};
use testkit::{CrashDisk, FileId};

use super::index::Resources;

/// The disk; clones are the same.
#[derive(Clone)]
pub(super) struct Recorded {
    disk: CrashDisk,
    is_broken: Arc<AtomicBool>,
    is_full: Arc<AtomicBool>,
}

struct RecordedFile {
    of: Recorded,
    id: FileId,
    file: fs_err::File,
}

impl std::fmt::Debug for RecordedFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "RecordedFile({})", self.id)
    }
}

/// What an index needs, on this disk and with nothing in the background.
pub(crate) fn resources(disk: Arc<dyn Disk>) -> Resources {
    Resources {
        segment_buffer_bytes: 1 << 20,
        shared: Shared { disk, workers: Workers::new(0), ..Shared::default() },
        disk_watch: Arc::default(),
        idle_after: None,
        clock: Clock::system(),
    }
}

impl Recorded {
    pub(super) fn over(disk: &CrashDisk) -> Self {
        Self { disk: disk.clone(), is_broken: Arc::default(), is_full: Arc::default() }
    }

    /// From now on, whether the content of open files can be made durable.
    pub(super) fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::Release);
    }

    /// From now on, whether files can be made and written to.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Release);
    }

    fn check_full(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::Acquire) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    fn file(&self, opened: (FileId, fs_err::File)) -> Arc<dyn DiskFile> {
        let (id, file) = opened;
        Arc::new(RecordedFile { of: self.clone(), id, file })
    }
}

impl Disk for Recorded {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.create_folder(path)
    }
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if path.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        Ok(self.file(self.disk.create(path)?))
    }
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.file(self.disk.open(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_folder(path)
    }
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_file(path)
    }
}

impl DiskFile for RecordedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.of.check_full()?;
        self.of.disk.write_at(self.id, &self.file, bytes, offset)
    }
    fn set_length(&self, length: u64) -> io::Result<()> {
        self.of.disk.set_length(self.id, &self.file, length)
    }
    fn sync(&self) -> io::Result<()> {
        if self.of.is_broken.load(Ordering::Acquire) {
            self.of.disk.fail_sync(self.id);
            return Err(io::Error::other("the disk is broken"));
        }
        self.of.disk.sync(self.id);
        Ok(())
    }
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt;
        self.file.file().read_exact_at(bytes, offset)
    }
}
