//! Searches that several threads do together find what one finds alone.

use super::*;
use crate::aggs::{self, finish};
use crate::search::{Helpers, SearchAnswer, SearchError, SortField, SortKey, search_helped};

const WORDS: [&str; 7] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"];

/// Segments of very different sizes, with documents that were deleted.
fn engine(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("n", "long"), ("k", "keyword"), ("t", "text")]));
    for (from, to) in [(0, 9_000), (9_000, 9_100), (9_100, 13_000)] {
        for n in from..to {
            let words = [WORDS[n % 7], WORDS[n % 5], WORDS[n * n % 3]].join(" ").repeat(1 + n % 4);
            put(
                &engine,
                &n.to_string(),
                &json!({"n": n * 7 % 1_000, "k": format!("k{}", n % 40), "t": words}),
            );
        }
        engine.refresh(NOW).expect("refreshed");
    }
    for n in (0..13_000).step_by(11) {
        write(&engine, &n.to_string(), None, Condition::None).expect("deleted");
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn sorted_by(field: &str) -> Vec<SortKey> {
    vec![SortKey::of(SortField::Field(field.to_owned())), SortKey::of(SortField::Field("k".to_owned()))]
}

/// What is asked in many ways.
fn requests() -> Vec<SearchRequest> {
    let queries = [
        json!({"match_all": {}}),
        json!({"match": {"t": "alpha"}}),
        json!({"match": {"t": "alpha zeta"}}),
        json!({"bool": {"must": [{"match": {"t": "gamma"}}], "filter": [{"range": {"n": {"lt": 700}}}]}}),
        json!({"match_phrase": {"t": "beta alpha"}}),
        json!({"function_score": {"query": {"match": {"t": "eta"}}, "field_value_factor": {"field": "n", "missing": 1}}}),
        json!({"term": {"k": "k3"}}),
    ];
    let aggs = json!({
        "words": {"terms": {"field": "k", "size": 50}, "aggs": {"most": {"max": {"field": "n"}}, "all": {"sum": {"field": "n"}}}},
        "steps": {"histogram": {"field": "n", "interval": 100}},
        "few": {"filter": {"range": {"n": {"lt": 10}}}},
        "kinds": {"cardinality": {"field": "k"}}
    });
    let aggs = aggs::parse(&aggs).expect("aggregations");
    let below = || Some(parse_query(&json!({"range": {"n": {"gte": 300}}})).expect("a query"));
    let of_each = |query: &Value| {
        let of = |hits| SearchRequest::of(parse_query(query).expect("a query"), hits);
        vec![
            of(0),
            of(10),
            SearchRequest { counted_to: 100, ..of(10) },
            SearchRequest { aggs: aggs.clone(), ..of(0) },
            SearchRequest { aggs: aggs.clone(), ..of(25) },
            SearchRequest { sort: sorted_by("n"), aggs: aggs.clone(), ..of(25) },
            SearchRequest { post_filter: below(), ..of(50) },
            SearchRequest { min_score: Some(1.0), ..of(50) },
            SearchRequest { collapse: Some("k".to_owned()), ..of(12) },
            SearchRequest { sort: sorted_by("n"), collapse: Some("k".to_owned()), ..of(12) },
        ]
    };
    queries.iter().flat_map(of_each).collect()
}

fn context() -> QueryContext<'static> {
    QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() }
}

/// An answer as it can be compared; how many there are only as far as that was asked.
fn shown(request: &SearchRequest, answer: SearchAnswer) -> Value {
    let hit = |hit: &crate::search::Hit| json!([hit.segment, hit.document, hit.score, hit.sort, hit.group]);
    json!({
        "hits": answer.hits.iter().map(hit).collect::<Vec<_>>(),
        "total": answer.total.min(request.counted_to.saturating_add(1)),
        "max_score": (request.counted_to == u64::MAX).then_some(answer.max_score),
        "partial": answer.is_partial,
        "aggs": finish(&request.aggs, answer.aggs, 10_000).expect("aggregated"),
    })
}

#[test]
fn several_threads_find_what_one_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let helpers = Helpers::eager(4);
    for request in requests() {
        let alone = search(&engine.view(), &request, &context(), &never()).expect("searched");
        let alone = shown(&request, alone);
        for _ in 0..4 {
            let helped = search_helped(&engine.view(), &request, &context(), &never(), &helpers);
            assert_eq!(shown(&request, helped.expect("searched")), alone, "{request:?}");
        }
    }
    assert!(helpers.helped() > 100, "only {} helped", helpers.helped());
    assert_eq!(helpers.helping(), 0);
}

#[test]
fn all_threads_end_with_the_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let aggs = aggs::parse(&json!({"words": {"terms": {"field": "k"}}})).expect("aggregations");
    let query = parse_query(&json!({"match": {"t": "alpha zeta"}})).expect("a query");
    let request = SearchRequest { aggs, ..SearchRequest::of(query, 10) };
    let helpers = Helpers::eager(4);
    let ended = |at: usize, why: Stop| {
        let (stop, _) = ends_after(at, why);
        search_helped(&engine.view(), &request, &context(), &stop, &helpers)
    };
    let whole = ended(usize::MAX, Stop::Cancelled).expect("searched");
    for at in 0..10 {
        assert!(matches!(ended(at, Stop::Cancelled), Err(SearchError::Cancelled)), "look {at}");
        let part = ended(at, Stop::TimeIsUp).expect("what there is");
        assert!(part.is_partial && part.total <= whole.total, "look {at}: {} of {}", part.total, whole.total);
    }
    assert!(helpers.helped() > 10 && helpers.helping() == 0, "{helpers:?}");
}

/// One segment, in which all that match one word stand in front.
fn one_segment(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("n", "long"), ("t", "text")]));
    for n in 0..9_000 {
        let text = if n < 300 { "front of all" } else { "all" };
        put(&engine, &n.to_string(), &json!({"n": n, "t": text}));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

#[test]
fn a_walk_without_more_matches_begins_no_part_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = one_segment(folder.path());
    let aggs = aggs::parse(&json!({"most": {"max": {"field": "n"}}})).expect("aggregations");
    let query = parse_query(&json!({"match": {"t": "front"}})).expect("a query");
    for hits in [0, 10] {
        let request = SearchRequest { aggs: aggs.clone(), ..SearchRequest::of(query.clone(), hits) };
        let (stop, looks) = ends_after(usize::MAX, Stop::Cancelled);

        let answer = search_helped(&engine.view(), &request, &context(), &stop, &Helpers::eager(1));

        assert_eq!(answer.expect("searched").total, 300);
        // It is looked before a segment is begun, and where its documents end.
        let looks = looks.load(std::sync::atomic::Ordering::Relaxed);
        assert!(looks <= 4, "{looks} looks with {hits} hits");
    }
}

#[test]
fn nobody_is_called_where_there_is_nothing_to_share() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = one_segment(folder.path());
    let helpers = Helpers::eager(4);
    for query in [json!({"match": {"t": "all"}}), json!({"exists": {"field": "n"}}), json!({"match_all": {}})]
    {
        let query = parse_query(&query).expect("a query");
        for hits in [0, 10] {
            let request = SearchRequest::of(query.clone(), hits);
            search_helped(&engine.view(), &request, &context(), &never(), &helpers).expect("searched");
        }
    }

    // A short way and a count are one thread's in each segment, and there is one.
    assert_eq!(helpers.helped(), 0);
}
