//! Bytes of others in the files: what was promised is there, or the store does not open and says why.

use testkit::{Chance, scratch};

use super::cuts::setting;
use super::{open, record};
use crate::log_store::{Ballot, StoreError};
use crate::payload::Members;
use crate::snapshot::Snapshot;

#[test]
fn no_damage_to_a_file_of_the_store_goes_unnoticed() {
    let folder = scratch();
    let mut store = open(folder.path()).expect("opens");
    let vote = |term| Ballot { term, node: 2, is_committed: false };
    for index in 0..40 {
        store.append(&[record(1, index)]).expect("appended");
        store.save_vote(vote(index)).expect("saved");
    }
    store.purge(record(1, 3).at).expect("given up");
    store.close().expect("closed");
    drop(store);
    let (mut chance, mut refused) = (Chance::new(4), 0);
    let paths: Vec<_> =
        fs_err::read_dir(folder.path()).expect("read").map(|entry| entry.expect("an entry").path()).collect();
    let whole: Vec<Vec<u8>> = paths.iter().map(|path| fs_err::read(path).expect("read")).collect();
    let rounds = setting("RAFT_DAMAGE_ROUNDS", 1_500);

    for round in 0..rounds {
        let at = chance.below(paths.len());
        let damaged = chance.damage(whole[at].clone());
        fs_err::write(&paths[at], &damaged).expect("damaged");

        match open(folder.path()) {
            Ok(store) => {
                let found = store.read(0..u64::MAX, usize::MAX).expect("read");
                let expected: Vec<_> = (4..40).map(|index| record(1, index)).collect();
                assert!(found == expected, "round {round}, {}: entries", paths[at].display());
                assert_eq!(store.vote(), Some(vote(39)), "round {round}, {}", paths[at].display());
            }
            Err(StoreError::Damaged { path, .. }) => {
                assert!(path.starts_with(folder.path()));
                refused += 1;
            }
            Err(other) => panic!("round {round}, {}: {other}", paths[at].display()),
        }
        for (path, whole) in paths.iter().zip(&whole) {
            fs_err::write(path, whole).expect("restored");
        }
    }
    assert!(refused > rounds / 4, "only {refused} of {rounds} damages were refused");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let folder = scratch();
    let mut store = open(folder.path()).expect("opens");
    for index in 0..40 {
        store.append(&[record(1, index)]).expect("appended");
    }
    drop(store);
    let names: Vec<_> =
        fs_err::read_dir(folder.path()).expect("read").map(|entry| entry.expect("an entry").path()).collect();
    assert!(names.len() > 4, "{names:?}");
    for name in names {
        let copy = scratch();
        for entry in fs_err::read_dir(folder.path()).expect("read") {
            let entry = entry.expect("an entry");
            if entry.path() != name {
                fs_err::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
            }
        }
        let error = open(copy.path()).map(|_| ()).expect_err("noticed");
        assert!(error.to_string().contains("missing"), "{}: {error}", name.display());
    }
}

#[test]
fn damage_to_a_snapshot_is_noticed() {
    let at = record(1, 7).at;
    let snapshot = Snapshot::new(Some(at), Members::default(), None, "a".to_owned(), vec![7; 5_000]);
    let whole = snapshot.encode().expect("bytes");
    let mut chance = Chance::new(6);
    for round in 0..3_000 {
        let damaged = chance.damage(whole.clone());
        if damaged != whole {
            assert!(Snapshot::decode(&damaged).is_err(), "round {round}");
        }
    }
    assert_eq!(Snapshot::decode(&whole).expect("whole").state, snapshot.state);
}
