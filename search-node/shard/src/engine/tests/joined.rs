//! Parents and children: found by each other whatever segments they are in.

use proptest::prelude::*;

use super::*;
use crate::search::{AskStop, SearchError};

fn family() -> Arc<Mapping> {
    let mapping = json!({"properties": {
        "n": {"type": "long"},
        "jf": {"type": "join", "relations": {"parent": ["child", "other"], "child": "grandchild"}}
    }});
    Arc::new(parse_mapping(&mapping).expect("valid"))
}

fn write_one(engine: &Arc<Engine>, id: &str, n: u64, name: &str, parent: Option<&str>) {
    let document = match parent {
        None => json!({"n": n, "jf": name}),
        Some(parent) => json!({"n": n, "jf": {"name": name, "parent": parent}}),
    };
    let source = document.to_string().into_bytes();
    let request = WriteRequest { routing: parent, ..request(id, Some(&source), Condition::None) };
    match WriteRun::new(engine).write(&request).expect("written") {
        WriteOutcome::Written(_) => {}
        WriteOutcome::NeedsMapping(_) => panic!("the mapping has every field"),
    }
}

fn has_child(name: &str, query: &Value) -> Value {
    json!({"has_child": {"type": name, "query": query}})
}

fn has_parent(name: &str, query: &Value) -> Value {
    json!({"has_parent": {"parent_type": name, "query": query}})
}

#[test]
fn they_are_found_across_segments_and_without_what_is_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), family());
    for (id, n, name, parent) in [
        ("p1", 1, "parent", None),
        ("p2", 2, "parent", None),
        ("c1", 5, "child", Some("p1")),
        ("c2", 6, "child", Some("p1")),
        ("c3", 5, "child", Some("p2")),
        ("o1", 5, "other", Some("p2")),
        ("g1", 9, "grandchild", Some("c2")),
    ] {
        write_one(&engine, id, n, name, parent);
        engine.refresh(NOW).expect("refreshed");
    }
    let all = json!({"match_all": {}});
    let is = |n: u64| json!({"term": {"n": n}});
    let two = json!({"has_child": {"type": "child", "query": all, "min_children": 2}});
    let one = json!({"has_child": {"type": "child", "query": all, "max_children": 1}});

    for merged in [false, true] {
        if merged {
            engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        }
        for (query, expected) in [
            (has_child("child", &is(5)), vec!["p1", "p2"]),
            (has_child("child", &is(6)), vec!["p1"]),
            (has_child("other", &is(5)), vec!["p2"]),
            (two.clone(), vec!["p1"]),
            (one.clone(), vec!["p2"]),
            (has_child("child", &has_child("grandchild", &all)), vec!["p1"]),
            (has_parent("parent", &is(1)), vec!["c1", "c2"]),
            (has_parent("parent", &is(2)), vec!["c3", "o1"]),
            (has_parent("child", &has_parent("parent", &is(1))), vec!["g1"]),
            (
                json!({"bool": {"must_not": has_child("child", &all), "filter": {"term": {"jf": "parent"}}}}),
                vec![],
            ),
        ] {
            assert_eq!(found(&engine, &query), expected, "{query}");
        }
    }
    write(&engine, "c2", None, Condition::None).expect("deleted");
    write(&engine, "p2", None, Condition::None).expect("deleted");
    engine.refresh(NOW).expect("refreshed");
    assert_eq!(found(&engine, &has_child("child", &all)), ["p1"]);
    assert_eq!(found(&engine, &two), [""; 0]);
    assert_eq!(found(&engine, &has_parent("parent", &all)), ["c1"]);
}

fn many(folder: &Path, shared: Shared) -> Arc<Engine> {
    let options = EngineOptions { segment_buffer_bytes: 20 << 20, ..EngineOptions::default() };
    fs_err::create_dir_all(folder).expect("a folder");
    let engine = Engine::open(folder, family(), options, shared).expect("opens");
    for n in 0..3000 {
        write_one(&engine, &format!("p{n}"), n, "parent", None);
        write_one(&engine, &format!("c{n}"), n, "child", Some(&format!("p{n}")));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn asked(engine: &Engine, stop: AskStop<'_>) -> Result<crate::search::SearchAnswer, SearchError> {
    let query = has_child("child", &json!({"match_all": {}}));
    let request = SearchRequest::of(parse_query(&query).expect("a query"), 10);
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    search(&engine.view(), &request, &context, stop)
}

#[test]
fn who_joins_looks_at_the_time_and_takes_no_more_than_there_is_room_for() {
    let unshared = || Shared { workers: Workers::new(0), ..Shared::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let engine = many(&folder.path().join("a"), unshared());
    let (counted, looks) = ends_after(usize::MAX, Stop::Cancelled);
    assert_eq!(asked(&engine, &counted).expect("searched").total, 3000);
    let looks = looks.load(Ordering::Relaxed);
    assert!(looks > 8, "{looks}");

    assert!(matches!(asked(&engine, &Ending::when(|| Some(Stop::Cancelled))), Err(SearchError::Cancelled)));
    let late = asked(&engine, &Ending::when(|| Some(Stop::TimeIsUp))).expect("what there is");
    assert!(late.is_partial && late.total == 0);

    let small = Shared { fielddata: Fielddata::new(10_000), ..unshared() };
    let engine = many(&folder.path().join("b"), small);
    match asked(&engine, &never()) {
        Err(SearchError::Query(error)) => assert_eq!(error.kind, "circuit_breaking_exception"),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// As if every child were looked at for every parent.
    #[test]
    fn joins_agree_with_a_naive_one(
        children in proptest::collection::vec((0..5usize, 0..4u64, any::<bool>()), 0..20),
        least in 1..4u32,
        wanted in 0..4u64,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = open(folder.path(), family());
        for n in 0..5 {
            write_one(&engine, &format!("p{n}"), n, "parent", None);
        }
        for (at, (parent, n, refreshes)) in children.iter().enumerate() {
            write_one(&engine, &format!("c{at}"), *n, "child", Some(&format!("p{parent}")));
            if *refreshes {
                engine.refresh(NOW).expect("refreshed");
            }
        }
        engine.refresh(NOW).expect("refreshed");
        let query = json!({"has_child": {"type": "child", "query": {"term": {"n": wanted}}, "min_children": least}});

        let count = |parent| children.iter().filter(|(of, n, _)| *of == parent && *n == wanted).count();
        let expected: Vec<String> =
            (0..5).filter(|parent| count(*parent) >= least as usize).map(|parent| format!("p{parent}")).collect();
        prop_assert_eq!(found(&engine, &query), expected);
    }
}
