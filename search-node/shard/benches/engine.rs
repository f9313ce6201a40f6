//! The engine by itself, on a real disk: what its promises of speed rest on.
//!
//! - how long a refresh of a shard with forty segments keeps a writer waiting,
//! - a GET by id, from the index and from the translog,
//! - updates of ids that exist, synced a thousand at a time,
//! - indexing with a thousand fields beside fifty,
//! - operations of another copy beside writes.
//!
//! Medians over the rounds of one run. `BENCH_DOCUMENTS` (default 100000) sets the size.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use shard::mapping::{Mapping, parse_mapping};
use shard::{Applied, Condition, EngineOptions, Shard, Shared, Workers, WriteOutcome, WriteRequest, Written};

const NOW: i64 = 1_795_515_630_123;
const SYNC_EVERY: usize = 1_000;
const SEGMENTS: usize = 40;

fn documents() -> usize {
    std::env::var("BENCH_DOCUMENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

fn mapping(fields: usize) -> Arc<Mapping> {
    let mut properties = json!({
        "message": {"type": "text"}, "status": {"type": "long"}, "host": {"type": "keyword"}
    });
    for n in 0..fields {
        properties[format!("field{n}")] =
            json!({"type": if n.is_multiple_of(2) { "keyword" } else { "long" }});
    }
    Arc::new(parse_mapping(&json!({"properties": properties})).expect("valid"))
}

/// A shard that merges nothing behind the bench's back.
fn open(folder: &std::path::Path, mapping: Arc<Mapping>, writers: usize) -> Shard {
    let merge = shard::MergeOptions { documents_max: 0, deletes_max: 1.0, ..shard::MergeOptions::default() };
    let options = EngineOptions { writers, merge, ..EngineOptions::default() };
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    fs_err::create_dir_all(folder).expect("a folder");
    Shard::open(folder, mapping, options, shared).expect("opens")
}

fn source(n: usize) -> String {
    format!(
        "{{\"message\":\"GET /articles/{} HTTP/1.1 from client {}\",\"status\":{},\"host\":\"web-{:02}\"}}",
        n * 7 % 50_000,
        n % 997,
        [200, 200, 304, 404][n % 4],
        n % 40
    )
}

fn write(shard: &Shard, id: &str, source: &str) -> Written {
    let request = WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source: Some(source.as_bytes()),
        condition: Condition::None,
        is_new_id: false,
        now_millis: NOW,
    };
    match shard.write(&request).expect("written") {
        WriteOutcome::Written(written) => written,
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

fn median(mut figures: Vec<Duration>) -> Duration {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn load(shard: &Shard, ids: std::ops::Range<usize>) {
    let mut last = None;
    for n in ids {
        last = Some(write(shard, &format!("{n:020}"), &source(n)));
        if n % SYNC_EVERY == SYNC_EVERY - 1 {
            shard.sync_all().expect("synced");
        }
    }
    if let Some(last) = last {
        shard.sync(&last).expect("synced");
    }
}

/// The longest that one write took while refreshes of 1,000 documents ran beside it.
fn refresh_holds_writers() {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path(), mapping(0), 2);
    for segment in 0..SEGMENTS {
        load(&shard, segment * 500..(segment + 1) * 500);
        shard.refresh(NOW).expect("refreshed");
    }
    let mut worst = Vec::new();
    for round in 0..9 {
        let first = 100_000 + round * 2_000;
        load(&shard, first..first + 1_000);
        let (is_writing, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut longest = Duration::ZERO;
                let mut n = first + 1_000;
                while !is_done.load(Ordering::Acquire) {
                    let started = Instant::now();
                    write(&shard, &format!("{n:020}"), &source(n));
                    longest = longest.max(started.elapsed());
                    is_writing.store(true, Ordering::Release);
                    n += 1;
                }
                longest
            });
            while !is_writing.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            shard.refresh(NOW).expect("refreshed");
            is_done.store(true, Ordering::Release);
            worst.push(writer.join().expect("no panic"));
        });
    }
    let segments = shard.stats().segments;
    println!(
        "refresh of 1,000 documents beside {segments} segments: the longest write took {:?} (median of 9)",
        median(worst)
    );
}

