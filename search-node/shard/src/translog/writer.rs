//! The open translog: appending, group commit, rolling to a new generation.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::checkpoint::{Checkpoint, CheckpointFile, SharedPart};
use super::error::TranslogError;
use super::fence::Failure;
use super::file::{self, HEADER_BYTES, Header, generation_path, generations};
use super::numbers::{Known, Numbers};
use super::operation::{Draft, Operation, OperationKind, SEQ_NO_MAX, Seed, decode};
use super::retention::{Kept, Sealed, Wanted};
use super::terms::Terms;
use disk::{Disk, DiskFile, HostDisk};

/// Bytes gathered before they are handed to the system, if no sync asks earlier.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

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

    /// The end of what was written so far: once that is durable, all before it is.
    fn after(position: Position) -> Self {
        Self { generation: position.generation, offset: position.offset, length: 0 }
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
pub(super) struct Position {
    pub(super) generation: u64,
    pub(super) offset: u64,
}

/// What became of an operation that another copy has numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// It was written down.
    New(Location),
    /// It was there already, durable once the location is.
    Known(Location),
    /// It was written down in the place of another of the same number.
    Instead(Location),
}

/// Where a durable state cuts the translog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The first generation that an opening has to read beside that state.
    pub(crate) generation: u64,
    /// The highest number before the cut.
    pub(crate) max_seq_no: i64,
    /// The number up to which there is everything before the cut.
    pub(crate) local: i64,
}

/// The translog of one shard.
///
/// ```text
///  append ──▶ buffer ──▶ file ──fdatasync──▶ checkpoint ──▶ acknowledged
///                         └ one writer syncs for all who wait; appends go on meanwhile
/// ```
pub(crate) struct Translog {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) seed_id: [u8; 16],
    /// The primary term of everything that is appended.
    pub(super) term: AtomicU64,
    /// Whether there is no other copy: what is synced here counts for good.
    pub(super) is_only_copy: AtomicBool,
    pub(super) tail: Mutex<Tail>,
    /// Told when the global checkpoint is raised, and when nothing more is accepted.
    pub(super) raised: Condvar,
    pub(super) sync: Mutex<SyncState>,
    pub(super) synced: Condvar,
    /// Whether `sync` says that nothing more is accepted; every append asks.
    pub(super) is_fenced: AtomicBool,
    /// Nobody tells the global checkpoint any more.
    pub(super) is_left_alone: AtomicBool,
    pub(super) wanted: Mutex<Wanted>,
    /// Bytes of generations that an opening has to read, without the one that is written.
    pub(super) unread_bytes: AtomicU64,
    pub(super) local: Arc<AtomicI64>,
}

/// The end of the current generation.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) seed: Seed,
    /// Bytes handed to the system.
    pub(super) written: u64,
    pub(super) buffer: Vec<u8>,
    pub(super) numbers: Numbers,
    /// The highest number in this generation.
    pub(super) max_seq_no: i64,
}

#[derive(Debug)]
pub(super) struct SyncState {
    pub(super) reached: Position,
    /// The global checkpoint as it was there: everything up to it is synced.
    pub(super) reached_global: i64,
    pub(super) kept: Kept,
    /// Whether somebody is syncing for all; the checkpoint file is theirs meanwhile.
    pub(super) checkpoint: Option<CheckpointFile>,
    pub(super) failed: Option<Failure>,
}

impl Translog {
    /// Appends one operation, giving it the next sequence number. It is not durable yet.
    pub(crate) fn append(&self, draft: &Draft<'_>) -> Result<(u64, Location), TranslogError> {
        draft.check()?;
        self.check()?;
        let tail = self.tail.lock();
        let seq_no = (tail.numbers.highest() + 1) as u64;
        Ok((seq_no, self.put(tail, draft, seq_no)?))
    }

    /// Appends an operation that has its number, unless it is there. It is not durable yet.
    pub(crate) fn append_as(&self, seq_no: u64, draft: &Draft<'_>) -> Result<Foreign, TranslogError> {
        draft.check()?;
        check_number(seq_no)?;
        self.check()?;
        let tail = self.tail.lock();
        match tail.numbers.known(seq_no, draft.term) {
            Known::Same => Ok(Foreign::Known(Location::after(tail.end()))),
            Known::No => self.put(tail, draft, seq_no).map(Foreign::New),
            Known::Other => self.put(tail, draft, seq_no).map(Foreign::Instead),
        }
    }

