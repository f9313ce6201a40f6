//! Nested objects: found with the document that they are in, and gone with it, whatever becomes of their segment.

use proptest::prelude::*;

use super::*;
use crate::search::{InnerSearch, SearchError, SortMode};

fn nested_mapping() -> Arc<Mapping> {
    let mapping = json!({"properties": {
        "n": {"type": "long"},
        "a": {"type": "nested", "properties": {
            "x": {"type": "long"},
            "k": {"type": "keyword"},
            "m": {"type": "match_only_text"},
            "b": {"type": "nested", "properties": {"y": {"type": "long"}}}
        }},
        "p": {"type": "nested", "include_in_parent": true, "properties": {
            "x": {"type": "long"},
            "q": {"type": "nested", "include_in_root": true, "properties": {"z": {"type": "long"}}}
        }}
    }});
    Arc::new(parse_mapping(&mapping).expect("valid"))
}

fn nested(path: &str, query: &Value) -> Value {
    json!({"nested": {"path": path, "query": query}})
}

fn term(field: &str, value: impl Into<Value>) -> Value {
    json!({"term": {field: value.into()}})
}

fn both(one: &Value, other: &Value) -> Value {
    json!({"bool": {"must": [one, other]}})
}

#[test]
fn objects_match_one_by_one_and_only_where_they_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), nested_mapping());
    put(
        &engine,
        "1",
        &json!({"n": 1, "a": [{"x": 1, "k": "u", "m": "quick brown"}, {"x": 2, "k": "v", "m": ["brown quick", "fox"], "b": [{"y": 5}, {"y": 6}]}]}),
    );
    put(&engine, "2", &json!({"n": 2, "a": {"x": 1, "k": "v", "b": {"y": 5}}}));
    put(&engine, "3", &json!({"n": 3, "p": [{"x": 7, "q": [{"z": 8}]}, {"x": 9}]}));
    put(&engine, "4", &json!({"n": 4, "a": null, "p": []}));
    engine.refresh(NOW).expect("refreshed");

    for (query, expected) in [
        (json!({"match_all": {}}), vec!["1", "2", "3", "4"]),
        (nested("a", &both(&term("a.x", 1), &term("a.k", "v"))), vec!["2"]),
        (nested("a", &both(&term("a.x", 1), &term("a.k", "u"))), vec!["1"]),
        (nested("a", &json!({"match_all": {}})), vec!["1", "2"]),
        (nested("a.b", &term("a.b.y", 5)), vec!["1", "2"]),
        (nested("a", &both(&term("a.x", 2), &nested("a.b", &term("a.b.y", 5)))), vec!["1"]),
        (nested("a", &json!({"bool": {"must_not": term("a.x", 1)}})), vec!["1"]),
        (json!({"bool": {"must_not": nested("a", &term("a.x", 2))}}), vec!["2", "3", "4"]),
        (nested("a", &json!({"exists": {"field": "a.b"}})), vec![]),
        (nested("a.b", &json!({"exists": {"field": "a.b"}})), vec!["1", "2"]),
        (nested("a", &both(&term("a.x", 1), &json!({"match_phrase": {"a.m": "quick brown"}}))), vec!["1"]),
        (nested("a", &both(&term("a.x", 2), &json!({"match_phrase": {"a.m": "quick brown"}}))), vec![]),
        (nested("a", &both(&term("a.x", 2), &json!({"match_phrase": {"a.m": "brown quick"}}))), vec!["1"]),
        // Only the objects themselves have what is in them, unless what is around is given it too.
        (term("a.x", 1), vec![]),
        (json!({"exists": {"field": "a"}}), vec![]),
        (nested("a", &term("n", 1)), vec![]),
        (term("p.x", 7), vec!["3"]),
        (both(&term("p.x", 7), &term("p.x", 9)), vec!["3"]),
        (nested("p", &both(&term("p.x", 7), &term("p.x", 9))), vec![]),
        (term("p.q.z", 8), vec!["3"]),
        (nested("p", &term("p.q.z", 8)), vec![]),
        (json!({"ids": {"values": ["1", "3"]}}), vec!["1", "3"]),
        (json!({"exists": {"field": "_seq_no"}}), vec!["1", "2", "3", "4"]),
        (json!({"bool": {"must_not": term("n", 1)}}), vec!["2", "3", "4"]),
        (json!({"nested": {"path": "none", "query": {"match_all": {}}, "ignore_unmapped": true}}), vec![]),
    ] {
        assert_eq!(found(&engine, &query), expected, "{query}");
    }
    assert_eq!(engine.get_visible("1").expect("got").map(|document| document.version), Some(1));
    let source = engine.get_visible("2").expect("got").expect("there").source;
    assert_eq!(serde_json::from_slice::<Value>(&source).expect("JSON")["n"], 2);
    assert_eq!(engine.digest(NOW).expect("read").documents, 4);
}

