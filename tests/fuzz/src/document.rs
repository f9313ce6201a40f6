//! A mapping and documents: the first line is the mapping, if it is one; every other line is a document.
//!
//! # Invariants
//!
//! - A mapping that is shown is read again as the same mapping, also after documents have made it grow.
//! - A document that was checked is accepted, and after two rounds it brings no new field.
//! - What was accepted is got as it came: at once, after a refresh, and after the shard was opened again.
//! - Every field can be asked for, sorted by and counted by, or says why not.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use shard::mapping::{Mapping, MappingLimits, check_document, parse_mapping};
use shard::{
    Analysis, Condition, EngineOptions, Missing, Query, QueryContext, QueryRules, SearchRequest, Shard,
    Shared, SortField, SortKey, Workers, WriteOutcome, WriteRequest, parse_aggs, parse_query,
};

use crate::{Target, scratch};

const NOW: i64 = 1_795_515_630_123;
const DOCUMENTS_MAX: usize = 8;
const LEAVES_MAX: usize = 12;
/// A document brings its fields at once, and again where the first of several values did not tell the type.
const ROUNDS_MAX: usize = 3;

pub(crate) struct Documents;

impl Target for Documents {
    fn run(&mut self, input: &[u8]) {
        let (mapping, lines) = split(input);
        let analysis = Analysis::plain();
        if MappingLimits::default().check(&mapping).is_err() || mapping.check_analysis(&analysis).is_err() {
            return;
        }
        let folder = scratch::folder();
        let mut tried = Tried { mapping: Arc::new(mapping), accepted: Vec::new() };
        let shard = open(folder.path(), &tried.mapping);
        for line in lines.into_iter().take(DOCUMENTS_MAX) {
            tried.write(&shard, line);
        }
        tried.check_stored(&shard);
        shard.refresh(NOW).expect("refreshed");
        tried.check_stored(&shard);
        tried.check_searches(&shard);
        shard.sync_all().expect("synced");
        drop(shard);
        tried.check_stored(&open(folder.path(), &tried.mapping));
    }
}

/// The mapping and the documents of an input.
fn split(input: &[u8]) -> (Mapping, Vec<&[u8]>) {
    let mut lines = input.split(|byte| *byte == b'\n').peekable();
    let first = lines.peek().and_then(|line| serde_json::from_slice::<Value>(line).ok());
    match first.and_then(|json| parse_mapping(&json).ok()) {
        Some(mapping) => {
            lines.next();
            check_shown(&mapping);
            (mapping, lines.collect())
        }
        None => (Mapping::default(), lines.collect()),
    }
}

fn check_shown(mapping: &Mapping) {
    let shown = mapping.to_json();
    match parse_mapping(&shown) {
        Ok(again) => assert!(again == *mapping, "{shown} is read as {}", again.to_json()),
        Err(error) => panic!("{shown} is shown, and refused: {error}"),
    }
}

fn open(folder: &Path, mapping: &Arc<Mapping>) -> Shard {
    let shared = Shared { workers: Workers::new(0), ..Shared::default() };
    let options = EngineOptions { writers: 1, ..EngineOptions::default() };
    Shard::open(folder, Arc::clone(mapping), options, shared).expect("opens")
}

/// What was written so far.
struct Tried<'i> {
    mapping: Arc<Mapping>,
    accepted: Vec<(String, &'i [u8])>,
}

impl<'i> Tried<'i> {
    fn write(&mut self, shard: &Shard, source: &'i [u8]) {
        let id = self.accepted.len().to_string();
        let request = WriteRequest {
            uid: &id,
            doc_type: None,
            id: &id,
            routing: None,
            source: Some(source),
            condition: Condition::None,
            is_new_id: false,
            now_millis: NOW,
        };
        let mut was_checked = false;
        for _ in 0..ROUNDS_MAX {
            match shard.write(&request) {
                Ok(WriteOutcome::Written(_)) => {
                    self.accepted.push((id, source));
                    return;
                }
                Ok(WriteOutcome::NeedsMapping(added)) => {
                    let Some(next) = self.grown(&added, &id, source) else { return };
                    was_checked = true;
                    self.mapping = Arc::new(next);
                    shard.set_mapping(Arc::clone(&self.mapping), NOW).expect("grown");
                }
                Err(error) => {
                    assert!(!was_checked, "checked, and then refused: {error}");
                    return;
                }
            }
        }
        panic!("the document brings new fields again and again");
    }

    /// The mapping with what a document adds, if it may have it.
    fn grown(&self, added: &Mapping, id: &str, source: &[u8]) -> Option<Mapping> {
        let next = self.mapping.grown(added).ok()?;
        MappingLimits::default().check(&next).ok()?;
        check_document(Arc::new(next.clone()), id, false, source).ok()?;
        check_shown(&next);
        Some(next)
    }

    fn check_stored(&self, shard: &Shard) {
        for (id, source) in &self.accepted {
            let stored = shard.get(id).expect("got").unwrap_or_else(|| panic!("document {id} is gone"));
            assert!(stored.source == *source, "document {id} is not as it came");
        }
    }

    fn check_searches(&self, shard: &Shard) {
        let all = ask(shard, request(&json!({"match_all": {}})));
        assert_eq!(all, Some(self.accepted.len() as u64), "documents that a search sees");
        for leaf in self.mapping.leaves().iter().take(LEAVES_MAX) {
            let path = leaf.path.as_str();
            ask(shard, request(&json!({"exists": {"field": path}})));
            for text in ["1", "2026-11-26", "a b", "::1"] {
                ask(shard, searching(matching(path, text)));
            }
            let named = ["fuzzy", "prefix", "wildcard", "term"].map(|kind| json!({kind: {path: "ab"}}));
            for query in named.iter().chain([&json!({"range": {path: {"gte": "1"}}})]) {
                if let Ok(query) = parse_query(query) {
                    ask(shard, searching(query));
                }
            }
            let mut sorted = request(&json!({"match_all": {}}));
            sorted.sort = vec![SortKey {
                descending: true,
                missing: Missing::First,
                ..SortKey::of(SortField::Field(path.to_owned()))
            }];
            ask(shard, sorted);
            let mut counted = request(&json!({"match_all": {}}));
            counted.aggs = parse_aggs(&json!({"a": {"terms": {"field": path}}})).expect("aggregations");
            ask(shard, counted);
        }
    }
}

/// A match; through all fields, as a name may be one that no query can say, such as `boost`.
fn matching(path: &str, text: &str) -> Query {
    let said = json!({"match": {path: {"query": text, "lenient": true}}});
    parse_query(&said).or_else(|_| parse_query(&json!({"multi_match": {"query": text}}))).expect("a query")
}

fn request(query: &Value) -> SearchRequest {
    searching(parse_query(query).expect("a query"))
}

fn searching(query: Query) -> SearchRequest {
    SearchRequest::of(query, 10)
}

/// How many documents match; none if the request cannot be done.
fn ask(shard: &Shard, request: SearchRequest) -> Option<u64> {
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: QueryRules::usual() };
    match shard.reader().search(&request, &context) {
        Ok(answer) => Some(answer.total),
        Err(shard::SearchError::Query(_)) => None,
        Err(error) => panic!("{request:?}: {error}"),
    }
}
