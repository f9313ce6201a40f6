//! Filters whose matches are kept find what they found before, whatever is deleted, added or mapped meanwhile.

use super::*;
use crate::engine::{CacheFigures, QueryCache, QueryCacheOptions};
use crate::search::{SearchAnswer, SearchError, SortField, SortKey};

fn mapped(fields: &[(&str, &str)]) -> Arc<Mapping> {
    mapping(fields)
}

fn engine_with(folder: &Path, bytes_max: usize) -> Arc<Engine> {
    let queries = QueryCache::new(QueryCacheOptions { bytes_max, all_segments: true });
    let shared = Shared { workers: Workers::new(0), queries, ..Shared::default() };
    let mapping = mapped(&[("t", "text"), ("k", "keyword"), ("n", "long")]);
    fs_err::create_dir_all(folder).expect("a folder");
    Engine::open(folder, mapping, EngineOptions::default(), shared).expect("opens")
}

/// Documents of some numbers, which make a segment.
fn add(engine: &Arc<Engine>, numbers: std::ops::Range<u64>) {
    for n in numbers {
        let word = ["alpha", "beta", "gamma"][(n % 3) as usize];
        let document =
            json!({"n": n, "k": format!("{word}-{}", n % 50), "t": format!("{word} of {}", n % 7)});
        put(engine, &n.to_string(), &document);
    }
    engine.refresh(NOW).expect("refreshed");
}

fn ask(engine: &Arc<Engine>, query: &Value, keeps_filters: bool, hits: usize) -> SearchAnswer {
    let rules = crate::QueryRules { keeps_filters, ..crate::QueryRules::default() };
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: &rules };
    let request = SearchRequest {
        sort: if hits > 0 { vec![SortKey::of(SortField::Field("n".to_owned()))] } else { Vec::new() },
        ..SearchRequest::of(parse_query(query).expect("a query"), hits)
    };
    search(&engine.view(), &request, &context, &never()).expect("searched")
}

fn figures(engine: &Arc<Engine>) -> CacheFigures {
    engine.view().filter_figures()
}

fn queries() -> Vec<Value> {
    vec![
        json!({"regexp": {"k": ".*-1."}}),
        json!({"prefix": {"k": "beta-"}}),
        json!({"range": {"n": {"gte": 100, "lt": 700}}}),
        json!({"terms": {"k": ["alpha-0", "alpha-3", "nothing"]}}),
        json!({"bool": {"must": [{"match": {"t": "alpha"}}], "must_not": [{"wildcard": {"k": "*-2?"}}]}}),
        json!({"bool": {"filter": [{"match_phrase": {"t": "beta of"}}, {"range": {"n": {"lt": 900}}}]}}),
        json!({"bool": {"should": [{"prefix": {"k": "alpha-4"}}, {"term": {"n": 5}}], "minimum_should_match": 1}}),
        json!({"constant_score": {"filter": {"bool": {"must_not": [{"prefix": {"k": "gamma"}}]}}}}),
    ]
}

/// Asks everything so often that it is kept, and compares.
fn compare(engine: &Arc<Engine>) {
    for query in queries() {
        for hits in [0, 10] {
            let expected = ask(engine, &query, false, hits);
            let shown = |answer: &SearchAnswer| {
                let hits = answer.hits.iter().map(|hit| (hit.segment, hit.document));
                (answer.total, hits.collect::<Vec<_>>())
            };
            for _ in 0..7 {
                assert_eq!(
                    shown(&ask(engine, &query, true, hits)),
                    shown(&expected),
                    "{query} with {hits} hits"
                );
            }
        }
    }
}