/// Segments of before have no nested objects, and live on beside those that have.
#[test]
fn documents_of_before_the_mapping_are_found_once_they_are_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    put(&engine, "old", &json!({"n": 1}));
    put(&engine, "older", &json!({"n": 2}));
    engine.refresh(NOW).expect("refreshed");

    engine.set_mapping(nested_mapping(), NOW).expect("grown");
    put(&engine, "new", &json!({"n": 3, "a": [{"x": 1}, {"x": 2}]}));
    engine.refresh(NOW).expect("refreshed");

    let all = json!({"match_all": {}});
    for merged in [false, true] {
        if merged {
            engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        }
        assert_eq!(found(&engine, &all), ["new", "old", "older"]);
        assert_eq!(found(&engine, &nested("a", &all)), ["new"]);
    }
    put(&engine, "old", &json!({"n": 1, "a": {"x": 2}}));
    engine.refresh(NOW).expect("refreshed");
    assert_eq!(found(&engine, &nested("a", &term("a.x", 2))), ["new", "old"]);
    assert_eq!(engine.digest(NOW).expect("read").documents, 3);
}

/// An index that is sorted is refused nested objects; one of an older build has both, and no document is torn apart there.
#[test]
fn in_an_index_that_is_sorted_no_object_stands_beside_its_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let sort = IndexSort { field: "n".to_owned(), is_descending: true, mode: SortMode::Max };
    let options = EngineOptions { sort: Some(sort), ..EngineOptions::default() };
    let engine = open_with(folder.path(), nested_mapping(), options);
    for n in 0..5 {
        put(&engine, &n.to_string(), &json!({"n": n, "a": [{"x": n}], "p": {"x": n}}));
    }
    engine.refresh(NOW).expect("refreshed");

    assert_eq!(found(&engine, &json!({"match_all": {}})).len(), 5);
    assert_eq!(found(&engine, &nested("a", &term("a.x", 1))).len(), 0);
    assert_eq!(found(&engine, &term("p.x", 1)), ["1"], "the document is given what is included in it");
    assert_eq!(engine.view().searcher.num_docs(), 5);
}

