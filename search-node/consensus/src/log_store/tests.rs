//! What the store promises, after a power cut at any place, with any call of its disk failing, and on damaged files.

mod cuts;
mod damage;
mod faults;
mod script;

use std::path::Path;
use std::sync::Arc;

use disk::HostDisk;
use testkit::scratch;

use super::{LogStore, Position, Record, StoreError};

/// So small that every script reaches over several segments.
const SEGMENT_BYTES: u64 = 1_800;

fn open(folder: &Path) -> Result<LogStore, StoreError> {
    LogStore::open(HostDisk::shared(), folder, SEGMENT_BYTES)
}

fn record(term: u64, index: u64) -> Record {
    let payload = format!("{term}-{index}").repeat(1 + index as usize % 9).into_bytes();
    Record { at: Position { term, node: 1, index }, payload }
}

fn indices(store: &LogStore) -> Vec<u64> {
    store.read(0..u64::MAX, usize::MAX).expect("read").iter().map(|record| record.at.index).collect()
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = scratch();
    let mut store = open(folder.path()).expect("opens");
    for index in 0..60 {
        store.append(&[record(1, index)]).expect("appended");
    }
    store.truncate(41).expect("cut");
    store.append(&[record(2, 41), record(2, 42)]).expect("appended");
    store.purge(record(1, 20).at).expect("given up");
    drop(store);

    let store = open(folder.path()).expect("opens");

    assert_eq!(indices(&store), (21..=42).collect::<Vec<u64>>());
    assert_eq!((store.purged(), store.last()), (Some(record(1, 20).at), Some(record(2, 42).at)));
    assert_eq!(store.read(40..43, usize::MAX).expect("read"), [record(1, 40), record(2, 41), record(2, 42)]);
    assert_eq!(store.read(30..40, 1).expect("read").len(), 1, "one at least");
    let segments = fs_err::read_dir(folder.path()).expect("read").count() - 2;
    assert!((2..6).contains(&segments), "{segments} segments");
}

#[test]
fn what_a_snapshot_replaced_beyond_the_end_is_where_the_log_goes_on() {
    let folder = scratch();
    let mut store = open(folder.path()).expect("opens");
    store.append(&[record(1, 0), record(1, 1)]).expect("appended");
    store.purge(record(3, 70).at).expect("given up");
    assert!(matches!(store.append(&[record(3, 70)]), Err(StoreError::Gap { expected: 71, got: 70 })));
    drop(store);

    let mut store = open(folder.path()).expect("opens");
    assert_eq!(store.last(), Some(record(3, 70).at));
    store.append(&[record(3, 71)]).expect("appended");

    assert_eq!(indices(&store), [71]);
}

#[test]
fn a_gap_and_an_older_vote_are_refused_and_cost_nothing() {
    let folder = scratch();
    let mut store = open(folder.path()).expect("opens");
    let vote = |term| super::Ballot { term, node: 1, is_committed: false };
    store.save_vote(vote(4)).expect("saved");
    store.append(&[record(4, 0)]).expect("appended");

    assert!(matches!(store.save_vote(vote(3)), Err(StoreError::OldVote { held: 4, got: 3 })));
    assert!(matches!(store.append(&[record(4, 2)]), Err(StoreError::Gap { expected: 1, got: 2 })));
    assert!(matches!(store.append(&[record(4, 1), record(4, 3)]), Err(StoreError::Gap { .. })));
    store.append(&[record(4, 1)]).expect("it goes on");

    assert_eq!((store.vote(), indices(&store)), (Some(vote(4)), vec![0, 1]));
}

/// The store on a disk that the test decides about.
fn open_on(disk: &testkit::RecordedDisk) -> Result<LogStore, StoreError> {
    let folder = disk.history().root().join("raft");
    LogStore::open(disk.shared(), &folder, SEGMENT_BYTES)
}

/// The snapshot's file beside the store.
fn snapshots_on(
    disk: &Arc<dyn disk::Disk>,
    root: &Path,
) -> Result<crate::snapshot::SnapshotFile, StoreError> {
    crate::snapshot::SnapshotFile::open(Arc::clone(disk), &root.join("raft")).map(|(file, _)| file)
}
