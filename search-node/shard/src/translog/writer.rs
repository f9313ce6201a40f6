//! The open translog: appending, group commit, rolling to a new generation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::checkpoint::{Checkpoint, CheckpointFile};
use super::error::TranslogError;
use super::file::{self, HEADER_BYTES, generation_path, generations};
use super::operation::{Draft, Operation, Seed, decode};
use super::recovery::Recovered;
use disk::{Disk, DiskFile, HostDisk, create_folder_durably};

/// Bytes gathered before they are handed to the system, if no sync asks earlier.
const BUFFER_BYTES: usize = 1 << 20;

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    generation: u64,
    offset: u64,
    length: u32,
}

impl Location {
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self { generation: 1, offset: 64, length: 1 }
    }

    #[cfg(test)]
    pub(crate) fn offset_for_tests(&self) -> u64 {
        self.offset
    }

    fn end(&self) -> Position {
        Position { generation: self.generation, offset: self.offset + u64::from(self.length) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    generation: u64,
    offset: u64,
}

/// The translog of one shard.
///
/// ```text
///  append ──▶ buffer ──▶ file ──fdatasync──▶ checkpoint ──▶ acknowledged
///                         └ one writer syncs for all who wait; appends go on meanwhile
/// ```
pub(crate) struct Translog {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    seed_id: [u8; 16],
    /// The primary term of everything that is appended.
    term: u64,
    tail: Mutex<Tail>,
    sync: Mutex<SyncState>,
    synced: Condvar,
    /// Whether `sync` says that nothing more is accepted; every append asks.
    is_fenced: AtomicBool,
}

/// The end of the current generation.
#[derive(Debug)]
struct Tail {
    file: Arc<dyn DiskFile>,
    seed: Seed,
    /// Bytes handed to the system.
    written: u64,
    buffer: Vec<u8>,
    next_seq_no: u64,
    max_seq_no: i64,
}

#[derive(Debug)]
struct SyncState {
    reached: Position,
    min_generation: u64,
    /// Whether somebody is syncing for all; the checkpoint file is theirs meanwhile.
    checkpoint: Option<CheckpointFile>,
    failed: Option<Failure>,
}

/// Why nothing more is accepted.
#[derive(Debug)]
struct Failure {
    reason: String,
    /// Whether the translog itself failed, so that what its files hold is not certain.
    is_own: bool,
}

impl Translog {
    /// Opens the translog in `folder`, giving what it holds beyond the durable state. Writing goes on in a new generation;
    /// a torn tail that was never acknowledged is cut off.
    ///
    /// Writes are done under `term`, or under a higher one: unless the translog was closed, sequence numbers may have been
    /// given out and seen that are lost, and will be given out again. A new primary term tells them apart.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        mut term: u64,
        durable_seq_no: i64,
    ) -> Result<(Self, Option<Recovered>), TranslogError> {
        create_folder_durably(disk.as_ref(), folder).map_err(TranslogError::io(folder))?;
        let recovered = Recovered::check(folder)?;
        let mut checkpoint = match &recovered {
            Some(found) => {
                settle_tail(disk.as_ref(), folder, found)?;
                let is_closed = found.checkpoint.is_closed && found.is_whole();
                term = term.max(if is_closed { found.term } else { found.term.saturating_add(1) });
                found.checkpoint
            }
            None if durable_seq_no >= 0 => {
                return Err(TranslogError::corrupt(folder, 0, "the translog is missing"));
            }
            None => Checkpoint {
                translog_id: *uuid::Uuid::new_v4().as_bytes(),
                generation: 0,
                durable_offset: 0,
                min_generation: 1,
                max_seq_no: -1,
                is_closed: false,
            },
        };
        checkpoint.is_closed = false;
        checkpoint.generation += 1;
        checkpoint.durable_offset = HEADER_BYTES;
        checkpoint.max_seq_no = checkpoint.max_seq_no.max(durable_seq_no);
        let seed = Seed { translog_id: checkpoint.translog_id, generation: checkpoint.generation };
        let file = file::create(disk.as_ref(), folder, seed, term)?;
        let mut checkpoint_file = CheckpointFile::open(disk.as_ref(), folder)?;
        checkpoint_file.write(&checkpoint)?;
        let tail = Tail {
            file,
            seed,
            written: HEADER_BYTES,
            buffer: Vec::new(),
            next_seq_no: (checkpoint.max_seq_no + 1) as u64,
            max_seq_no: checkpoint.max_seq_no,
        };
        let sync = SyncState {
            reached: Position { generation: checkpoint.generation, offset: HEADER_BYTES },
            min_generation: checkpoint.min_generation,
            checkpoint: Some(checkpoint_file),
            failed: None,
        };
        let translog = Self {
            disk,
            folder: folder.to_owned(),
            seed_id: checkpoint.translog_id,
            term,
            tail: Mutex::new(tail),
            sync: Mutex::new(sync),
            synced: Condvar::new(),
            is_fenced: AtomicBool::new(false),
        };
        Ok((translog, recovered))
    }

    /// Whether everything that was acknowledged is there and verifies.
    pub(crate) fn check_folder(folder: &Path) -> Result<(), TranslogError> {
        Recovered::check(folder).map(drop)
    }

    /// Whether a durable state has ever covered a part of the translog in `folder`.
    pub(crate) fn was_trimmed(folder: &Path) -> Result<bool, TranslogError> {
        Ok(CheckpointFile::read(folder)?.is_some_and(|checkpoint| checkpoint.min_generation > 1))
    }

    /// Appends one operation, giving it the next sequence number. It is not durable yet.
    pub(crate) fn append(&self, draft: &Draft<'_>) -> Result<(u64, Location), TranslogError> {
        draft.check()?;
        self.check()?;
        let mut tail = self.tail.lock();
        let seq_no = tail.next_seq_no;
        tail.next_seq_no += 1;
        tail.max_seq_no = tail.max_seq_no.max(seq_no as i64);
        let offset = tail.written + tail.buffer.len() as u64;
        let seed = tail.seed;
        let length = draft.encode(&mut tail.buffer, seed, offset, seq_no);
        let location = Location { generation: seed.generation, offset, length: length as u32 };
        if tail.buffer.len() >= BUFFER_BYTES {
            let path = generation_path(&self.folder, seed.generation);
            if let Err(source) = tail.flush() {
                drop(tail);
                let error = TranslogError::io(&path)(source);
                self.fail(&mut self.sync.lock(), &error.to_string());
                self.synced.notify_all();
                return Err(error);
            }
        }
        Ok((seq_no, location))
    }

    /// Waits until the operation at `location` is durable, syncing for everybody who waits if nobody does yet.
    pub(crate) fn sync(&self, location: Location) -> Result<(), TranslogError> {
        self.sync_to(location.end())
    }

    /// Makes everything appended so far durable.
    pub(crate) fn sync_all(&self) -> Result<(), TranslogError> {
        let end = self.tail.lock().end();
        self.sync_to(end)
    }

    fn sync_to(&self, wanted: Position) -> Result<(), TranslogError> {
        let mut state = self.sync.lock();
        loop {
            state.check()?;
            if state.reached >= wanted {
                return Ok(());
            }
            match state.checkpoint.take() {
                None => self.synced.wait(&mut state),
                Some(mut checkpoint) => {
                    let min_generation = state.min_generation;
                    drop(state);
                    let outcome = self.sync_tail(&mut checkpoint, min_generation);
                    state = self.sync.lock();
                    state.checkpoint = Some(checkpoint);
                    match outcome {
                        Ok(reached) => state.reached = state.reached.max(reached),
                        Err(error) => self.fail(&mut state, &error.to_string()),
                    }
                    self.synced.notify_all();
                }
            }
        }
    }

    fn sync_tail(
        &self,
        checkpoint: &mut CheckpointFile,
        min_generation: u64,
    ) -> Result<Position, TranslogError> {
        let (file, end, max_seq_no) = {
            let mut tail = self.tail.lock();
            let path = generation_path(&self.folder, tail.seed.generation);
            tail.flush().map_err(TranslogError::io(&path))?;
            (Arc::clone(&tail.file), tail.end(), tail.max_seq_no)
        };
        let path = generation_path(&self.folder, end.generation);
        file.sync().map_err(TranslogError::io(&path))?;
        checkpoint.write(&Checkpoint {
            translog_id: self.seed_id,
            generation: end.generation,
            durable_offset: end.offset,
            min_generation,
            max_seq_no,
            is_closed: false,
        })?;
        Ok(end)
    }

    /// Closes the current generation and begins the next; gives its number and the highest sequence number before it.
    /// The caller keeps appends away meanwhile, so that the cut between generations is known.
    pub(crate) fn roll(&self) -> Result<(u64, i64), TranslogError> {
        self.sync_all()?;
        let mut state = self.with_checkpoint();
        let rolled = self.roll_synced(&mut state);
        // Before anybody else may write the other slot of the checkpoint.
        rolled.inspect_err(|error| self.fail(&mut state, &error.to_string()))
    }

    fn roll_synced(&self, state: &mut SyncState) -> Result<(u64, i64), TranslogError> {
        state.check()?;
        let mut tail = self.tail.lock();
        let seed = Seed { translog_id: self.seed_id, generation: tail.seed.generation + 1 };
        let file = file::create(self.disk.as_ref(), &self.folder, seed, self.term)?;
        let min_generation = state.min_generation;
        if let Some(checkpoint) = state.checkpoint.as_mut() {
            checkpoint.write(&Checkpoint {
                translog_id: self.seed_id,
                generation: seed.generation,
                durable_offset: HEADER_BYTES,
                min_generation,
                max_seq_no: tail.max_seq_no,
                is_closed: false,
            })?;
        }
        tail.file = file;
        tail.seed = seed;
        tail.written = HEADER_BYTES;
        tail.buffer.clear();
        state.reached = tail.end();
        Ok((seed.generation, tail.max_seq_no))
    }

    /// Deletes the generations before `generation`, which a durable state covers.
    pub(crate) fn trim(&self, generation: u64) -> Result<(), TranslogError> {
        {
            let mut state = self.with_checkpoint();
            state.min_generation = state.min_generation.max(generation);
            self.write_reached(&mut state, false)?;
        }
        for old in generations(&self.folder).map_err(TranslogError::io(&self.folder))? {
            if old < generation {
                let path = generation_path(&self.folder, old);
                self.disk.remove(&path).map_err(TranslogError::io(&path))?;
            }
        }
        Ok(())
    }

    /// Closes the translog: everything is durable, and the next opening goes on under the same primary term. Nothing may be
    /// appended after this.
    pub(crate) fn close(&self) -> Result<(), TranslogError> {
        self.sync_all()?;
        self.write_reached(&mut self.with_checkpoint(), true)
    }

    /// The state of syncing, once nobody is at it.
    fn with_checkpoint(&self) -> MutexGuard<'_, SyncState> {
        let mut state = self.sync.lock();
        while state.checkpoint.is_none() {
            self.synced.wait(&mut state);
        }
        state
    }

    /// Writes down how far the translog is durable.
    fn write_reached(&self, state: &mut SyncState, is_closed: bool) -> Result<(), TranslogError> {
        state.check()?;
        let checkpoint = Checkpoint {
            translog_id: self.seed_id,
            generation: state.reached.generation,
            durable_offset: state.reached.offset,
            min_generation: state.min_generation,
            max_seq_no: self.tail.lock().max_seq_no,
            is_closed,
        };
        let written = state.checkpoint.as_mut().map_or(Ok(()), |file| file.write(&checkpoint));
        written.inspect_err(|error| self.fail(state, &error.to_string()))
    }

    /// The primary term of everything that is appended.
    pub(crate) fn term(&self) -> u64 {
        self.term
    }

    /// Reads one operation back, durable or not.
    pub(crate) fn read(&self, location: Location) -> Result<Operation, TranslogError> {
        let path = generation_path(&self.folder, location.generation);
        let seed = Seed { translog_id: self.seed_id, generation: location.generation };
        let mut bytes = vec![0; location.length as usize];
        let file = {
            let tail = self.tail.lock();
            if tail.seed.generation != location.generation {
                None
            } else if location.offset >= tail.written {
                let at = (location.offset - tail.written) as usize;
                bytes.copy_from_slice(&tail.buffer[at..at + location.length as usize]);
                return decode_at(&path, &bytes, seed, location.offset);
            } else {
                Some(Arc::clone(&tail.file))
            }
        };
        let file = match file {
            Some(file) => file,
            None => HostDisk.open_to_read(&path).map_err(TranslogError::io(&path))?,
        };
        file.read_at(&mut bytes, location.offset).map_err(TranslogError::io(&path))?;
        decode_at(&path, &bytes, seed, location.offset)
    }

    /// Bytes in the current generation.
    pub(crate) fn generation_bytes(&self) -> u64 {
        self.tail.lock().end().offset
    }

    /// Whether it holds nothing that a durable state would make redundant.
    pub(crate) fn is_trimmed(&self) -> bool {
        let min_generation = self.sync.lock().min_generation;
        let end = self.tail.lock().end();
        end.generation == min_generation && end.offset == HEADER_BYTES
    }

    /// The highest sequence number given so far; -1 when there is none.
    pub(crate) fn max_seq_no(&self) -> i64 {
        self.tail.lock().max_seq_no
    }

    /// Why nothing more is accepted, if so.
    pub(crate) fn fenced(&self) -> Option<String> {
        // `sync` is held while files are synced, and who only asks must not wait for that.
        if !self.is_fenced.load(Ordering::Acquire) {
            return None;
        }
        self.sync.lock().failed.as_ref().map(|failure| failure.reason.clone())
    }

    /// Fails if nothing more is accepted.
    pub(crate) fn check(&self) -> Result<(), TranslogError> {
        if !self.is_fenced.load(Ordering::Acquire) {
            return Ok(());
        }
        self.fenced().map_or(Ok(()), |reason| Err(TranslogError::Fenced(reason)))
    }

    /// Accepts nothing more: what memory holds and what the disk holds have parted.
    pub(crate) fn fence(&self, reason: &str) {
        self.note(&mut self.sync.lock(), reason, false);
        self.synced.notify_all();
    }

    /// Makes durable what was appended before something other than the translog failed: it may have been acknowledged
    /// before its sync, where the index asks for that. The caller knows that nobody uses the translog any more.
    pub(crate) fn rescue(&self) -> Result<(), TranslogError> {
        let mut state = self.with_checkpoint();
        if state.failed.as_ref().is_some_and(|failure| failure.is_own) {
            return Ok(());
        }
        let min_generation = state.min_generation;
        let Some(mut checkpoint) = state.checkpoint.take() else { return Ok(()) };
        let rescued = self.sync_tail(&mut checkpoint, min_generation);
        state.checkpoint = Some(checkpoint);
        rescued.map(drop)
    }

    fn fail(&self, state: &mut SyncState, reason: &str) {
        self.note(state, reason, true);
    }

    fn note(&self, state: &mut SyncState, reason: &str, is_own: bool) {
        state.failed.get_or_insert_with(|| Failure { reason: reason.to_owned(), is_own }).is_own |= is_own;
        self.is_fenced.store(true, Ordering::Release);
    }
}

impl SyncState {
    fn check(&self) -> Result<(), TranslogError> {
        self.failed.as_ref().map_or(Ok(()), |failure| Err(TranslogError::Fenced(failure.reason.clone())))
    }
}

impl Tail {
    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn end(&self) -> Position {
        Position { generation: self.seed.generation, offset: self.written + self.buffer.len() as u64 }
    }
}

fn decode_at(path: &Path, bytes: &[u8], seed: Seed, offset: u64) -> Result<Operation, TranslogError> {
    decode(bytes, seed, offset)
        .map(|(operation, _)| operation)
        .map_err(|reason| TranslogError::corrupt(path, offset, reason))
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

#[cfg(test)]
mod tests;
