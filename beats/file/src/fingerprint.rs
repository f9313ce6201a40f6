//! What a file is, apart from its name: the place on the disk and a hash of its first bytes.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// How many bytes a fingerprint covers at most.
pub(crate) const LENGTH_MAX: u64 = 1024;

/// The place of a file on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The device.
    pub(crate) device: u64,
    /// The inode.
    pub(crate) inode: u64,
    /// When the inode was given out, in nanoseconds; 0 where the file system does not tell.
    pub(crate) born: u64,
}

impl Place {
    /// The place of an open file or a path's metadata.
    pub(crate) fn of(meta: &std::fs::Metadata) -> Self {
        let born = meta.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            born: born.map_or(0, |span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        }
    }

    /// Whether both name the same inode, born at the same time as far as that is known.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.device == other.device
            && self.inode == other.inode
            && (self.born == other.born || self.born == 0 || other.born == 0)
    }
}

/// A hash of the bytes `[start, start + length)`; empty while a file has no complete line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    start: u64,
    length: u64,
    hash: String,
}

impl Fingerprint {
    /// Of bytes that were read from `start` on.
    pub(crate) fn of(start: u64, bytes: &[u8]) -> Self {
        Self { start, length: bytes.len() as u64, hash: hash(bytes) }
    }

    /// How many bytes it covers.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the file's bytes there are the ones hashed. An empty fingerprint matches anything; a file that is
    /// shorter, or cannot be read there, does not match.
    pub(crate) fn matches(&self, file: &impl FileExt) -> bool {
        if self.length == 0 {
            return true;
        }
        let mut bytes = [0_u8; LENGTH_MAX as usize];
        let Some(part) = usize::try_from(self.length).ok().and_then(|length| bytes.get_mut(..length)) else {
            return false;
        };
        file.read_exact_at(part, self.start).is_ok() && hash(part) == self.hash
    }
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}
