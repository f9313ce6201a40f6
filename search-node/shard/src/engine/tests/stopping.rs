//! A search that is stopped: what was found so far, or nothing at all.

use super::*;
use crate::aggs;
use crate::search::{Scan, SearchAnswer, SearchError, Slice};

const DOCUMENTS: u64 = 20_000;

fn engine_with_documents(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("n", "long"), ("word", "keyword")]));
    for n in 0..DOCUMENTS {
        put(&engine, &n.to_string(), &json!({"n": n, "word": "same"}));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

/// A search that is stopped when it is asked for the time given, from 0 on; also how often it was asked.
fn search_stopped(
    engine: &Arc<Engine>,
    scored: bool,
    aggs: &Value,
    at: usize,
    why: Stop,
) -> (Result<SearchAnswer, SearchError>, usize) {
    let request = SearchRequest {
        track_scores: scored,
        aggs: aggs::parse(aggs).expect("aggregations"),
        ..SearchRequest::of(parse_query(&json!({"term": {"word": "same"}})).expect("a query"), 10)
    };
    let request = if scored { request } else { SearchRequest { hits: 0, ..request } };
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let (stop, asked) = ends_after(at, why);
    (search(&engine.view(), &request, &context, &stop), asked.load(Ordering::Relaxed))
}

#[test]
fn a_search_whose_time_is_up_answers_with_what_it_has_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_documents(folder.path());
    let aggs = json!({"most": {"max": {"field": "n"}}});
    for scored in [true, false] {
        let (whole, looks) = search_stopped(&engine, scored, &aggs, usize::MAX, Stop::TimeIsUp);
        let whole = whole.expect("searched");
        assert_eq!((whole.total, whole.is_partial), (DOCUMENTS, false));
        assert!((3..100).contains(&looks), "{looks} looks at {DOCUMENTS} documents");

        let mut last = None;
        for at in 0..looks {
            let (part, asked) = search_stopped(&engine, scored, &aggs, at, Stop::TimeIsUp);
            let part = part.expect("searched");
            assert!(part.is_partial, "look {at}");
            assert_eq!(asked, at + 1, "nobody is asked again");
            assert!(part.total < DOCUMENTS && last.is_none_or(|last| part.total >= last), "{}", part.total);
            last = Some(part.total);
        }
        assert!(last.is_some_and(|last| last > 0), "what was found counts");
    }
}

#[test]
fn a_search_that_nobody_wants_is_an_error_also_with_a_filter_of_an_aggregation() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_documents(folder.path());
    let filter = json!({"all": {"filter": {"exists": {"field": "n"}}}});
    let (whole, looks) = search_stopped(&engine, false, &filter, usize::MAX, Stop::Cancelled);
    assert!(whole.is_ok());
    let once = usize::try_from(DOCUMENTS / 1100).expect("few");
    assert!(looks > once, "it is asked {looks} times");

    for at in 0..looks {
        let (part, asked) = search_stopped(&engine, false, &filter, at, Stop::Cancelled);
        assert!(matches!(part, Err(SearchError::Cancelled)), "look {at}: {part:?}");
        assert_eq!(asked, at + 1);
    }
}

/// It used to be asked once for each batch, however many documents were gone over for that.
#[test]
fn a_scan_that_nobody_wants_ends_among_documents_of_other_slices() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_documents(folder.path());
    let query = parse_query(&json!({"term": {"word": "same"}})).expect("a query");
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let scan_stopped = |at: usize| {
        let slice = Slice { number: 0, of: 1_000 };
        let mut scan = Scan::open(engine.view(), &query, &context, slice).expect("a scan");
        let (stop, asked) = ends_after(at, Stop::Cancelled);
        (scan.next(usize::MAX, &stop).map(|hits| hits.len()), asked.load(Ordering::Relaxed))
    };
    let (whole, looks) = scan_stopped(usize::MAX);
    let most = DOCUMENTS as usize / 100;
    assert!(whole.as_ref().is_ok_and(|whole| (1..most).contains(whole)), "{whole:?}");
    assert!(looks > DOCUMENTS as usize / 1_000, "{looks} looks at {DOCUMENTS} documents");

    for at in 0..looks {
        let (part, asked) = scan_stopped(at);
        assert!(matches!(part, Err(SearchError::Cancelled)), "look {at}: {part:?}");
        assert_eq!(asked, at + 1);
    }
}

/// Where every document was a match nobody looked: who only counts them does not.
#[test]
fn a_script_that_takes_every_document_ends_with_the_search() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_with_documents(folder.path());
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let script = json!({"script": {"script": "doc['n'].value >= 0"}});
    for query in [
        json!({"bool": {"filter": [script]}}),
        json!({"constant_score": {"filter": script}}),
        json!({"bool": {"must_not": [script]}}),
        script.clone(),
    ] {
        let request = SearchRequest::of(parse_query(&query).expect("a query"), 0);
        let looked = |at: usize, why: Stop| {
            let (stop, asked) = ends_after(at, why);
            let answer = search(&engine.view(), &request, &context, &stop);
            (answer, asked.load(Ordering::Relaxed))
        };
        let (whole, looks) = looked(usize::MAX, Stop::Cancelled);
        assert!(whole.is_ok() && looks > 100, "{query}: {looks} looks at {DOCUMENTS} documents");

        assert!(matches!(looked(looks / 2, Stop::Cancelled).0, Err(SearchError::Cancelled)), "{query}");
        assert!(looked(looks / 2, Stop::TimeIsUp).0.is_ok_and(|part| part.is_partial), "{query}");
    }
}

#[test]
fn a_long_loop_ends_with_the_search_and_is_no_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("n", "long")]));
    put(&engine, "1", &json!({"n": 1}));
    engine.refresh(NOW).expect("refreshed");
    let context =
        QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() };
    let script = "def x = 0; for (int i = 0; i < 900000; i++) { x = x + i; } return true";
    let query = parse_query(&json!({"script": {"script": script}})).expect("a query");
    let (stop, asked) = ends_after(3, Stop::Cancelled);

    let ended = search(&engine.view(), &SearchRequest::of(query, 0), &context, &stop);

    assert!(matches!(ended, Err(SearchError::Cancelled)), "{ended:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}
