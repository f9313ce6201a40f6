//! What can be wrong with the files of the consensus.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store of the consensus could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk said no.
    #[error("consensus: {}: {reason}; free or mend the disk, then restart the node", path.display())]
    Disk {
        /// Which file or folder.
        path: PathBuf,
        /// What the disk said.
        reason: String,
    },
    /// A file does not hold what was once acknowledged.
    #[error(
        "consensus: {} is damaged: {what}; put back the file as it was, or, where other nodes of the cluster vote, move the folder it is in \
         aside: the node goes on as another one, with its shards and without a vote, and the others hold what it held",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A write or a sync failed before; nobody knows what of it is on the disk, so nothing more is promised.
    #[error(
        "consensus: nothing more is written since a failure ({first}); restart the node once its disk is well"
    )]
    Fenced {
        /// The failure.
        first: String,
    },
    /// Entries do not follow upon those that are there.
    #[error(
        "consensus: entry {got} was to be appended where {expected} comes next; this is a fault of the program"
    )]
    Gap {
        /// The next place.
        expected: u64,
        /// What came instead.
        got: u64,
    },
    /// A vote that is older than the one that was given.
    #[error(
        "consensus: a vote of term {got} was to replace one of term {held}; this is a fault of the program"
    )]
    OldVote {
        /// The term of the vote that was given.
        held: u64,
        /// The term of the other one.
        got: u64,
    },
    /// An entry that no reader would take.
    #[error("consensus: an entry of {bytes} bytes is longer than {max}; split what is proposed")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long one may be.
        max: usize,
    },
}

impl StoreError {
    /// What the disk said about a path.
    pub(crate) fn disk(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Disk { path, reason: error.to_string() }
    }

    /// What is wrong with a file.
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into() }
    }
}
