//! Reading a translog back when its shard is opened: first that everything acknowledged is there, then each operation.

use std::path::{Path, PathBuf};

use super::checkpoint::{Checkpoint, CheckpointFile};
use super::error::TranslogError;
use super::file::{HEADER_BYTES, Records, generation_path, generations};
use super::operation::{Operation, Seed};

/// A translog that was found whole, ready to be read.
#[derive(Debug)]
pub(crate) struct Recovered {
    folder: PathBuf,
    /// With the end of what verifies in place of what was synced.
    pub(super) checkpoint: Checkpoint,
    /// How far the newest generation was synced for certain.
    pub(super) synced_until: u64,
    /// The primary term of the newest generation.
    pub(super) term: u64,
    /// How many operations there are.
    pub(crate) operations: u64,
}

impl Recovered {
    /// Checks every generation that a durable state does not cover. None if there is no translog yet.
    pub(super) fn check(folder: &Path) -> Result<Option<Self>, TranslogError> {
        let Some(mut checkpoint) = CheckpointFile::read(folder)? else {
            return none_yet(folder);
        };
        let synced_until = checkpoint.durable_offset;
        let (mut operations, mut term) = (0, 0);
        for generation in checkpoint.min_generation..=checkpoint.generation {
            let mut records = Records::open(folder, seed_of(&checkpoint, generation))?;
            while let Some(operation) = records.next()? {
                operations += 1;
                checkpoint.max_seq_no = checkpoint.max_seq_no.max(operation.seq_no as i64);
            }
            let is_newest = generation == checkpoint.generation;
            term = records.term();
            let reason = match records.stopped() {
                Some(reason) if !is_newest || records.offset() < checkpoint.durable_offset => Some(reason),
                None if is_newest && records.offset() < checkpoint.durable_offset => {
                    Some("the file is cut off")
                }
                _ => None,
            };
            if let Some(reason) = reason {
                let path = generation_path(folder, generation);
                return Err(TranslogError::corrupt(&path, records.offset(), reason));
            }
            if is_newest {
                checkpoint.durable_offset = records.offset();
            }
        }
        Ok(Some(Self { folder: folder.to_owned(), checkpoint, synced_until, term, operations }))
    }

    /// Whether it holds no more than was synced for certain.
    pub(super) fn is_whole(&self) -> bool {
        self.checkpoint.durable_offset == self.synced_until
    }

    /// Gives every operation to `each`, oldest first, holding one at a time.
    pub(crate) fn for_each<E: From<TranslogError>>(
        &self,
        mut each: impl FnMut(Operation) -> Result<(), E>,
    ) -> Result<(), E> {
        for generation in self.checkpoint.min_generation..=self.checkpoint.generation {
            let mut records = Records::open(&self.folder, seed_of(&self.checkpoint, generation))?;
            while let Some(operation) = records.next()? {
                each(operation)?;
            }
        }
        Ok(())
    }
}

/// Without a checkpoint nothing was ever acknowledged. It is there before the first operation is written, so that one lost
/// since then is not taken for a new translog.
fn none_yet(folder: &Path) -> Result<Option<Recovered>, TranslogError> {
    if has_operations(folder, 0) {
        let reason = "the checkpoint is missing or empty, and there are operations";
        return Err(TranslogError::corrupt(folder, 0, reason));
    }
    Ok(None)
}

/// Whether the translog in `folder` may hold operations from `generation` on, told by the sizes of its files alone.
pub(crate) fn has_operations(folder: &Path, generation: u64) -> bool {
    let found = generations(folder).unwrap_or_default();
    found.into_iter().filter(|found| *found >= generation).any(|found| {
        fs_err::metadata(generation_path(folder, found)).is_ok_and(|file| file.len() > HEADER_BYTES)
    })
}

fn seed_of(checkpoint: &Checkpoint, generation: u64) -> Seed {
    Seed { translog_id: checkpoint.translog_id, generation }
}
