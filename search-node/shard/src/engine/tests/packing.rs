//! Sources are packed as the index says, and come out as they went in.

use super::*;

const DOCUMENTS: usize = 4_000;

/// Lines that have much in common with others far away.
fn document(n: usize) -> Value {
    let word = |n: usize| format!("{:08x}", n.wrapping_mul(0x9e37_79b9) as u32);
    let words: Vec<String> = (1..8).map(|at| word(n * at * at % 1_009)).collect();
    json!({"n": n, "message": words.join(" ")})
}

/// Bytes that the sources of a shard take.
fn store_bytes(folder: &Path) -> u64 {
    let files =
        fs_err::read_dir(folder.join("index")).expect("a folder").map(|file| file.expect("a file").path());
    let stores = files.filter(|file| file.extension().is_some_and(|kind| kind == "store"));
    stores.map(|file| fs_err::metadata(file).expect("a file").len()).sum()
}

fn check_all(engine: &Arc<Engine>) {
    for n in (0..DOCUMENTS).step_by(37).chain([DOCUMENTS - 1]) {
        let found = engine.get(&n.to_string()).expect("got").expect("there");
        assert_eq!(serde_json::from_slice::<Value>(&found.source).expect("JSON"), document(n));
    }
}

fn loaded(codec: Codec) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open_with(
        folder.path(),
        mapping(&[("n", "long"), ("message", "text")]),
        EngineOptions { codec, ..EngineOptions::default() },
    );
    for n in 0..DOCUMENTS {
        put(&engine, &n.to_string(), &document(n));
    }
    engine.flush(NOW).expect("flushed");
    check_all(&engine);
    store_bytes(folder.path())
}

#[test]
fn best_compression_takes_less_and_loses_nothing() {
    let (default, best) = (loaded(Codec::Default), loaded(Codec::BestCompression));

    assert!(best * 10 < default * 9, "{best} bytes beside {default}");
}

/// A segment says for itself how it is packed.
#[test]
fn segments_that_are_packed_in_different_ways_become_one() {
    let folder = tempfile::tempdir().expect("a folder");
    for (codec, half) in
        [(Codec::Default, 0..DOCUMENTS / 2), (Codec::BestCompression, DOCUMENTS / 2..DOCUMENTS)]
    {
        let options = EngineOptions { codec, ..EngineOptions::default() };
        let engine = open_with(folder.path(), mapping(&[("n", "long"), ("message", "text")]), options);
        for n in half {
            put(&engine, &n.to_string(), &document(n));
        }
        engine.flush(NOW).expect("flushed");
    }
    let engine = open(folder.path(), mapping(&[("n", "long"), ("message", "text")]));
    check_all(&engine);

    engine.force_merge(ForceMerge::Segments(1)).expect("merged");

    assert_eq!(engine.view().searcher.segment_readers().len(), 1);
    check_all(&engine);
}
