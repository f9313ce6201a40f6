//! The beat's own folder: locked against a second process, and the identity that is kept in it.
//!
//! `meta.json` holds the agent's id and survives restarts; a damaged one is set aside and a new id made, because a
//! beat that refuses to start loses more than its name. `beat.lock` is held with flock and names the holder's pid.

use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tracing::warn;

const META: &str = "meta.json";
const LOCK: &str = "beat.lock";

/// Who this beat is; holds the folder's lock as long as it lives.
#[derive(Debug)]
pub struct Identity {
    /// The agent's id, the same at every start.
    pub id: String,
    /// An id of this run.
    pub ephemeral_id: String,
    /// The folder, `path.data`.
    pub folder: PathBuf,
    _lock: fs::File,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Another process uses it.
    #[error(
        "`path.data` {folder} is in use by process {pid}; stop that process, or give this one its own with -E path.data=FOLDER"
    )]
    InUse {
        /// The folder.
        folder: String,
        /// What the lock file says.
        pid: String,
    },
    /// The disk refuses.
    #[error(
        "`path.data` {folder} cannot be used: {source}; check its permissions, or set another with -E path.data=FOLDER"
    )]
    Disk {
        /// The folder.
        folder: String,
        /// What the system said.
        source: std::io::Error,
    },
}

#[derive(Serialize, Deserialize)]
struct Meta {
    version: u32,
    uuid: String,
}

impl Identity {
    /// Makes and locks the folder, and reads or makes the identity.
    pub fn open(folder: &Path) -> Result<Self, IdentityError> {
        let disk = |source| IdentityError::Disk { folder: folder.display().to_string(), source };
        fs::create_dir_all(folder).map_err(disk)?;
        let lock = lock(folder)?;
        let id = match known_id(&folder.join(META)) {
            Some(id) => id,
            None => make_id(folder).map_err(disk)?,
        };
        let ephemeral_id = uuid::Uuid::new_v4().to_string();
        Ok(Self { id, ephemeral_id, folder: folder.to_owned(), _lock: lock })
    }
}

fn lock(folder: &Path) -> Result<fs::File, IdentityError> {
    let disk = |source| IdentityError::Disk { folder: folder.display().to_string(), source };
    let mut file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(LOCK))
        .map_err(disk)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        let known =
            Read::by_ref(&mut file).take(32).read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
        let pid = if known { pid.trim().to_owned() } else { "unknown".to_owned() };
        return Err(IdentityError::InUse { folder: folder.display().to_string(), pid });
    }
    file.set_len(0).map_err(disk)?;
    file.rewind().map_err(disk)?;
    writeln!(file, "{}", std::process::id()).map_err(disk)?;
    Ok(file)
}

fn known_id(path: &Path) -> Option<String> {
    let text = fs::read(path).ok()?;
    match serde_json::from_slice::<Meta>(&text) {
        Ok(meta) if uuid::Uuid::parse_str(&meta.uuid).is_ok() => Some(meta.uuid),
        Ok(_) | Err(_) => {
            let aside = path.with_extension("json.damaged");
            let kept = fs::rename(path, &aside).is_ok();
            warn!(path = %path.display(), kept, "identity was damaged and set aside; a new one is made");
            None
        }
    }
}

fn make_id(folder: &Path) -> std::io::Result<String> {
    let uuid = uuid::Uuid::new_v4().to_string();
    let text = serde_json::to_vec(&Meta { version: 1, uuid: uuid.clone() })?;
    let temporary = folder.join("meta.json.tmp");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(META))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_stays_over_restarts_and_a_second_holder_is_refused_with_the_pid() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Identity::open(folder.path()).expect("free");

        let refused = Identity::open(folder.path()).expect_err("in use").to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        let id = first.id.clone();
        drop(first);

        assert_eq!(Identity::open(folder.path()).expect("free again").id, id);
    }

    #[test]
    fn a_damaged_identity_is_set_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(META), [0_u8; 40]).expect("written");

        let identity = Identity::open(folder.path()).expect("starts");

        assert!(uuid::Uuid::parse_str(&identity.id).is_ok());
        assert!(folder.path().join("meta.json.damaged").exists());
    }
}
