//! What a power cut must find either undone or done: small files that are replaced, folders that are made.

use std::io;
use std::path::Path;

use crate::Disk;

/// Fails unless a file in `folder` can be made, written, made durable and removed.
pub fn check_writable(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let path = folder.join(".probe");
    let file = disk.create(&path)?;
    let written = file.write_at(&[0; 4096], 0).and_then(|()| file.sync());
    disk.remove(&path)?;
    written
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

/// The same where the folder above is there. If that was removed meanwhile, it stays so.
pub fn create_inner_folder_durably(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        disk.create_folder(path)?;
    }
    path.parent().map_or(Ok(()), |parent| disk.sync_folder(parent))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{create_folder_durably, replace};
    use crate::{DiskOperation, HookedDisk, HostDisk};

    /// Each call of a disk while `work` runs, as operation and name.
    fn calls_of(work: impl FnOnce(&dyn crate::Disk)) -> Vec<(DiskOperation, String)> {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let disk = HookedDisk::over(HostDisk::shared(), move |operation, path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            seen.lock().expect("no panic").push((operation, name));
            Ok(())
        });
        work(disk.as_ref());
        let calls = calls.lock().expect("no panic");
        calls.clone()
    }

    #[test]
    fn a_file_is_replaced_only_once_its_content_is_durable() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("state");
        fs_err::write(&path, "old").expect("written");

        let calls = calls_of(|disk| replace(disk, &path, b"new").expect("replaced"));

        let operations: Vec<DiskOperation> = calls.into_iter().map(|(operation, _)| operation).collect();
        use DiskOperation::{Create, Rename, Sync, SyncFolder, Write};
        assert_eq!(operations, [Create, Write, Sync, Rename, SyncFolder]);
        assert_eq!(fs_err::read(&path).expect("read"), b"new");
    }

    #[test]
    fn the_name_of_a_folder_is_durable_even_if_it_was_there() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("a/b");
        create_folder_durably(&HostDisk, &folder).expect("made");

        let calls = calls_of(|disk| create_folder_durably(disk, &folder).expect("there"));

        assert_eq!(calls, [(DiskOperation::SyncFolder, "a".to_owned())]);
    }
}
