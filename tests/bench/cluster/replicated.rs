//! Indexing with a replica on three nodes beside indexing on one node alone. Rounds alternate; the ratio is of medians.

use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use system_tests::{Cluster, median};

use super::{check_count, cpu_seconds, create, delete, load, quiet};

/// Loads that are not counted: the first ones fill caches and learn the mapping.
const WARM_ROUNDS: usize = 1;

struct Side {
    name: &'static str,
    cluster: Cluster,
    replicas: u32,
}

pub(super) async fn compare(bodies: &[Bytes], count: usize, rounds: usize) -> anyhow::Result<()> {
    let alone = Side { name: "one node alone", cluster: Cluster::start(1, &[]).await?, replicas: 0 };
    let three = Side { name: "three nodes", cluster: Cluster::start(3, &[]).await?, replicas: 1 };
    let sides = [three, alone];
    println!(
        "{count} documents, one shard; with a replica on three nodes, and without on one; {rounds} rounds"
    );
    let (mut figures, mut rates) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..rounds + WARM_ROUNDS {
        for (at, side) in sides.iter().enumerate() {
            let (per_cpu_second, per_second) = side.round(bodies, count).await?;
            println!(
                "round {round}: {:14} {per_cpu_second:6.0} docs/CPU-s, {per_second:6.0} docs/s",
                side.name
            );
            if round >= WARM_ROUNDS {
                figures[at].push(per_cpu_second);
                rates[at].push(per_second);
            }
        }
    }
    let ratio = |figures: [Vec<f64>; 2]| {
        let [three, alone] = figures.map(median);
        three / alone
    };
    println!("three nodes with a replica / one alone, medians:");
    println!(
        "{:8.2}  documents per CPU-second of all nodes, merges included  promised ≥ 0.48",
        ratio(figures)
    );
    println!("{:8.2}  documents per second", ratio(rates));
    Ok(())
}

impl Side {
    async fn round(&self, bodies: &[Bytes], count: usize) -> anyhow::Result<(f64, f64)> {
        let cluster = &self.cluster;
        create(cluster, "round", &json!({"number_of_replicas": self.replicas})).await?;
        cluster.wait_green(0, super::QUIET_LIMIT).await?;
        quiet(cluster).await?;
        let (before, started) = (cpu_seconds(cluster), Instant::now());
        load(cluster, "round", bodies).await?;
        let seconds = started.elapsed().as_secs_f64();
        quiet(cluster).await?;
        let spent = cpu_seconds(cluster) - before;
        check_count(cluster, "round", count).await?;
        delete(cluster, "round").await?;
        Ok((count as f64 / spent, count as f64 / seconds))
    }
}
