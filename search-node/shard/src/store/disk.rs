//! The disk: the one seam through which a shard, and the state of a node, changes anything on it.
//!
//! Reading goes straight to the file system. Every change goes through here, so that a test can record the changes in
//! their order and ask what a power cut between any two of them would leave.

use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// What a shard asks of a disk.
pub trait Disk: Send + Sync {
    /// Makes a folder and those above it that are missing. Their names are durable once their parents are synced.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes a file that must not be there.
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes a file, or empties the one that is there.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file for reading and writing, making it if it is not there.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, taking the place of what bears it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the content of a closed file durable.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Send + Sync + std::fmt::Debug {
    /// Writes all bytes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file, or lengthens it with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Makes the content durable, and what is needed to read it.
    fn sync(&self) -> io::Result<()>;
    /// Reads exactly as many bytes as the buffer holds.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

/// Fails unless a file in `folder` can be made, written, made durable and removed.
pub fn check_writable(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let path = folder.join(".probe");
    let file = disk.create(&path)?;
    let written = file.write_at(&[0; 4096], 0).and_then(|()| file.sync());
    disk.remove(&path)?;
    written
}

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
    pub(crate) fn open_to_read(self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(HostFile(fs_err::File::open(path)?)))
    }
}

impl Disk for HostDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs_err::create_dir_all(path)
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

/// Replaces a small file so that a power cut leaves the old one or the new one: written beside, synced, renamed, and
/// the folder synced.
pub fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    let file = disk.create(&beside)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    drop(file);
    disk.rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| disk.sync_folder(folder))
}

/// Makes a folder whose name survives a power cut, and those above it up to one that was there. The name of one that is
/// there is synced too: whoever made it may have ended, or failed, before it came to that.
pub fn create_folder_durably(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if !path.is_dir() {
        if let Some(parent) = parent {
            create_folder_durably(disk, parent)?;
        }
        disk.create_folder(path)?;
    }
    parent.map_or(Ok(()), |parent| disk.sync_folder(parent))
}

/// A file written from front to back.
pub(crate) struct Appending {
    file: Arc<dyn DiskFile>,
    offset: u64,
}

impl Appending {
    pub(crate) fn new(file: Arc<dyn DiskFile>) -> Self {
        Self { file, offset: 0 }
    }
}

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
