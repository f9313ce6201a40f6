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
    /// A primary that was replaced.
    #[error(
        "primary term [{given}] is over: this copy has heard of term [{known}]; ask the primary of that term"
    )]
    OldTerm {
        /// The term that was named.
        given: u64,
        /// The highest one that the translog knows.
        known: u64,
    },
    /// An operation that counts for good.
    #[error(
        "operation [{seq_no}] cannot be dropped: all copies are equal up to [{global}]; copy the shard anew if it has another one"
    )]
    Settled {
        /// The operation.
        seq_no: u64,
        /// The global checkpoint.
        global: i64,
    },
    /// A number that no operation can have.
    #[error(
        "sequence number [{seq_no}] is above the highest possible one, [{max}]; whoever sent it is damaged"
    )]
    NoNumber {
        /// The number.
        seq_no: u64,
        /// The bound.
        max: u64,
    },
    /// History that is gone.
    #[error(
        "operations from [{from}] on are not kept any more, only those from [{kept_from}] on; copy the files of the shard instead"
    )]
    NotRetained {
        /// The first operation that was asked for.
        from: u64,
        /// The first that is kept together with all that follow.
        kept_from: u64,
    },
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
