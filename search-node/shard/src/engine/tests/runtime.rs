//! Runtime fields: whatever can be done with a field can be done with the values that sources have.

use super::*;
use crate::aggs;
use crate::search::{Scan, SearchAnswer, SearchError, Slice, SortField, SortKey, SortValue};

fn context() -> QueryContext<'static> {
    QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() }
}

fn with_runtime(properties: Value, runtime: Value) -> Arc<Mapping> {
    let mapping = json!({"dynamic": false, "properties": properties, "runtime": runtime});
    Arc::new(parse_mapping(&mapping).expect("valid"))
}

fn usual() -> Arc<Mapping> {
    with_runtime(
        json!({"n": {"type": "long"}, "word": {"type": "text"}}),
        json!({
            "word": {"type": "keyword"}, "o.size": {"type": "long"}, "at": {"type": "date"}, "part": {"type": "double"},
            "from": {"type": "ip"}, "is": {"type": "boolean"}
        }),
    )
}

/// Ten documents in two segments.
fn filled(folder: &Path, mapping: Arc<Mapping>, shared: Shared) -> Arc<Engine> {
    fs_err::create_dir_all(folder).expect("a folder");
    let engine = Engine::open(folder, mapping, EngineOptions::default(), shared).expect("opens");
    for n in 0..10 {
        let word = ["zero", "one", "two", "three", "four"][n % 5];
        let document = json!({
            "n": n, "word": word, "o": {"size": [n * 100, "no number"]}, "at": format!("2026-11-0{}T00:00:00Z", n % 9 + 1),
            "part": n as f64 / 4.0, "from": format!("10.0.0.{n}"), "is": n % 2 == 0, "flat.name": "x"
        });
        put(&engine, &n.to_string(), &document);
        if n == 4 {
            engine.refresh(NOW).expect("refreshed");
        }
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

fn unshared() -> Shared {
    Shared { workers: Workers::new(0), ..Shared::default() }
}

fn ask(engine: &Arc<Engine>, request: &SearchRequest) -> SearchAnswer {
    search(&engine.view(), request, &context(), &never()).expect("searched")
}

#[test]
fn every_query_finds_what_sources_have() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), usual(), unshared());

    for (query, expected) in [
        (json!({"term": {"word": "one"}}), &["1", "6"][..]),
        (json!({"terms": {"word": ["one", "two"]}}), &["1", "2", "6", "7"]),
        (json!({"match": {"word": "four"}}), &["4", "9"]),
        (json!({"match_bool_prefix": {"word": "fo"}}), &["4", "9"]),
        (json!({"prefix": {"word": "t"}}), &["2", "3", "7", "8"]),
        (json!({"wildcard": {"word": "*ee"}}), &["3", "8"]),
        (json!({"regexp": {"word": "(one|zero)"}}), &["0", "1", "5", "6"]),
        (json!({"fuzzy": {"word": "ome"}}), &["1", "6"]),
        (json!({"range": {"o.size": {"gte": 250, "lt": 600}}}), &["3", "4", "5"]),
        (json!({"term": {"o.size": 700}}), &["7"]),
        (json!({"range": {"at": {"gte": "2026-11-08", "lte": "2026-11-09"}}}), &["7", "8"]),
        (json!({"range": {"part": {"gt": 2}}}), &["9"]),
        (json!({"term": {"from": "10.0.0.6/31"}}), &["6", "7"]),
        (json!({"term": {"is": true}}), &["0", "2", "4", "6", "8"]),
        (json!({"exists": {"field": "o"}}), &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        (json!({"exists": {"field": "missing"}}), &[]),
        (json!({"bool": {"must_not": {"range": {"o.size": {"lt": 800}}}}}), &["8", "9"]),
        (json!({"bool": {"filter": [{"range": {"n": {"gte": 5}}}, {"term": {"word": "two"}}]}}), &["7"]),
        (json!({"multi_match": {"query": "two", "fields": ["wo*", "n"], "lenient": true}}), &["2", "7"]),
        (json!({"query_string": {"query": "word:three AND o.size:[* TO 500]"}}), &["3"]),
        (json!({"query_string": {"query": "five OR three"}}), &["3", "8"]),
    ] {
        assert_eq!(found(&engine, &query), expected, "{query}");
    }
    let wrong = parse_query(&json!({"term": {"o.size": "x"}})).expect("a query");
    let refused = search(&engine.view(), &SearchRequest::of(wrong, 1), &context(), &never());
    assert!(matches!(refused, Err(SearchError::Query(_))), "{refused:?}");
}

