//! The disk: the one seam through which a program changes anything on it that must be there after a crash.
//!
//! Reading goes straight to the file system. Every change goes through here, so that a test can record the changes in
//! their order and ask what a power cut between any two of them would leave, or let any one of them fail. The double that
//! does so is `testkit::RecordedDisk`; [`HookedDisk`] waits, counts or fails over any disk.
#![warn(missing_docs)]

mod appending;
mod durable;
mod hooked;
mod host;
pub mod state_file;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use appending::Appending;
pub use durable::{check_writable, create_folder_durably, create_inner_folder_durably, replace};
pub use hooked::{DiskOperation, HookedDisk};
pub use host::HostDisk;

/// What is asked of a disk.
pub trait Disk: Send + Sync {
    /// Makes a folder in one that is there; nothing, if it is there already. Its name is durable once the one above is synced.
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