fn gets(count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path(), mapping(0), 2);
    for part in 0..10 {
        load(&shard, part * count / 10..(part + 1) * count / 10);
        shard.refresh(NOW).expect("refreshed");
    }
    let ask = |n: usize| {
        let id = format!("{:020}", n * 7_919 % count);
        let started = Instant::now();
        assert!(shard.get(&id).expect("got").is_some(), "{id}");
        started.elapsed()
    };
    let visible = median((0..2_000).map(ask).collect());
    load(&shard, 0..count);
    let fresh = median((0..2_000).map(ask).collect());
    println!(
        "GET by id: {visible:?} from the index with 10 segments, {fresh:?} from the translog (medians of 2,000)"
    );
}

fn updates(count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = Arc::new(open(folder.path(), mapping(0), 2));
    load(&shard, 0..count);
    shard.refresh(NOW).expect("refreshed");
    let started = Instant::now();
    std::thread::scope(|scope| {
        for half in 0..2 {
            let shard = Arc::clone(&shard);
            scope.spawn(move || load(&shard, half * count / 2..(half + 1) * count / 2));
        }
    });
    shard.refresh(NOW).expect("refreshed");
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(shard.stats().documents as usize, count);
    println!(
        "updates of existing ids, synced every 1,000, refresh included: {:.0}/s",
        count as f64 / seconds
    );
}

/// The rate with a thousand mapped fields over the rate with fifty, for documents of the same ten fields.
fn wide_mappings(count: usize) {
    let rate = |fields: usize| {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = open(folder.path(), mapping(fields), 1);
        let started = Instant::now();
        for n in 0..count {
            let mut text = source(n);
            text.truncate(text.len() - 1);
            for k in 0..7 {
                let field = (n * 13 + k * 7) % fields;
                let value =
                    if field.is_multiple_of(2) { format!("\"v{}\"", n % 100) } else { (n % 100).to_string() };
                text.push_str(&format!(",\"field{field}\":{value}"));
            }
            text.push('}');
            write(&shard, &format!("{n:020}"), &text);
            if n.is_multiple_of(SYNC_EVERY) {
                shard.sync_all().expect("synced");
            }
        }
        shard.refresh(NOW).expect("refreshed");
        count as f64 / started.elapsed().as_secs_f64()
    };
    let mut ratios: Vec<f64> = (0..3).map(|_| rate(1_000) / rate(50)).collect();
    ratios.sort_by(f64::total_cmp);
    println!("indexing with 1,000 fields / with 50: {:.2} (median of 3)", ratios[1]);
}

/// Operations of another copy beside writes: new ids first, then the same ids again.
fn applies(count: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let primary = open(&folder.path().join("primary"), mapping(0), 1);
    let replica = open(&folder.path().join("replica"), mapping(0), 1);
    for what in ["new", "known"] {
        let started = Instant::now();
        load(&primary, 0..count);
        let written = started.elapsed();
        primary.refresh(NOW).expect("refreshed");
        let mut history = primary.history((replica.max_seq_no() + 1) as u64, None).expect("kept");
        let mut applied = Duration::ZERO;
        let mut run = replica.apply_run(replica.term(), NOW);
        loop {
            let batch = history.next_batch(1 << 20).expect("read");
            if batch.is_empty() {
                break;
            }
            let started = Instant::now();
            for operation in &batch {
                assert!(matches!(run.apply(operation), Ok(Applied::Done(_))));
            }
            replica.sync_all().expect("synced");
            applied += started.elapsed();
        }
        replica.refresh(NOW).expect("refreshed");
        let per_second = |took: Duration| count as f64 / took.as_secs_f64();
        println!("{what} ids: {:.0} writes/s, {:.0} applied/s", per_second(written), per_second(applied));
    }
}

fn main() {
    let count = documents();
    refresh_holds_writers();
    gets(count);
    updates(count);
    wide_mappings(count / 2);
    applies(count);
}