#[test]
fn hits_are_sorted_and_aggregated_by_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), usual(), unshared());
    let aggs = json!({
        "words": {"terms": {"field": "word"}, "aggs": {"most": {"max": {"field": "o.size"}}}},
        "small": {"filter": {"range": {"o.size": {"lt": 300}}}}
    });
    let key =
        |path: &str, descending| SortKey { descending, ..SortKey::of(SortField::Field(path.to_owned())) };
    let request = SearchRequest {
        sort: vec![key("word", false), key("o.size", true)],
        aggs: aggs::parse(&aggs).expect("aggregations"),
        ..SearchRequest::of(parse_query(&json!({"match_all": {}})).expect("a query"), 3)
    };

    let answer = ask(&engine, &request);

    let sorted: Vec<Vec<SortValue>> = answer.hits.iter().map(|hit| hit.sort.clone()).collect();
    let value = |word: &str, size| vec![SortValue::Text(word.to_owned()), SortValue::Integer(size)];
    assert_eq!(sorted, [value("four", 900), value("four", 400), value("one", 600)]);
    let shown = crate::finish_aggs(&request.aggs, answer.aggs, NOW).expect("finished");
    assert_eq!(shown["small"]["doc_count"], 3);
    let buckets = shown["words"]["buckets"].as_array().expect("buckets").clone();
    assert_eq!(buckets.len(), 5);
    assert!(
        buckets.contains(&json!({"key": "two", "doc_count": 2, "most": {"value": 700.0}})),
        "{buckets:?}"
    );
}

#[test]
fn deleted_documents_are_not_found_and_an_earlier_point_in_time_still_has_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), usual(), unshared());
    let before = engine.view();
    write(&engine, "1", None, Condition::None).expect("deleted");
    engine.refresh(NOW).expect("refreshed");

    let request = SearchRequest::of(parse_query(&json!({"term": {"word": "one"}})).expect("a query"), 10);
    assert_eq!(ask(&engine, &request).total, 1);
    assert_eq!(ask(&engine, &SearchRequest { hits: 0, ..request.clone() }).total, 1, "counted alone");

    assert_eq!(search(&before, &request, &context(), &never()).expect("searched").total, 2);
}

