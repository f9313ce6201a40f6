//! Faults of an engine.

use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

use crate::mapping::MappingError;
use crate::store::{IntegrityError, ManifestError};
use crate::translog::TranslogError;

/// Why the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The document does not fit the mapping.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Somebody else changed the document.
    #[error("[{id}]: version conflict, {reason}")]
    VersionConflict {
        /// The document.
        id: String,
        /// What was expected and what is there.
        reason: String,
    },
    /// The document's JSON cannot be read.
    #[error("failed to parse: {0}")]
    NotJson(String),
    /// The translog failed.
    #[error(transparent)]
    Translog(#[from] TranslogError),
    /// The shard failed after the operation was in the translog: it may be durable, or not.
    #[error("the operation is in the translog, and then the shard failed: {0}")]
    Unsettled(String),
    /// The manifest failed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file is not what was written.
    #[error(transparent)]
    Integrity(#[from] IntegrityError),
    /// The index failed.
    #[error("the index of the shard failed: {0}")]
    Index(#[from] TantivyError),
    /// The index's files cannot be read.
    #[error("the index of the shard cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// An operation that no primary sends.
    #[error("operation [{seq_no}] is refused: {reason}; whoever sent it is of another version, or damaged")]
    Foreign {
        /// Its number.
        seq_no: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The shard shows operations that do not count.
    #[error(
        "the shard shows operations that its primary does not have, and accepts no writes of its own; roll it back, which opens it again"
    )]
    MustRollBack,
    /// Somebody holds the shard.
    #[error(
        "{path}: the shard is in use by a search, a write or a merge; wait for those to end, and try again"
    )]
    InUse {
        /// Its folder.
        path: String,
    },
    /// There is no durable state to copy.
    #[error(
        "nothing of the shard is committed: it wants operations up to [{wanted}], and all copies are equal up to [{global}]; try again once they have caught up"
    )]
    NotCommitted {
        /// The highest operation of the state that would be committed.
        wanted: i64,
        /// The global checkpoint.
        global: i64,
    },
    /// A shard that was being copied when that ended.
    #[error(
        "{path}: the copy of a shard was never finished; nothing in it counts, so begin to copy it anew, or remove the folder"
    )]
    Unfinished {
        /// The folder.
        path: String,
    },
    /// A file of another copy that is not what it was said to be.
    #[error("file [{name}] of the other copy is refused: {reason}; copy it again, or from another copy")]
    ForeignFile {
        /// Its name, as it was given.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// What would take long is not begun or ended any more.
    #[error("the node is stopping, so its merges end early; ask again once it has started")]
    Stopping,
    /// The shard is let go of, and nothing that takes long keeps it.
    #[error("the shard is closed or opened anew, so its merges end early; ask again once it is open")]
    Reopening,
    /// The shard's folder cannot be used.
    #[error("{path}: {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl EngineError {
    /// Whether it tells of files that are not what was written, or not there.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Integrity(_) | Self::Manifest(_) | Self::Translog(TranslogError::Corrupt { .. }) => true,
            Self::Index(error) => matches!(
                error,
                TantivyError::DataCorruption(_)
                    | TantivyError::IncompatibleIndex(_)
                    | TantivyError::OpenReadError(
                        OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_)
                    )
            ),
            _ => false,
        }
    }
}
