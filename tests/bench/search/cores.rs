//! Large searches on one processor and on all: the same node twice, with the same documents, asked in turn.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, access_log_mapping, bulk_load, free_port, median, size_of};

use super::{CLIENTS, SEGMENTS, Side};

/// What one large search gains by a second processor.
const PROMISED: f64 = 1.6;
const WARM_REQUESTS: usize = 5;
/// Rounds of arithmetic that take some tens of milliseconds.
const ARITHMETIC: u64 = 20_000_000;

fn searches() -> [(&'static str, Value); 4] {
    let words = json!({"match": {"message": "windows articles get"}});
    let by_bytes = json!({"function_score": {"query": words, "field_value_factor": {"field": "bytes", "modifier": "log1p"}}});
    let hours = json!({"date_histogram": {"field": "@timestamp", "fixed_interval": "1h"}, "aggs": {"bytes": {"avg": {"field": "bytes"}}}});
    let paths = json!({"terms": {"field": "request.keyword"}});
    [
        (
            "words by another number, count",
            json!({"query": by_bytes, "track_total_hits": true, "_source": false}),
        ),
        ("hours with an average", json!({"size": 0, "aggs": {"hours": hours}})),
        (
            "verbs of hours",
            json!({"size": 0, "aggs": {"verbs": {"terms": {"field": "verb"}, "aggs": {"hours": hours}}}}),
        ),
        (
            "many paths of a filter",
            json!({"size": 0, "query": {"term": {"verb": "GET"}}, "aggs": {"paths": paths}}),
        ),
    ]
}

/// How many times faster arithmetic that needs no memory is on all processors: a search cannot gain more.
fn gain_of_arithmetic(processors: usize) -> f64 {
    let compute = |rounds: u64| (0..rounds).fold(1_u64, |hash, at| hash.rotate_left(5).wrapping_mul(at | 1));
    let millis = |threads: u64| {
        let started = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope
                    .spawn(move || std::hint::black_box(compute(std::hint::black_box(ARITHMETIC / threads))));
            }
        });
        started.elapsed().as_secs_f64() * 1_000.0
    };
    let rounds = 0..size_of("BENCH_ROUNDS", 9);
    let (one, all): (Vec<f64>, Vec<f64>) = rounds.map(|_| (millis(1), millis(processors as u64))).unzip();
    median(one) / median(all)
}

/// Prints how many times faster each is on all processors.
pub(super) async fn compare(folder: &Path, bodies: &[Bytes]) -> anyhow::Result<()> {
    let processors = std::thread::available_parallelism()?.get();
    if processors < 2 {
        println!("SKIPPED: large searches were not measured on several processors: this host has one");
        return Ok(());
    }
    let start = async |name: &str, settings: &[&str]| {
        SearchNode::start_with(folder, &folder.join(name), free_port()?, settings).await
    };
    let (one, all) = (start("one", &["node.processors=1"]).await?, start("all", &[]).await?);
    let sides = [Side { name: "one", client: &one.client }, Side { name: "all", client: &all.client }];
    for side in &sides {
        let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"});
        let index = json!({"settings": settings, "mappings": access_log_mapping()});
        side.ask("/log", Method::PUT, Some(&index)).await?;
        bulk_load(side.client, "log", bodies, CLIENTS).await?;
    }
    for segments in SEGMENTS.into_iter().rev() {
        for side in &sides {
            side.merged_to(segments).await?;
        }
        println!("\none large search, {segments} segments at most; medians in milliseconds");
        println!("{:34} {:>9} {:>9}  {:>6}", "search", "one core", processors, "times");
        println!("{:34} {:>9} {:>9}  {:6.2}", "arithmetic alone", "", "", gain_of_arithmetic(processors));
        for (name, body) in searches() {
            let mut millis = [Vec::new(), Vec::new()];
            for round in 0..size_of("BENCH_ROUNDS", 9) + WARM_REQUESTS {
                for (side, millis) in sides.iter().zip(&mut millis) {
                    let started = Instant::now();
                    side.search(&body).await?;
                    if round >= WARM_REQUESTS {
                        millis.push(started.elapsed().as_secs_f64() * 1_000.0);
                    }
                }
            }
            let [one, all] = millis.map(median);
            let missed = if one / all < PROMISED { " MISSED" } else { "" };
            println!("{name:34} {one:9.3} {all:9.3}  {:6.2}{missed}", one / all);
        }
    }
    Ok(())
}
