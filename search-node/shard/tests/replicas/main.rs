//! Copies of one shard: a primary and two replicas get the same operations in different orders, with refreshes, flushes, openings,
//! power cuts, changes of the primary, and copies that are filled by history or by files. In the end all of them are equal, and
//! hold everything that was acknowledged.
//!
//! `REPLICA_SEEDS` (default 10) sets how many histories are tried, `REPLICA_STEPS` (default 160) how long they are; `REPLICA_SEED` runs
//! one. `power` cuts the power at every place of what a replica does.

mod copy;
mod power;
mod world;

use crate::world::{Planted, World};

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn run(seed: u64, planted: Planted) -> Result<World, String> {
    let mut world = World::new(seed, planted);
    for step in 0..setting("REPLICA_STEPS", 160) {
        world.step().map_err(|reason| format!("seed {seed}, step {step}: {reason}"))?;
    }
    world.settle().map_err(|reason| format!("seed {seed}, in the end: {reason}"))?;
    Ok(world)
}

#[test]
fn copies_end_equal_and_hold_what_was_acknowledged_whatever_happens() {
    let seeds = match setting("REPLICA_SEED", u64::MAX) {
        u64::MAX => 0..setting("REPLICA_SEEDS", 10),
        seed => seed..seed + 1,
    };
    let mut seen = world::Seen::default();
    let count = seeds.end - seeds.start;
    for seed in seeds {
        seen += run(seed, Planted::Nothing).unwrap_or_else(|fault| panic!("{fault}")).seen;
    }
    println!("{count} histories: {seen:?}");
    if count >= 10 {
        assert!(seen.is_varied(), "a part was never tried: {seen:?}");
    }
}

/// A test that cannot fail proves nothing: what would break the promise is noticed.
#[test]
fn each_planted_fault_is_noticed() {
    for planted in [Planted::DropsNothing, Planted::GlobalTooHigh, Planted::ForgetsGaps] {
        let is_noticed = (0..40).any(|seed| run(seed, planted).is_err());
        assert!(is_noticed, "{planted:?} went unnoticed");
    }
}
