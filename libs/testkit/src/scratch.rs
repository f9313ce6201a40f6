//! A folder for what no real disk needs to see.

use std::path::Path;

/// A folder in memory where there is one, gone when it is dropped: tests that lay out thousands of disks wait for none.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}
