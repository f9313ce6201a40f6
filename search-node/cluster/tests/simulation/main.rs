//! Whole clusters in one thread: nodes, their disks, the network and the one who keeps the map, driven by a seed.
//!
//! Messages are lost, doubled, late and out of order; nodes freeze, crash and lose what they had not synced; the network falls apart.
//! Primaries hand over to others at any time; in some runs an operator gives up what was acknowledged where no copy of it is there.
//! After every step it is checked that nothing acknowledged is missing on any copy in sync; at the end, once all is well again, that
//! all copies are equal and a new write is done. The same seed gives the same run.
//!
//! `CLUSTER_SEEDS` (default 200) is how many are tried, from `CLUSTER_FIRST_SEED` (default 0); `CLUSTER_BUG_SEEDS` (default 300) in
//! how many a planted bug must be found.

mod checks;
mod client;
mod disk;
mod map_keeper;
mod network;
mod node;
mod planted;
mod world;

use planted::Bug;
use world::World;

const STEPS: usize = 4_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_acknowledged_is_ever_lost() {
    let first = number("CLUSTER_FIRST_SEED", 0);
    let mut sum = world::Figures::default();
    for seed in first..first + number("CLUSTER_SEEDS", 200) {
        match World::new(seed, None).run(STEPS) {
            Ok(figures) => sum.add(&figures),
            Err(broken) => panic!("seed {seed}: {broken}"),
        }
    }
    println!("{sum:?}");
    assert!(sum.acknowledged > 0 && sum.promotions > 0 && sum.crashes > 0 && sum.joined > 0, "{sum:?}");
    assert!(sum.handed_over > 0 && sum.aborted > 0 && sum.forced > 0, "{sum:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..5 {
        let traces = [0, 1].map(|_| {
            let mut world = World::new(seed, None);
            world.run(STEPS).expect("nothing breaks");
            world.trace
        });
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
}

/// A check that finds nothing proves nothing until it finds what was planted.
#[test]
fn every_planted_bug_is_found() {
    for bug in Bug::ALL {
        let first = bug.first_seed();
        let seeds = number("CLUSTER_BUG_SEEDS", 300);
        let found = (first..first + seeds)
            .find_map(|seed| World::new(seed, Some(bug)).run(STEPS).err().map(|why| (seed, why)));
        let (seed, why) =
            found.unwrap_or_else(|| panic!("{bug:?} was not found in {seeds} seeds from {first}"));
        World::new(seed, None).run(STEPS).expect("found because of the bug");
        println!("{bug:?}: seed {seed}: {why}");
    }
}
