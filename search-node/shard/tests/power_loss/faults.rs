//! Every call of the disk fails once, for want of space and by a fault. The shard goes on or accepts nothing more; then it is
//! opened again, and goes on. Whenever it gives up, the power is cut too, and nothing is lost by that either.

use std::io;

use shard::DiskOperation;
use testkit::{CrashDisk, PowerCut, scratch};

use crate::disk::{Forgets, Injection, Place, Recorded};
use crate::promises::{Expected, check};
use crate::script::{Hand, Step, script};
use crate::{outcomes, setting, try_all};

/// What a fault came to.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The shard went on by itself, at most with an error that was answered.
    WentOn,
    /// It accepted nothing more until it was opened again.
    Fenced,
    /// The place was not reached this time.
    NotReached,
}

/// The script on a disk with one fault.
struct Ordeal {
    disk: Recorded,
    hand: Hand,
    expected: Expected,
    was_fenced: bool,
    /// How many random outcomes of a power cut are tried beside the extremes; with 1 one of all in turn.
    seeds: u64,
}

impl Ordeal {
    /// Does a step, again after a failure.
    fn step(&mut self, step: Step) -> Result<(), String> {
        self.expected.begin(step);
        let Err(first) = self.hand.step(step) else {
            self.expected.end(step);
            return Ok(());
        };
        if !self.disk.has_failed() {
            return Err(format!("{step:?} failed though the disk did not: {first}"));
        }
        if self.hand.fenced().is_some() {
            self.was_fenced = true;
            if step != Step::Refresh && self.hand.step(Step::Sync).is_ok() {
                return Err(format!("a fenced shard acknowledged something after {step:?}: {first}"));
            }
            self.open_again().map_err(|reason| format!("after {step:?} ({first}): {reason}"))?;
        }
        self.expected.begin(step);
        self.hand.step(step).map_err(|error| format!("{step:?} failed again: {error}; first: {first}"))?;
        self.expected.end(step);
        Ok(())
    }

    /// Nothing is lost by a power cut now, nothing by opening the shard again, and nothing by a cut in the middle of that.
    fn open_again(&mut self) -> Result<(), String> {
        self.hand.close();
        let begin = self.disk.crash.len();
        let shard = self.hand.shard().map_err(|error| format!("it does not open: {error}"))?;
        let mut settled = self.expected.clone();
        settled.settle(shard)?;
        let end = self.disk.crash.len();
        // In the short form one place of the opening, another one each time.
        let stride = if self.seeds > 1 { 1 } else { end - begin };
        for at in (begin + (begin % (end - begin).max(1)) % stride.max(1)..end).step_by(stride.max(1)) {
            self.cut(at).map_err(|reason| format!("change {} of opening again: {reason}", at - begin))?;
        }
        self.expected = settled;
        self.cut(end).map_err(|reason| format!("opened again: {reason}"))
    }

    fn cut(&self, at: usize) -> Result<(), String> {
        let disk = &self.disk.crash;
        for survival in outcomes(at, disk.len(), self.seeds) {
            let folder = scratch();
            PowerCut::after(disk, at, survival).lay_out(folder.path()).map_err(|e| e.to_string())?;
            // A mapping is durable before the shard hears of it: the newest is there.
            check(folder.path(), &self.expected, self.hand.generation + 1)
                .map_err(|reason| format!("power cut, {survival:?}: {reason}"))?;
        }
        Ok(())
    }
}

fn ordeal(steps: &[Step], injection: Injection, seeds: u64) -> Result<Outcome, String> {
    let root = scratch();
    let disk = Recorded::new(CrashDisk::new(root.path()), Forgets::Nothing, Some(injection));
    let hand = Hand::new(&disk);
    let mut ordeal = Ordeal { disk, hand, expected: Expected::default(), was_fenced: false, seeds };
    for step in steps {
        ordeal.step(*step)?;
        // A merge in the background tells nobody, but it must not bring the shard down for good either.
        if ordeal.hand.fenced().is_some() {
            ordeal.was_fenced = true;
            ordeal.open_again()?;
        }
    }
    ordeal.cut(ordeal.disk.crash.len())?;
    ordeal.hand.close();
    check(root.path(), &ordeal.expected, ordeal.hand.generation)?;
    Ok(match (ordeal.disk.has_failed(), ordeal.was_fenced) {
        (false, _) => Outcome::NotReached,
        (true, true) => Outcome::Fenced,
        (true, false) => Outcome::WentOn,
    })
}

/// No space, and a fault.
static KINDS: [io::ErrorKind; 2] = [io::ErrorKind::StorageFull, io::ErrorKind::Other];