#[test]
fn a_definition_may_change_and_documents_are_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), usual(), unshared());
    assert_eq!(found(&engine, &json!({"term": {"o.size": "0500"}})), ["5"]);

    let changed =
        parse_mapping(&json!({"runtime": {"o.size": {"type": "keyword"}, "flat.name": {"type": "keyword"}}}));
    let next = usual().merge(&changed.expect("valid")).expect("merges");
    engine.set_mapping(Arc::new(next), NOW).expect("set");
    engine.refresh(NOW).expect("refreshed");

    assert_eq!(found(&engine, &json!({"term": {"o.size": "0500"}})), [""; 0]);
    assert_eq!(found(&engine, &json!({"term": {"o.size": "500"}})), ["5"]);
    assert_eq!(found(&engine, &json!({"term": {"o.size": "no number"}})).len(), 10);
    assert_eq!(found(&engine, &json!({"term": {"flat.name": "x"}})).len(), 10);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_read_where_nothing_can_match() {
    let folder = tempfile::tempdir().expect("a folder");
    let shared = Shared { fielddata: Fielddata::new(1 << 20), ..unshared() };
    let engine = filled(folder.path(), usual(), shared);
    assert_eq!(found(&engine, &json!({"term": {"word": "two"}})), ["2", "7"], "a few values fit");
    let held = || engine.view().identities.values().map(|of| of.fielddata().bytes()).sum::<usize>();
    let before = held();
    for n in 10..3_010 {
        put(&engine, &n.to_string(), &json!({"n": n, "word": format!("{n:01000}")}));
    }
    engine.refresh(NOW).expect("refreshed");
    let query = |n| json!({"bool": {"filter": [{"range": {"n": {"gte": n}}}, {"term": {"word": "two"}}]}});

    let request = SearchRequest::of(parse_query(&query(5)).expect("a query"), 10);
    match search(&engine.view(), &request, &context(), &never()) {
        Err(SearchError::Query(error)) => {
            assert_eq!(error.kind, "circuit_breaking_exception");
            assert!(
                error.reason.starts_with("[fielddata] Data too large, data for [word] would be"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
    let zones = 4 << 10;
    assert!(
        (before..before + zones).contains(&held()),
        "nothing is left of what was begun, and nothing went for it"
    );
    let below = json!({"bool": {"filter": [{"range": {"n": {"lt": 10}}}, {"term": {"word": "two"}}]}});
    assert_eq!(found(&engine, &below), ["2", "7"], "the large segment is not read for it");
    assert_eq!(found(&engine, &query(5_000)), [""; 0]);
}

#[test]
fn values_are_read_once_and_only_as_long_as_somebody_wants_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path(), usual(), unshared());
    let request = SearchRequest::of(parse_query(&json!({"term": {"word": "two"}})).expect("a query"), 10);
    let held = || engine.view().identities.values().map(|of| of.fielddata().bytes()).sum::<usize>();
    let (cancelled, asked) = ends_after(0, Stop::Cancelled);
    let nothing = search(&engine.view(), &request, &context(), &cancelled);
    assert!(matches!(nothing, Err(SearchError::Cancelled)), "{nothing:?}");
    assert_eq!((asked.load(Ordering::Relaxed), held()), (1, 0));
    // With little time one segment is read and searched each time, so that a search gets on.
    let (little_time, _) = ends_after(1, Stop::TimeIsUp);
    let part = search(&engine.view(), &request, &context(), &little_time).expect("a part");
    assert_eq!((part.is_partial, part.total), (true, 1));
    assert!(held() > 0, "what was begun is read to its end");

    assert_eq!(ask(&engine, &request).total, 2);
    let bytes = held();
    assert!(bytes > 0);
    assert_eq!(ask(&engine, &request).total, 2);
    assert_eq!(held(), bytes, "nothing is read twice");

    engine.force_merge(ForceMerge::Segments(1)).expect("merged");
    engine.refresh(NOW).expect("refreshed");
    assert_eq!(held(), 0, "segments that are gone take their values with them");
    assert_eq!(ask(&engine, &request).total, 2);
}

/// A mapping of so many runtime fields, and documents that have a value in each.
fn wide(folder: &Path, fields: usize, documents: usize) -> Arc<Engine> {
    let types = ["keyword", "long", "boolean"];
    let runtime: serde_json::Map<_, _> =
        (0..fields).map(|n| (format!("r{n:03}"), json!({"type": types[n % 3]}))).collect();
    let engine = Engine::open(
        folder,
        with_runtime(json!({}), Value::Object(runtime)),
        EngineOptions::default(),
        unshared(),
    )
    .expect("opens");
    for document in 0..documents {
        let value = |n: usize| match n % 3 {
            0 => json!(format!("word{}", document % 7)),
            1 => json!(document),
            _ => json!(document % 2 == 0),
        };
        let values: serde_json::Map<_, _> = (0..fields).map(|n| (format!("r{n:03}"), value(n))).collect();
        put(&engine, &document.to_string(), &Value::Object(values));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

/// Each field used to go over the sources by itself.
#[test]
fn sources_are_gone_over_once_for_all_fields_of_a_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = wide(folder.path(), 90, 20);
    let aggs =
        json!({"f": {"filter": {"term": {"r003": "word1"}}, "aggs": {"m": {"max": {"field": "r004"}}}}});
    let key = |path: &str| SortKey::of(SortField::Field(path.to_owned()));
    // Each reading looks once whether it is still wanted.
    let looks = |query: &Value| {
        let request = SearchRequest {
            sort: vec![key("r000"), key("r001")],
            aggs: aggs::parse(&aggs).expect("aggregations"),
            ..SearchRequest::of(parse_query(query).expect("a query"), 3)
        };
        let (count, asked) = ends_after(usize::MAX, Stop::Cancelled);
        let answer = search(&engine.view(), &request, &context(), &count).expect("searched");
        (answer.total, asked.load(Ordering::Relaxed))
    };

    let (total, of_few) = looks(&json!({"match_all": {}}));
    assert_eq!(total, 20);
    assert!(of_few < 8, "{of_few}");
    let (total, of_all) = looks(&json!({"query_string": {"query": "word1"}}));
    assert_eq!(total, 3);
    assert!(of_all < 8, "{of_all}");
    let (total, again) = looks(&json!({"query_string": {"query": "word2"}}));
    assert_eq!((total, again), (3, of_all - 1), "all of them are kept");
}

/// Fields whose values were read by different layouts, and one below another.
#[test]
fn values_that_were_read_at_different_times_are_asked_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = with_runtime(
        json!({}),
        json!({"a": {"type": "long"}, "a.b": {"type": "long"}, "c": {"type": "boolean"}, "d": {"type": "keyword"}}),
    );
    let engine = Engine::open(folder.path(), mapping, EngineOptions::default(), unshared()).expect("opens");
    for (id, document) in [
        ("1", json!({"a": 1, "c": true, "d": "x"})),
        ("2", json!({"a": {"b": 1}, "c": false, "d": "y"})),
        ("3", json!({"a": [1, {"b": 2}], "c": "true"})),
        ("4", json!({"a.b": 1, "d": ["x", "y"]})),
        ("5", json!([{"a": 1}])),
    ] {
        if document.is_object() {
            put(&engine, id, &document);
        }
        engine.refresh(NOW).expect("refreshed");
    }

    assert_eq!(found(&engine, &json!({"term": {"c": true}})), ["1", "3"]);
    let either = json!({"bool": {"should": [{"term": {"a": 1}}, {"term": {"c": true}}]}});
    assert_eq!(found(&engine, &either), ["1", "3"]);
    assert_eq!(found(&engine, &json!({"range": {"a.b": {"gte": 1}}})), ["2", "3", "4"]);
    let each = json!({"multi_match": {"query": "1", "fields": ["a*", "c", "d"], "lenient": true}});
    assert_eq!(found(&engine, &each), ["1", "2", "3", "4"]);
    assert_eq!(found(&engine, &json!({"exists": {"field": "a"}})), ["1", "3"]);
}

/// They used to be left out as terms that no index holds.
#[test]
fn long_keywords_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = with_runtime(json!({}), json!({"word": {"type": "keyword"}}));
    let engine = Engine::open(folder.path(), mapping, EngineOptions::default(), unshared()).expect("opens");
    let (long, longer) = ("x".repeat(40_000), format!("a{}", "\u{e9}".repeat(40_000)));
    for (id, word) in [("1", &long), ("2", &longer)] {
        put(&engine, id, &json!({"word": word}));
    }
    engine.refresh(NOW).expect("refreshed");

    assert_eq!(found(&engine, &json!({"term": {"word": long}})), ["1"]);
    assert_eq!(found(&engine, &json!({"terms": {"word": [longer]}})), ["2"]);
    assert_eq!(found(&engine, &json!({"prefix": {"word": "a\u{e9}"}})), ["2"]);
    assert_eq!(found(&engine, &json!({"exists": {"field": "word"}})), ["1", "2"]);
    let request = SearchRequest {
        sort: vec![SortKey::of(SortField::Field("word".to_owned()))],
        ..SearchRequest::of(parse_query(&json!({"match_all": {}})).expect("a query"), 2)
    };
    // Of the longer one the column has as many whole letters as fit.
    let sorted: Vec<_> = ask(&engine, &request).hits.into_iter().flat_map(|hit| hit.sort).collect();
    let cut = longer.chars().take(1 + 65_534 / 2).collect();
    assert_eq!(sorted, [SortValue::Text(cut), SortValue::Text(long)]);
}

/// A search used to hold what all segments have of its fields until its end, and was refused where that is too much.
#[test]
fn a_search_fits_where_a_part_of_its_segments_fits() {
    let mapping = || with_runtime(json!({}), json!({"a": {"type": "keyword"}, "b": {"type": "keyword"}}));
    let engine_of = |bytes_max, folder: &Path| {
        fs_err::create_dir_all(folder).expect("a folder");
        let shared = Shared { fielddata: Fielddata::new(bytes_max), ..unshared() };
        let engine = Engine::open(folder, mapping(), EngineOptions::default(), shared).expect("opens");
        for n in 0..1_200 {
            let value = |name: char| format!("{name}{n:0200}");
            put(&engine, &n.to_string(), &json!({"a": value('a'), "b": value('b')}));
            if n % 300 == 299 {
                engine.refresh(NOW).expect("refreshed");
            }
        }
        engine
    };
    let key = SortKey { descending: true, ..SortKey::of(SortField::Field("b".to_owned())) };
    let query = parse_query(&json!({"prefix": {"a": "a0"}})).expect("a query");
    let request = SearchRequest { sort: vec![key], ..SearchRequest::of(query, 2) };
    let root = tempfile::tempdir().expect("a folder");
    let roomy = engine_of(usize::MAX, &root.path().join("roomy"));
    let whole = ask(&roomy, &request);
    let view = roomy.view();
    assert_eq!(view.searcher.segment_readers().len(), 4);
    let both = view.identities.values().map(|of| of.fielddata().bytes()).sum::<usize>();

    for (share, fits) in [(80, true), (30, true), (20, false)] {
        let engine = engine_of(both / 100 * share, &root.path().join(share.to_string()));

        let answer = search(&engine.view(), &request, &context(), &never());

        let of =
            |answer: &SearchAnswer| (answer.total, answer.hits.iter().map(|hit| hit.sort.clone()).collect());
        let found: Option<(u64, Vec<Vec<SortValue>>)> = answer.as_ref().ok().map(of);
        assert_eq!(found, fits.then(|| of(&whole)), "{share} % of [{both}b]: {:?}", answer.err());
        if fits {
            let scan = Scan::open(engine.view(), &request.query, &context(), Slice::WHOLE);
            let scanned = scan.expect("a scan").next(usize::MAX, &never()).map(|hits| hits.len());
            assert_eq!(scanned.ok(), Some(1_200), "{share} % of [{both}b]");
        }
    }
}

/// What a query of every field takes: `cargo test -p shard --release many_fields -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn a_query_of_many_fields_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = wide(folder.path(), 900, 160);
    for round in ["first", "again"] {
        let begun = std::time::Instant::now();
        let found = found(&engine, &json!({"query_string": {"query": "word1"}})).len();
        println!("{round}: {found} found in {:?}", begun.elapsed());
    }
}
