//! Many empty shards on three nodes: how long a change of the map takes until every node follows it, what the nodes hold in memory,
//! and how long it takes from the start of all nodes until every copy serves.

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::json;
use system_tests::Cluster;

use super::MIB;

const NODES: usize = 3;
const SHARDS_OF_INDEX: usize = 5;
const CHANGES: usize = 200;
const LIMIT: Duration = Duration::from_secs(600);

pub(super) async fn measure(shards: usize) -> anyhow::Result<()> {
    let mut cluster = Cluster::start(NODES, &[]).await?;
    // Each with its replica.
    let indices = shards.div_ceil(SHARDS_OF_INDEX * 2);
    let settings = json!({"settings": {"number_of_shards": SHARDS_OF_INDEX, "number_of_replicas": 1}});
    for number in 0..indices {
        cluster.done(number % NODES, Method::PUT, &format!("/many-{number}"), Some(&settings)).await?;
    }
    cluster.wait_green(0, LIMIT).await?;

    let mut took = Vec::new();
    for change in 0..CHANGES {
        let path = format!("/many-{}/_settings", change % indices);
        let body = json!({"index": {"refresh_interval": format!("{}s", 2 + change)}});
        let started = Instant::now();
        // It is acknowledged once every node follows it.
        cluster.done(change % NODES, Method::PUT, &path, Some(&body)).await?;
        took.push(started.elapsed());
    }
    took.sort();
    let milliseconds = |at: usize| took[at.min(took.len() - 1)].as_secs_f64() * 1_000.0;
    let resident = (0..NODES).map(|at| cluster.member(at).resident_bytes()).max().unwrap_or_default();

    for at in 0..NODES {
        cluster.stop(at)?;
    }
    let started = Instant::now();
    for at in 0..NODES {
        cluster.spawn(at)?;
    }
    cluster.wait_ready().await?;
    cluster.wait_green(0, LIMIT).await?;
    let restarted = started.elapsed().as_secs_f64();

    println!("{} shards of {indices} empty indices on {NODES} nodes:", indices * SHARDS_OF_INDEX * 2);
    let (median, most) = (milliseconds(CHANGES / 2), milliseconds(CHANGES * 99 / 100));
    println!(
        "{median:8.0} ms until a change of the map is followed by all, {most:.0} ms (99 %)  promised ≤ 1000"
    );
    println!("{:8.0} MiB resident, the largest node  promised ≤ 300 MB", resident as f64 / MIB);
    println!("{restarted:8.1} s from the start of all nodes until all copies serve  promised ≤ 60");
    Ok(())
}
