//! Filters whose matches are kept find what they found before, whatever is deleted, added or mapped meanwhile.

use super::*;
use crate::engine::{QueryCache, QueryCacheFigures, QueryCacheOptions};
use crate::search::{SearchAnswer, SortField, SortKey};

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

fn figures(engine: &Arc<Engine>) -> QueryCacheFigures {
    let view = engine.view();
    let all = view.identities.values().map(|identities| identities.filters().figures());
    all.fold(QueryCacheFigures::default(), QueryCacheFigures::and)
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
