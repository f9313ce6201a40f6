//! One engine at a time has the folder of a shard: two would write over one another. An engine lives as long as anybody uses it, a merge
//! in the background for instance, also after its shard was closed. Whoever clears the folder waits for that, too.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::error::EngineError;

/// The folders that somebody has, in this process; of other processes the node's lock keeps all of them.
#[derive(Default)]
struct Taken {
    folders: Mutex<HashSet<PathBuf>>,
    /// Told whenever one is free again.
    freed: Condvar,
}

static TAKEN: LazyLock<Taken> = LazyLock::new(Taken::default);

/// How long whoever wants a folder waits for who has it: a merge ends soon once nobody needs it.
const WAIT: Duration = Duration::from_secs(10);

/// A folder is somebody's until this goes.
#[derive(Debug)]
pub(crate) struct FolderLock(PathBuf);

impl FolderLock {
    /// Takes a folder.
    pub(crate) fn take(folder: &Path) -> Result<Self, EngineError> {
        Self::take_within(folder, WAIT)
    }

    fn take_within(folder: &Path, wait: Duration) -> Result<Self, EngineError> {
        let path = one_name(folder);
        let deadline = Instant::now() + wait;
        let mut folders = TAKEN.folders.lock();
        while folders.contains(&path) {
            if TAKEN.freed.wait_until(&mut folders, deadline).timed_out() {
                return Err(EngineError::InUse { path: path.display().to_string() });
            }
        }
        folders.insert(path.clone());
        Ok(Self(path))
    }
}

/// The same name for a folder whichever way leads there, also before it is made.
fn one_name(folder: &Path) -> PathBuf {
    let parent = folder.parent().and_then(|parent| fs_err::canonicalize(parent).ok());
    match (fs_err::canonicalize(folder), parent, folder.file_name()) {
        (Ok(path), ..) => path,
        (Err(_), Some(parent), Some(name)) => parent.join(name),
        // Nothing of it is there, which whoever opens it finds out.
        _ => folder.to_owned(),
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        TAKEN.folders.lock().remove(&self.0);
        TAKEN.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_users_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let other = tempfile::tempdir().expect("a folder");
        let first = FolderLock::take(folder.path()).expect("free");
        let _other = FolderLock::take(other.path()).expect("another one");

        let second = FolderLock::take_within(folder.path(), Duration::from_millis(1));
        assert!(matches!(second, Err(EngineError::InUse { .. })), "{second:?}");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| FolderLock::take(folder.path()));
            drop(first);

            assert!(waiting.join().expect("no panic").is_ok());
        });
    }

    #[test]
    fn a_folder_has_one_name_also_before_it_is_made() {
        let root = tempfile::tempdir().expect("a folder");
        let (direct, way) = (root.path().join("0"), root.path().join("way"));
        std::os::unix::fs::symlink(root.path(), &way).expect("a link");
        let before = one_name(&way.join("0"));

        fs_err::create_dir(&direct).expect("made");

        assert_eq!((one_name(&direct), one_name(&way.join("0"))), (before.clone(), before));
    }
}
