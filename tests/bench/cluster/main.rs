//! What a cluster costs beside one node, all nodes on the cores of this machine, one run.
//!
//! ```text
//!  replicated    indexing with a replica beside one node alone, in documents per CPU-second of all nodes
//!  filling       a new copy filled from files beside one filled from operations
//!  many_shards   a change of the map, memory and restarts where there are many empty shards
//! ```
//!
//! `BENCH_DOCUMENTS` (default 200000), `BENCH_ROUNDS` (default 5) and `BENCH_SHARDS` (default 1000) set the size.

mod filling;
mod many_shards;
mod replicated;

use std::time::{Duration, Instant};

use bytes::Bytes;
use search_client::Method;
use serde_json::{Value, json};
use system_tests::{AccessLog, Cluster, access_log_mapping, bulk_bodies, bytes_on_disk, size_of};

const BULK_DOCUMENTS: usize = 1_000;
const MIB: f64 = 1_048_576.0;

/// Nodes that used less CPU time than this in a second, and whose folders stayed as they were, have nothing left to do.
const QUIET_CPU_SECONDS: f64 = 0.15;
const QUIET_LIMIT: Duration = Duration::from_secs(180);

fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (count, rounds) = (size_of("BENCH_DOCUMENTS", 200_000), size_of("BENCH_ROUNDS", 5));
        let mut log = AccessLog::new(7);
        let documents: Vec<String> = (0..count).map(|_| log.document().to_string()).collect();
        let bodies = bulk_bodies(&documents, BULK_DOCUMENTS);
        drop(documents);
        replicated::compare(&bodies, count, rounds).await?;
        filling::compare(&bodies, count, rounds).await?;
        many_shards::measure(size_of("BENCH_SHARDS", 1_000)).await
    })
}

/// CPU-seconds of all nodes so far.
fn cpu_seconds(cluster: &Cluster) -> f64 {
    cluster.up().map(|at| cluster.member(at).cpu_seconds()).sum()
}

/// What all nodes have on their disks.
fn on_disk(cluster: &Cluster) -> anyhow::Result<u64> {
    cluster.up().map(|at| bytes_on_disk(&cluster.member(at).data.join("indices"))).sum()
}

/// Waits until no node has anything left to do.
async fn quiet(cluster: &Cluster) -> anyhow::Result<()> {
    let deadline = Instant::now() + QUIET_LIMIT;
    let mut seen = (cpu_seconds(cluster), on_disk(cluster)?);
    while Instant::now() < deadline {
        // The condition itself is about a second: little work in it, and no file that grew or went.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = (cpu_seconds(cluster), on_disk(cluster)?);
        if now.0 - seen.0 < QUIET_CPU_SECONDS && now.1 == seen.1 {
            return Ok(());
        }
        seen = now;
    }
    anyhow::bail!("the nodes still work after {QUIET_LIMIT:?}")
}

/// An index of one shard that nobody searches, as it is while much is loaded.
async fn create(cluster: &Cluster, index: &str, more: &Value) -> anyhow::Result<()> {
    let mut settings = json!({"number_of_shards": 1});
    for (name, value) in more.as_object().into_iter().flatten() {
        settings[name] = value.clone();
    }
    let body = json!({"settings": {"index": settings}, "mappings": access_log_mapping()});
    cluster.done(0, Method::PUT, &format!("/{index}"), Some(&body)).await?;
    Ok(())
}

async fn delete(cluster: &Cluster, index: &str) -> anyhow::Result<()> {
    cluster.done(0, Method::DELETE, &format!("/{index}"), None).await?;
    Ok(())
}

/// Loads everything through one node, with two clients.
async fn load(cluster: &Cluster, index: &str, bodies: &[Bytes]) -> anyhow::Result<()> {
    system_tests::bulk_load(cluster.member(0).client(), index, bodies, 2).await
}

async fn check_count(cluster: &Cluster, index: &str, count: usize) -> anyhow::Result<()> {
    cluster.done(0, Method::POST, &format!("/{index}/_refresh"), None).await?;
    let found = cluster.done(0, Method::GET, &format!("/{index}/_count"), None).await?;
    anyhow::ensure!(found["count"] == json!(count), "{index}: {found}");
    Ok(())
}
