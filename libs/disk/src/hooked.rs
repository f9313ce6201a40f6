//! A disk for tests: another one, with a hook before each operation that may wait, count, or fail it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Disk, DiskFile};

/// What is asked of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskOperation {
    /// [`Disk::create_folder`]
    CreateFolder,
    /// [`Disk::create_new`]
    CreateNew,
    /// [`Disk::create`]
    Create,
    /// [`Disk::open`]
    Open,
    /// [`Disk::rename`]; the path is the new one.
    Rename,
    /// [`Disk::remove`]
    Remove,
    /// [`Disk::sync_folder`]
    SyncFolder,
    /// [`Disk::sync_file`]
    SyncFile,
    /// [`DiskFile::write_at`]
    Write,
    /// [`DiskFile::set_length`]
    SetLength,
    /// [`DiskFile::sync`]
    Sync,
    /// [`DiskFile::read_at`]
    Read,
}

type Hook = dyn Fn(DiskOperation, &Path) -> io::Result<()> + Send + Sync;

/// The disk.
pub struct HookedDisk {
    disk: Arc<dyn Disk>,
    hook: Arc<Hook>,
}

struct HookedFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    hook: Arc<Hook>,
}

impl HookedDisk {
    /// Does what `disk` does once `hook` has returned; an error of the hook is the operation's.
    pub fn over(
        disk: Arc<dyn Disk>,
        hook: impl Fn(DiskOperation, &Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Arc<dyn Disk> {
        Arc::new(Self { disk, hook: Arc::new(hook) })
    }

    fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(HookedFile { file, path: path.to_owned(), hook: Arc::clone(&self.hook) })
    }
}

impl Disk for HookedDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        (self.hook)(DiskOperation::CreateFolder, path)?;
        self.disk.create_folder(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        (self.hook)(DiskOperation::CreateNew, path)?;
        Ok(self.file(path, self.disk.create_new(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        (self.hook)(DiskOperation::Create, path)?;
        Ok(self.file(path, self.disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        (self.hook)(DiskOperation::Open, path)?;
        Ok(self.file(path, self.disk.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.hook)(DiskOperation::Rename, to)?;
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.hook)(DiskOperation::Remove, path)?;
        self.disk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        (self.hook)(DiskOperation::SyncFolder, path)?;
        self.disk.sync_folder(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        (self.hook)(DiskOperation::SyncFile, path)?;
        self.disk.sync_file(path)
    }
}

impl DiskFile for HookedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        (self.hook)(DiskOperation::Write, &self.path)?;
        self.file.write_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        (self.hook)(DiskOperation::SetLength, &self.path)?;
        self.file.set_length(length)
    }

    fn sync(&self) -> io::Result<()> {
        (self.hook)(DiskOperation::Sync, &self.path)?;
        self.file.sync()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        (self.hook)(DiskOperation::Read, &self.path)?;
        self.file.read_at(bytes, offset)
    }
}

impl std::fmt::Debug for HookedFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "HookedFile({})", self.path.display())
    }
}
