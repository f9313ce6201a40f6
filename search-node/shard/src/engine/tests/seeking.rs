//! What queries are built of keeps to what they promise one another: a conjunction jumps ahead in its clauses, also to the end, and
//! relies on where they stand then.

use proptest::prelude::*;
use tantivy::query::EnableScoring;
use tantivy::{DocId, TERMINATED};

use super::*;
use crate::query::{Asked, Prepared};

fn seeking_mapping() -> Arc<Mapping> {
    let mapping = json!({"properties": {
        "t": {"type": "keyword"},
        "n": {"type": "long"},
        "text": {"type": "text"},
        "short": {"type": "text", "norms": false},
        "words": {"type": "match_only_text"},
        "wild": {"type": "wildcard"},
        "span": {"type": "integer_range"},
        "flat": {"type": "flattened"},
        "ip": {"type": "ip"},
        "a": {"type": "nested", "properties": {
            "x": {"type": "keyword"},
            "b": {"type": "nested", "properties": {"y": {"type": "long"}}}
        }}
    }});
    Arc::new(parse_mapping(&mapping).expect("valid"))
}

fn document(n: usize) -> Value {
    let words = ["quick", "brown", "fox", "lazy", "dog"];
    let text = [words[n % 5], words[n / 2 % 5], words[n / 3 % 5]].join(" ");
    let objects: Vec<Value> = (0..n % 4)
        .map(|at| {
            let below: Vec<Value> = (0..at).map(|y| json!({"y": y})).collect();
            let x = if (n + at).is_multiple_of(2) { "yes" } else { "no" };
            json!({"x": x, "b": below})
        })
        .collect();
    json!({
        "t": if (n / 6).is_multiple_of(2) { "on" } else { "off" }, "n": n, "text": text, "short": text, "words": text, "wild": text,
        "span": {"gte": n, "lte": n + 7}, "flat": {"k": n % 3, "l": {"m": n % 5}}, "ip": format!("10.0.0.{}", n % 250),
        "a": objects
    })
}

/// One of each kind of clause, and how they are put together.
fn queries() -> Vec<Value> {
    let nested = |query: Value| json!({"nested": {"path": "a", "query": query}});
    let yes = nested(json!({"term": {"a.x": "yes"}}));
    let inner = nested(json!({"nested": {"path": "a.b", "query": {"term": {"a.b.y": 1}}}}));
    let single = vec![
        json!({"match_all": {}}),
        json!({"term": {"t": "on"}}),
        json!({"terms": {"t": ["on", "none"]}}),
        json!({"terms": {"n": [3, 5, 31, 99]}}),
        json!({"match": {"text": "fox dog"}}),
        json!({"match": {"text": {"query": "quick brown fox", "minimum_should_match": 2}}}),
        json!({"match_phrase": {"text": "quick quick"}}),
        json!({"match_phrase": {"text": {"query": "brown fox", "slop": 2}}}),
        json!({"match_phrase": {"words": "quick quick"}}),
        json!({"match_phrase_prefix": {"words": "quick q"}}),
        json!({"match_phrase_prefix": {"text": "brown b"}}),
        json!({"range": {"n": {"gte": 5, "lt": 33}}}),
        json!({"range": {"t": {"gt": "off"}}}),
        json!({"range": {"span": {"gte": 10, "lte": 12, "relation": "within"}}}),
        json!({"term": {"span": 20}}),
        json!({"term": {"ip": "10.0.0.0/28"}}),
        json!({"term": {"flat.k": "2"}}),
        json!({"range": {"flat.k": {"gte": "1"}}}),
        json!({"exists": {"field": "text"}}),
        json!({"exists": {"field": "short"}}),
        json!({"exists": {"field": "a"}}),
        json!({"prefix": {"t": "o"}}),
        json!({"wildcard": {"wild": "*fox*"}}),
        json!({"regexp": {"t": "o.*"}}),
        json!({"fuzzy": {"text": "fix"}}),
        json!({"ids": {"values": ["1", "7", "30", "none"]}}),
        json!({"term": {"_type": "_doc"}}),
        json!({"query_string": {"query": "+text:fox -t:off n:[3 TO 20]"}}),
        json!({"dis_max": {"queries": [{"term": {"t": "on"}}, {"match": {"text": "dog"}}]}}),
        yes.clone(),
        inner.clone(),
        nested(json!({"bool": {"must_not": {"term": {"a.x": "yes"}}}})),
        json!({"nested": {"path": "a.b", "query": {"range": {"a.b.y": {"gte": 1}}}, "score_mode": "max"}}),
    ];
    let mut all = single.clone();
    for (at, query) in single.iter().enumerate() {
        let other = &single[(at * 7 + 3) % single.len()];
        all.push(json!({"bool": {"filter": [query, yes]}}));
        all.push(json!({"bool": {"must": [query, other, inner]}}));
        all.push(json!({"bool": {"must": query, "should": [other, yes], "must_not": inner}}));
        all.push(json!({"bool": {"should": [query, other, yes], "minimum_should_match": 2}}));
        all.push(json!({"constant_score": {"filter": {"bool": {"must": [other, {"bool": {"filter": [query, yes]}}]}}}}));
    }
    all
}