#[test]
fn what_is_kept_is_what_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), 1 << 20);
    add(&engine, 0..600);
    add(&engine, 600..1_000);
    compare(&engine);
    let first = figures(&engine);
    assert!(first.hits > 0 && first.entries > 0 && first.bytes > 0, "{first:?}");

    for n in (0..1_000).step_by(3) {
        write(&engine, &n.to_string(), None, Condition::None).expect("deleted");
    }
    engine.refresh(NOW).expect("refreshed");
    compare(&engine);

    add(&engine, 1_000..1_200);
    engine
        .set_mapping(mapped(&[("t", "text"), ("k", "keyword"), ("n", "long"), ("m", "long")]), NOW)
        .expect("grown");
    compare(&engine);

    engine.view().identities.values().for_each(|identities| identities.filters().clear());
    assert_eq!((figures(&engine).entries, figures(&engine).bytes), (0, 0));
    compare(&engine);
}

#[test]
fn without_room_filters_are_asked_as_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), 2_000);
    add(&engine, 0..1_000);
    compare(&engine);
    let figures = figures(&engine);
    assert!(figures.bytes <= 2_000 && figures.evictions > 0, "{figures:?}");
}

fn kept(engine: &Arc<Engine>) -> (u64, u64) {
    let CacheFigures { entries, made, .. } = figures(engine);
    (entries, made)
}

/// It used to be found in one go, however long that took.
#[test]
fn a_filter_that_is_kept_ends_with_the_search_and_is_kept_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), 1 << 20);
    add(&engine, 0..6_000);
    let terms: Vec<String> =
        (0..50).flat_map(|n| ["alpha", "beta", "gamma"].map(|word| format!("{word}-{n}"))).collect();
    let query = json!({"bool": {"must": [{"match": {"t": "of"}}], "filter": [{"terms": {"k": terms}}]}});
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let request = SearchRequest::of(parse_query(&query).expect("a query"), 10);
    let asked = |looks: usize, why: Stop| {
        let (stop, looks) = ends_after(looks, why);
        (search(&engine.view(), &request, &context, &stop), looks.load(Ordering::Relaxed))
    };
    assert_eq!(asked(usize::MAX, Stop::Cancelled).0.expect("searched").total, 6_000);
    for at in 1..5 {
        let (part, looks) = asked(at, Stop::TimeIsUp);
        let part = part.expect("a part");
        assert!(part.is_partial && part.total == 0, "the filter comes first: {part:?}");
        assert_eq!((looks, kept(&engine)), (at + 1, (0, 0)));
        assert!(matches!(asked(at, Stop::Cancelled).0, Err(SearchError::Cancelled)));
    }
    assert_eq!(asked(usize::MAX, Stop::Cancelled).0.expect("searched").total, 6_000);
    assert_eq!(kept(&engine), (1, 1));
}

#[test]
fn a_filter_is_not_kept_where_others_leave_few_documents_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), 1 << 20);
    add(&engine, 0..2_000);
    let few = json!({"term": {"k": "alpha-3"}});
    let some = json!({"term": {"k": "beta-4"}});
    let many = json!({"match": {"t": "of"}});
    for (beside, is_kept) in [
        (few.clone(), false),
        (json!({"bool": {"filter": [few, many]}}), false),
        (json!({"bool": {"should": [few, some]}}), false),
        (json!({"constant_score": {"filter": few}}), false),
        (json!({"range": {"n": {"lt": -5}}}), false),
        (json!({"ids": {"values": ["1", "2"], "type": "_doc"}}), false),
        (many.clone(), true),
        (json!({"bool": {"should": [few, many]}}), true),
        (json!({"bool": {"must_not": [few]}}), true),
        (json!({"exists": {"field": "n"}}), true),
        (json!({"match_all": {}}), true),
    ] {
        for (must, key) in [("must", "filter"), ("filter", "filter"), ("must", "must_not")] {
            engine.view().identities.values().for_each(|identities| identities.filters().clear());
            let mut query = json!({"bool": {key: [{"regexp": {"k": "[abg].*"}}]}});
            let clauses =
                query["bool"].as_object_mut().expect("a bool").entry(must).or_insert_with(|| json!([]));
            clauses.as_array_mut().expect("clauses").push(beside.clone());
            let found = ask(&engine, &query, false, 10).total;
            // So often that the regexp is kept, and the whole of it not yet.
            for _ in 0..3 {
                assert_eq!(ask(&engine, &query, true, 10).total, found, "{query}");
            }
            let is_there =
                engine.view().identities.values().any(|identities| {
                    identities.filters().names().iter().any(|name| name.contains("Regexp"))
                });
            assert_eq!(is_there, is_kept, "{query}");
        }
    }
}

