//! Opening a translog: what it holds is settled, and writing goes on in a new generation.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::{Condvar, Mutex};

use super::checkpoint::{Checkpoint, CheckpointFile, SharedPart};
use super::error::TranslogError;
use super::file::{self, HEADER_BYTES, Header, generation_path};
use super::numbers::Numbers;
use super::operation::Seed;
use super::recovery::Recovered;
use super::retention::{Kept, Wanted};
use super::terms::Terms;
use super::writer::{BUFFER_BYTES, Position, SyncState, Tail, Translog, shared_part};
use disk::{Disk, create_inner_folder_durably};

/// How a translog is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    /// The primary term, if the translog does not know a higher one.
    pub(crate) term: u64,
    /// Whether the copy takes a higher term by itself.
    pub(crate) own_terms: bool,
    /// Whether it is the only copy.
    pub(crate) is_only_copy: bool,
    /// What the durable state holds; -1 when there is nothing.
    pub(crate) durable_seq_no: i64,
    /// What old generations may take.
    pub(crate) retention_bytes: u64,
}

#[cfg(test)]
impl Opening {
    /// The only copy, which takes its own terms.
    pub(crate) fn for_tests(durable_seq_no: i64) -> Self {
        Self { term: 1, own_terms: true, is_only_copy: true, durable_seq_no, retention_bytes: 512 << 20 }
    }
}

impl Translog {
    /// Opens the translog in `folder`, giving what it holds beyond the durable state. Writing goes on in a new generation;
    /// a torn tail that was never acknowledged is cut off.
    ///
    /// A copy that takes terms by itself goes on under a higher one unless the translog was closed: sequence numbers may have been
    /// given out and seen that are lost, and will be given out again. A new primary term tells them apart.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        opening: &Opening,
    ) -> Result<(Self, Option<Recovered>), TranslogError> {
        create_inner_folder_durably(disk.as_ref(), folder).map_err(TranslogError::io(folder))?;
        let recovered = Recovered::check(folder)?;
        let durable_seq_no = opening.durable_seq_no;
        let mut term = opening.term;
        let found = match &recovered {
            Some(found) => {
                settle_tail(disk.as_ref(), folder, found)?;
                let is_closed = found.checkpoint.is_closed && found.is_whole();
                let takes_next = opening.own_terms && !is_closed;
                term = term.max(found.term.saturating_add(u64::from(takes_next)));
                found.checkpoint
            }
            None if durable_seq_no >= 0 => {
                return Err(TranslogError::corrupt(folder, 0, "the translog is missing"));
            }
            None => blank(*uuid::Uuid::new_v4().as_bytes()),
        };
        let terms = recovered.as_ref().map(|found| found.terms().clone()).unwrap_or_default();
        let (numbers, shared) = numbers_of(&found, terms, opening);
        let sealed = recovered.as_ref().map(|found| found.sealed.clone()).unwrap_or_default();
        let before = sealed.last_key_value().map_or(-1, |(_, newest)| newest.max_seq_no);
        let kept = Kept::find(folder, found.translog_id, sealed, found.min_generation, shared);
        let seed = Seed { translog_id: found.translog_id, generation: found.generation + 1 };
        let checkpoint = Checkpoint {
            translog_id: found.translog_id,
            generation: seed.generation,
            durable_offset: HEADER_BYTES,
            min_generation: kept.min_generation,
            max_seq_no: numbers.highest(),
            is_closed: false,
            shared: Some(shared_part(&kept, numbers.global())),
        };
        let file = file::create(disk.as_ref(), folder, seed, Header { term, before })?;
        let mut checkpoint_file = CheckpointFile::open(disk.as_ref(), folder)?;
        checkpoint_file.write(&checkpoint)?;
        let wanted = Wanted { from: None, bytes_max: opening.retention_bytes };
        let local = numbers.shared_local();
        let sync = SyncState {
            reached: Position { generation: seed.generation, offset: HEADER_BYTES },
            reached_global: numbers.global(),
            kept,
            checkpoint: Some(checkpoint_file),
            failed: None,
        };
        let translog = Self {
            disk,
            folder: folder.to_owned(),
            seed_id: seed.translog_id,
            term: AtomicU64::new(term),
            is_only_copy: AtomicBool::new(opening.is_only_copy),
            unread_bytes: AtomicU64::new(sync.kept.unread_bytes()),
            tail: Mutex::new(Tail {
                file,
                seed,
                written: HEADER_BYTES,
                buffer: Vec::new(),
                numbers,
                max_seq_no: -1,
            }),
            raised: Condvar::new(),
            sync: Mutex::new(sync),
            synced: Condvar::new(),
            is_fenced: AtomicBool::new(false),
            is_left_alone: AtomicBool::new(false),
            wanted: Mutex::new(wanted),
            local,
        };
        Ok((translog, recovered))
    }

    /// Makes a translog in `folder` that holds nothing, beside a durable state that came from another copy.
    pub(crate) fn create(
        disk: &dyn Disk,
        folder: &Path,
        term: u64,
        durable_seq_no: i64,
    ) -> Result<(), TranslogError> {
        create_inner_folder_durably(disk, folder).map_err(TranslogError::io(folder))?;
        let seed = Seed { translog_id: *uuid::Uuid::new_v4().as_bytes(), generation: 1 };
        file::create(disk, folder, seed, Header { term, before: -1 })?;
        CheckpointFile::open(disk, folder)?.write(&Checkpoint {
            generation: 1,
            durable_offset: HEADER_BYTES,
            max_seq_no: durable_seq_no,
            shared: Some(SharedPart {
                global: durable_seq_no,
                oldest_generation: 1,
                history_from: (durable_seq_no + 1) as u64,
            }),
            ..blank(seed.translog_id)
        })
    }

    /// Whether everything that was acknowledged is there and verifies.
    pub(crate) fn check_folder(folder: &Path) -> Result<(), TranslogError> {
        Recovered::check(folder).map(drop)
    }

    /// Whether a durable state has ever covered a part of the translog in `folder`.
    pub(crate) fn was_trimmed(folder: &Path) -> Result<bool, TranslogError> {
        Ok(CheckpointFile::read(folder)?.is_some_and(|checkpoint| checkpoint.min_generation > 1))
    }
}

