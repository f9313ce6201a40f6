//! The disk of the host.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::{Disk, DiskFile};

/// The disk of the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostDisk;

#[derive(Debug)]
struct HostFile(fs_err::File);

impl HostDisk {
    /// The disk of the host, to be shared.
    pub fn shared() -> Arc<dyn Disk> {
        Arc::new(Self)
    }

    /// Opens a file that is only read.
    pub fn open_to_read(self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(HostFile(fs_err::File::open(path)?)))
    }
}

impl Disk for HostDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs_err::create_dir(path) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = fs_err::OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(HostFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = fs_err::OpenOptions::new();
        Ok(Arc::new(HostFile(options.read(true).write(true).create(true).truncate(true).open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = fs_err::OpenOptions::new();
        Ok(Arc::new(HostFile(options.read(true).write(true).create(true).truncate(false).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs_err::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs_err::remove_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs_err::File::open(path)?.sync_all()
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        fs_err::File::open(path)?.sync_all()
    }
}

impl DiskFile for HostFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.file().write_all_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.file().set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.file().read_exact_at(bytes, offset)
    }
}
