//! A new copy that is filled from files beside one that is filled from operations: the same documents on the same nodes.
//! Ways alternate; the ratio is of medians.

use std::time::Instant;

use bytes::Bytes;
use search_client::Method;
use serde_json::json;
use system_tests::{Cluster, median};

use super::{QUIET_LIMIT, check_count, cpu_seconds, create, load, quiet};

/// How many operations a copy may lack, in parts of what the primary has, before files are copied instead.
const WAYS: [(&str, f64); 2] = [("files", 0.1), ("operations", 100.0)];

pub(super) async fn compare(bodies: &[Bytes], count: usize, rounds: usize) -> anyhow::Result<()> {
    // Bytes are not held back: what it costs to move and to index is compared.
    let cluster = Cluster::start(2, &["indices.recovery.max_bytes_per_sec=0"]).await?;
    println!("{count} documents, one shard; its second copy filled {rounds} times each way");
    for (way, threshold) in WAYS {
        let settings = json!({
            "number_of_replicas": 0,
            "recovery.file_based_threshold": threshold,
            "routing.allocation.include._name": cluster.member(0).name
        });
        create(&cluster, way, &settings).await?;
        load(&cluster, way, bodies).await?;
        check_count(&cluster, way, count).await?;
    }
    quiet(&cluster).await?;
    let mut figures = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        for (at, (way, _)) in WAYS.into_iter().enumerate() {
            let (seconds, cpu) = fill(&cluster, way, count).await?;
            println!("round {round}: from {way:10} {seconds:6.2} s, {cpu:6.2} CPU-s of both nodes");
            figures[at].push((seconds, cpu));
        }
    }
    let ratio = |figure: fn(&(f64, f64)) -> f64| {
        let [files, operations] = figures.each_ref().map(|all| median(all.iter().map(figure).collect()));
        files / operations
    };
    println!("from files / from operations, medians:");
    println!("{:8.2}  seconds until the copy is in sync", ratio(|figures| figures.0));
    println!("{:8.2}  CPU-seconds of both nodes, merges included", ratio(|figures| figures.1));
    Ok(())
}

/// Fills a second copy and takes it away again.
async fn fill(cluster: &Cluster, index: &str, count: usize) -> anyhow::Result<(f64, f64)> {
    let path = format!("/{index}/_settings");
    let (before, started) = (cpu_seconds(cluster), Instant::now());
    let more = json!({"number_of_replicas": 1, "routing.allocation.include._name": "*"});
    cluster.done(0, Method::PUT, &path, Some(&more)).await?;
    cluster.wait_green(0, QUIET_LIMIT).await?;
    let seconds = started.elapsed().as_secs_f64();
    quiet(cluster).await?;
    let spent = cpu_seconds(cluster) - before;
    check_way(cluster, index, count).await?;
    let less = json!({"number_of_replicas": 0});
    cluster.done(0, Method::PUT, &path, Some(&less)).await?;
    quiet(cluster).await?;
    Ok((seconds, spent))
}

/// The copy has everything, and came as it should.
async fn check_way(cluster: &Cluster, index: &str, count: usize) -> anyhow::Result<()> {
    let path = format!("/_cat/recovery/{index}?format=json&h=type,files,translog_ops,stage");
    let rows = cluster.done(0, Method::GET, &path, None).await?;
    let peer = rows.as_array().into_iter().flatten().find(|row| row["type"] == "peer").cloned();
    let peer = peer.ok_or_else(|| anyhow::anyhow!("no copy of {index} was filled: {rows}"))?;
    let is_by_files = peer["files"] != json!("0");
    anyhow::ensure!(is_by_files == (index == WAYS[0].0), "{index}: {peer}");
    let path = format!("/{index}/_count?preference=_only_nodes:{}", cluster.member(1).name);
    let found = cluster.done(1, Method::GET, &path, None).await?;
    anyhow::ensure!(found["count"] == json!(count), "{index}: {found}");
    Ok(())
}