/// A parent's own id joins it with its children, also when the translog is read again, where ids stand behind types.
#[test]
fn parents_are_joined_by_their_ids_whatever_their_type() {
    let join = json!({"properties": {"j": {"type": "join", "relations": {"question": "answer"}}}});
    let join = Arc::new(parse_mapping(&join).expect("valid"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut engine = open(folder.path(), Arc::clone(&join));
    let mut parent = request("one", Some(br#"{"j": "question"}"#), Condition::None);
    (parent.uid, parent.doc_type) = ("typed\0one", Some("typed"));
    let mut child = request("2", Some(br#"{"j": {"name": "answer", "parent": "one"}}"#), Condition::None);
    let refused = WriteRun::new(&engine).write(&child).err().expect("refused");
    assert!(refused.to_string().contains("failed to parse"), "{refused}");
    child.routing = Some("one");
    for request in [parent, child] {
        WriteRun::new(&engine).write(&request).expect("written");
    }
    engine.sync_all().expect("synced");

    for opened_again in [false, true] {
        if opened_again {
            drop(engine);
            engine = open(folder.path(), Arc::clone(&join));
        }
        engine.refresh(NOW).expect("refreshed");
        assert_eq!(found(&engine, &term("j#question", "one")), ["2", "typed\0one"]);
        assert_eq!(found(&engine, &json!({"parent_id": {"type": "answer", "id": "one"}})), ["2"]);
    }
}

/// Whatever is said of documents: which objects they have.
#[derive(Debug, Clone)]
struct Made {
    objects: Vec<(u8, Vec<u8>)>,
}

impl Made {
    fn json(&self) -> Value {
        let object = |(x, below): &(u8, Vec<u8>)| {
            let below: Vec<Value> = below.iter().map(|y| json!({"y": y})).collect();
            json!({"x": x, "b": below})
        };
        json!({"n": self.objects.len(), "a": self.objects.iter().map(object).collect::<Vec<_>>()})
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Made),
    Delete(u8),
    Refresh,
    Merge,
    Flush,
    Restart,
}

fn made() -> impl Strategy<Value = Made> {
    let object = (0..3u8, proptest::collection::vec(0..3u8, 0..3));
    proptest::collection::vec(object, 0..4).prop_map(|objects| Made { objects })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (0..8u8, made()).prop_map(|(id, made)| Step::Put(id, made)),
        2 => (0..8u8).prop_map(Step::Delete),
        3 => Just(Step::Refresh),
        1 => Just(Step::Merge),
        1 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

type Held = std::collections::BTreeMap<String, Made>;

fn check(engine: &Arc<Engine>, held: &Held) {
    engine.refresh(NOW).expect("refreshed");
    let of = |matches: &dyn Fn(&Made) -> bool| -> Vec<String> {
        held.iter().filter(|(_, made)| matches(made)).map(|(id, _)| id.clone()).collect()
    };
    assert_eq!(found(engine, &json!({"match_all": {}})), of(&|_| true));
    for value in 0..3u8 {
        let has_x = |made: &Made| made.objects.iter().any(|(x, _)| *x == value);
        assert_eq!(found(engine, &nested("a", &term("a.x", value))), of(&has_x));
        let has_y = |made: &Made| made.objects.iter().any(|(_, below)| below.contains(&value));
        assert_eq!(found(engine, &nested("a.b", &term("a.b.y", value))), of(&has_y));
        for other in 0..3u8 {
            let together = both(&term("a.x", value), &nested("a.b", &term("a.b.y", other)));
            let has_both =
                |made: &Made| made.objects.iter().any(|(x, below)| *x == value && below.contains(&other));
            assert_eq!(found(engine, &nested("a", &together)), of(&has_both));
        }
    }
    for (id, made) in held {
        let stored = engine.get_visible(id).expect("got").expect("there");
        assert_eq!(serde_json::from_slice::<Value>(&stored.source).expect("JSON"), made.json());
    }
    assert_eq!(engine.digest(NOW).expect("read").documents as usize, held.len());
    let objects: usize = held.values().flat_map(|made| &made.objects).map(|(_, below)| 1 + below.len()).sum();
    assert_eq!(engine.view().searcher.num_docs() as usize, held.len() + objects, "nothing is left behind");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Any row of writes and deletes, with refreshes, merges and openings between them, leaves whole documents and nothing else.
    #[test]
    fn no_document_is_torn_apart(steps in steps()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut engine = open(folder.path(), nested_mapping());
        let mut held = Held::new();
        for step in steps {
            match step {
                Step::Put(id, made) => {
                    put(&engine, &id.to_string(), &made.json());
                    held.insert(id.to_string(), made);
                }
                Step::Delete(id) => {
                    write(&engine, &id.to_string(), None, Condition::None).expect("deleted");
                    held.remove(&id.to_string());
                }
                Step::Refresh => check(&engine, &held),
                Step::Merge => engine.force_merge(ForceMerge::Segments(1)).expect("merged"),
                Step::Flush => drop(engine.flush(NOW).expect("flushed")),
                Step::Restart => {
                    engine.sync_all().expect("synced");
                    drop(engine);
                    engine = open(folder.path(), nested_mapping());
                }
            }
        }
        check(&engine, &held);
        engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        check(&engine, &held);
    }
}

/// A search that is ready looks among the objects of any number of hits, in whatever order they come, and sees no more than there is time for.
#[test]
fn one_inner_search_serves_all_hits_and_looks_at_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), nested_mapping());
    for n in 0..6_i64 {
        let objects: Vec<Value> = (0..n).map(|x| json!({"x": x, "b": [{"y": x}, {"y": n}]})).collect();
        put(&engine, &n.to_string(), &json!({"n": n, "a": objects}));
        if n == 2 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    engine.refresh(NOW).expect("refreshed");
    let view = engine.view();
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let all = SearchRequest::of(parse_query(&json!({"match_all": {}})).expect("a query"), 10);
    let hits = search(&view, &all, &context, &never()).expect("searched").hits;
    let asked = parse_query(&json!({"range": {"a.x": {"gte": 1}}})).expect("a query");
    let request = SearchRequest::of(asked, 2);
    let mut inner = InnerSearch::new(&view, ("a", None), &request, context).expect("ready").expect("nested");
    let mut below =
        InnerSearch::new(&view, ("a.b", Some("a")), &all, context).expect("ready").expect("nested");

    for at in [0, 3, 5, 5, 1, 4, 2, 0, 5] {
        let hit = &hits[at];
        let found = inner.of_hit(hit, &never()).expect("looked");
        assert_eq!(found.total, (at as u64).saturating_sub(1), "{at}");
        let places: Vec<usize> = found.hits.iter().map(|hit| hit.place[0].1).collect();
        assert_eq!(places, (1..at).take(2).collect::<Vec<_>>(), "{at}");
        for object in &found.hits {
            assert_eq!(below.of_hit(&object.hit, &never()).expect("looked").total, 2);
        }
    }
    let late = inner.of_hit(&hits[5], &Ending::when(|| Some(Stop::TimeIsUp)));
    assert!(matches!(late, Err(SearchError::TimeIsUp)), "no part of them is shown: {late:?}");
    let gone = inner.of_hit(&hits[5], &Ending::when(|| Some(Stop::Cancelled)));
    assert!(matches!(gone, Err(SearchError::Cancelled)), "{gone:?}");
    assert_eq!(inner.of_hit(&hits[5], &never()).expect("looked").total, 4);
}
