//! Schema generations: segments written while the mapping grew, merged to one, answer as one index that had every field
//! from the start, to the last bit of a score.
//!
//! Documents with more and more fields are written, replaced and deleted at random, with refreshes, flushes, merges and
//! restarts between. `GENERATION_SEEDS` (default 6) sets how many such histories are tried; `GENERATION_SEED` runs one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{
    Condition, EngineOptions, ForceMerge, IndexSort, Missing, QueryContext, QueryRules, SearchRequest, Shard,
    Shared, SortField, SortKey, SortMode, Workers, WriteOutcome, WriteRequest, finish_aggs, parse_aggs,
    parse_query,
};
use testkit::Chance;

const NOW: i64 = 1_795_515_630_123;
const STEPS: usize = 260;
const IDS: usize = 60;

/// The fields in the order in which they come. Each row is a generation.
const GENERATIONS: &[&[(&str, &str)]] = &[
    &[("n", "long"), ("t", "text")],
    &[("k", "keyword"), ("body", "text")],
    &[("d", "date"), ("o.x", "text"), ("o.k", "keyword")],
    &[("f", "double"), ("flag", "boolean"), ("a", "ip")],
    &[("late", "text"), ("m", "integer")],
];

const WORDS: [&str; 10] =
    ["alpha", "beta", "gamma", "delta", "common", "common", "rare", "fox", "quick", "dog"];

fn mapping(generation: usize) -> Arc<Mapping> {
    let mut properties = Map::new();
    for (path, kind) in GENERATIONS[..=generation].iter().copied().flatten() {
        let mut field = json!({"type": kind});
        if *path == "body" {
            field["fields"] = json!({"raw": {"type": "keyword"}});
        }
        properties.insert((*path).to_owned(), field);
    }
    Arc::new(parse_mapping(&json!({"properties": properties})).expect("valid"))
}

fn options(sort: Option<&IndexSort>) -> EngineOptions {
    EngineOptions { sort: sort.cloned(), ..EngineOptions::default() }
}

/// Merges are done by who asks for them, so that the same seed makes the same segments.
fn open(folder: &Path, generation: usize, sort: Option<&IndexSort>) -> Shard {
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    Shard::open(folder, mapping(generation), options(sort), shared).expect("opens")
}

/// A history: the shard it leaves, and the newest source of each document in the order of their last writes.
struct History {
    shard: Shard,
    documents: BTreeMap<u64, (String, Value)>,
    seq_nos: BTreeMap<String, u64>,
}

