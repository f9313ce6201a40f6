//! Foreign bytes: whatever one damage does to a file of a shard, opening it either says so or changes nothing; whatever a
//! document looks like, reading it gives fields or a reason. Nothing panics.
//!
//! `HOSTILE_ROUNDS` (default 300) sets how many damages and documents are tried.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shard::mapping::{Mapping, check_document, parse_mapping};
use shard::{Condition, EngineOptions, Shard, Shared, Workers, WriteOutcome, WriteRequest, inspect_translog};
use testkit::Chance;

const NOW: i64 = 1_795_515_630_123;
const DOCUMENTS: u64 = 40;

fn rounds() -> u64 {
    std::env::var("HOSTILE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

fn mapping() -> Arc<Mapping> {
    Arc::new(
        parse_mapping(&json!({"properties": {
            "n": {"type": "long"}, "t": {"type": "text"}, "k": {"type": "keyword"}, "d": {"type": "date"},
            "b": {"type": "boolean"}, "f": {"type": "double"}, "a": {"type": "ip"},
            "o": {"properties": {"x": {"type": "text"}}}
        }}))
        .expect("valid"),
    )
}

fn open(folder: &Path) -> Result<Shard, String> {
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    Shard::open(folder, mapping(), EngineOptions::default(), shared).map_err(|error| error.to_string())
}

fn document(n: u64) -> Value {
    json!({"n": n, "t": format!("word{n} common"), "k": format!("key{}", n % 5)})
}

/// A shard with a durable state, a deleted document, and operations that only the translog holds.
fn sample(folder: &Path) {
    let shard = open(folder).expect("opens");
    let write = |id: &str, source: Option<Vec<u8>>| {
        let request = WriteRequest {
            uid: id,
            doc_type: None,
            id,
            routing: None,
            source: source.as_deref(),
            condition: Condition::None,
            is_new_id: false,
            now_millis: NOW,
        };
        match shard.write(&request).expect("written") {
            WriteOutcome::Written(_) => {}
            WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
        }
    };
    for n in 0..DOCUMENTS {
        write(&n.to_string(), Some(document(n).to_string().into_bytes()));
        if n == DOCUMENTS / 4 {
            shard.refresh(NOW).expect("refreshed");
        }
        if n == DOCUMENTS / 2 {
            write("gone", Some(b"{\"n\":1}".to_vec()));
            shard.flush(NOW).expect("flushed");
            write("gone", None);
            shard.flush(NOW).expect("flushed");
        }
    }
    shard.sync_all().expect("synced");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).expect("below"));
        fs_err::create_dir_all(target.parent().expect("a folder")).expect("made");
        fs_err::copy(&path, target).expect("copied");
    }
}

/// Every document is as it was acknowledged.
fn is_whole(shard: &Shard) -> Result<(), String> {
    for n in 0..DOCUMENTS {
        let stored = shard.get(&n.to_string()).map_err(|error| error.to_string())?;
        let source = stored.map(|stored| serde_json::from_slice::<Value>(&stored.source).unwrap_or_default());
        if source.as_ref() != Some(&document(n)) {
            return Err(format!("document {n} is {source:?}"));
        }
    }
    match shard.get("gone") {
        Ok(None) => Ok(()),
        other => Err(format!("a deleted document is {:?}", other.map(|stored| stored.is_some()))),
    }
}

#[test]
fn one_damage_to_any_file_is_reported_or_changes_nothing() {
    let origin = tempfile::tempdir().expect("a folder");
    sample(origin.path());
    let all = files(origin.path());
    let mut chance = Chance::new(0x5eed_cafe);
    let (mut refused, mut harmless) = (0, 0);
    for round in 0..rounds() {
        let victim = &all[round as usize % all.len()];
        let scratch = tempfile::tempdir().expect("a folder");
        copy(origin.path(), scratch.path());
        let bytes = fs_err::read(victim).expect("read");
        let damaged = chance.damage(bytes.clone());
        let target = scratch.path().join(victim.strip_prefix(origin.path()).expect("below"));
        fs_err::write(&target, &damaged).expect("damaged");

        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let looked = inspect_translog(&scratch.path().join("translog"), &mut |_| ());
            drop(looked);
            open(scratch.path()).map(|shard| is_whole(&shard))
        }));

        let name = victim.display();
        match outcome {
            Err(_) => panic!("round {round}: opening panicked after damage to {name}"),
            Ok(Err(_)) => refused += 1,
            Ok(Ok(Ok(()))) => harmless += 1,
            Ok(Ok(Err(fault))) if damaged == bytes => panic!("round {round}: no damage, yet {fault}"),
            Ok(Ok(Err(fault))) => panic!("round {round}: damage to {name} was served: {fault}"),
        }
    }
    println!("{refused} damages were reported, {harmless} changed nothing");
    assert!(refused > rounds() / 2, "only {refused} of {} damages were noticed", rounds());
}

#[test]
fn any_document_gives_fields_or_a_reason_in_little_time() {
    let seeds = [
        json!({"n": 1, "t": "a", "k": ["a", null], "d": "2026-11-26T08:00:00Z", "b": "true", "f": "1.5", "a": "::1"}),
        json!({"o": {"x": {"y": [{"z": 1}, {"z": "a"}]}}, "deep": {"a": {"b": {"c": {"d": []}}}}, "": 1, "a.b.c": 2}),
        json!({"n": 9_223_372_036_854_775_807i64, "f": 1e308, "d": 1_795_515_630_123i64, "o": [[[{"x": 1}]]]}),
    ];
    let nested = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    let arrays = format!("{{\"n\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let mut chance = Chance::new(0xd0c5);
    let mut texts: Vec<Vec<u8>> = vec![nested.into_bytes(), arrays.into_bytes()];
    for round in 0..rounds() * 10 {
        let seed = seeds[round as usize % seeds.len()].to_string().into_bytes();
        let once = chance.damage(seed);
        texts.push(if round % 3 == 0 { chance.damage(once) } else { once });
    }
    for text in texts {
        let started = Instant::now();
        let outcome = catch_unwind(|| check_document(mapping(), "1", false, &text).is_ok());
        let shown = String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned();
        assert!(outcome.is_ok(), "panicked: {shown}");
        assert!(started.elapsed() < Duration::from_millis(500), "took {:?}: {shown}", started.elapsed());
    }
}
