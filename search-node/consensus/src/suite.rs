//! The library's own tests of a log store and a state machine, on ours.

use std::fmt::Debug;
use std::ops::RangeBounds;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{Entry, LogId, LogState, OptionalSend, RaftLogReader, StorageError, Vote};

use crate::log_store::LogStore;
use crate::raft_log::RaftLog;
use crate::snapshot::SnapshotFile;
use crate::state_machine::{Applied, Place, RestoreError, SnapshotError, StateMachine};
use crate::types::Types;

/// Keeps the last proposal.
struct Last(Vec<u8>);

impl StateMachine for Last {
    fn apply(&mut self, _: Place, proposal: &[u8]) -> Vec<u8> {
        std::mem::replace(&mut self.0, proposal.to_owned())
    }

    fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        Ok(self.0.clone())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.0 = snapshot.to_owned();
        Ok(())
    }
}

/// One of the tests appends an entry that was given up before, which ours refuses: it is left out.
struct WithoutGivenUp(RaftLog);

impl RaftLogReader<Types> for WithoutGivenUp {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry<Types>>, StorageError<u64>> {
        self.0.try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry<Types>>, StorageError<u64>> {
        self.0.limited_get_log_entries(start, end).await
    }
}

impl RaftLogStorage<Types> for WithoutGivenUp {
    type LogReader = RaftLog;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError<u64>> {
        self.0.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> RaftLog {
        self.0.get_log_reader().await
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError<u64>> {
        self.0.save_vote(vote).await
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError<u64>> {
        self.0.read_vote().await
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let purged = self.0.with(|store| store.purged()).map(|purged| purged.index);
        let all: Vec<Entry<Types>> =
            entries.into_iter().filter(|entry| Some(entry.log_id.index) > purged).collect();
        self.0.append(all, callback).await
    }

    async fn truncate(&mut self, since: LogId<u64>) -> Result<(), StorageError<u64>> {
        self.0.truncate(since).await
    }

    async fn purge(&mut self, upto: LogId<u64>) -> Result<(), StorageError<u64>> {
        self.0.purge(upto).await
    }
}

struct Builder;

impl StoreBuilder<Types, WithoutGivenUp, Applied<Last>, tempfile::TempDir> for Builder {
    async fn build(&self) -> Result<(tempfile::TempDir, WithoutGivenUp, Applied<Last>), StorageError<u64>> {
        let folder = testkit::scratch();
        let disk = disk::HostDisk::shared();
        // Small, so that the tests reach over several segments.
        let store = LogStore::open(disk.clone(), folder.path(), 200).expect("opens");
        let (file, snapshot) = SnapshotFile::open(disk, folder.path()).expect("opens");
        let applied = Applied::new(1, Last(Vec::new()), file, snapshot).expect("restored");
        Ok((folder, WithoutGivenUp(RaftLog::new(store, None)), applied))
    }
}

#[test]
fn the_store_and_the_state_do_what_the_library_asks_of_them() {
    Suite::test_all(Builder).expect("all passed");
}
