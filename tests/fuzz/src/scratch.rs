//! Folders that are gone when they are dropped, in memory where there is such a file system: syncing is not what is tried.

use std::path::Path;

use tempfile::TempDir;

const IN_MEMORY: &str = "/dev/shm";

/// A new empty folder, below `TMPDIR` if that is set.
pub(crate) fn folder() -> TempDir {
    let made = if std::env::var_os("TMPDIR").is_none() && Path::new(IN_MEMORY).is_dir() {
        tempfile::tempdir_in(IN_MEMORY)
    } else {
        tempfile::tempdir()
    };
    made.expect("a folder can be made")
}
