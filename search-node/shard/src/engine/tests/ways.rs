//! The shorter ways to the best matches find what a walk over every match finds.

use super::*;
use crate::search::{Helpers, SearchAnswer, search_helped};

/// Documents of several segments, of which some are deleted and most lack the text.
fn engine_with_texts(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("t", "text"), ("k", "keyword"), ("n", "long")]));
    let mut seed = 7_u64;
    let mut next = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for n in 0..6_000_u64 {
        let mut document = json!({"n": n, "k": format!("k{}", next(3))});
        // Texts of the second half are rare and long, so that the averages of segments differ.
        let (has_text, words) = if n < 3_000 { (true, 4) } else { (next(5) == 0, 60) };
        if has_text {
            let word = |_| ["alpha", "beta", "gamma", "delta", "of"][(next(100) as f64).sqrt() as usize / 2];
            let text: Vec<&str> = (0..=words / 2).map(word).collect();
            document["t"] = json!(text.join(" "));
        }
        put(&engine, &n.to_string(), &document);
        if n % 1_500 == 1_499 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    for n in (0..6_000).step_by(17) {
        write(&engine, &n.to_string(), None, Condition::None).expect("deleted");
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn answer(engine: &Arc<Engine>, query: &Value, counted_to: u64, track_scores: bool) -> SearchAnswer {
    helped_answer(engine, query, counted_to, track_scores, &Helpers::new(0))
}

fn helped_answer(
    engine: &Arc<Engine>,
    query: &Value,
    counted_to: u64,
    track_scores: bool,
    helpers: &Arc<Helpers>,
) -> SearchAnswer {
    let request = SearchRequest {
        counted_to,
        // With a bound below every score no way is short.
        min_score: track_scores.then_some(-1.0),
        ..SearchRequest::of(parse_query(query).expect("a query"), 10)
    };
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    search_helped(&engine.view(), &request, &context, &never(), helpers).expect("searched")
}

#[test]
fn short_ways_find_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_texts(folder.path());
    for query in [
        json!({"match_all": {}}),
        json!({"match": {"t": "alpha"}}),
        json!({"match": {"t": "delta"}}),
        json!({"match": {"t": "alpha delta"}}),
        json!({"match": {"t": {"query": "alpha gamma", "operator": "and"}}}),
        json!({"match": {"t": {"query": "delta of", "operator": "and"}}}),
        json!({"match": {"t": {"query": "of gamma alpha beta delta", "operator": "and"}}}),
        json!({"match": {"t": {"query": "of nothing", "operator": "and"}}}),
        json!({"bool": {"must": [{"match": {"t": {"query": "of", "boost": 3}}}, {"match": {"t": "beta"}}]}}),
        json!({"bool": {"must": [{"match": {"t": "alpha"}}, {"match": {"n": 300}}]}}),
        json!({"match": {"t": {"query": "of gamma alpha beta delta"}}}),
        json!({"match": {"t": {"query": "of of delta nothing"}}}),
        json!({"bool": {"should": [{"match": {"t": {"query": "of", "boost": 3}}}, {"match": {"n": 300}}, {"match": {"t": "beta"}}]}}),
        json!({"match": {"t": "nothing"}}),
        json!({"fuzzy": {"t": "dela"}}),
        json!({"match": {"t": {"query": "alpah", "fuzziness": 2}}}),
        json!({"fuzzy": {"t": {"value": "nothing", "rewrite": "top_terms_5"}}}),
        json!({"wildcard": {"t": {"value": "*a", "rewrite": "top_terms_3"}}}),
        json!({"term": {"k": "k1"}}),
        json!({"constant_score": {"filter": {"term": {"k": "k1"}}, "boost": 3}}),
        json!({"bool": {"filter": [{"range": {"n": {"gte": 100, "lt": 4000}}}]}}),
        json!({"bool": {"must_not": [{"term": {"k": "k1"}}]}}),
    ] {
        let whole = answer(&engine, &query, u64::MAX, true);
        let (alone, helped) = (Helpers::new(0), Helpers::eager(3));
        for (counted_to, helpers) in
            [0, 1, 100, 10_000, u64::MAX].into_iter().flat_map(|to| [(to, &alone), (to, &helped)])
        {
            let short = helped_answer(&engine, &query, counted_to, false, helpers);
            let shown = |answer: &SearchAnswer| {
                let hits = answer.hits.iter();
                hits.map(|hit| (hit.segment, hit.document, hit.score)).collect::<Vec<_>>()
            };
            assert_eq!(shown(&short), shown(&whole), "{query} counted to {counted_to}");
            assert_eq!(short.max_score, whole.max_score, "{query} counted to {counted_to}");
            if whole.total <= counted_to {
                assert_eq!(short.total, whole.total, "{query} counted to {counted_to}");
            } else {
                assert!(short.total > counted_to && short.total <= whole.total, "{query}: {}", short.total);
            }
        }
    }
}

/// Documents of which nearly all tie, in segments whose texts are not of the same length on average.
fn engine_with_ties(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("t", "text")]));
    for (segment, others) in [3, 5, 4].into_iter().enumerate() {
        for n in 0..6_000 {
            // One of a hundred has another length, and a few have the word twice.
            let text = match n % 100 {
                0 => ["other"; 2].repeat(others).join(" "),
                7 => "common common of all that is here".to_owned(),
                _ => "common of all".to_owned(),
            };
            put(&engine, &format!("{segment}-{n}"), &json!({"t": text}));
        }
        engine.refresh(NOW).expect("refreshed");
    }
    for n in (0..6_000).step_by(5) {
        write(&engine, &format!("1-{n}"), None, Condition::None).expect("deleted");
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

#[test]
fn once_the_best_of_a_segment_is_known_nothing_is_looked_for_that_only_ties() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_ties(folder.path());
    let query = json!({"match": {"t": "common"}});
    let whole = answer(&engine, &query, u64::MAX, true);
    let looks = || {
        let (stop, asked) = ends_after(usize::MAX, Stop::Cancelled);
        let request =
            SearchRequest { counted_to: 0, ..SearchRequest::of(parse_query(&query).expect("a query"), 10) };
        let context =
            QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
        let answer = search(&engine.view(), &request, &context, &stop).expect("searched");
        let shown = |answer: &SearchAnswer| {
            let hits = answer.hits.iter();
            hits.map(|hit| (hit.segment, hit.document, hit.score)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&answer), shown(&whole));
        asked.load(Ordering::Relaxed)
    };
    let first = looks();
    let second = looks();

    // As many are met as there are until ten of the best are found, of which there is one in a hundred.
    assert!(second <= 3 + 3 && first > second + 3, "{second} looks, {first} before");
}

