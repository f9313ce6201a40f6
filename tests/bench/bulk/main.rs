//! `_bulk` over HTTP beside tantivy alone: the same documents, the same cores, one run.
//!
//! The node indexes into one shard, the translog synced for each request, two clients: with its default mapping, where every text
//! is a keyword too; with the mapping that access logs deserve; and into a data stream with the built-in template of logs.
//! tantivy gets two segment writers of its own, no HTTP, no translog, and parses the same JSON into the same fields, or, beside
//! the template, into those that access logs deserve. Rounds alternate, so that a noisy neighbour hits both; the medians' ratio is
//! the figure.
//!
//! `BENCH_DOCUMENTS` (default 200000) and `BENCH_ROUNDS` (default 5) set the size, `BENCH_TARGETS` (default all) picks some by
//! a part of their name.

mod raw;

use std::time::{Duration, Instant};

use search_client::Method;
use serde_json::json;
use system_tests::{AccessLog, SearchNode, bulk_bodies, bulk_load, median, quiet, size_of};

const BULK_DOCUMENTS: usize = 1_000;
const CLIENTS: usize = 2;

/// Which fields a document has in tantivy.
struct Fields {
    /// Analyzed, with positions and norms.
    texts: &'static [&'static str],
    /// As they are, with a column.
    keywords: &'static [&'static str],
    has_address: bool,
}

const EVERYTHING: Fields = Fields {
    texts: &["message", "clientip", "verb", "request", "agent", "geo.country"],
    keywords: &["message", "clientip", "verb", "request", "agent", "geo.country"],
    has_address: false,
};

const ACCESS_LOG: Fields = Fields {
    texts: &["message", "request", "agent"],
    keywords: &["request", "verb", "geo.country"],
    has_address: true,
};

/// What the node loads into, and what that is compared with.
struct Target {
    name: &'static str,
    promised: &'static str,
    /// The index, or the data stream that the template of logs makes.
    index: &'static str,
    mapping: Option<fn() -> serde_json::Value>,
    beside: Fields,
}

const TARGETS: [Target; 3] = [
    Target {
        name: "default mapping",
        promised: "promised ≥ 0.5 of CPU time",
        index: "bench",
        mapping: Some(|| json!({"properties": {"@timestamp": {"type": "date"}}})),
        beside: EVERYTHING,
    },
    Target {
        name: "mapping of access logs",
        promised: "promised ≥ 0.85 of CPU time, ≤ 0.58 of the JSON on disk",
        index: "bench",
        mapping: Some(system_tests::access_log_mapping),
        beside: ACCESS_LOG,
    },
    Target {
        name: "template of logs",
        promised: "promised ≥ 1.3 of CPU time, ≤ 0.35 of the JSON on disk",
        index: "logs-bench-default",
        mapping: None,
        beside: ACCESS_LOG,
    },
];

/// How fast documents were taken.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    per_cpu_second: f64,
}

impl Rate {
    fn of(documents: usize, took: Duration, cpu_seconds: f64) -> Self {
        let documents = documents as f64;
        Self { per_second: documents / took.as_secs_f64(), per_cpu_second: documents / cpu_seconds }
    }
}

/// One load of the node.
struct Load {
    rate: Rate,
    /// Bytes after a flush, and as one segment.
    disk: [f64; 2],
}

fn main() -> anyhow::Result<()> {
    let count = size_of("BENCH_DOCUMENTS", 200_000);
    let rounds = size_of("BENCH_ROUNDS", 5);
    let wanted = std::env::var("BENCH_TARGETS").unwrap_or_default();
    let mut log = AccessLog::new(7);
    let documents: Vec<String> = (0..count).map(|_| log.document().to_string()).collect();
    let bytes: usize = documents.iter().map(String::len).sum();
    println!("{count} documents, {} bytes each on average, {rounds} rounds", bytes / count);
    let runtime = tokio::runtime::Runtime::new()?;
    let targets = TARGETS.iter().filter(|target| target.name.contains(&wanted));
    targets.into_iter().try_for_each(|target| compare(target, &runtime, &documents, rounds))
}

fn compare(
    target: &Target,
    runtime: &tokio::runtime::Runtime,
    documents: &[String],
    rounds: usize,
) -> anyhow::Result<()> {
    let json_bytes = documents.iter().map(String::len).sum::<usize>() as f64;
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    println!("{}:", target.name);
    for round in 0..rounds {
        let b = raw::index(documents, &target.beside)?;
        let load = runtime.block_on(over_http(documents, target))?;
        let a = load.rate;
        println!(
            "round {round}: _bulk {:.0} docs/s, {:.0} docs/CPU-s; tantivy {:.0} docs/s, {:.0} docs/CPU-s",
            a.per_second, a.per_cpu_second, b.per_second, b.per_cpu_second
        );
        raw.push(b);
        ours.push(load);
    }
    let of = |figure: fn(&Load) -> f64| median(ours.iter().map(figure).collect());
    let beside = |figure: fn(&Rate) -> f64| median(raw.iter().map(figure).collect());
    println!(
        "_bulk / tantivy, {}, medians: {:.2} by wall clock, {:.2} by CPU time; on disk {:.3} of the JSON, {:.3} as one segment ({})",
        target.name,
        of(|load| load.rate.per_second) / beside(|rate| rate.per_second),
        of(|load| load.rate.per_cpu_second) / beside(|rate| rate.per_cpu_second),
        of(|load| load.disk[0]) / json_bytes,
        of(|load| load.disk[1]) / json_bytes,
        target.promised
    );
    Ok(())
}

async fn over_http(documents: &[String], target: &Target) -> anyhow::Result<Load> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let node = SearchNode::start(folder.path(), &data).await?;
    let index = target.index;
    let ask = async |method, path: &str| node.client.json(method, &format!("/{index}/{path}"), None).await;
    if let Some(mapping) = target.mapping {
        let body = json!({"mappings": mapping()});
        node.client.json(Method::PUT, &format!("/{index}"), Some(&body)).await?;
    }
    let bodies = bulk_bodies(documents, BULK_DOCUMENTS);
    let before = node.program.cpu_seconds();
    let started = Instant::now();
    bulk_load(&node.client, index, &bodies, CLIENTS).await?;
    ask(Method::POST, "_refresh").await?;
    let rate = Rate::of(documents.len(), started.elapsed(), node.program.cpu_seconds() - before);
    let found = ask(Method::GET, "_count").await?;
    anyhow::ensure!(found["count"] == json!(documents.len()), "{found}");

    let indices = data.join("indices");
    let mut disk = [0.0; 2];
    quiet(&node.program, &indices).await?;
    for (bytes, merge) in disk.iter_mut().zip([None, Some("_forcemerge?max_num_segments=1")]) {
        if let Some(merge) = merge {
            ask(Method::POST, merge).await?;
        }
        ask(Method::POST, "_flush").await?;
        *bytes = quiet(&node.program, &indices).await? as f64;
    }
    Ok(Load { rate, disk })
}
