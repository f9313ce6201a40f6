//! Three nodes in one process, under seeds: messages are lost, late and doubled, nodes are cut off, and restarted from what a
//! power cut left of their disks. What was acknowledged is there afterwards, once, in the order in which it was, on all.
//!
//! Time is simulated, so a minute of the cluster takes a fraction of a second. The seed decides about the network, the disks
//! and the script; when nodes want to lead is left to the library's own chance.
//!
//! `CONSENSUS_SEEDS` (default 20) sets how many seeds are tried, `CONSENSUS_SEED` the first one, `CONSENSUS_STEPS` (default 25) how
//! many disturbances each has.

mod cluster;
mod history;
mod ledger;
mod members;
mod network;

use std::sync::Arc;
use std::time::Duration;

use testkit::Chance;

use crate::cluster::Cluster;
use crate::history::History;

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs on one thread, where time passes as soon as everybody waits.
pub(crate) fn simulate<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(run)
}

/// Something goes wrong, or is well again.
async fn disturb(cluster: &mut Cluster, chance: &mut Chance) {
    let node = 1 + chance.below(3) as u64;
    match chance.below(11) {
        0 => cluster.network.isolate(node),
        1 => cluster.network.cut_one_way(node, 1 + chance.below(3) as u64),
        2 | 3 => cluster.network.heal(),
        4 | 5 => cluster.restart(node, chance.below(1 << 30) as u64).await,
        6 => cluster.network.set_loss(*chance.pick(&[0, 0, 10, 5, 3])),
        7 | 8 => cluster.blow_after(node, 1 + chance.below(60) as i64),
        9 => drop(cluster.node(node).take_snapshot().await),
        _ => cluster.restart_all(chance.below(1 << 30) as u64).await,
    }
    tokio::time::sleep(Duration::from_millis(100 + chance.below(4_000) as u64)).await;
}

/// A run with a seed; how much was acknowledged.
async fn run(seed: u64) -> (usize, usize) {
    let mut chance = Chance::new(seed);
    let mut cluster = Cluster::new(seed).await;
    let history = Arc::new(History::default());
    let clients: Vec<_> = (0..3)
        .map(|client| tokio::spawn(history::client(client, seed, cluster.nodes(), Arc::clone(&history))))
        .collect();
    for _ in 0..setting("CONSENSUS_STEPS", 25) {
        disturb(&mut cluster, &mut chance).await;
    }
    cluster.network.heal();
    cluster.network.set_loss(0);
    cluster.revive(seed).await;
    history.close();
    for client in clients {
        client.await.expect("no panic");
    }
    let ledgers = cluster.settle().await;
    cluster.stop().await;
    history.check(&ledgers)
}

#[test]
fn nothing_acknowledged_is_lost_whatever_the_network_and_the_disks_do() {
    let (first, count) = (setting("CONSENSUS_SEED", 1), setting("CONSENSUS_SEEDS", 20));
    let (mut acknowledged, mut reads) = (0, 0);
    for seed in first..first + count {
        // The seed of a failure must be on the screen.
        println!("seed {seed}");
        let (proposals, read) = simulate(run(seed));
        acknowledged += proposals;
        reads += read;
    }
    println!(
        "{count} seeds: {acknowledged} acknowledged proposals and {reads} reads, none lost and none stale"
    );
    assert!(acknowledged as u64 > count * 20, "too little was acknowledged to show anything: {acknowledged}");
}