fn write(shard: &Shard, id: &str, source: Option<&Value>) -> u64 {
    let source = source.map(|source| source.to_string().into_bytes());
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
        WriteOutcome::Written(written) => written.seq_no,
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

impl History {
    fn put(&mut self, id: &str, source: Value) {
        let seq_no = write(&self.shard, id, Some(&source));
        self.forget(id);
        self.documents.insert(seq_no, (id.to_owned(), source));
        self.seq_nos.insert(id.to_owned(), seq_no);
    }

    fn delete(&mut self, id: &str) {
        write(&self.shard, id, None);
        self.forget(id);
    }

    fn forget(&mut self, id: &str) {
        if let Some(before) = self.seq_nos.remove(id) {
            self.documents.remove(&before);
        }
    }
}

/// At most forty terms: tantivy knows the length of a longer text only roughly once a copy beside it was deleted, and its
/// average with it.
fn words(chance: &mut Chance) -> String {
    let count = if chance.one_in(10) { 12 + chance.below(28) } else { chance.below(7) };
    (0..count).map(|_| *chance.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

fn value(chance: &mut Chance, kind: &str) -> Value {
    match kind {
        "text" if chance.one_in(8) => json!([chance.pick(&WORDS), chance.pick(&WORDS)]),
        "text" => json!(words(chance)),
        "keyword" if chance.one_in(4) => json!([chance.pick(&WORDS), chance.pick(&WORDS)]),
        "keyword" => json!(chance.pick(&WORDS)),
        "date" => json!(NOW - chance.below(40) as i64 * 3_600_000),
        // Halves and quarters are added up to the same sum in any order.
        "double" => json!(chance.below(64) as f64 / 4.0 - 4.0),
        "boolean" => json!(chance.one_in(2)),
        "ip" => json!(format!("10.0.{}.{}", chance.below(3), chance.below(5))),
        _ if chance.one_in(8) => json!([chance.below(20), chance.below(20)]),
        _ => json!(chance.below(20) as i64 - 5),
    }
}

fn document(chance: &mut Chance, generation: usize) -> Value {
    let mut source = Map::new();
    for (path, kind) in GENERATIONS[..=generation].iter().copied().flatten() {
        if !chance.one_in(3) {
            source.insert((*path).to_owned(), value(chance, kind));
        }
    }
    Value::Object(source)
}

fn history(folder: &Path, chance: &mut Chance, sort: Option<&IndexSort>) -> History {
    let mut generation = 0;
    let mut history = History {
        shard: open(folder, generation, sort),
        documents: BTreeMap::new(),
        seq_nos: BTreeMap::new(),
    };
    for step in 0..STEPS {
        if step == STEPS * (generation + 1) / GENERATIONS.len() {
            generation += 1;
            history.shard.set_mapping(mapping(generation), NOW).expect("grown");
        }
        let id = format!("id{}", chance.below(IDS));
        match chance.below(40) {
            0..=22 => history.put(&id, document(chance, generation)),
            23..=29 => history.delete(&id),
            30..=36 => drop(history.shard.refresh(NOW).expect("refreshed")),
            37 => drop(history.shard.flush(NOW).expect("flushed")),
            38 if chance.one_in(3) => {
                history.shard.force_merge(ForceMerge::Segments(2 + chance.below(4))).expect("merged")
            }
            _ if chance.one_in(3) => {
                history.shard.sync_all().expect("synced");
                let History { shard, .. } = history;
                drop(shard);
                history.shard = open(folder, generation, sort);
            }
            _ => {}
        }
        assert_eq!(history.shard.stats().merges_failed, 0, "every merge of step {step} was done");
    }
    history.shard.refresh(NOW).expect("refreshed");
    history
}

/// The same documents in a shard that knew every field from the start.
fn fresh(folder: &Path, history: &History, sort: Option<&IndexSort>) -> Shard {
    let shard = open(folder, GENERATIONS.len() - 1, sort);
    for (id, source) in history.documents.values() {
        write(&shard, id, Some(source));
    }
    shard.refresh(NOW).expect("refreshed");
    shard
}

fn queries() -> Vec<Value> {
    vec![
        json!({"match_all": {}}),
        json!({"match": {"t": "common fox"}}),
        json!({"match": {"t": {"query": "quick dog", "operator": "and"}}}),
        json!({"match": {"body": "rare alpha"}}),
        json!({"match": {"o.x": "gamma"}}),
        json!({"match": {"late": "common"}}),
        json!({"match_phrase": {"body": "quick fox"}}),
        json!({"match_phrase": {"t": {"query": "alpha beta", "slop": 2}}}),
        json!({"match_phrase_prefix": {"late": "common ra"}}),
        json!({"multi_match": {"query": "fox common", "fields": ["t", "body^2", "late"]}}),
        json!({"multi_match": {"query": "delta", "type": "most_fields", "fields": ["*"]}}),
        json!({"term": {"k": "rare"}}),
        json!({"term": {"k": "common"}}),
        json!({"term": {"o.k": "fox"}}),
        json!({"term": {"body.raw": "common"}}),
        json!({"term": {"n": 7}}),
        json!({"term": {"flag": true}}),
        json!({"term": {"a": "10.0.1.0/24"}}),
        json!({"terms": {"k": ["fox", "dog"]}}),
        json!({"range": {"n": {"gte": 3, "lt": 9}}}),
        json!({"range": {"d": {"gte": NOW - 20 * 3_600_000}}}),
        json!({"range": {"f": {"gt": 1.5}}}),
        json!({"range": {"m": {"lte": 4}}}),
        json!({"range": {"k": {"gte": "d", "lte": "g"}}}),
        json!({"exists": {"field": "t"}}),
        json!({"exists": {"field": "body"}}),
        json!({"exists": {"field": "k"}}),
        json!({"exists": {"field": "late"}}),
        json!({"exists": {"field": "m"}}),
        json!({"exists": {"field": "o"}}),
        json!({"prefix": {"k": "co"}}),
        json!({"wildcard": {"body.raw": "*fox*"}}),
        json!({"fuzzy": {"t": "commom"}}),
        json!({"query_string": {"query": "t:fox OR (late:rare AND -k:dog) OR body:\"common alpha\""}}),
        json!({"bool": {
            "must": [{"match": {"t": "common"}}], "should": [{"match": {"late": "dog"}}, {"term": {"k": "fox"}}],
            "must_not": [{"exists": {"field": "a"}}], "filter": [{"range": {"n": {"gte": 0}}}]
        }}),
        json!({"dis_max": {"queries": [{"match": {"body": "beta"}}, {"match": {"late": "beta"}}], "tie_breaker": 0.3}}),
        json!({"constant_score": {"filter": {"match": {"late": "common"}}, "boost": 1.5}}),
    ]
}

fn sorts() -> Vec<Vec<SortKey>> {
    let by = |field: &str, descending, missing| SortKey {
        descending,
        missing,
        ..SortKey::of(SortField::Field(field.to_owned()))
    };
    let mut max = by("n", false, Missing::Last);
    max.mode = Some(SortMode::Max);
    vec![
        Vec::new(),
        vec![by("n", false, Missing::Last)],
        vec![max],
        vec![by("k", true, Missing::First), by("d", false, Missing::Last)],
        vec![by("f", true, Missing::Last)],
        vec![by("a", false, Missing::First), by("m", true, Missing::First)],
        vec![by("body.raw", false, Missing::Last)],
    ]
}

fn aggs() -> Value {
    json!({
        "kinds": {"terms": {"field": "k", "size": 20}, "aggs": {
            "n": {"stats": {"field": "n"}},
            "flags": {"terms": {"field": "flag", "missing": false}}
        }},
        "days": {"date_histogram": {"field": "d", "fixed_interval": "6h"}, "aggs": {"f": {"sum": {"field": "f"}}}},
        "steps": {"histogram": {"field": "m", "interval": 5}},
        "f": {"stats": {"field": "f"}},
        "addresses": {"terms": {"field": "a", "size": 50}},
        "distinct": {"cardinality": {"field": "body.raw"}},
        "none": {"missing": {"field": "o.k"}},
        "late": {"filter": {"match": {"late": "common"}}, "aggs": {"m": {"avg": {"field": "m"}}}}
    })
}

/// One hit: the document, the bits of its score, its sort values.
type Found = (String, Option<u32>, String);

struct Answer {
    hits: Vec<Found>,
    total: u64,
    max_score: Option<u32>,
    aggs: Value,
}

fn ask(shard: &Shard, query: &Value, sort: &[SortKey], with_aggs: bool) -> Answer {
    let request = SearchRequest {
        sort: sort.to_vec(),
        track_scores: true,
        aggs: if with_aggs { parse_aggs(&aggs()).expect("aggregations") } else { Default::default() },
        ..SearchRequest::of(parse_query(query).expect("a query"), 1000)
    };
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: QueryRules::usual() };
    let reader = shard.reader();
    let answer = reader.search(&request, &context).unwrap_or_else(|error| panic!("{query}: {error}"));
    let hits = answer.hits.iter().map(|hit| {
        let sort: Vec<Value> = hit.sort.iter().map(shard::SortValue::to_json).collect();
        (reader.fetch(hit).expect("fetched").uid, hit.score.map(f32::to_bits), Value::Array(sort).to_string())
    });
    Answer {
        hits: hits.collect(),
        total: answer.total,
        max_score: answer.max_score.map(f32::to_bits),
        aggs: finish_aggs(&request.aggs, answer.aggs, NOW).expect("finished"),
    }
}

fn ids(answer: &Answer) -> Vec<&str> {
    let mut ids: Vec<&str> = answer.hits.iter().map(|(id, _, _)| id.as_str()).collect();
    ids.sort_unstable();
    ids
}

/// The score of a hit for a failure's text.
fn shown(hits: &[Found]) -> Vec<(&str, Option<f32>, &str)> {
    hits.iter().map(|(id, score, sort)| (id.as_str(), score.map(f32::from_bits), sort.as_str())).collect()
}

/// Many segments of several generations find the same documents.
fn agree_before_the_merge(grown: &Shard, fresh: &Shard, seed: u64) {
    for query in queries() {
        let (old, new) = (ask(grown, &query, &[], true), ask(fresh, &query, &[], true));
        assert_eq!(ids(&old), ids(&new), "seed {seed}, before the merge: {query}");
        assert_eq!(old.total, new.total, "seed {seed}, before the merge: {query}");
        assert_eq!(old.aggs, new.aggs, "seed {seed}, before the merge: {query}");
    }
}

/// One segment answers as one that was never anything else. Where the index has an order of its own, hits that are equal
/// under everything asked may come in any order: tantivy promises none.
fn agree_after_the_merge(grown: &Shard, fresh: &Shard, seed: u64, ties_count: bool) {
    let settle = |mut answer: Answer| {
        if !ties_count {
            answer.hits.sort_by(|a, b| (&a.2, a.1, &a.0).cmp(&(&b.2, b.1, &b.0)));
        }
        answer
    };
    for query in queries() {
        for (at, sort) in sorts().iter().enumerate() {
            let old = settle(ask(grown, &query, sort, at == 0));
            let new = settle(ask(fresh, &query, sort, at == 0));
            assert_eq!(
                shown(&old.hits),
                shown(&new.hits),
                "seed {seed}, merged beside fresh: {query}, sorted by {sort:?}"
            );
            assert!(old.hits == new.hits, "seed {seed}: the last bits of the scores of {query}");
            assert_eq!(
                (old.total, old.max_score, &old.aggs),
                (new.total, new.max_score, &new.aggs),
                "seed {seed}: {query}"
            );
        }
    }
}

fn run(seed: u64) {
    let mut chance = Chance::new(seed);
    let field = chance.pick(&["n", "d"]).to_string();
    let sort = IndexSort { field, is_descending: chance.one_in(2), mode: SortMode::Min };
    let sort = chance.one_in(3).then_some(sort);
    let (old, new) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let history = history(old.path(), &mut chance, sort.as_ref());
    let fresh = fresh(new.path(), &history, sort.as_ref());
    let grown = &history.shard;

    assert_eq!(grown.stats().documents as usize, history.documents.len(), "seed {seed}");
    agree_before_the_merge(grown, &fresh, seed);

    grown.force_merge(ForceMerge::Segments(1)).expect("merged");

    assert_eq!((grown.stats().segments, grown.stats().deleted), (1, 0), "seed {seed}");
    assert_eq!(grown.stats().merges_failed, 0, "seed {seed}");
    agree_after_the_merge(grown, &fresh, seed, sort.is_none());
}

#[test]
fn merged_generations_answer_as_one_fresh_index() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("GENERATION_SEED") {
        return run(seed);
    }
    for seed in 0..number("GENERATION_SEEDS").unwrap_or(6) {
        run(seed);
    }
}

/// Segments without a value to order by, and segments from before the field was mapped, are merged like others.
#[test]
fn a_segment_without_the_sort_field_is_merged_with_others() {
    for (field, is_descending) in [("n", false), ("n", true), ("d", false), ("d", true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let sort = IndexSort { field: field.to_owned(), is_descending, mode: SortMode::Min };
        let shard = open(folder.path(), 0, Some(&sort));
        for generation in [0, 2] {
            shard.set_mapping(mapping(generation), NOW).expect("grown");
            write(&shard, &format!("bare{generation}"), Some(&json!({"t": "common"})));
            shard.refresh(NOW).expect("refreshed");
            write(&shard, &format!("n{generation}"), Some(&json!({"t": "common", "n": generation})));
            shard.refresh(NOW).expect("refreshed");
        }
        write(&shard, "d", Some(&json!({"t": "common", "d": NOW})));
        shard.refresh(NOW).expect("refreshed");

        shard.force_merge(ForceMerge::Segments(1)).expect("merged");

        let answer = ask(&shard, &json!({"match": {"t": "common"}}), &[], true);
        assert_eq!(ids(&answer), ["bare0", "bare2", "d", "n0", "n2"], "{sort:?}");
        assert_eq!(shard.stats().segments, 1, "{sort:?}");
    }
}