/// A thread that helps with a segment may have walked over later ones, whose matches come behind those of the same score.
#[test]
fn of_documents_that_tie_the_first_are_found_on_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("t", "text")]));
    // A large segment with few of those that tie, and small ones of nothing else.
    for (segment, count) in [6_000, 20, 20].into_iter().enumerate() {
        for n in 0..count {
            let text = if segment > 0 || n % 100 == 99 { "one of all" } else { "two of these" };
            put(&engine, &format!("{segment}-{n}"), &json!({"t": text}));
        }
        engine.refresh(NOW).expect("refreshed");
    }
    let shown = |answer: &SearchAnswer| {
        let hits = answer.hits.iter();
        hits.map(|hit| (hit.segment, hit.document, hit.score)).collect::<Vec<_>>()
    };
    for operator in ["and", "or"] {
        let query = json!({"match": {"t": {"query": "all one", "operator": operator}}});
        let whole = shown(&answer(&engine, &query, u64::MAX, true));
        assert!(whole.iter().all(|hit| hit.2 == whole[0].2), "they tie");
        for round in 0..100 {
            let helpers = Helpers::eager(2 + round % 3);
            let found = helped_answer(&engine, &query, 0, false, &helpers);
            assert_eq!(shown(&found), whole, "{operator}, round {round}");
        }
    }
}
