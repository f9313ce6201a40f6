//! Shards that a search may leave out: never one in which it would find something.

use super::*;
use crate::query::can_match;

fn context() -> QueryContext<'static> {
    QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: crate::QueryRules::usual() }
}

fn can(engine: &Engine, query: &Value) -> bool {
    can_match(&parse_query(query).expect("a query"), &engine.view(), &context())
}

/// One day, some numbers, in two segments; a third one has no values.
fn engine_of_a_day(folder: &Path) -> Arc<Engine> {
    let fields = [
        ("day", "date"),
        ("n", "long"),
        ("x", "double"),
        ("y", "float"),
        ("never", "date"),
        ("k", "keyword"),
    ];
    let engine = open(folder, mapping(&fields));
    put(&engine, "1", &json!({"day": "2026-11-26T00:00:00Z", "n": -5, "x": -0.5, "y": 0.5, "k": "a"}));
    engine.refresh(NOW).expect("refreshed");
    put(&engine, "2", &json!({"day": "2026-11-26T23:59:59.999Z", "n": [7, 20], "x": 0.0, "y": 2.5}));
    engine.refresh(NOW).expect("refreshed");
    put(&engine, "3", &json!({"k": "b"}));
    engine.refresh(NOW).expect("refreshed");
    engine
}

#[test]
fn ranges_beside_the_values_cannot_match_and_those_that_reach_them_can() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_of_a_day(folder.path());
    // NOW is the 24th of November 2026.
    for (field, range, expected) in [
        ("day", json!({"gte": "2026-11-26", "lt": "2026-11-27"}), true),
        ("day", json!({"gte": "2026-11-27"}), false),
        ("day", json!({"gt": "2026-11-26T23:59:59.999Z"}), false),
        ("day", json!({"gte": "2026-11-26T23:59:59.999Z"}), true),
        ("day", json!({"gt": "2026-11-26"}), false),
        ("day", json!({"gt": "2026-11-26T00:00:00Z"}), true),
        ("day", json!({"gt": "2026-11-26||/d"}), false),
        ("day", json!({"lte": "2026-11-25"}), false),
        ("day", json!({"lt": "2026-11-26"}), false),
        ("day", json!({"lte": "2026-11-26"}), true),
        ("day", json!({"lte": "2026-11-25||+1d"}), true),
        ("day", json!({"gte": "2026-11-27", "time_zone": "+01:00"}), true),
        ("day", json!({"gte": "2026-11-27", "time_zone": "-01:00"}), false),
        ("day", json!({"gte": "27.11.2026", "format": "dd.MM.yyyy"}), false),
        ("day", json!({"gte": "now-10y", "lte": "now+10y"}), true),
        ("day", json!({"lte": "now-1y"}), false),
        ("day", json!({}), true),
        ("n", json!({"gt": 20}), false),
        ("n", json!({"gte": 20}), true),
        ("n", json!({"gte": 19.5}), true),
        ("n", json!({"lt": -5}), false),
        ("n", json!({"gte": 8, "lte": 19}), true),
        ("n", json!({"gte": -4, "lte": 6}), false),
        ("x", json!({"gt": 0.0}), false),
        ("x", json!({"gte": 0.0}), true),
        ("x", json!({"lt": -0.5}), false),
        ("y", json!({"lt": 0.5}), false),
        ("y", json!({"lte": 0.5}), true),
        ("never", json!({"gte": "now-1y"}), false),
        ("never", json!({"lte": "now"}), false),
        ("never", json!({}), false),
        ("unmapped", json!({"gte": 1}), false),
        // What cannot be told, or is wrong, is left to the search.
        ("k", json!({"gt": "zzz"}), true),
        ("day", json!({"gte": "no date"}), true),
        ("n", json!({"gte": "no number"}), true),
        ("da*", json!({"gte": "2030"}), true),
        ("_id", json!({"gte": "2030"}), true),
    ] {
        let query = json!({"range": {field: range}});
        assert_eq!(can(&engine, &query), expected, "{query}");
        let found_anything = !matches!(search_for(&engine, &query), Ok(0));
        assert!(expected || !found_anything, "{query} finds what would be left out");
    }
}

fn search_for(engine: &Arc<Engine>, query: &Value) -> Result<u64, crate::search::SearchError> {
    let request = SearchRequest::of(parse_query(query).expect("a query"), 0);
    search(&engine.view(), &request, &context(), &never()).map(|answer| answer.total)
}

#[test]
fn only_what_every_match_must_satisfy_counts_and_all_of_it_in_one_segment() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine_of_a_day(folder.path());
    let later = json!({"range": {"day": {"gte": "2026-11-27"}}});
    let that_day = json!({"range": {"day": {"gte": "2026-11-26"}}});
    let first_number = json!({"range": {"n": {"lte": 0}}});
    let second_number = json!({"range": {"n": {"gte": 7}}});
    for (query, expected) in [
        (json!({"bool": {"filter": later}}), false),
        (json!({"bool": {"must": [{"match_all": {}}, later]}}), false),
        (json!({"bool": {"filter": [that_day, {"bool": {"must": later}}]}}), false),
        (json!({"constant_score": {"filter": later, "boost": 2}}), false),
        (json!({"bool": {"filter": {"match_none": {}}}}), false),
        (json!({"bool": {"should": later}}), true),
        (json!({"bool": {"must_not": later}}), true),
        (json!({"bool": {"filter": that_day, "should": later}}), true),
        (json!({"dis_max": {"queries": [later]}}), true),
        (json!({"bool": {"filter": [that_day, first_number]}}), true),
        (json!({"bool": {"filter": [first_number, second_number]}}), false),
        (json!({"match_all": {}}), true),
    ] {
        assert_eq!(can(&engine, &query), expected, "{query}");
    }
}

#[test]
fn what_was_just_made_visible_counts_and_what_is_gone_does_once_its_segment_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = open(folder.path(), mapping(&[("day", "date")]));
    let later = json!({"range": {"day": {"gte": "2026-11-27"}}});
    assert!(!can(&engine, &later), "there is no document at all");

    put(&engine, "1", &json!({"day": "2026-11-27"}));
    engine.refresh(NOW).expect("refreshed");
    assert!(can(&engine, &later));

    write(&engine, "1", None, Condition::None).expect("deleted");
    engine.refresh(NOW).expect("refreshed");
    assert!(!can(&engine, &later), "no document is left");
}
