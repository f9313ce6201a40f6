//! Power loss and failing disks, at every place of a script of writes, refreshes, flushes, merges, deletes and growth.
//!
//! The script runs once on a disk that remembers every change. Then, for each place between two changes, the disk is laid
//! out as a power cut at that place could have left it, the shard is opened on it, and asked for every document (see
//! `promises`). The same with a second cut at every change that opening the shard makes, and with every call of the disk
//! failing once, for want of space and by a fault.
//!
//! `POWER_STRIDE` tries only each so-manieth place; 1 tries every one. `POWER_SEEDS` (default 1) sets how many random
//! outcomes are tried at a place beside the two extremes; with 1 each place gets one of the three in turn. `POWER_SCRIPT`
//! is the seed of the script, `POWER_OPERATIONS` its length. `FAULT_CALLS` bounds how many calls of each kind fail in turn,
//! `FAULT_OPERATIONS` is the length of their script. `make torture` tries every place with all outcomes.

mod disk;
mod faults;
mod promises;
mod script;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use shard::{Shard, Workers};
use testkit::{CrashDisk, PowerCut, Survival, scratch};

use crate::disk::{Forgets, Recorded};
use crate::promises::{Expected, check};
use crate::script::{Hand, NOW, Step, open, script};

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is tried at a cut: with one seed, one of the three outcomes in `turn`; with more, all of them.
fn outcomes(cut: usize, turn: usize, seeds: u64) -> Vec<Survival> {
    let random = |n: u64| Survival::Some { seed: cut as u64 * 1_000 + n };
    if seeds > 1 {
        let extremes = [Survival::Nothing, Survival::AllButTheTornLast];
        return extremes.into_iter().chain((0..seeds).map(random)).collect();
    }
    vec![match turn % 3 {
        0 => Survival::Nothing,
        1 => Survival::AllButTheTornLast,
        _ => random(0),
    }]
}

/// Runs the whole script, which nothing disturbs.
fn run(steps: &[Step], recorded: &Recorded) -> Hand {
    let mut hand = Hand::new(recorded);
    hand.shard().expect("opens");
    for (place, step) in steps.iter().enumerate() {
        recorded.crash.mark(2 * place);
        hand.step(*step).expect("done");
        recorded.crash.mark(2 * place + 1);
    }
    hand
}

/// A mapping is durable in the metadata of its index before the shard hears of it.
fn generation_at(steps: &[Step], marks: &[usize]) -> usize {
    marks.iter().filter(|mark| *mark % 2 == 0 && steps[*mark / 2] == Step::Grow).count()
}

/// Tries each number below `count` on every core; gives the sum of what was tried, or the first fault.
pub(crate) fn try_all(
    count: usize,
    attempt: impl Fn(usize) -> Result<usize, String> + Sync,
) -> Result<usize, String> {
    let (next, tried) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let fault = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= count || fault.lock().expect("no panic").is_some() {
                        return;
                    }
                    match attempt(turn) {
                        Ok(more) => drop(tried.fetch_add(more, Ordering::Relaxed)),
                        Err(reason) => drop(fault.lock().expect("no panic").get_or_insert(reason).len()),
                    }
                }
            });
        }
    });
    fault.into_inner().expect("no panic").map_or(Ok(tried.into_inner()), Err)
}

/// Cuts the power at each so-manieth place, and checks what is left.
fn try_cuts(steps: &[Step], disk: &CrashDisk, stride: usize, seeds: u64) -> Result<usize, String> {
    let cuts = disk.len();
    try_all(cuts / stride + 1, |turn| {
        let cut = turn * stride;
        let marks = disk.marks_before(cut);
        let (expected, generation) = (Expected::after(steps, &marks), generation_at(steps, &marks));
        let survivals = outcomes(cut, turn, seeds);
        for survival in &survivals {
            let folder = scratch();
            PowerCut::after(disk, cut, *survival).lay_out(folder.path()).expect("laid out");
            check(folder.path(), &expected, generation)
                .map_err(|reason| format!("cut {cut} of {cuts}, {survival:?}: {reason}"))?;
        }
        Ok(survivals.len())
    })
}

