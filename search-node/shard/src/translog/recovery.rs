//! Reading a translog back: at the start of a shard, and for a person who asks what is in it.

use std::path::Path;

use super::checkpoint::{Checkpoint, CheckpointFile};
use super::error::TranslogError;
use super::file::{self, generation_path, generations};
use super::operation::{Operation, Seed};

/// What a translog held when it was opened.
pub(super) struct Recovered {
    pub(super) checkpoint: Checkpoint,
    pub(super) operations: Vec<Operation>,
}

/// Reads every operation that a durable state does not cover. None if there is no translog yet.
pub(super) fn recover(folder: &Path) -> Result<Option<Recovered>, TranslogError> {
    let Some(mut checkpoint) = CheckpointFile::read(folder)? else {
        return Ok(None);
    };
    let mut operations = Vec::new();
    for generation in checkpoint.min_generation..=checkpoint.generation {
        let seed = Seed { translog_id: checkpoint.translog_id, generation };
        let path = generation_path(folder, generation);
        let contents = file::read(folder, seed)?;
        let must_reach =
            if generation == checkpoint.generation { checkpoint.durable_offset } else { u64::MAX };
        if let Some(reason) = contents.stopped
            && contents.end < must_reach
        {
            return Err(TranslogError::corrupt(&path, contents.end, reason));
        }
        if generation == checkpoint.generation {
            if contents.end < checkpoint.durable_offset {
                return Err(TranslogError::corrupt(&path, contents.end, "the file is cut off"));
            }
            checkpoint.durable_offset = contents.end;
        }
        operations.extend(contents.operations);
    }
    if let Some(newest) = operations.iter().map(|operation| operation.seq_no as i64).max() {
        checkpoint.max_seq_no = checkpoint.max_seq_no.max(newest);
    }
    Ok(Some(Recovered { checkpoint, operations }))
}

/// What is in a translog, read without changing it.
#[derive(Debug)]
pub struct Inspection {
    /// The generations on disk.
    pub generations: Vec<u64>,
    /// Every operation that verifies, oldest first.
    pub operations: Vec<Operation>,
    /// What does not verify, one line each.
    pub faults: Vec<String>,
}

/// Reads a translog's folder offline, going on after faults.
pub fn inspect(folder: &Path) -> Result<Inspection, TranslogError> {
    let present = generations(folder).map_err(TranslogError::io(folder))?;
    let mut inspection =
        Inspection { generations: present.clone(), operations: Vec::new(), faults: Vec::new() };
    let Some(checkpoint) = CheckpointFile::read(folder)? else {
        inspection.faults.push("translog.ckp: no slot verifies".to_owned());
        return Ok(inspection);
    };
    for generation in present {
        let seed = Seed { translog_id: checkpoint.translog_id, generation };
        match file::read(folder, seed) {
            Ok(contents) => {
                inspection.operations.extend(contents.operations);
                if let Some(reason) = contents.stopped {
                    let acked =
                        generation < checkpoint.generation || contents.end < checkpoint.durable_offset;
                    let weight =
                        if acked { "acknowledged operations are lost" } else { "never acknowledged" };
                    inspection.faults.push(format!(
                        "translog-{generation}.tlog: byte {}: {reason} ({weight})",
                        contents.end
                    ));
                }
            }
            Err(error) => inspection.faults.push(error.to_string()),
        }
    }
    Ok(inspection)
}
