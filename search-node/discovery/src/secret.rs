//! The secret that the nodes of a cluster share, as a file that its owner alone may read.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use disk::Disk;
use fs_err::os::unix::fs::OpenOptionsExt;
use rustix::process::getuid;

use crate::error::RegistryError;

/// The bytes of a secret that is made: as many as can never be guessed.
pub const SECRET_BYTES: usize = 32;
/// The most bytes of a secret that is given.
const SECRET_BYTES_MAX: usize = 4096;

/// Reads the secret that is set for nodes on several hosts: at least 64 characters, e.g. what `openssl rand -hex 32` prints. Blanks
/// around it do not count.
pub fn read_secret(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let io = |source| RegistryError::File { path: path.to_owned(), source };
    let file = fs_err::File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    let damaged = |reason: String| RegistryError::Secret { path: path.to_owned(), reason };
    let user = getuid().as_raw();
    if metadata.uid() != user || metadata.mode() & 0o077 != 0 {
        return Err(damaged(format!(
            "it must belong to user {user} and be closed to others (chmod 600), and belongs to {} with mode {:o}",
            metadata.uid(),
            metadata.mode() & 0o777
        )));
    }
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    let secret = bytes.trim_ascii();
    if !(2 * SECRET_BYTES..=SECRET_BYTES_MAX).contains(&secret.len()) {
        return Err(damaged(format!(
            "it holds {} bytes, and a secret has at least {} and at most {SECRET_BYTES_MAX}; make one with `openssl rand -hex 32`",
            secret.len(),
            2 * SECRET_BYTES
        )));
    }
    Ok(secret.to_vec())
}

/// Makes a secret, unless there is one. Whole or not at all, and for nobody else's eyes from its first byte on. Under the lock.
pub(crate) fn make(disk: &dyn Disk, path: &Path) -> std::io::Result<()> {
    if fs_err::symlink_metadata(path).is_ok() {
        return Ok(());
    }
    let beside = path.with_extension("new");
    let mut options = fs_err::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let hex: String = rand::random::<[u8; SECRET_BYTES]>().iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{hex}")?;
    file.sync_all()?;
    fs_err::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| disk.sync_folder(folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use disk::HostDisk;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("weir.secret");
        make(&HostDisk, &path).expect("made");
        let secret = read_secret(&path).expect("read");
        make(&HostDisk, &path).expect("there");

        assert_eq!(read_secret(&path).expect("read"), secret);
        assert_eq!(secret.len(), 2 * SECRET_BYTES);
        assert_eq!(fs_err::metadata(&path).expect("there").mode() & 0o777, 0o600);
    }

    #[test]
    fn what_others_may_read_or_guess_is_no_secret() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        for (bytes, mode, what) in [
            (" 0123456789 ".to_owned(), 0o600, "10 bytes"),
            ("x".repeat(SECRET_BYTES_MAX + 1), 0o600, "at most 4096"),
            ("x".repeat(64), 0o640, "mode 640"),
        ] {
            fs_err::write(&path, bytes).expect("written");
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            let error = read_secret(&path).expect_err("refused").to_string();
            assert!(error.contains(what), "{error}");
        }
        assert!(read_secret(&folder.path().join("none")).is_err());
    }
}