#[test]
fn figures_only_rise_whatever_becomes_of_segments() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), 3_000);
    let mut before = CacheFigures::default();
    for round in 0..4 {
        add(&engine, round * 300..(round + 1) * 300);
        compare(&engine);
        let now = figures(&engine);
        assert!(now.hits > before.hits && now.misses > before.misses && now.made > before.made, "{now:?}");
        engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        let merged = figures(&engine);
        assert_eq!(
            (merged.hits, merged.misses, merged.made, merged.evictions),
            (now.hits, now.misses, now.made, now.evictions)
        );
        before = merged;
    }
    assert!(before.evictions > 0);
}

#[test]
fn filters_of_nested_objects_are_kept_apart_from_those_of_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let queries = QueryCache::new(QueryCacheOptions { bytes_max: 1 << 20, all_segments: true });
    let shared = Shared { workers: Workers::new(0), queries, ..Shared::default() };
    let mapping = json!({"properties": {
        "n": {"type": "long"},
        "o": {"type": "nested", "properties": {"n": {"type": "long"}}},
    }});
    let mapping = Arc::new(parse_mapping(&mapping).expect("a mapping"));
    let engine = Engine::open(folder.path(), mapping, EngineOptions::default(), shared).expect("opens");
    for n in 0..200 {
        put(&engine, &n.to_string(), &json!({"n": n, "o": [{"n": n + 1}, {"n": n + 100}]}));
    }
    engine.refresh(NOW).expect("refreshed");
    let range = |field: &str| json!({"range": {field: {"lt": 50}}});
    let nested = |query: Value| json!({"nested": {"path": "o", "query": {"bool": {"filter": [query]}}}});
    for query in [
        nested(range("o.n")),
        json!({"bool": {"filter": [range("n"), nested(range("o.n"))]}}),
        json!({"bool": {"must_not": [nested(range("o.n"))], "filter": [range("n")]}}),
        nested(json!({"bool": {"must_not": [range("o.n")]}})),
        json!({"bool": {"filter": [range("o.n")]}}),
    ] {
        let expected = ask(&engine, &query, false, 0).total;
        for round in 0..8 {
            assert_eq!(ask(&engine, &query, true, 0).total, expected, "{query} in round {round}");
        }
    }
    assert!(figures(&engine).hits > 0);
}

/// What is meant by `now` is another thing each time.
#[test]
fn a_filter_with_the_time_of_day_is_asked_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let queries = QueryCache::new(QueryCacheOptions { bytes_max: 1 << 20, all_segments: true });
    let shared = Shared { workers: Workers::new(0), queries, ..Shared::default() };
    let engine = Engine::open(folder.path(), mapped(&[("d", "date")]), EngineOptions::default(), shared)
        .expect("opens");
    for minute in 0..100 {
        put(&engine, &minute.to_string(), &json!({"d": NOW + minute * 60_000}));
    }
    engine.refresh(NOW).expect("refreshed");
    let rules = crate::QueryRules { keeps_filters: true, ..crate::QueryRules::default() };
    for query in [
        json!({"range": {"d": {"lt": "now"}}}),
        json!({"bool": {"filter": [{"range": {"d": {"lt": "now"}}}, {"range": {"d": {"gte": 0}}}]}}),
        json!({"bool": {"filter": [{"bool": {"must_not": [{"range": {"d": {"gte": "now"}}}]}}]}}),
    ] {
        for minute in (0..100).step_by(7) {
            let now_millis = NOW + minute * 60_000;
            let context = QueryContext { index: "i", doc_type: "_doc", now_millis, rules: &rules };
            for _ in 0..6 {
                let request = SearchRequest::of(parse_query(&query).expect("a query"), 0);
                let found = search(&engine.view(), &request, &context, &never()).expect("searched");
                assert_eq!(found.total as i64, minute, "{query}");
            }
        }
    }
}

