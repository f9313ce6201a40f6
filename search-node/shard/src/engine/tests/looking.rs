//! Whoever looks for documents and finds none looks whether the search goes on: nobody else does meanwhile.

use super::*;
use crate::search::{SearchAnswer, SearchError};

/// More than a look is had after, several times over.
const DOCUMENTS: u64 = 8_000;

/// Documents that all have the words of every query, and none as it asks.
fn filled(folder: &Path) -> Arc<Engine> {
    let fields = [
        ("t", "text"),
        ("m", "match_only_text"),
        ("k", "keyword"),
        ("n", "long"),
        ("p", "geo_point"),
        ("g", "geo_shape"),
        ("r", "integer_range"),
    ];
    let engine = open(folder, mapping(&fields));
    for n in 0..DOCUMENTS {
        let document = json!({
            "t": "one two three", "m": "one two three", "k": format!("term-{n:05}"), "n": n * 2,
            "p": {"lat": 1, "lon": 1}, "g": "LINESTRING (0 0, 1 1)", "r": {"gte": 1, "lte": 2},
        });
        put(&engine, &n.to_string(), &document);
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn ask(engine: &Arc<Engine>, query: &Value, hits: usize, stop: &Ending) -> Result<SearchAnswer, SearchError> {
    let request = SearchRequest::of(parse_query(query).expect("a query"), hits);
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    search(&engine.view(), &request, &context, stop)
}

fn nothing_of_many() -> Vec<Value> {
    let near = |slop: u32, in_order: bool| {
        let word = |word: &str| json!({"span_term": {"t": word}});
        json!({"span_near": {"clauses": [word("three"), word("one")], "slop": slop, "in_order": in_order}})
    };
    let words = json!({"query": "three one", "ordered": true});
    vec![
        json!({"match_phrase": {"t": "three one"}}),
        json!({"constant_score": {"filter": {"match_phrase": {"t": "three one"}}}}),
        json!({"match_phrase": {"t": {"query": "three one", "slop": 1}}}),
        json!({"match_phrase_prefix": {"t": "three o"}}),
        json!({"match_phrase": {"m": "three one"}}),
        json!({"intervals": {"t": {"match": words}}}),
        near(0, true),
        json!({"script": {"script": "doc['n'].value % 2 == 1"}}),
        json!({"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}, "min_score": 2}}),
        json!({"function_score": {"functions": [{"weight": 1}], "min_score": 2}}),
        json!({"terms_set": {"t": {"terms": ["one"], "minimum_should_match_script": {"source": "2"}}}}),
        json!({"geo_distance": {"distance": "1m", "p": {"lat": 2, "lon": 2}}}),
        json!({"geo_shape": {"p": {"shape": "POINT (2 2)"}}}),
        json!({"geo_shape": {"g": {"shape": "POINT (0.1 0.9)"}}}),
        json!({"range": {"r": {"gte": 5}}}),
        json!({"regexp": {"k": "term-.*x"}}),
        json!({"wildcard": {"k": "term*x"}}),
        json!({"regexp": {"k": {"value": "term-.*x", "rewrite": "scoring_boolean"}}}),
        json!({"bool": {"must_not": [{"match_phrase": {"t": "three one"}}], "filter": [{"term": {"t": "four"}}]}}),
    ]
}

#[test]
fn who_finds_nothing_looks_whether_the_search_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path());
    let last = nothing_of_many().len() - 1;
    for (at, query) in nothing_of_many().iter().enumerate() {
        for hits in [0, 10] {
            let (counted, looks) = ends_after(usize::MAX, Stop::Cancelled);
            let whole = ask(&engine, query, hits, &counted).expect("searched");
            assert_eq!((whole.total, whole.is_partial), (0, false), "{query}");
            let whole = looks.load(Ordering::Relaxed);
            // The last one has nothing to pass over.
            assert!(whole >= if at == last { 1 } else { 5 }, "{whole} looks for {query}");

            for (end, why) in [(1, Stop::TimeIsUp), (whole - 1, Stop::TimeIsUp), (whole / 2, Stop::Cancelled)]
            {
                let (stop, looks) = ends_after(end, why);
                let part = ask(&engine, query, hits, &stop);
                let expected = match why {
                    Stop::TimeIsUp => part.as_ref().is_ok_and(|part| part.is_partial && part.total == 0),
                    Stop::Cancelled => matches!(part, Err(SearchError::Cancelled)),
                };
                assert!(expected || end >= whole, "{query} at look {end} of {whole}: {part:?}");
                assert_eq!(looks.load(Ordering::Relaxed), (end + 1).min(whole), "{query}");
            }
        }
    }
}

/// What is left out is not known any more once who looks for it has given up.
#[test]
fn nothing_is_let_in_that_is_left_out_when_the_time_is_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path());
    for left_out in [
        json!({"script": {"script": "doc['n'].value >= 0"}}),
        json!({"match_phrase": {"t": "one two"}}),
        json!({"match_phrase": {"t": {"query": "two one", "slop": 2}}}),
        json!({"bool": {"must": [{"range": {"r": {"gte": 1}}}, {"match_phrase": {"m": "two three"}}]}}),
        json!({"regexp": {"k": "term-.*"}}),
    ] {
        let query = json!({"bool": {"must": [{"match": {"t": "one"}}], "must_not": [left_out]}});
        for hits in [0, 10] {
            let (counted, looks) = ends_after(usize::MAX, Stop::Cancelled);
            assert_eq!(ask(&engine, &query, hits, &counted).expect("searched").total, 0, "{query}");
            let looks = looks.load(Ordering::Relaxed);
            for end in (0..looks).step_by(looks / 6 + 1) {
                let (stop, _) = ends_after(end, Stop::TimeIsUp);
                let part = ask(&engine, &query, hits, &stop).expect("a part");
                assert!(
                    part.is_partial && part.total == 0 && part.hits.is_empty(),
                    "{query} {end}: {part:?}"
                );
            }
        }
    }
}
