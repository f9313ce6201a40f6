//! A file of a disk as a writer.

use std::io::{self, Write};
use std::sync::Arc;

use crate::DiskFile;

/// A file written from front to back.
pub struct Appending {
    file: Arc<dyn DiskFile>,
    offset: u64,
}

impl Appending {
    /// Begins at the front of the file.
    pub fn new(file: Arc<dyn DiskFile>) -> Self {
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
