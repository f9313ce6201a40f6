//! Mappings put on an index that is written to at full speed: no request may fail, and what a write waits longer for it is measured.
//!
//! Two clients load into an index of a hundred fields without a pause. One field after the other is put, with a
//! moment between them, and then nothing for as long as that took; both in turn, in one run. A bulk is counted
//! beside a mapping if it was under way while one was put.
//!
//! `BENCH_ROUNDS` (default 5) sets how often, `BENCH_MAPPINGS` (default 40) how many fields are put in a round.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::try_join_all;
use search_client::Method;
use serde_json::{Value, json};
use system_tests::{SearchNode, size_of};

const CLIENTS: usize = 2;
const FIELDS: usize = 100;
const BULK_DOCUMENTS: usize = 500;
const BODIES: usize = 20;

/// Between two mappings, so that some bulks begin and end without one.
const PAUSE: Duration = Duration::from_millis(100);

/// From when to when a request was under way.
#[derive(Clone, Copy)]
struct Span {
    from: Instant,
    to: Instant,
}

impl Span {
    fn millis(self) -> f64 {
        (self.to - self.from).as_secs_f64() * 1_000.0
    }

    fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

fn main() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let (rounds, mappings) = (size_of("BENCH_ROUNDS", 5), size_of("BENCH_MAPPINGS", 40));
    let folder = tempfile::tempdir()?;
    let node = SearchNode::start(folder.path(), &folder.path().join("data")).await?;
    let properties: serde_json::Map<String, Value> =
        (0..FIELDS).map(|n| (format!("field{n}"), json!({"type": kind(n)}))).collect();
    let body = json!({"mappings": {"properties": properties}});
    node.client.json(Method::PUT, "/bench", Some(&body)).await?;
    let bodies: Vec<Bytes> = (0..BODIES).map(bulk).collect();
    let (mut alone, mut beside, mut puts) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let is_over = AtomicBool::new(false);
        let (bulks, put) = tokio::try_join!(
            load(&node, &bodies, &is_over),
            put_fields(&node, round * mappings..(round + 1) * mappings, &is_over)
        )?;
        for bulk in bulks {
            let is_beside = put.iter().any(|put| put.overlaps(bulk));
            if is_beside { &mut beside } else { &mut alone }.push(bulk.millis());
        }
        puts.extend(put.into_iter().map(Span::millis));
    }
    report(alone, beside, puts);
    Ok(())
}

fn report(mut alone: Vec<f64>, mut beside: Vec<f64>, mut puts: Vec<f64>) {
    let mut figures = [(0.0, 0.0); 3];
    for (figure, all) in figures.iter_mut().zip([&mut alone, &mut beside, &mut puts]) {
        all.sort_by(f64::total_cmp);
        let at = |part: f64| all.get((all.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN);
        *figure = (at(0.5), at(0.99));
    }
    let [(alone_50, alone_99), (beside_50, beside_99), (put_50, put_99)] = figures;
    println!("{FIELDS} fields, no request failed; milliseconds, median and 99 %:");
    println!("bulks without a mapping:  {alone_50:7.1} {alone_99:7.1}  ({} of them)", alone.len());
    println!("bulks beside a mapping:   {beside_50:7.1} {beside_99:7.1}  ({} of them)", beside.len());
    println!("putting a mapping:        {put_50:7.1} {put_99:7.1}  ({} of them)", puts.len());
    println!(
        "added to a bulk:          {:7.1} {:7.1}  promised ≤ 50",
        beside_50 - alone_50,
        beside_99 - alone_99
    );
}

fn kind(n: usize) -> &'static str {
    ["keyword", "long", "text", "double"][n % 4]
}

fn bulk(number: usize) -> Bytes {
    let documents = (0..BULK_DOCUMENTS).map(|at| {
        let seed = number * BULK_DOCUMENTS + at;
        let value = |n: usize| match kind(n) {
            "keyword" => json!(format!("value {}", (seed * 7 + n) % 1_000)),
            "text" => json!(format!("some words of {} and {}", seed % 97, n)),
            "long" => json!(seed * n),
            _ => json!(seed as f64 / (n + 1) as f64),
        };
        let document: serde_json::Map<String, Value> =
            (0..FIELDS).step_by(5).map(|n| (format!("field{n}"), value(n))).collect();
        format!("{{\"index\":{{}}}}\n{}\n", Value::Object(document))
    });
    Bytes::from(documents.collect::<String>())
}

/// Loads until told to stop; when each bulk was under way.
async fn load(node: &SearchNode, bodies: &[Bytes], is_over: &AtomicBool) -> anyhow::Result<Vec<Span>> {
    let next = AtomicUsize::new(0);
    let client = async || {
        let mut spans = Vec::new();
        while !is_over.load(Ordering::Acquire) {
            let body = bodies[next.fetch_add(1, Ordering::Relaxed) % bodies.len()].clone();
            let from = Instant::now();
            let answer = node.client.send(Method::POST, "/bench/_bulk", "application/x-ndjson", body).await?;
            spans.push(Span { from, to: Instant::now() });
            let text = String::from_utf8_lossy(&answer.body);
            let is_whole = answer.is_success() && text.contains("\"errors\":false");
            anyhow::ensure!(is_whole, "answered {}: {:.500}", answer.status, text);
        }
        anyhow::Ok(spans)
    };
    let spans = try_join_all((0..CLIENTS).map(|_| client())).await?;
    Ok(spans.into_iter().flatten().collect())
}

/// Puts fields one after the other, and leaves the load alone for as long as that took; when each was under way.
async fn put_fields(
    node: &SearchNode,
    numbers: Range<usize>,
    is_over: &AtomicBool,
) -> anyhow::Result<Vec<Span>> {
    let started = Instant::now();
    let mut spans = Vec::new();
    for n in numbers {
        tokio::time::sleep(PAUSE).await;
        let body = json!({"properties": {format!("put{n}"): {"type": kind(n)}}});
        let from = Instant::now();
        node.client.json(Method::PUT, "/bench/_mapping", Some(&body)).await?;
        spans.push(Span { from, to: Instant::now() });
    }
    tokio::time::sleep(started.elapsed()).await;
    is_over.store(true, Ordering::Release);
    Ok(spans)
}