#[test]
fn an_older_point_in_time_finds_what_it_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with(folder.path(), 1 << 20);
    add(&engine, 0..600);
    let rules = crate::QueryRules { keeps_filters: true, ..crate::QueryRules::default() };
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: &rules };
    let totals = |view: &View| -> Vec<u64> {
        let total = |query: &Value| {
            let request = SearchRequest::of(parse_query(query).expect("a query"), 0);
            search(view, &request, &context, &never()).expect("searched").total
        };
        queries().iter().map(total).collect()
    };
    let mut points = Vec::new();
    for round in 0..5 {
        let view = engine.view();
        let found = totals(&view);
        points.push((view, found));
        for n in (round..600).step_by(11) {
            write(&engine, &n.to_string(), None, Condition::None).expect("deleted");
        }
        add(&engine, 600 + round * 50..650 + round * 50);
        if round == 2 {
            engine.force_merge(ForceMerge::Segments(1)).expect("merged");
        }
        for _ in 0..3 {
            points.iter().for_each(|(view, found)| assert_eq!(totals(view), *found));
        }
    }
    assert!(figures(&engine).hits > 0);
}

#[test]
fn several_threads_find_the_same_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // Room for some of the filters only: they go for one another meanwhile.
    let engine = engine_with(folder.path(), 3_000);
    add(&engine, 0..600);
    add(&engine, 600..1_000);
    let expected: Vec<u64> = queries().iter().map(|query| ask(&engine, query, false, 0).total).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, expected) = (&engine, &expected);
            scope.spawn(move || {
                for round in 0..30 {
                    let queries = queries();
                    let at = (thread * 3 + round) % queries.len();
                    for hits in [0, 10] {
                        let found = ask(engine, &queries[at], true, hits).total;
                        assert_eq!(found, expected[at], "{}", queries[at]);
                    }
                }
            });
        }
    });
    let figures = figures(&engine);
    assert!(figures.hits > 0 && figures.bytes <= 3_000, "{figures:?}");
}

/// Shards that are made of another one by hard links have its segments, under the same names.
#[test]
fn two_shards_with_the_same_segments_keep_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let queries = QueryCache::new(QueryCacheOptions { bytes_max: 1 << 20, all_segments: true });
    let shared = Shared { workers: Workers::new(0), queries, ..Shared::default() };
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    fs_err::create_dir_all(&one).expect("a folder");
    let mapping = || mapped(&[("t", "text"), ("k", "keyword"), ("n", "long")]);
    let engine = Engine::open(&one, mapping(), EngineOptions::default(), shared.clone()).expect("opens");
    add(&engine, 0..600);
    engine.flush(NOW).expect("flushed");
    copy(&one, &other);
    let linked = Engine::open(&other, mapping(), EngineOptions::default(), shared).expect("opens");
    let segments = |engine: &Arc<Engine>| engine.view().identities.keys().copied().collect::<Vec<_>>();
    assert_eq!(segments(&engine), segments(&linked));

    for n in (0..600).step_by(10) {
        write(&linked, &n.to_string(), None, Condition::None).expect("deleted");
    }
    linked.refresh(NOW).expect("refreshed");
    compare(&engine);
    assert_eq!(figures(&linked), CacheFigures::default());
    compare(&linked);
    let (of_one, of_other) = (figures(&engine), figures(&linked));
    assert_eq!((of_one.entries, of_one.bytes), (of_other.entries, of_other.bytes));
    drop(linked);
    assert_eq!(figures(&engine), of_one);
    compare(&engine);
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("a folder");
    for entry in fs_err::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).expect("copied");
        }
    }
}
