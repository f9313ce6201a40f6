//! Which searches share an answer, and which have none that is kept.

use daemon::CancellationToken;
use serde_json::json;

use super::*;
use crate::action::search::until::Until;
use crate::memory::Memory;

const NOW: i64 = 1_795_515_630_123;

fn question(hits: usize, request_cache: Option<bool>) -> Question {
    Question {
        body: Vec::new(),
        doc_type: None,
        now_millis: NOW,
        hits,
        shards: Vec::new(),
        is_kept: false,
        may_skip: false,
        within: None,
        task: String::new(),
        held: None,
        request_cache,
    }
}

fn name_at(json: &Value, now_millis: i64) -> Option<String> {
    let body = SearchBody::read(json).expect("a search");
    let question = Question { now_millis, ..question(body.size, None) };
    RequestCache::of(&question, &body, json).map(|cache| cache.name)
}

fn name(json: &Value) -> Option<String> {
    name_at(json, NOW)
}

#[test]
fn what_says_the_same_shares_an_answer() {
    let terms = json!({"a": {"terms": {"field": "k"}}, "b": {"avg": {"field": "n"}}});
    let others = json!({"b": {"avg": {"field": "n"}}, "a": {"terms": {"field": "k"}}});
    let query = json!({"range": {"n": {"gte": 1, "lt": 2}}});
    for (what, one, other, is_same) in [
        (
            "the order of members",
            json!({"size": 0, "query": query}),
            json!({"query": {"range": {"n": {"lt": 2, "gte": 1}}}, "size": 0}),
            true,
        ),
        ("what is about time", json!({"size": 0}), json!({"size": 0, "timeout": "1s"}), true),
        (
            "what is shown of hits",
            json!({"size": 0}),
            json!({"size": 0, "_source": false, "version": true}),
            true,
        ),
        (
            "another query",
            json!({"size": 0, "query": query}),
            json!({"size": 0, "post_filter": query}),
            false,
        ),
        (
            "another value",
            json!({"size": 0, "query": {"term": {"n": 1}}}),
            json!({"size": 0, "query": {"term": {"n": "1"}}}),
            false,
        ),
        (
            "the order of aggregations",
            json!({"size": 0, "aggs": terms}),
            json!({"size": 0, "aggs": others}),
            false,
        ),
        ("how far is counted", json!({"size": 0}), json!({"size": 0, "track_total_hits": true}), false),
        (
            "the order of hits, which may be refused",
            json!({"size": 0}),
            json!({"size": 0, "sort": "n"}),
            false,
        ),
    ] {
        let (one, other) = (name(&one).expect(what), name(&other).expect(what));
        assert_eq!(one == other, is_same, "{what}: {one} {other}");
    }
}

#[test]
fn what_is_of_the_moment_or_of_chance_is_not_kept() {
    let scored = |score: Value| json!({"size": 0, "query": {"function_score": score}});
    let math = |text: &str| json!({"size": 0, "query": {"range": {"d": {"gte": text}}}});
    for (json, is_kept) in [
        (json!({"size": 0}), true),
        (json!({"size": 1}), false),
        (json!({"size": 0, "profile": true}), false),
        (math("2026-01-01"), true),
        (math("now"), false),
        (math("now-1d"), false),
        (math("now/d"), true),
        (math("now-1d/d"), true),
        (json!({"size": 0, "query": {"wrapper": {"query": "eyJtYXRjaF9hbGwiOnt9fQ=="}}}), false),
        (json!({"size": 0, "query": {"query_string": {"query": "d:[now-1h TO now/d]"}}}), false),
        (
            json!({"size": 0, "query": {"query_string": {"query": "d:[now-1h/h TO *] AND snow nowhere"}}}),
            true,
        ),
        (json!({"size": 0, "aggs": {"a": {"filter": {"range": {"d": {"lt": "now"}}}}}}), false),
        (scored(json!({"random_score": {}})), false),
        (scored(json!({"random_score": {"seed": 1, "field": "_seq_no"}})), true),
        (scored(json!({"gauss": {"d": {"scale": "1d"}}})), false),
        (scored(json!({"gauss": {"d": {"origin": "2026-01-01", "scale": "1d"}}})), true),
        (scored(json!({"gauss": {"d": {"origin": "now", "scale": "1d"}}})), false),
    ] {
        assert_eq!(name(&json).is_some(), is_kept, "{json}");
    }
    let long = "x".repeat(NAME_BYTES_MAX);
    assert_eq!(name(&json!({"size": 0, "query": {"term": {"k": long}}})), None);
}

