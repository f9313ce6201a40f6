//! Conditions under concurrency: writers of the same document never both win, whatever is refreshed and flushed meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use shard::mapping::parse_mapping;
use shard::{
    Condition, EngineError, EngineOptions, Shard, Shared, Workers, WriteOutcome, WriteRequest, Written,
};

const WRITERS: usize = 4;
const COUNTERS: usize = 2;
const TURNS: usize = 4_000;

fn open(folder: &Path) -> Shard {
    let mapping = parse_mapping(&json!({"properties": {"n": {"type": "long"}}})).expect("valid");
    let shared = Shared { workers: Workers::new(1), ..Shared::default() };
    let options = EngineOptions { writers: WRITERS, ..EngineOptions::default() };
    Shard::open(folder, Arc::new(mapping), options, shared).expect("opens")
}

fn put(shard: &Shard, id: &str, n: u64, condition: Condition) -> Result<Written, EngineError> {
    let source = format!("{{\"n\":{n}}}");
    let request = WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source: Some(source.as_bytes()),
        condition,
        is_new_id: false,
        now_millis: 1,
    };
    match shard.write(&request)? {
        WriteOutcome::Written(written) => Ok(written),
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has the field"),
    }
}

/// The counter as it is, and the condition that it is still so.
fn read(shard: &Shard, id: &str) -> (u64, Condition) {
    let stored = shard.get(id).expect("read").expect("there");
    let source: Value = serde_json::from_slice(&stored.source).expect("JSON");
    let unchanged = Condition::SeqNo { seq_no: stored.seq_no, term: stored.term };
    (source["n"].as_u64().expect("a number"), unchanged)
}

#[test]
fn counters_that_are_raised_under_a_condition_lose_no_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path());
    let steps: Vec<AtomicU64> = (0..COUNTERS).map(|_| AtomicU64::new(0)).collect();
    for counter in 0..COUNTERS {
        put(&shard, &counter.to_string(), 0, Condition::Absent).expect("written");
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (shard, steps, is_over) = (&shard, &steps, &is_over);
        let raise = move |writer: usize| {
            for turn in 0..TURNS {
                let counter = (turn + writer) % COUNTERS;
                let (n, unchanged) = read(shard, &counter.to_string());
                match put(shard, &counter.to_string(), n + 1, unchanged) {
                    Ok(_) => drop(steps[counter].fetch_add(1, Ordering::Relaxed)),
                    Err(EngineError::VersionConflict { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || raise(writer))).collect();
        scope.spawn(move || {
            for round in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                if round % 10 == 0 {
                    shard.flush(1).expect("flushed");
                } else {
                    shard.refresh(1).expect("refreshed");
                }
            }
        });
        for writer in writers {
            writer.join().expect("no writer breaks");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    shard.refresh(1).expect("refreshed");
    for (counter, steps) in steps.iter().enumerate() {
        assert_eq!(read(&shard, &counter.to_string()).0, steps.load(Ordering::Relaxed), "counter {counter}");
    }
    assert_eq!(shard.stats().documents, COUNTERS as u64);
}

/// A shard that was closed goes on under its primary term; one that ended in any other way does not, for it may have shown
/// numbers that are lost and will be given out again.
#[test]
fn the_primary_term_rises_unless_the_shard_was_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut terms = Vec::new();
    for is_closed in [true, false, true, true] {
        let shard = open(folder.path());
        let written = put(&shard, "a", 1, Condition::None).expect("written");
        shard.sync(&written).expect("synced");
        terms.push(written.term);
        if is_closed {
            shard.close().expect("closed");
        }
    }

    assert_eq!(terms, [1, 1, 2, 2]);
}

#[test]
fn a_number_that_was_shown_and_lost_fulfils_no_condition() {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path());
    let first = put(&shard, "lock", 1, Condition::None).expect("written");
    shard.sync(&first).expect("synced");
    put(&shard, "lock", 2, Condition::None).expect("written, and never synced");
    let (_, lost) = read(&shard, "lock");
    drop(shard);

    let shard = open(folder.path());
    assert_eq!(read(&shard, "lock").0, 1, "what was not synced is lost");
    let other = put(&shard, "lock", 3, Condition::None).expect("written");
    shard.sync(&other).expect("synced");

    let refused = put(&shard, "lock", 4, lost).expect_err("refused");
    assert!(matches!(refused, EngineError::VersionConflict { .. }), "{refused}");
}
