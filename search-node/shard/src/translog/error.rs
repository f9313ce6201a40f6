//! Faults of a translog.

use std::path::{Path, PathBuf};

/// Why a translog cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TranslogError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Bytes that were acknowledged are not there any more.
    #[error(
        "{path}: acknowledged operations cannot be read back at byte {offset}: {reason}; restore the shard from a copy, or stop the node and save what verifies with `search-node translog salvage`, which names what is lost"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// An earlier sync failed.
    #[error(
        "the shard accepts nothing after a failed write ({0}); free or mend its disk, and it is opened again by itself"
    )]
    Fenced(String),
    /// An operation larger than the format's bound.
    #[error("the operation is {bytes} bytes, more than the {max} that a translog record may have")]
    TooLarge {
        /// The size.
        bytes: usize,
        /// The bound.
        max: usize,
    },
}

impl TranslogError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn corrupt(path: &Path, offset: u64, reason: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), offset, reason: reason.into() }
    }
}
