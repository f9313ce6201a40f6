//! Small files that must survive a power cut: replaced as a whole, checked when they are read.
//!
//! Magic, length, JSON, checksum. The byte layout is in `docs/formats/state-file.md`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Disk;
use crate::durable::replace;

const MAGIC: &[u8; 8] = b"WRSTATE1";

/// Why a state file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// The disk failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("{path}: {reason}; restore it from a copy, or move its folder away to start without it")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads a state file; none if there is none.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateFileError> {
    let bytes = match fs_err::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(StateFileError::Io { path: path.to_owned(), source });
        }
    };
    let corrupt = |reason: String| StateFileError::Corrupt { path: path.to_owned(), reason };
    let body = body_of(&bytes).map_err(|reason| corrupt(reason.to_owned()))?;
    serde_json::from_slice(body).map(Some).map_err(|error| corrupt(error.to_string()))
}

fn body_of(bytes: &[u8]) -> Result<&[u8], &'static str> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as a state file")?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or("it is too short")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if rest.len() < 4 || rest.len() - 4 != length {
        return Err("its length does not fit");
    }
    let (body, checksum) = rest.split_at(length);
    if crc32fast::hash(&bytes[..bytes.len() - 4]).to_le_bytes() != checksum {
        return Err("its checksum does not match");
    }
    Ok(body)
}

/// Replaces a state file so that a power cut leaves the old one or the new one.
pub fn write<T: Serialize>(disk: &dyn Disk, path: &Path, value: &T) -> Result<(), StateFileError> {
    let fault = |source: std::io::Error| StateFileError::Io { path: path.to_owned(), source };
    let body = serde_json::to_vec(value).map_err(|error| fault(error.into()))?;
    let mut bytes = Vec::with_capacity(body.len() + 20);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    replace(disk, path, &bytes).map_err(fault)
}

#[cfg(test)]
mod tests {
    use crate::HostDisk;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("index.state");
        assert_eq!(read::<Vec<u8>>(&path).expect("none yet"), None);

        write(&HostDisk, &path, &vec![1u8, 2, 3]).expect("written");
        assert_eq!(read::<Vec<u8>>(&path).expect("read"), Some(vec![1, 2, 3]));

        let bytes = fs_err::read(&path).expect("bytes");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            fs_err::write(&path, &damaged).expect("damaged");
            assert!(read::<Vec<u8>>(&path).is_err(), "byte {at}");
        }
    }
}
