//! What copies say to one another: a head in JSON, and operations or parts of files as bytes behind it.

use cluster::state::{CopyId, ShardId};
use serde::{Deserialize, Serialize};
use shard::{NotAnOperation, Operation};

/// Operations of a primary to another copy; none of them where only the rest has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Operations {
    pub(super) shard: ShardId,
    pub(super) to: CopyId,
    /// The term of the primary.
    pub(super) term: u64,
    /// Up to where all copies in sync are equal, as the primary knows.
    pub(super) global: i64,
    /// The highest number that the primary had when its term began.
    pub(super) resynced: i64,
    /// The map that the primary knows: fields that a document needs are in it.
    pub(super) map_version: u64,
    /// The index as that map has it: the operations were read by this version of its mapping, or by an older one.
    pub(super) index_version: u64,
    /// How many operations follow.
    pub(super) count: u32,
}

/// What a copy answers to operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Taken {
    /// All of them are on its disk, and everything up to `local`.
    Done { local: i64 },
    /// It knows a newer primary.
    OldTerm { known: u64 },
}

/// A copy that is to be filled asks how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlanRequest {
    pub(super) shard: ShardId,
    pub(super) copy: CopyId,
    /// A copy that its node had before and wants to take apart.
    pub(super) before: Option<CopyId>,
    /// Up to where it has everything.
    pub(super) local: i64,
}

/// How a copy is filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Plan {
    /// The primary has every operation that it lacks.
    Operations,
    /// It gets these files first, which are kept for it under the session's number.
    Files { session: u64, files: Vec<File> },
    /// The primary counts on what it had, and it does not have that any more: it begins as another copy.
    Anew,
}

/// A file of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) checksum: u32,
}

/// A part of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PieceRequest {
    pub(super) session: u64,
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// A file that came is not what was announced: is it well where it came from?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VerifyRequest {
    pub(super) session: u64,
    pub(super) name: String,
}

/// How a file is at its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verified {
    /// What is wrong with it.
    pub(super) damage: Option<String>,
}

/// A copy has what it gets by itself, and is to get operations from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CatchUp {
    pub(super) shard: ShardId,
    pub(super) copy: CopyId,
    pub(super) local: i64,
    /// Files that are no longer needed.
    pub(super) session: Option<u64>,
}

/// What a copy that is to catch up is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CatchingUp {
    /// The number up to which it gets what was before.
    pub(super) before: i64,
}

/// Reads `count` operations, and nothing else.
pub(super) fn read_operations(mut bytes: &[u8], count: u32) -> Result<Vec<Operation>, String> {
    // As many as there can be in the bytes: a count alone takes no memory.
    let mut operations = Vec::with_capacity((count as usize).min(bytes.len() / 32));
    while !bytes.is_empty() {
        let (operation, length) =
            Operation::decode(bytes).map_err(|error: NotAnOperation| error.to_string())?;
        operations.push(operation);
        bytes = &bytes[length..];
    }
    if operations.len() == count as usize {
        return Ok(operations);
    }
    Err(format!("a message says that it has {count} operations and has {}; it was damaged", operations.len()))
}