#[test]
fn what_is_rounded_is_another_once_the_time_has_come() {
    let math = |text: &str| json!({"size": 0, "query": {"range": {"d": {"gte": text}}}});
    let day = 24 * 60 * 60 * 1000;
    for (text, later, is_same) in [
        ("2026-01-01", day, true),
        ("now/s", 500, true),
        ("now/s", 1000, false),
        ("now-90s/m", 1000, false),
        ("now/m", 20_000, true),
        ("now-5m/h", 60_000, false),
        ("now/d", 60_000, true),
        // A day begins at another time elsewhere.
        ("now/d", QUARTER, false),
        ("now/M-1d", day, false),
    ] {
        let (one, other) = (name_at(&math(text), NOW), name_at(&math(text), NOW + later));
        assert_eq!(one.expect(text) == other.expect(text), is_same, "{text} {later}");
    }
}

/// A zone that a request makes up may have its midnight at any minute.
#[test]
fn a_day_begins_with_the_minute_of_its_zone() {
    for (zone, later, is_same) in [
        ("Europe/Berlin", MINUTE, true),
        ("+05:45", MINUTE, true),
        ("-03", MINUTE, true),
        ("Etc/GMT-14", MINUTE, true),
        ("+00:07", 20_000, true),
        ("+00:07", MINUTE, false),
        ("-0020", MINUTE, false),
    ] {
        let range = json!({"range": {"d": {"gte": "now/d", "time_zone": zone}}});
        let json = json!({"size": 0, "query": {"bool": {"filter": [range]}}});
        let (one, other) = (name_at(&json, NOW), name_at(&json, NOW + later));
        assert_eq!(one.expect(zone) == other.expect(zone), is_same, "{zone} {later}");
    }
}

#[test]
fn who_asks_says_whether_it_is_kept() {
    let (none, of_hits) = (json!({"size": 0}), json!({"size": 3}));
    for (json, hits, asked, is_kept) in [
        (&none, 0, None, true),
        (&none, 0, Some(false), false),
        (&of_hits, 3, None, false),
        (&of_hits, 3, Some(true), true),
    ] {
        let body = SearchBody::read(json).expect("a search");
        let cache = RequestCache::of(&question(hits, asked), &body, json);
        assert_eq!(cache.is_some(), is_kept, "{json} {asked:?}");
        assert_eq!(cache.is_some_and(|cache| cache.is_asked), is_kept && asked == Some(true));
    }
}

#[test]
fn an_answer_that_has_ended_early_is_not_kept_and_another_is_read_as_it_was() {
    let answer = SearchAnswer { total: 7, max_score: Some(1.5), ..SearchAnswer::default() };
    let mut found = Found { answer, suggested: Suggested::default() };

    let budget = |limit| Budget::new(&Memory::bounded(limit), Until::new(None, CancellationToken::new()));
    let wide = budget(64 << 20);
    assert_eq!(written(&mut found, &budget(1)), None, "there is no memory for it");
    let bytes = written(&mut found, &wide).expect("kept");

    let again = read(&bytes).expect("read");
    assert_eq!((again.answer.total, again.answer.max_score), (7, Some(1.5)));
    found.answer.is_terminated = true;
    assert_eq!(written(&mut found, &wide), None);
    found.answer = SearchAnswer { is_partial: true, ..SearchAnswer::default() };
    assert_eq!(written(&mut found, &wide), None);
    assert!(read(b"\xff").is_none());
}
