//! Many clients: sixty-four that search one index while others fill a second one, as dashboards do while logs come in.
//!
//! The second index is filled alone and beside the clients in turn, and medians are taken. Each client asks the next of several kinds of
//! searches as soon as it was answered. The node promises no error, that the slowest of a hundred answers takes no more than ten times what half of them
//! take, that filling goes on with six tenths of its speed, and that it stays within `memory.limit`.
//!
//! `BENCH_DOCUMENTS` (default 100000), `BENCH_CLIENTS` (default 64) and `BENCH_MEMORY` (default 1gb) set the size; `BENCH_SETTINGS` are more
//! settings of the node, with commas between them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join_all;
use search_client::{Method, SearchClient};
use serde_json::{Value, json};
use system_tests::{
    AccessLog, SearchNode, access_log_mapping, bulk_bodies, bulk_load, free_port, median, size_of,
};

const BULK_DOCUMENTS: usize = 1_000;
const WRITERS: usize = 2;
const SLOWEST: f64 = 10.0;
const SHARE: f64 = 0.6;
const DAY_MILLIS: usize = 86_400_000;
const FIRST_MILLIS: usize = 1_790_000_000_000;

fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

/// The searches of a client, each a little different.
fn search(n: usize) -> Value {
    let since = json!({"range": {"@timestamp": {"gte": FIRST_MILLIS + n % 7 * DAY_MILLIS / 4}}});
    let status = [200, 304, 404, 500][n % 4];
    match n % 6 {
        0 => json!({"query": {"match": {"message": format!("windows {}", 1_000 + n)}}}),
        1 => json!({"query": {"bool": {"filter": [{"term": {"verb": "GET"}}, since]}}}),
        2 => {
            json!({"query": {"bool": {"filter": [{"term": {"response": status}}, since]}}, "sort": [{"@timestamp": "desc"}]})
        }
        3 => json!({"size": 0, "query": {"bool": {"filter": [since]}}, "aggs": {"hours": {
            "date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}}}}),
        4 => {
            json!({"size": 0, "query": {"term": {"response": status}}, "aggs": {"countries": {"terms": {"field": "geo.country"}}}})
        }
        _ => json!({"query": {"match_phrase": {"message": "windows nt"}}, "track_total_hits": true}),
    }
}

async fn create(client: &SearchClient, index: &str) -> anyhow::Result<()> {
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "1s"});
    let body = json!({"settings": settings, "mappings": access_log_mapping()});
    client.json(Method::PUT, &format!("/{index}"), Some(&body)).await?;
    Ok(())
}

/// Fills a new index; documents a second.
async fn fill(client: &SearchClient, index: &str, bodies: &[Bytes]) -> anyhow::Result<f64> {
    create(client, index).await?;
    let started = Instant::now();
    bulk_load(client, index, bodies, WRITERS).await?;
    Ok((bodies.len() * BULK_DOCUMENTS) as f64 / started.elapsed().as_secs_f64())
}

/// Searches until it is over; how long each took, in milliseconds.
async fn search_on(client: &SearchClient, first: usize, is_over: &AtomicBool) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::new();
    let mut n = first * 1_000;
    while !is_over.load(Ordering::Acquire) {
        let started = Instant::now();
        let body = search(n);
        let said = client.json(Method::POST, "/log/_search?request_cache=false", Some(&body)).await?;
        anyhow::ensure!(said["_shards"]["failed"] == 0 && said["timed_out"] == false, "{body}: {said}");
        took.push(started.elapsed().as_secs_f64() * 1_000.0);
        n += 1;
    }
    Ok(took)
}

/// What was seen while an index was filled beside the clients.
struct Beside {
    /// Documents a second.
    filled: f64,
    /// How long each search took, in milliseconds.
    took: Vec<f64>,
    /// The most that the node held.
    resident: u64,
}

async fn beside(node: &SearchNode, index: &str, bodies: &[Bytes], clients: usize) -> anyhow::Result<Beside> {
    let is_over = AtomicBool::new(false);
    let filling = async {
        let filled = fill(&node.client, index, bodies).await;
        is_over.store(true, Ordering::Release);
        filled
    };
    let searching = try_join_all((0..clients).map(|first| search_on(&node.client, first, &is_over)));
    let watching = held_at_most(node, &is_over);
    let (filled, took, resident) = futures::future::try_join3(filling, searching, watching).await?;
    Ok(Beside { filled, took: took.into_iter().flatten().collect(), resident })
}

/// The most that the node was seen to hold until it is over.
async fn held_at_most(node: &SearchNode, is_over: &AtomicBool) -> anyhow::Result<u64> {
    let mut most = 0;
    while !is_over.load(Ordering::Acquire) {
        most = most.max(node.program.own_bytes());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(most)
}

async fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let limit = std::env::var("BENCH_MEMORY").unwrap_or_else(|_| "1gb".to_owned());
    let others = std::env::var("BENCH_SETTINGS").unwrap_or_default();
    let mut settings = vec![format!("memory.limit={limit}")];
    settings.extend(others.split(',').filter(|setting| !setting.is_empty()).map(str::to_owned));
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let data = folder.path().join("data");
    let node = SearchNode::start_with(folder.path(), &data, free_port()?, &settings).await?;
    let (count, clients) = (size_of("BENCH_DOCUMENTS", 100_000), size_of("BENCH_CLIENTS", 64));
    let mut log = AccessLog::new(7);
    let documents: Vec<String> = (0..count).map(|_| log.document().to_string()).collect();
    let bodies = bulk_bodies(&documents, BULK_DOCUMENTS);
    create(&node.client, "log").await?;
    bulk_load(&node.client, "log", &bodies, WRITERS).await?;
    node.client.json(Method::POST, "/log/_refresh", None).await?;
    fill(&node.client, "warm", &bodies).await?;
    let (mut shares, mut took, mut resident) = (Vec::new(), Vec::new(), 0);
    for round in 0..size_of("BENCH_ROUNDS", 3) {
        let alone = fill(&node.client, &format!("alone-{round}"), &bodies).await?;
        let beside = beside(&node, &format!("beside-{round}"), &bodies, clients).await?;
        shares.push(beside.filled / alone);
        took.extend(beside.took);
        resident = resident.max(beside.resident);
        node.client.json(Method::DELETE, &format!("/alone-{round},beside-{round}"), None).await?;
    }
    took.sort_by(f64::total_cmp);
    let share = median(shares);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let (half, slowest) = (at(0.5), at(0.99));
    let info: Value = node.client.json(Method::GET, "/_nodes/stats", None).await?;
    let memory = info["nodes"]
        .as_object()
        .and_then(|nodes| nodes.values().next())
        .map(|node| &node["breakers"]["parent"]);
    let limit = memory.and_then(|memory| memory["limit_size_in_bytes"].as_u64()).unwrap_or_default();
    let missed = |is_missed: bool| if is_missed { "  MISSED" } else { "" };
    println!(
        "\n{count} documents in each index, {clients} clients, {} searches without an error",
        took.len()
    );
    println!(
        "p50 {half:.1} ms, p99 {slowest:.1} ms: {:.1} times, {SLOWEST} are promised{}",
        slowest / half,
        missed(slowest > SLOWEST * half)
    );
    println!(
        "filled beside them at {share:.2} of the speed alone, {SHARE} is promised{}",
        missed(share < SHARE)
    );
    println!(
        "{} MB resident without files, {} MB allowed{}",
        resident >> 20,
        limit >> 20,
        missed(resident > limit)
    );
    Ok(())
}
