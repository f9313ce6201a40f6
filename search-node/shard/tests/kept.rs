//! What a shard keeps of documents is what the mapping says: of texts no more than was asked for, and of what was ignored its name,
//! through a replay of the translog, merges and fields that come later.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{
    Condition, EngineOptions, ForceMerge, Query, QueryContext, QueryRules, SearchRequest, Shard, Shared,
    Workers, WriteOutcome, WriteRequest, parse_query,
};

const NOW: i64 = 1_795_515_630_123;

fn mapping(properties: &Value) -> Arc<Mapping> {
    Arc::new(parse_mapping(&json!({"properties": properties})).expect("valid"))
}

fn open(folder: &Path, mapping: Arc<Mapping>) -> Shard {
    let shared = Shared { workers: Workers::new(1), ..Shared::default() };
    Shard::open(folder, mapping, EngineOptions::default(), shared).expect("opens")
}

fn put(shard: &Shard, id: &str, source: &Value) {
    let source = source.to_string();
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
    let outcome = shard.write(&request).expect("written");
    assert!(matches!(outcome, WriteOutcome::Written(_)), "the mapping has every field");
}

/// What a query finds: each id with what was ignored of its document.
fn found(shard: &Shard, query: &Value) -> Vec<(String, Vec<String>)> {
    let query: Query = parse_query(query).expect("a query");
    let request = SearchRequest::of(query, 100);
    let context = QueryContext { index: "i", doc_type: "", now_millis: NOW, rules: QueryRules::usual() };
    let reader = shard.reader();
    let answer = reader.search(&request, &context).expect("found");
    let documents = answer.hits.iter().map(|hit| reader.fetch(hit).expect("a document"));
    let mut shown: Vec<_> = documents.map(|document| (document.uid, document.ignored)).collect();
    shown.sort();
    shown
}

/// The bytes of a shard's files by what they hold.
fn sizes(field: &Value) -> BTreeMap<String, u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path(), mapping(&json!({"t": field})));
    for number in 0..2000 {
        let words: Vec<String> =
            (0..20).map(|word| format!("w{}", (number * 7 + word * word) % 50)).collect();
        put(&shard, &number.to_string(), &json!({"t": words.join(" ")}));
    }
    shard.refresh(NOW).expect("refreshed");
    shard.force_merge(ForceMerge::Segments(1)).expect("merged");
    let segments = shard.segments().expect("segments");
    segments.into_iter().next().expect("one").files
}

/// `norms: false` saves a byte for each document, and `index_options` the places and numbers of words.
#[test]
fn a_text_takes_no_more_than_it_is_told_to_keep() {
    let all = sizes(&json!({"type": "text"}));
    let without_norms = sizes(&json!({"type": "text", "norms": false}));
    let freqs = sizes(&json!({"type": "text", "index_options": "freqs"}));
    let docs = sizes(&json!({"type": "text", "index_options": "docs"}));
    let least = sizes(&json!({"type": "match_only_text"}));

    assert!(without_norms["fieldnorm"] + 1900 < all["fieldnorm"], "{without_norms:?} {all:?}");
    assert!(freqs["pos"] * 10 < all["pos"], "{freqs:?} {all:?}");
    assert!(docs["pos"] * 10 < all["pos"] && docs["idx"] < freqs["idx"], "{docs:?} {freqs:?}");
    let sum = |files: &BTreeMap<String, u64>| {
        ["fieldnorm", "pos", "idx", "term"].iter().map(|kind| files[*kind]).sum::<u64>()
    };
    assert!(sum(&least) * 2 < sum(&all), "{least:?} {all:?}");
}

#[test]
fn what_was_ignored_is_known_after_a_replay_and_a_merge() {
    let folder = tempfile::tempdir().expect("a folder");
    let few =
        json!({"n": {"type": "long", "ignore_malformed": true}, "k": {"type": "keyword", "ignore_above": 2}});
    let shard = open(folder.path(), mapping(&few));
    put(&shard, "1", &json!({"n": "x", "k": "long"}));
    put(&shard, "2", &json!({"n": 1, "k": "ok"}));
    shard.sync_all().expect("synced");
    assert_eq!(shard.get("1").expect("read").expect("there").ignored, ["n", "k"], "no refresh has shown it");
    drop(shard);

    let mut more = few.clone();
    more["span"] = json!({"type": "long_range"});
    more["flat"] = json!({"type": "flattened"});
    let shard = open(folder.path(), mapping(&few));
    shard.set_mapping(mapping(&more), NOW).expect("grown");
    put(&shard, "3", &json!({"n": [2, "y"], "span": [{"gte": 9}, {"lt": 3}], "flat": {"a": {"b": "c"}}}));
    shard.refresh(NOW).expect("refreshed");
    shard.force_merge(ForceMerge::Segments(1)).expect("merged");

    let both = |id: &str| (id.to_owned(), vec!["n".to_owned(), "k".to_owned()]);
    let third = ("3".to_owned(), vec!["n".to_owned()]);
    assert_eq!(found(&shard, &json!({"exists": {"field": "_ignored"}})), [both("1"), third.clone()]);
    assert_eq!(found(&shard, &json!({"term": {"_ignored": "k"}})), [both("1")]);
    assert_eq!(found(&shard, &json!({"term": {"span": 10}})), vec![third.clone()]);
    assert_eq!(found(&shard, &json!({"term": {"span": 5}})), []);
    assert_eq!(found(&shard, &json!({"term": {"flat.a.b": "c"}})), vec![third]);
}
