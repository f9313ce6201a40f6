//! The log store as the library wants it.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{
    AnyError, Entry, LogId, LogState, OptionalSend, RaftLogReader, StorageError, StorageIOError, Vote,
};
use parking_lot::Mutex;

use crate::blocking::blocking;
use crate::log_store::{Ballot, LogStore, Record, StoreError};
use crate::payload::{to_entry, to_record};
use crate::snapshot::Covered;
use crate::types::Types;

/// What is read for one message to a follower: it must be a fraction of what a network carries between two heartbeats.
const READ_BYTES_MAX: usize = 4 << 20;

/// The log; clones are the same.
#[derive(Clone)]
pub(crate) struct RaftLog {
    store: Arc<Mutex<LogStore>>,
    covered: Option<Covered>,
}

impl RaftLog {
    /// Entries are given up only once a snapshot that covers them is on the disk. The library asks for it earlier: it does
    /// not wait for a snapshot from the leader to be installed before the log that it replaces is purged, and a power cut
    /// in between would leave neither.
    pub(crate) fn new(store: LogStore, covered: Option<Covered>) -> Self {
        Self { store: Arc::new(Mutex::new(store)), covered }
    }

    /// Does something with the store.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut LogStore) -> T) -> T {
        blocking(|| act(&mut self.store.lock()))
    }

    fn read(&self, start: u64, end: u64, bytes_max: usize) -> Result<Vec<Entry<Types>>, StorageError<u64>> {
        let records = self.with(|store| store.read(start..end, bytes_max));
        let records = records.map_err(|error| StorageIOError::read_logs(AnyError::new(&error)))?;
        let entry = |record: &Record| {
            let failed = |error| StorageIOError::read_log_at_index(record.at.index, AnyError::new(&error));
            to_entry(record).map_err(failed)
        };
        Ok(records.iter().map(entry).collect::<Result<Vec<_>, _>>()?)
    }
}

impl RaftLogReader<Types> for RaftLog {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry<Types>>, StorageError<u64>> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => u64::MAX,
        };
        // Whoever asks for a range wants all of it: it is bounded by what was appended since the last snapshot.
        self.read(start, end, usize::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry<Types>>, StorageError<u64>> {
        self.read(start, end, READ_BYTES_MAX)
    }
}

impl RaftLogStorage<Types> for RaftLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError<u64>> {
        let (purged, last) = self.with(|store| (store.purged(), store.last()));
        Ok(LogState { last_purged_log_id: purged.map(Into::into), last_log_id: last.map(Into::into) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError<u64>> {
        let saved = self.with(|store| store.save_vote(Ballot::from(vote)));
        Ok(saved.map_err(|error| StorageIOError::write_vote(AnyError::new(&error)))?)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError<u64>> {
        Ok(self.with(|store| store.vote()).map(Into::into))
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let records: Result<Vec<Record>, _> = entries.into_iter().map(to_record).collect();
        let records = records.map_err(|error| StorageIOError::write_logs(AnyError::new(&error)))?;
        let appended = self.with(|store| store.append(&records));
        callback.log_io_completed(appended.clone().map_err(std::io::Error::other));
        Ok(appended.map_err(|error| StorageIOError::write_logs(AnyError::new(&error)))?)
    }

    async fn truncate(&mut self, since: LogId<u64>) -> Result<(), StorageError<u64>> {
        let cut = self.with(|store| store.truncate(since.index));
        Ok(cut.map_err(|error| StorageIOError::write_logs(AnyError::new(&error)))?)
    }

    async fn purge(&mut self, upto: LogId<u64>) -> Result<(), StorageError<u64>> {
        let covered = match &mut self.covered {
            Some(covered) => covered.reaches(upto.index).await,
            None => Ok(()),
        };
        let purged = match covered {
            Ok(()) => self.with(|store| store.purge(upto.into())),
            Err(error) => Err(error),
        };
        Ok(purged.map_err(|error: StoreError| StorageIOError::write_logs(AnyError::new(&error)))?)
    }
}
