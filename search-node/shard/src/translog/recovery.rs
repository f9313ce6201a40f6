//! Reading a translog back when its shard is opened: first that everything acknowledged is there, then each operation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::census::Census;
use super::checkpoint::{Checkpoint, CheckpointFile};
use super::error::TranslogError;
use super::file::{HEADER_BYTES, Records, generation_path, generations};
use super::operation::{Operation, Seed};
use super::retention::Sealed;
use super::terms::Terms;

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
    /// The generations that were read.
    pub(super) sealed: BTreeMap<u64, Sealed>,
    census: Census,
}

impl Recovered {
    /// Checks every generation that a durable state does not cover. None if there is no translog yet.
    pub(super) fn check(folder: &Path) -> Result<Option<Self>, TranslogError> {
        let Some(checkpoint) = CheckpointFile::read(folder)? else {
            return none_yet(folder);
        };
        let synced_until = checkpoint.durable_offset;
        let (sealed, census) = (BTreeMap::new(), Census::default());
        let folder = folder.to_owned();
        let mut recovered = Self { folder, checkpoint, synced_until, term: 0, sealed, census };
        for generation in checkpoint.min_generation..=checkpoint.generation {
            recovered.check_generation(generation)?;
        }
        Ok(Some(recovered))
    }

    fn check_generation(&mut self, generation: u64) -> Result<(), TranslogError> {
        let checkpoint = &mut self.checkpoint;
        let mut records = Records::open(&self.folder, seed_of(checkpoint, generation))?;
        let (mut at, mut max_seq_no) = (records.offset(), -1);
        while let Some(operation) = records.next()? {
            self.census.note(&operation, (generation, at));
            max_seq_no = max_seq_no.max(operation.seq_no as i64);
            at = records.offset();
        }
        checkpoint.max_seq_no = checkpoint.max_seq_no.max(max_seq_no);
        let is_newest = generation == checkpoint.generation;
        self.term = records.term();
        let reason = match records.stopped() {
            Some(reason) if !is_newest || records.offset() < checkpoint.durable_offset => Some(reason),
            None if is_newest && records.offset() < checkpoint.durable_offset => Some("the file is cut off"),
            _ => None,
        };
        if let Some(reason) = reason {
            let path = generation_path(&self.folder, generation);
            return Err(TranslogError::corrupt(&path, records.offset(), reason));
        }
        if is_newest {
            checkpoint.durable_offset = records.offset();
        }
        self.sealed.insert(generation, Sealed { bytes: records.offset(), max_seq_no });
        Ok(())
    }

    /// Whether it holds no more than was synced for certain.
    pub(super) fn is_whole(&self) -> bool {
        self.checkpoint.durable_offset == self.synced_until
    }

    /// How many operations there are.
    pub(crate) fn operations(&self) -> u64 {
        self.census.operations()
    }

    /// The operations that there are.
    pub(super) fn terms(&self) -> &Terms {
        self.census.terms()
    }

    /// Gives every operation that counts to `each`, as they were written, holding one at a time.
    pub(crate) fn for_each<E: From<TranslogError>>(
        &self,
        mut each: impl FnMut(Operation) -> Result<(), E>,
    ) -> Result<(), E> {
        for generation in self.checkpoint.min_generation..=self.checkpoint.generation {
            let mut records = Records::open(&self.folder, seed_of(&self.checkpoint, generation))?;
            let mut at = records.offset();
            while let Some(operation) = records.next()? {
                if self.census.counts(&operation, (generation, at)) {
                    each(operation)?;
                }
                at = records.offset();
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