/// The engine with two segments, of which one has nested objects and one has none.
fn loaded(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, seeking_mapping());
    for n in 0..60 {
        put(&engine, &n.to_string(), &document(n));
    }
    engine.refresh(NOW).expect("refreshed");
    for n in (60..90).map(|n| n * 4) {
        put(&engine, &n.to_string(), &document(n));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

/// Whether each clause jumps to where a walk would come to.
fn check(engine: &Engine, query: &Value, jumps: &[u32]) {
    let view = engine.view();
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let parsed = parse_query(query).expect("a query");
    let prepared = Prepared::new(Asked::new(&parsed, &view, &context)).expect("prepared");
    for scoring in [
        EnableScoring::enabled_from_searcher(&view.searcher),
        EnableScoring::disabled_from_searcher(&view.searcher),
    ] {
        let weight = prepared.query().weight(scoring).expect("a weight");
        for reader in view.searcher.segment_readers() {
            let scorer = || weight.scorer(reader, 1.0).expect("a scorer");
            let (mut walk, mut walked) = (scorer(), Vec::new());
            while walk.doc() != TERMINATED {
                assert!(walked.last().is_none_or(|last| *last < walk.doc()), "{query}");
                walked.push(walk.doc());
                walk.advance();
            }
            let first_from =
                |from: DocId| walked.iter().copied().find(|document| *document >= from).unwrap_or(TERMINATED);
            let mut jumping = scorer();
            let mut target = 0;
            for jump in jumps {
                target += jump;
                if target > jumping.doc() {
                    assert_eq!(jumping.seek(target), first_from(target), "{query} to {target}");
                    assert_eq!(jumping.doc(), first_from(target), "{query} at {target}");
                }
            }
            if jumping.doc() != TERMINATED {
                assert_eq!(jumping.seek(TERMINATED), TERMINATED, "{query} to the end");
                assert_eq!(jumping.doc(), TERMINATED, "{query} at the end");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_jump_ends_where_a_walk_would(jumps in proptest::collection::vec(1u32..40, 0..12)) {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = loaded(folder.path());
        for query in queries() {
            check(&engine, &query, &jumps);
        }
    }
}

/// Clauses that are put together find what each finds: by what documents are, not by how they are looked for.
#[test]
fn what_is_nested_counts_beside_other_clauses() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), seeking_mapping());
    for n in 1..=10 {
        let x = if n == 2 || n >= 7 { "yes" } else { "no" };
        let t = if n <= 6 { "on" } else { "off" };
        put(&engine, &n.to_string(), &json!({"t": t, "text": "quick brown", "a": [{"x": x}]}));
    }
    engine.refresh(NOW).expect("refreshed");
    let nested = json!({"nested": {"path": "a", "query": {"term": {"a.x": "yes"}}}});

    for query in [
        json!({"bool": {"filter": [{"term": {"t": "on"}}, nested]}}),
        json!({"bool": {"must": [nested, {"match_phrase": {"text": "quick brown"}}, {"term": {"t": "on"}}]}}),
        json!({"bool": {"must": [{"bool": {"filter": [nested]}}], "filter": {"prefix": {"t": "on"}}}}),
    ] {
        assert_eq!(found(&engine, &query), ["2"], "{query}");
    }
}