    /// Writes down that operations do not count, and makes that durable; gives whether any of them was there. The caller keeps appends
    /// away meanwhile.
    pub(crate) fn void(&self, seq_nos: &[u64]) -> Result<bool, TranslogError> {
        self.check()?;
        let there: Vec<u64> = {
            let tail = self.tail.lock();
            let global = tail.numbers.global();
            if let Some(seq_no) = seq_nos.iter().copied().find(|seq_no| *seq_no as i64 <= global) {
                return Err(TranslogError::Settled { seq_no, global });
            }
            seq_nos.iter().copied().filter(|seq_no| tail.numbers.held().get(*seq_no).is_some()).collect()
        };
        let (kind, term) = (OperationKind::Void, self.term());
        for seq_no in &there {
            let draft = Draft { kind, term, version: 0, uid: "", routing: "", source: b"" };
            self.put(self.tail.lock(), &draft, *seq_no)?;
        }
        self.sync_all()?;
        Ok(!there.is_empty())
    }

    fn put(
        &self,
        mut tail: MutexGuard<'_, Tail>,
        draft: &Draft<'_>,
        seq_no: u64,
    ) -> Result<Location, TranslogError> {
        check_number(seq_no)?;
        if draft.kind == OperationKind::Void {
            tail.numbers.drop(seq_no);
        } else {
            tail.numbers.add(seq_no, draft.term);
        }
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
        Ok(location)
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

    /// Whether everything appended so far is durable.
    pub(crate) fn is_synced(&self) -> bool {
        let end = self.tail.lock().end();
        let state = self.sync.lock();
        state.check().is_ok() && state.reached >= end
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
                    let (min_generation, shared) = (state.kept.min_generation, shared_part(&state.kept, -1));
                    drop(state);
                    let outcome = self.sync_tail(&mut checkpoint, min_generation, shared);
                    state = self.sync.lock();
                    state.checkpoint = Some(checkpoint);
                    match outcome {
                        Ok((reached, global)) if reached > state.reached => {
                            (state.reached, state.reached_global) = (reached, global);
                        }
                        Ok(_) => {}
                        Err(error) => self.fail(&mut state, &error.to_string()),
                    }
                    self.synced.notify_all();
                }
            }
        }
    }

    /// Gives how far everything is durable, and the global checkpoint there.
    pub(super) fn sync_tail(
        &self,
        checkpoint: &mut CheckpointFile,
        min_generation: u64,
        shared: SharedPart,
    ) -> Result<(Position, i64), TranslogError> {
        let (file, end, max_seq_no, global, is_only_copy) = {
            let mut tail = self.tail.lock();
            // Under the lock: what is appended once another copy counts is not taken for equal everywhere.
            let is_only_copy = self.is_only_copy.load(Ordering::Acquire);
            let path = generation_path(&self.folder, tail.seed.generation);
            tail.flush().map_err(TranslogError::io(&path))?;
            let highest = tail.numbers.highest();
            let global = if is_only_copy { highest } else { tail.numbers.global() };
            (Arc::clone(&tail.file), tail.end(), highest, global, is_only_copy)
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
            shared: Some(SharedPart { global, ..shared }),
        })?;
        if is_only_copy {
            self.settle(global);
        }
        Ok((end, global))
    }

    /// What the only copy has on its disk counts for good.
    fn settle(&self, seq_no: i64) {
        if self.tail.lock().numbers.settle(seq_no) {
            self.raised.notify_all();
        }
    }

    /// Closes the current generation and begins the next; gives what is before the cut. The caller keeps appends away meanwhile,
    /// so that the cut between generations is known.
    pub(crate) fn roll(&self) -> Result<Cut, TranslogError> {
        self.begin_generation(self.term())
    }

    /// Goes on under a higher term, in a new generation; durable when this returns. The caller keeps appends away meanwhile.
    pub(crate) fn set_term(&self, term: u64) -> Result<(), TranslogError> {
        let known = self.term();
        if term < known {
            return Err(TranslogError::OldTerm { given: term, known });
        }
        if term == known { Ok(()) } else { self.begin_generation(term).map(drop) }
    }

    fn begin_generation(&self, term: u64) -> Result<Cut, TranslogError> {
        self.sync_all()?;
        let mut state = self.with_checkpoint();
        let rolled = self.begin_synced(&mut state, term);
        // Before anybody else may write the other slot of the checkpoint.
        rolled.inspect_err(|error| self.fail(&mut state, &error.to_string()))
    }

    fn begin_synced(&self, state: &mut SyncState, term: u64) -> Result<Cut, TranslogError> {
        state.check()?;
        let mut tail = self.tail.lock();
        let before = tail.seed.generation;
        if term == self.term() && tail.end().offset == HEADER_BYTES {
            return Ok(cut(state, &tail));
        }
        let seed = Seed { translog_id: self.seed_id, generation: before + 1 };
        let header = Header { term, before: tail.max_seq_no };
        let file = file::create(self.disk.as_ref(), &self.folder, seed, header)?;
        let (highest, global) = (tail.numbers.highest(), tail.numbers.global());
        if let Some(checkpoint) = state.checkpoint.as_mut() {
            checkpoint.write(&Checkpoint {
                translog_id: self.seed_id,
                generation: seed.generation,
                durable_offset: HEADER_BYTES,
                min_generation: state.kept.min_generation,
                max_seq_no: highest,
                is_closed: false,
                shared: Some(shared_part(&state.kept, global)),
            })?;
        }
        let sealed = Sealed { bytes: tail.written, max_seq_no: tail.max_seq_no };
        state.kept.sealed.insert(before, sealed);
        self.unread_bytes.store(state.kept.unread_bytes(), Ordering::Relaxed);
        self.term.store(term, Ordering::Release);
        tail.file = file;
        tail.seed = seed;
        tail.written = HEADER_BYTES;
        tail.buffer.clear();
        tail.max_seq_no = -1;
        (state.reached, state.reached_global) = (tail.end(), global);
        Ok(cut(state, &tail))
    }

    /// A durable state covers what stands before `generation`: of that stays only what other copies may ask for.
    pub(crate) fn trim(&self, generation: u64) -> Result<(), TranslogError> {
        let oldest = {
            let mut state = self.with_checkpoint();
            state.kept.cover(generation, *self.wanted.lock());
            self.unread_bytes.store(state.kept.unread_bytes(), Ordering::Relaxed);
            self.write_reached(&mut state, false)?;
            state.kept.oldest_generation
        };
        for old in generations(&self.folder).map_err(TranslogError::io(&self.folder))? {
            if old < oldest {
                let path = generation_path(&self.folder, old);
                self.disk.remove(&path).map_err(TranslogError::io(&path))?;
            }
        }
        Ok(())
    }

    /// Keeps what another copy may ask for: operations from a number on; none if nobody will.
    pub(crate) fn keep_from(&self, from: Option<u64>) {
        self.wanted.lock().from = from;
    }

    /// Closes the translog: everything is durable, and the next opening goes on under the same primary term. Nothing may be
    /// appended after this.
    pub(crate) fn close(&self) -> Result<(), TranslogError> {
        self.sync_all()?;
        self.write_reached(&mut self.with_checkpoint(), true)
    }

    /// The state of syncing, once nobody is at it.
    pub(super) fn with_checkpoint(&self) -> MutexGuard<'_, SyncState> {
        let mut state = self.sync.lock();
        while state.checkpoint.is_none() {
            self.synced.wait(&mut state);
        }
        state
    }

    /// Writes down how far the translog is durable.
    fn write_reached(&self, state: &mut SyncState, is_closed: bool) -> Result<(), TranslogError> {
        state.check()?;
        let max_seq_no = {
            let tail = self.tail.lock();
            if state.reached == tail.end() {
                state.reached_global = tail.numbers.global();
            }
            tail.numbers.highest()
        };
        let checkpoint = Checkpoint {
            translog_id: self.seed_id,
            generation: state.reached.generation,
            durable_offset: state.reached.offset,
            min_generation: state.kept.min_generation,
            max_seq_no,
            is_closed,
            shared: Some(shared_part(&state.kept, state.reached_global)),
        };
        let written = state.checkpoint.as_mut().map_or(Ok(()), |file| file.write(&checkpoint));
        written.inspect_err(|error| self.fail(state, &error.to_string()))
    }

    /// The primary term of everything that is appended.
    pub(crate) fn term(&self) -> u64 {
        self.term.load(Ordering::Acquire)
    }

    pub(crate) fn is_only_copy(&self) -> bool {
        self.is_only_copy.load(Ordering::Acquire)
    }

    /// Whether there is no other copy: whatever is synced counts for good then.
    pub(crate) fn set_only_copy(&self, is_only_copy: bool) -> Result<(), TranslogError> {
        {
            let _tail = self.tail.lock();
            self.is_only_copy.store(is_only_copy, Ordering::Release);
        }
        if !is_only_copy {
            return Ok(());
        }
        self.sync_all()?;
        let state = self.with_checkpoint();
        let mut tail = self.tail.lock();
        // What was appended meanwhile counts with the next sync.
        if state.reached == tail.end() {
            let highest = tail.numbers.highest();
            tail.numbers.settle(highest);
            self.raised.notify_all();
        }
        Ok(())
    }

    /// All copies in sync are equal up to `seq_no`. Durable with the next checkpoint.
    pub(crate) fn raise_global(&self, seq_no: i64) {
        if self.tail.lock().numbers.raise_global(seq_no) {
            self.raised.notify_all();
        }
    }

    /// Up to where all copies in sync are equal.
    pub(crate) fn global(&self) -> i64 {
        self.tail.lock().numbers.global()
    }

    /// Waits until the global checkpoint has reached `seq_no`, `wait` at most; gives where it is.
    pub(crate) fn wait_for_global(&self, seq_no: i64, wait: Duration) -> i64 {
        let mut tail = self.tail.lock();
        let is_in_vain =
            || self.is_fenced.load(Ordering::Acquire) || self.is_left_alone.load(Ordering::Acquire);
        let is_below = |tail: &mut Tail| tail.numbers.global() < seq_no && !is_in_vain();
        self.raised.wait_while_for(&mut tail, is_below, wait);
        tail.numbers.global()
    }

    /// Nobody will tell the global checkpoint any more: who waits for it, and whoever would, goes on without.
    pub(crate) fn leave_alone(&self) {
        // Under the lock of those that wait: none of them looks before and sleeps after.
        let _tail = self.tail.lock();
        self.is_left_alone.store(true, Ordering::Release);
        self.raised.notify_all();
    }

    /// The highest number up to which there is everything.
    pub(crate) fn local(&self) -> i64 {
        self.local.load(Ordering::Relaxed)
    }

    /// The same, as it is at any time.
    pub(crate) fn shared_local(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.local)
    }

    /// The operations beyond the global checkpoint, with that.
    pub(crate) fn held(&self) -> (i64, Terms) {
        let tail = self.tail.lock();
        (tail.numbers.global(), tail.numbers.held().clone())
    }

    /// Hands everything to the system; gives the end of it, and the global checkpoint.
    pub(super) fn hand_over(&self) -> Result<(Position, i64), TranslogError> {
        let mut tail = self.tail.lock();
        let path = generation_path(&self.folder, tail.seed.generation);
        tail.flush().map_err(TranslogError::io(&path))?;
        Ok((tail.end(), tail.numbers.global()))
    }

    /// The state of the generations.
    pub(super) fn state(&self) -> MutexGuard<'_, SyncState> {
        self.sync.lock()
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

    /// Bytes that an opening would have to read.
    pub(crate) fn unread_bytes(&self) -> u64 {
        self.unread_bytes.load(Ordering::Relaxed) + self.tail.lock().end().offset
    }

    /// Whether it holds nothing that a durable state would make redundant.
    pub(crate) fn is_trimmed(&self) -> bool {
        let min_generation = self.sync.lock().kept.min_generation;
        let end = self.tail.lock().end();
        end.generation == min_generation && end.offset == HEADER_BYTES
    }

    /// The highest sequence number given so far; -1 when there is none.
    pub(crate) fn max_seq_no(&self) -> i64 {
        self.tail.lock().numbers.highest()
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

/// What stands before a generation that holds nothing yet.
fn cut(state: &SyncState, tail: &Tail) -> Cut {
    let local = tail.numbers.local();
    let generation = state.kept.first_beyond(local).unwrap_or(tail.seed.generation);
    Cut { generation, max_seq_no: tail.numbers.highest(), local }
}

fn check_number(seq_no: u64) -> Result<(), TranslogError> {
    if seq_no <= SEQ_NO_MAX { Ok(()) } else { Err(TranslogError::NoNumber { seq_no, max: SEQ_NO_MAX }) }
}

pub(super) fn shared_part(kept: &Kept, global: i64) -> SharedPart {
    let Kept { oldest_generation, history_from, .. } = *kept;
    SharedPart { global, oldest_generation, history_from }
}

fn decode_at(path: &Path, bytes: &[u8], seed: Seed, offset: u64) -> Result<Operation, TranslogError> {
    decode(bytes, seed, offset)
        .map(|(operation, _)| operation)
        .map_err(|reason| TranslogError::corrupt(path, offset, reason))
}

#[cfg(test)]
mod tests;