/// A translog before its first generation.
fn blank(translog_id: [u8; 16]) -> Checkpoint {
    Checkpoint {
        translog_id,
        generation: 0,
        durable_offset: 0,
        min_generation: 1,
        max_seq_no: -1,
        is_closed: false,
        shared: Some(SharedPart { global: -1, oldest_generation: 1, history_from: 0 }),
    }
}

/// The numbers of a translog that is opened, and what it keeps for other copies.
fn numbers_of(found: &Checkpoint, terms: Terms, opening: &Opening) -> (Numbers, SharedPart) {
    let durable_seq_no = opening.durable_seq_no;
    let of_older_version = SharedPart {
        global: durable_seq_no,
        oldest_generation: found.min_generation,
        history_from: (durable_seq_no + 1) as u64,
    };
    let mut shared = found.shared.unwrap_or(of_older_version);
    let given_out = if opening.own_terms { found.max_seq_no.max(durable_seq_no) } else { -1 };
    let mut numbers = Numbers::new(shared.global.max(durable_seq_no), terms, given_out);
    if opening.is_only_copy {
        if numbers.local() < numbers.highest() {
            // Numbers were given out and lost: no other copy could ever be told what they were.
            shared.history_from = shared.history_from.max((numbers.highest() + 1) as u64);
        }
        numbers.settle(numbers.highest());
    }
    (numbers, shared)
}

/// Makes what verifies of the newest generation durable, and cuts the rest off. What lies beyond the checkpoint is written
/// again: a sync of it may have failed, after which the system shows bytes that are not on the disk, and that no further
/// sync would bring there.
fn settle_tail(disk: &dyn Disk, folder: &Path, found: &Recovered) -> Result<(), TranslogError> {
    let Checkpoint { generation, durable_offset: end, .. } = found.checkpoint;
    let path = generation_path(folder, generation);
    let settled = disk.open(&path).and_then(|file| {
        let mut offset = found.synced_until;
        let mut buffer = vec![0; BUFFER_BYTES.min(usize::try_from(end - offset).unwrap_or(BUFFER_BYTES))];
        while offset < end {
            let length = buffer.len().min(usize::try_from(end - offset).unwrap_or(BUFFER_BYTES));
            file.read_at(&mut buffer[..length], offset)?;
            file.write_at(&buffer[..length], offset)?;
            offset += length as u64;
        }
        file.set_length(end)?;
        file.sync()
    });
    settled.map_err(TranslogError::io(&path))
}