/// Cuts the power at each so-manieth place, and again at each so-manieth change that recovery from that makes.
fn try_second_cuts(
    steps: &[Step],
    disk: &CrashDisk,
    strides: (usize, usize),
    seeds: u64,
) -> Result<usize, String> {
    let cuts = disk.len();
    try_all(cuts / strides.0 + 1, |turn| {
        let cut = turn * strides.0;
        let marks = disk.marks_before(cut);
        let (expected, generation) = (Expected::after(steps, &marks), generation_at(steps, &marks));
        let mut tried = 0;
        for survival in outcomes(cut, turn, seeds) {
            let folder = scratch();
            PowerCut::after(disk, cut, survival).lay_out(folder.path()).expect("laid out");
            let (second, begin) = recover(folder.path(), generation)
                .map_err(|reason| format!("cut {cut} of {cuts}, {survival:?}: {reason}"))?;
            for (again, at) in (begin..=second.len()).step_by(strides.1).enumerate() {
                for outcome in outcomes(at, turn + again, 1) {
                    let folder = scratch();
                    PowerCut::after(&second, at, outcome).lay_out(folder.path()).expect("laid out");
                    check(folder.path(), &expected, generation).map_err(|reason| {
                        format!(
                            "cut {cut} of {cuts}, {survival:?}, then {} of {}, {outcome:?}: {reason}",
                            at - begin,
                            second.len() - begin
                        )
                    })?;
                    tried += 1;
                }
            }
        }
        Ok(tried)
    })
}

/// Opens a shard after a cut and makes it durable; the disk that remembers that, and where it begins.
fn recover(root: &Path, generation: usize) -> Result<(CrashDisk, usize), String> {
    let disk = CrashDisk::over(root).map_err(|error| error.to_string())?;
    let begin = disk.len();
    let recorded = Recorded::new(disk.clone(), Forgets::Nothing, None);
    let workers = Workers::new(0);
    let recovered = open(&root.join("shard"), Some(&recorded), &workers, generation);
    recovered.and_then(|shard: Shard| shard.flush(NOW)).map_err(|error| error.to_string())?;
    Ok((disk, begin))
}

#[test]
fn a_power_cut_at_any_point_loses_nothing_acknowledged_and_returns_nothing_deleted() {
    let (seeds, stride) = (setting("POWER_SEEDS", 1), setting("POWER_STRIDE", 17) as usize);
    let steps = script(setting("POWER_SCRIPT", 0x57ea_d1e5), setting("POWER_OPERATIONS", 120) as usize);
    let root = scratch();
    let disk = CrashDisk::new(root.path());
    let hand = run(&steps, &Recorded::new(disk.clone(), Forgets::Nothing, None));
    assert!(hand.spills >= 5 && hand.merges >= 5, "{} spills, {} merges", hand.spills, hand.merges);

    let tried = try_cuts(&steps, &disk, stride, seeds).unwrap_or_else(|fault| panic!("{fault}"));

    println!(
        "{tried} power cuts at {} places of {} steps, {} spills and {} merges among them: nothing lost",
        disk.len() / stride + 1,
        steps.len(),
        hand.spills,
        hand.merges
    );
}

#[test]
fn a_second_power_cut_during_the_recovery_from_the_first_loses_nothing_either() {
    let (seeds, stride) = (setting("POWER_SEEDS", 1), setting("POWER_STRIDE", 17) as usize);
    let steps = script(setting("POWER_SCRIPT", 0x2c_a7), setting("POWER_OPERATIONS", 120) as usize / 3);
    let root = scratch();
    let disk = CrashDisk::new(root.path());
    run(&steps, &Recorded::new(disk.clone(), Forgets::Nothing, None));
    // Recovery from most cuts is the same, so every change of it is tried at fewer of them.
    let strides = (stride * 8, stride.div_ceil(4));

    let tried = try_second_cuts(&steps, &disk, strides, seeds).unwrap_or_else(|fault| panic!("{fault}"));

    println!("{tried} second power cuts during recovery from {}: nothing lost", disk.len() / strides.0 + 1);
}

/// A test that cannot fail proves nothing: each sync that the shard relies on is left out once, and the loss is noticed.
#[test]
fn each_kind_of_forgotten_sync_is_noticed() {
    for forgets in [Forgets::Folders, Forgets::Files, Forgets::Writes] {
        let steps = script(3, 40);
        let root = scratch();
        let disk = CrashDisk::new(root.path());
        run(&steps, &Recorded::new(disk.clone(), forgets, None));

        let noticed = try_cuts(&steps, &disk, 11, 1);

        assert!(noticed.is_err(), "{forgets:?} went unnoticed");
    }
}
