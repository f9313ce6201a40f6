//! A small file system in memory, to be filled to the last byte.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own, until this goes.
pub struct SmallDisk {
    path: PathBuf,
}

/// What fills it.
const FILLER: &str = "filler";

impl SmallDisk {
    /// Mounts one of so many MiB on a folder, which is made; none where that is not permitted.
    pub fn mount(path: &Path, mebibytes: u32) -> anyhow::Result<Option<Self>> {
        fs_err::create_dir_all(path)?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0700"), "tmpfs"]).arg(path);
        let is_mounted = command.output().is_ok_and(|output| output.status.success());
        Ok(is_mounted.then(|| Self { path: path.to_owned() }))
    }

    /// Takes all that is free.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = fs_err::File::create(self.path.join(FILLER))?;
        let mut piece = vec![1; 1 << 20];
        while !piece.is_empty() {
            match file.write(&piece) {
                Ok(1..) => {}
                // The last bytes are taken with smaller pieces.
                Ok(0) | Err(_) => piece.truncate(piece.len() / 2),
            }
        }
        Ok(())
    }

    /// Gives it back.
    pub fn free(&self) -> anyhow::Result<()> {
        let filler = self.path.join(FILLER);
        if filler.exists() {
            fs_err::remove_file(filler)?;
        }
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It goes once nobody has a file of it open.
        let _unmounted = Command::new("umount").arg("--lazy").arg(&self.path).output();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_full_until_it_is_freed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("disk");
        let Some(disk) = SmallDisk::mount(&path, 4).expect("a folder") else {
            println!("SKIPPED: full disks; this user may not mount");
            return;
        };
        let write = || fs_err::write(path.join("other"), vec![7; 10_000]);
        write().expect("there is room");

        disk.fill().expect("filled");

        fs_err::remove_file(path.join("other")).expect("removed");
        disk.fill().expect("filled again");
        assert_eq!(write().expect_err("full").kind(), std::io::ErrorKind::StorageFull);
        disk.free().expect("freed");
        write().expect("there is room again");
    }
}
