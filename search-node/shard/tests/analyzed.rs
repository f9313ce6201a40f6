//! Documents are found by what the analyzers of their fields make of texts, when they are stored and when they are asked for.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use shard::mapping::parse_mapping;
use shard::{
    Analysis, AnalysisDefinitions, Condition, EngineOptions, GramLimits, Query, QueryContext, QueryRules,
    SearchRequest, Shard, Shared, Workers, WriteOutcome, WriteRequest, parse_query,
};

const NOW: i64 = 1_795_515_630_123;

/// What an index would have in its settings, by dotted names.
fn analysis() -> Arc<Analysis> {
    let definitions = json!({
        "filter.same.type": "synonym_graph",
        "filter.same.synonyms": ["dns, domain name system", "car, auto"],
        "analyzer.asked.tokenizer": "standard",
        "analyzer.asked.filter": ["lowercase", "same"],
        "analyzer.default.type": "english",
        "normalizer.low.type": "custom",
        "normalizer.low.filter": ["lowercase", "asciifolding"]
    });
    let definitions: &Map<String, Value> = definitions.as_object().expect("an object");
    let flat = definitions.iter().map(|(key, value)| (key.as_str(), value));
    let definitions = AnalysisDefinitions::read(flat, GramLimits::default()).expect("read");
    Arc::new(Analysis::of_index(definitions).expect("valid"))
}

fn open(folder: &Path) -> Shard {
    let mapping = parse_mapping(&json!({"properties": {
        "t": {"type": "text"},
        "s": {"type": "text", "analyzer": "standard", "search_analyzer": "asked", "search_quote_analyzer": "standard"},
        "p": {"type": "text", "analyzer": "simple", "position_increment_gap": 0, "search_analyzer": "asked"},
        "w": {"type": "text", "analyzer": "keyword"},
        "k": {"type": "keyword", "normalizer": "low"}
    }}))
    .expect("valid");
    mapping.check_analysis(&analysis()).expect("all are there");
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    let options = EngineOptions { analysis: analysis(), ..EngineOptions::default() };
    Shard::open(folder, Arc::new(mapping), options, shared).expect("opens")
}

fn put(shard: &Shard, id: &str, source: &Value) -> Result<(), String> {
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
    match shard.write(&request).map_err(|error| format!("{error:?}"))? {
        WriteOutcome::Written(_) => Ok(()),
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

/// The ids that a query finds, in order.
fn found(shard: &Shard, query: &Value) -> Result<Vec<String>, String> {
    let query: Query = parse_query(query).map_err(|error| format!("{error:?}"))?;
    let request = SearchRequest::of(query, 10);
    let reader = shard.reader();
    let context = QueryContext { index: "i", doc_type: "", now_millis: NOW, rules: QueryRules::usual() };
    let answer = reader.search(&request, &context).map_err(|error| format!("{error:?}"))?;
    let mut ids: Vec<String> = answer.hits.iter().map(|hit| reader.fetch(hit).expect("read").uid).collect();
    ids.sort();
    Ok(ids)
}

#[test]
fn documents_are_found_by_what_their_analyzers_make_of_texts() {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path());
    let documents = [
        json!({"t": "The foxes were jumping", "s": "the domain name system is down", "k": "LÖUD", "w": "A b"}),
        json!({"t": ["quick", "fox"], "s": "an auto", "k": ["quiet", "Z"], "p": ["quick", "fox"]}),
        json!({"s": "dns name"}),
    ];
    for (number, document) in documents.iter().enumerate() {
        put(&shard, &(number + 1).to_string(), document).expect("written");
    }
    shard.refresh(NOW).expect("shown");

    let cases = |shard: &Shard| {
        for (query, expected) in [
            (json!({"match": {"t": "jumped"}}), vec!["1"]),
            (json!({"match": {"t": "the foxes"}}), vec!["1", "2"]),
            (json!({"match": {"t": {"query": "jumped", "analyzer": "standard"}}}), vec![]),
            (json!({"match_phrase": {"t": "quick fox"}}), vec![]),
            (json!({"match_phrase": {"t": {"query": "quick fox", "slop": 100}}}), vec!["2"]),
            (json!({"match_phrase": {"t": {"query": "quick fox", "slop": 99}}}), vec![]),
            (json!({"match_phrase": {"p": "quick fox"}}), vec!["2"]),
            (json!({"match": {"s": {"query": "dns down", "operator": "and"}}}), vec!["1"]),
            (json!({"match": {"s": "domain name system"}}), vec!["1", "3"]),
            (json!({"match": {"s": "car"}}), vec!["2"]),
            (json!({"match_phrase": {"s": "dns"}}), vec!["3"]),
            (json!({"match_phrase": {"s": {"query": "dns is down", "analyzer": "asked"}}}), vec!["1"]),
            (json!({"match_phrase_prefix": {"s": {"query": "dns is do", "analyzer": "asked"}}}), vec!["1"]),
            (json!({"match": {"w": "A b"}}), vec!["1"]),
            (json!({"match": {"w": "A"}}), vec![]),
            (json!({"term": {"t": "jump"}}), vec!["1"]),
            (json!({"query_string": {"query": "t:JUMP* AND t:Foxes"}}), vec!["1"]),
            (json!({"query_string": {"query": "s:\"name system\""}}), vec!["1"]),
            (json!({"term": {"k": "Loud"}}), vec!["1"]),
            (json!({"terms": {"k": ["LOUD", "Quiet"]}}), vec!["1", "2"]),
            (json!({"prefix": {"k": "LÖ"}}), vec!["1"]),
            (json!({"wildcard": {"k": "*Ö*"}}), vec!["1"]),
            (json!({"range": {"k": {"gte": "Y"}}}), vec!["2"]),
            (json!({"match": {"k": "LOUD"}}), vec!["1"]),
            (json!({"fuzzy": {"k": "LOOD"}}), vec!["1"]),
        ] {
            assert_eq!(found(shard, &query).expect("answered"), expected, "{query}");
        }
    };
    cases(&shard);
    assert!(found(&shard, &json!({"match": {"t": {"query": "a", "analyzer": "nobody"}}})).is_err());

    // The same from the disk.
    shard.flush(NOW).expect("committed");
    shard.close().expect("closed");
    cases(&open(folder.path()));
}

#[test]
fn a_term_that_no_index_holds_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let shard = open(folder.path());

    let refused = put(&shard, "1", &json!({"w": "x".repeat(32_767)})).expect_err("refused");

    assert!(refused.contains("failed to parse field [w]"), "{refused}");
    put(&shard, "2", &json!({"w": "x".repeat(32_766), "t": "word ".repeat(10_000)})).expect("written");
}
