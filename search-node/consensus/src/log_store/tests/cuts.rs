//! A power cut between any two changes of the disk, and another one while the store recovers from it.
//!
//! `RAFT_CUT_STEPS` (default 60) is the length of the script, `RAFT_CUT_SEEDS` (default 2) how many random outcomes of a cut are
//! tried beside the two extremes, `RAFT_CUT_SCRIPTS` (default 1) how many scripts.

use disk::DiskOperation;
use testkit::{CrashDisk, Fate, PowerCut, RecordedDisk, Survival, scratch};

use super::record;
use super::script::{Expected, Node, Step, script};

pub(super) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn outcomes(cut: usize, seeds: u64) -> impl Iterator<Item = Survival> {
    let random = (0..seeds).map(move |seed| Survival::Some { seed: cut as u64 * 1_000 + seed });
    [Survival::Nothing, Survival::AllButTheTornLast].into_iter().chain(random)
}

/// Does every step, with marks at its beginning and its end.
fn run(steps: &[Step], disk: &RecordedDisk) {
    let mut node = Node::open(disk).expect("opens");
    for (place, step) in steps.iter().enumerate() {
        disk.history().mark(2 * place);
        node.step(*step).expect("done");
        disk.history().mark(2 * place + 1);
    }
}

/// Cuts the power at each place; gives how many states were tried, or the first fault.
fn try_cuts(steps: &[Step], disk: &CrashDisk, seeds: u64) -> Result<usize, String> {
    let mut tried = 0;
    for cut in 0..=disk.len() {
        let expected = Expected::after(steps, &disk.marks_before(cut));
        for survival in outcomes(cut, seeds) {
            let folder = scratch();
            PowerCut::after(disk, cut, survival).lay_out(folder.path()).expect("laid out");
            expected.check(folder.path()).map_err(|fault| {
                format!("cut {cut} of {}, {survival:?}, {:?}: {fault}", disk.len(), expected)
            })?;
            tried += 1;
        }
    }
    Ok(tried)
}

#[test]
fn a_power_cut_at_any_place_loses_nothing_acknowledged_and_takes_no_vote_back() {
    let mut tried = 0;
    for seed in 0..setting("RAFT_CUT_SCRIPTS", 1) {
        let steps = script(seed, setting("RAFT_CUT_STEPS", 60) as usize);
        let root = scratch();
        let disk = CrashDisk::new(root.path());
        run(&steps, &RecordedDisk::over(&disk));

        tried += try_cuts(&steps, &disk, setting("RAFT_CUT_SEEDS", 2))
            .unwrap_or_else(|fault| panic!("{seed}: {fault}"));
    }
    println!("{tried} states after a power cut: nothing lost");
}

#[test]
fn a_second_power_cut_while_the_store_recovers_loses_nothing_either() {
    let steps = script(11, setting("RAFT_CUT_STEPS", 60) as usize / 2);
    let root = scratch();
    let disk = CrashDisk::new(root.path());
    run(&steps, &RecordedDisk::over(&disk));
    let mut tried = 0;
    for cut in (0..=disk.len()).step_by(3) {
        let mut expected = Expected::after(&steps, &disk.marks_before(cut));
        let first = scratch();
        PowerCut::after(&disk, cut, Survival::Some { seed: cut as u64 })
            .lay_out(first.path())
            .expect("laid out");
        let second = CrashDisk::over(first.path()).expect("read");
        let begin = second.len();
        let node = Node::open(&RecordedDisk::over(&second)).expect("opens");
        for at in begin..=second.len() {
            for survival in outcomes(at, 1) {
                let folder = scratch();
                PowerCut::after(&second, at, survival).lay_out(folder.path()).expect("laid out");
                expected
                    .check(folder.path())
                    .unwrap_or_else(|fault| panic!("cut {cut}, then {}, {survival:?}: {fault}", at - begin));
                tried += 1;
            }
        }
        // What the recovered store shows is on its disk, whatever happens next.
        expected.settle(&node).expect("as promised");
        let folder = scratch();
        PowerCut::after(&second, second.len(), Survival::Nothing).lay_out(folder.path()).expect("laid out");
        expected.check(folder.path()).unwrap_or_else(|fault| panic!("cut {cut}, recovered: {fault}"));
    }
    println!("{tried} states after a second power cut: nothing lost");
}

/// A store goes on after every cut.
#[test]
fn a_store_that_was_cut_takes_entries_and_votes_again() {
    let steps = script(5, 30);
    let root = scratch();
    let disk = CrashDisk::new(root.path());
    run(&steps, &RecordedDisk::over(&disk));
    for cut in 0..=disk.len() {
        let folder = scratch();
        PowerCut::after(&disk, cut, Survival::Some { seed: cut as u64 })
            .lay_out(folder.path())
            .expect("laid out");
        let mut store = super::open(&folder.path().join("raft")).expect("opens");
        let next = store.last().map_or(0, |last| last.index + 1);
        store.append(&[record(99, next)]).unwrap_or_else(|error| panic!("cut {cut}: {error}"));
        drop(store);

        let store = super::open(&folder.path().join("raft")).expect("opens");
        assert_eq!(store.last(), Some(record(99, next).at), "cut {cut}");
    }
}

/// A test that cannot fail proves nothing: each kind of sync is left out once, and the loss is noticed.
#[test]
fn each_kind_of_forgotten_sync_is_noticed() {
    for forgotten in [DiskOperation::SyncFolder, DiskOperation::Sync] {
        let steps = script(3, 40);
        let root = scratch();
        let disk = CrashDisk::new(root.path());
        let forgetful =
            RecordedDisk::deciding(
                &disk,
                move |operation, _| {
                    if operation == forgotten { Fate::Forgotten } else { Fate::Done }
                },
            );
        run(&steps, &forgetful);

        let noticed = try_cuts(&steps, &disk, 1);

        assert!(noticed.is_err(), "{forgotten:?} went unnoticed");
    }
}
