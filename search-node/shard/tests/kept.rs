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

/// A value that its mapping does not take any more costs itself alone: the document is found by all its other ones.
#[test]
fn what_no_longer_fits_is_left_out_of_a_replayed_document_and_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let keyword = json!({"type": "keyword"});
    let before = json!({
        "k": keyword, "date": keyword, "n": keyword, "o": keyword, "p": {"properties": {"a": keyword}}, "r": keyword,
        "flat": keyword, "geo": keyword, "m": keyword, "from": keyword, "to": keyword, "gone": {"type": "text"},
        "deep": {"properties": {"gone": keyword}}, "a": keyword,
        "nest": {"type": "nested", "properties": {"k": keyword, "q": keyword}}, "strict": {"properties": {"u": keyword}},
        "join": keyword, "constant": keyword
    });
    let misfit = json!({
        "date": ["2020-1-1", "2020-01-02"], "n": "x", "o": "text", "p": {"a": "b"}, "r": "text", "flat": "text",
        "geo": "nowhere", "m": "word", "from": "word", "gone": "word", "deep": {"gone": "word"}, "a": "word",
        "nest": [{"k": "inner", "q": "x"}, {"k": "other", "q": "1"}], "strict": {"u": "x"}, "join": "none",
        "constant": "other", "k": "found"
    });
    let fits =
        json!({"date": "2020-01-03", "n": 5, "from": "1", "nest": {"k": "inner", "q": 2}, "k": "found"});
    let shard = open(folder.path(), mapping(&before));
    put(&shard, "misfit", &misfit);
    put(&shard, "fits", &fits);
    shard.sync_all().expect("synced");
    drop(shard);

    let long = json!({"type": "long"});
    let after = json!({
        "k": keyword, "date": {"type": "date", "format": "yyyy-MM-dd"}, "n": long, "o": {"properties": {"b": keyword}},
        "p": long, "r": {"type": "integer_range"}, "flat": {"type": "flattened"}, "geo": {"type": "geo_point"},
        "m": {"type": "keyword", "fields": {"n": {"type": "long"}}}, "from": {"type": "keyword", "copy_to": "to"},
        "to": long, "deep": {"properties": {}}, "a": {"type": "alias", "path": "k"},
        "nest": {"type": "nested", "properties": {"k": keyword, "q": long}}, "strict": {"dynamic": "strict", "properties": {}},
        "join": {"type": "join", "relations": {"one": "many"}}, "constant": {"type": "constant_keyword", "value": "this"}
    });
    let shard = open(folder.path(), mapping(&after));
    shard.refresh(NOW).expect("refreshed");

    let mut ignored = shard.get("misfit").expect("read").expect("there").ignored;
    ignored.sort();
    let expected = [
        "a",
        "constant",
        "date",
        "deep.gone",
        "flat",
        "geo",
        "gone",
        "join",
        "m.n",
        "n",
        "nest.q",
        "o",
        "p",
        "r",
        "strict.u",
        "to",
    ];
    assert_eq!(ignored, expected);
    let ids = |query: Value| found(&shard, &query).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let both = ["fits", "misfit"];
    assert_eq!(ids(json!({"term": {"k": "found"}})), both);
    assert_eq!(ids(json!({"term": {"date": "2020-01-02"}})), ["misfit"], "one of two dates");
    assert_eq!(ids(json!({"exists": {"field": "date"}})), both);
    assert_eq!(ids(json!({"term": {"m": "word"}})), ["misfit"]);
    assert_eq!(ids(json!({"term": {"from": "word"}})), ["misfit"]);
    assert_eq!(ids(json!({"exists": {"field": "to"}})), ["fits"]);
    assert_eq!(ids(json!({"exists": {"field": "n"}})), ["fits"]);
    let nested = |query: Value| ids(json!({"nested": {"path": "nest", "query": query}}));
    assert_eq!(nested(json!({"term": {"nest.k": "inner"}})), both);
    assert_eq!(nested(json!({"term": {"nest.q": 1}})), ["misfit"]);
    assert_eq!(ids(json!({"term": {"_ignored": "date"}})), ["misfit"]);
    assert_eq!(ids(json!({"exists": {"field": "_ignored"}})), ["misfit"]);
}

#[test]
fn formats_that_read_less_than_before_leave_out_their_dates_alone() {
    let keyword = json!({"type": "keyword"});
    for (format, value) in [
        ("date_time", "2020-01-01"),
        ("strict_date", "2020-01-01T10:00:00Z"),
        ("yyyy-MM-dd", "2020-1-1"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "2020-01-01T10:00:00.000Z"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = open(folder.path(), mapping(&json!({"k": keyword, "d": keyword})));
        put(&shard, "1", &json!({"d": value, "k": "found"}));
        shard.sync_all().expect("synced");
        drop(shard);

        let after = json!({"k": keyword, "d": {"type": "date", "format": format}});
        let shard = open(folder.path(), mapping(&after));
        shard.refresh(NOW).expect("refreshed");

        let shown = vec![("1".to_owned(), vec!["d".to_owned()])];
        assert_eq!(found(&shard, &json!({"term": {"k": "found"}})), shown, "{format}");
        assert_eq!(found(&shard, &json!({"exists": {"field": "d"}})), [], "{format}");
    }
}
