//! The folder on this host in which the nodes of one user find one another.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::{Uid, getuid};

use crate::error::RegistryError;

/// The folder where nothing is set: `weir` in the folder that the system makes for the user, else `/tmp/weir-<uid>`.
/// `runtime_dir` is what `XDG_RUNTIME_DIR` says.
pub fn default_registry_folder(runtime_dir: Option<&Path>) -> PathBuf {
    let user = getuid();
    let of_system = PathBuf::from(format!("/run/user/{}", user.as_raw()));
    runtime_dir
        .filter(|folder| folder.is_absolute())
        .into_iter()
        .chain([of_system.as_path()])
        .find(|folder| is_own(folder, user))
        .map_or_else(|| PathBuf::from(format!("/tmp/weir-{}", user.as_raw())), |folder| folder.join("weir"))
}

fn is_own(folder: &Path, user: Uid) -> bool {
    fs_err::metadata(folder).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user.as_raw())
}

/// Makes the folder if it is not there, and makes sure that nobody else can look or write into it.
pub(crate) fn prepare(folder: &Path) -> Result<(), RegistryError> {
    let io = |source| RegistryError::Folder { folder: folder.to_owned(), source };
    if let Some(above) = folder.parent() {
        fs_err::create_dir_all(above).map_err(io)?;
    }
    // Only the last part is private; where another node has made it first, it is as good.
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    // Not through a link: whoever may make one in /tmp would choose the folder.
    let metadata = fs_err::symlink_metadata(folder).map_err(io)?;
    let foreign = |what: String| RegistryError::Foreign { folder: folder.to_owned(), what };
    if !metadata.is_dir() {
        return Err(foreign("is no folder".to_owned()));
    }
    let user = getuid().as_raw();
    if metadata.uid() != user {
        return Err(foreign(format!("belongs to user {}, and this node runs as {user}", metadata.uid())));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(foreign(format!("can be entered by others (mode {mode:o}; chmod 700 closes it)")));
    }
    Ok(())
}

/// The name of a cluster as the name of a file: what a folder may not hold, and the dot at its begin, is written as `%` and
/// two digits.
pub(crate) fn file_name(cluster_name: &str, kind: &str) -> String {
    let mut name = String::with_capacity(cluster_name.len() + kind.len() + 1);
    for (at, byte) in cluster_name.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || (byte == b'.' && at > 0) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02x}"));
        }
    }
    name.push('.');
    name.push_str(kind);
    name
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_folder_is_private_or_refused() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("above/weir");
        prepare(&folder).expect("made");
        prepare(&folder).expect("there");
        assert_eq!(fs_err::metadata(&folder).expect("there").mode() & 0o777, 0o700);

        fs_err::set_permissions(&folder, std::fs::Permissions::from_mode(0o750)).expect("set");
        let error = prepare(&folder).expect_err("open to others").to_string();
        assert!(error.contains("mode 750") && error.contains("discovery.registry"), "{error}");
        fs_err::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).expect("set");

        let link = root.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).expect("linked");
        assert!(prepare(&link).expect_err("a link").to_string().contains("is no folder"));
        // No user may make a folder there.
        let error = prepare(Path::new("/proc/weir")).expect_err("refused").to_string();
        assert!(error.contains("/proc/weir") && error.contains("discovery.registry"), "{error}");
    }

    #[test]
    fn the_folder_of_another_user_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        // Whoever may give folders away makes one; for anybody else that of root is another's.
        let folder = if getuid().is_root() {
            std::os::unix::fs::chown(root.path(), Some(65_534), None).expect("given away");
            root.path()
        } else {
            Path::new("/usr")
        };

        let error = prepare(folder).expect_err("another's").to_string();

        assert!(error.contains("belongs to user"), "{error}");
        assert!(!is_own(folder, getuid()));
    }

    #[test]
    fn the_system_names_the_folder_if_it_has_one_for_the_user() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(default_registry_folder(Some(root.path())), root.path().join("weir"));
        for nowhere in [Some(Path::new("relative")), Some(Path::new("/nowhere/at/all")), None] {
            let folder = default_registry_folder(nowhere);
            assert!(folder.starts_with("/run/user") || folder.starts_with("/tmp"), "{}", folder.display());
        }
    }

    #[test]
    fn every_name_of_a_cluster_is_the_name_of_a_file() {
        for (name, file) in [
            ("weir", "weir.lock"),
            ("my.cluster-1_b", "my.cluster-1_b.lock"),
            ("../up", "%2e.%2fup.lock"),
            ("größe", "gr%c3%b6%c3%9fe.lock"),
            ("a%b", "a%25b.lock"),
        ] {
            assert_eq!(file_name(name, "lock"), file);
        }
    }
}