/// Calls of every place, spread over all of them, up to so many.
fn injections(steps: &[Step], calls_max: usize) -> Vec<Injection> {
    let root = scratch();
    let disk = Recorded::new(CrashDisk::new(root.path()), Forgets::Nothing, None);
    let mut hand = Hand::new(&disk);
    for step in steps {
        hand.step(*step).expect("done");
    }
    hand.close();
    let counts = disk.counts();
    for place in EXPECTED {
        assert!(counts.contains_key(place), "the script does not come to {place:?}: {counts:?}");
    }
    let each = counts.iter().flat_map(|(place, count)| {
        (0..*count).step_by(count.div_ceil(calls_max)).enumerate().flat_map(move |(turn, nth)| {
            let tried = if calls_max >= *count { &KINDS[..] } else { &KINDS[turn % 2..=turn % 2] };
            tried.iter().map(move |kind| Injection { place: *place, nth, kind: *kind })
        })
    });
    each.collect()
}

/// Where a disk can fail under a shard.
const EXPECTED: &[Place] = &[
    (DiskOperation::CreateFolder, "folder"),
    (DiskOperation::CreateFolder, "folder of segments"),
    (DiskOperation::CreateFolder, "folder of the translog"),
    (DiskOperation::SyncFolder, "folder"),
    (DiskOperation::SyncFolder, "folder of segments"),
    (DiskOperation::SyncFolder, "folder of the translog"),
    (DiskOperation::Create, "translog"),
    (DiskOperation::Open, "translog"),
    (DiskOperation::Write, "translog"),
    (DiskOperation::SetLength, "translog"),
    (DiskOperation::Sync, "translog"),
    (DiskOperation::Remove, "translog"),
    (DiskOperation::Open, "checkpoint"),
    (DiskOperation::Write, "checkpoint"),
    (DiskOperation::SetLength, "checkpoint"),
    (DiskOperation::Sync, "checkpoint"),
    (DiskOperation::Create, "manifest"),
    (DiskOperation::Write, "manifest"),
    (DiskOperation::Sync, "manifest"),
    (DiskOperation::Rename, "manifest"),
    (DiskOperation::CreateNew, "segment"),
    (DiskOperation::Write, "segment"),
    (DiskOperation::SyncFile, "segment"),
    (DiskOperation::Remove, "segment"),
    (DiskOperation::CreateNew, "deletes"),
    (DiskOperation::Write, "deletes"),
    (DiskOperation::SyncFile, "deletes"),
    (DiskOperation::Remove, "deletes"),
];

#[test]
fn a_disk_that_fails_once_at_any_place_costs_nothing_acknowledged() {
    let steps = script(setting("POWER_SCRIPT", 0xfa_117), setting("FAULT_OPERATIONS", 24) as usize);
    let injections = injections(&steps, setting("FAULT_CALLS", 2) as usize);
    let fenced = std::sync::atomic::AtomicUsize::new(0);

    let reached = try_all(injections.len(), |turn| {
        let outcome = ordeal(&steps, injections[turn], setting("POWER_SEEDS", 1))
            .map_err(|reason| format!("{:?}: {reason}", injections[turn]))?;
        if outcome == Outcome::Fenced {
            fenced.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(usize::from(outcome != Outcome::NotReached))
    });
    let reached = reached.unwrap_or_else(|fault| panic!("{fault}"));

    let fenced = fenced.into_inner();
    assert!(reached * 2 > injections.len(), "{reached} of {}", injections.len());
    assert!(fenced > 0 && fenced < reached);
    println!("{reached} faults of the disk, {fenced} of which fenced the shard: nothing lost");
}

/// After a sync of the checkpoint that failed, the slot that is written next must not take the place of the only one that
/// is on the disk and tells of generations that are still there.
#[test]
fn a_checkpoint_whose_sync_failed_does_not_cost_the_one_before() {
    let put = |id, value| Step::Put { id, value };
    let before = [put(1, 1), Step::Sync, Step::Flush, put(2, 2)];
    let root = scratch();
    let disk = Recorded::new(CrashDisk::new(root.path()), Forgets::Nothing, None);
    let mut hand = Hand::new(&disk);
    for step in before {
        hand.step(step).expect("done");
    }
    let place = (DiskOperation::Sync, "checkpoint");
    let injection = Injection { place, nth: disk.counts()[&place], kind: io::ErrorKind::Other };

    let outcome = ordeal(&[&before[..], &[Step::Sync, put(3, 3), Step::Sync]].concat(), injection, 2);

    assert_eq!(outcome, Ok(Outcome::Fenced));
}
