//! What aggregations hold is asked for before they hold it, and no more than about that.

use super::*;
use crate::aggs::{AggRequest, finish, parse};
use crate::search::{Room, SearchError, Stop};

/// So many bytes.
#[derive(Debug)]
struct Bounded {
    most: usize,
    given: AtomicUsize,
}

impl Room for Bounded {
    fn take(&self, bytes: usize) -> Result<(), Stop> {
        let next = |given: usize| Some(given + bytes).filter(|given| *given <= self.most);
        let given = self.given.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        given.map(drop).map_err(|_| Stop::Cancelled)
    }
}

const KEYS: usize = 5_000;

fn filled(folder: &Path) -> Arc<Engine> {
    let engine = open(folder, mapping(&[("k", "keyword"), ("n", "long")]));
    for n in 0..KEYS {
        put(&engine, &n.to_string(), &json!({"k": format!("key-{n:06}"), "n": n}));
    }
    engine.refresh(NOW).expect("refreshed");
    engine
}

/// What is given of a room for an aggregation and its answer, or the fault.
fn asked(engine: &Arc<Engine>, aggs: &Value, most: usize) -> Result<usize, SearchError> {
    let room = Arc::new(Bounded { most, given: AtomicUsize::new(0) });
    let aggs: AggRequest = parse(aggs).expect("aggregations").within(Arc::<Bounded>::clone(&room));
    let rules = crate::QueryRules::default();
    let context = QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: &rules };
    let query = parse_query(&json!({"match_all": {}})).expect("a query");
    let request = SearchRequest { aggs, ..SearchRequest::of(query, 0) };
    let answer = search(&engine.view(), &request, &context, &never())?;
    finish(&request.aggs, answer.aggs, NOW)?;
    Ok(room.given.load(Ordering::Relaxed))
}

#[test]
fn buckets_are_asked_for_as_they_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path());
    let keys = json!({"a": {"terms": {"field": "k", "size": 10}}});
    let below =
        json!({"a": {"terms": {"field": "k", "size": 10}, "aggs": {"b": {"cardinality": {"field": "n"}}}}});
    let figure = json!({"a": {"avg": {"field": "n"}}});

    let of = |aggs: &Value| asked(&engine, aggs, usize::MAX).expect("there is room");

    assert!((200 * KEYS..800 * KEYS).contains(&of(&keys)), "{}", of(&keys));
    assert!(of(&below) > of(&keys) + 64 * KEYS, "{}", of(&below));
    assert_eq!(of(&figure), 0, "little is not asked for");
}

/// A table that doubles used to be asked for as a whole each time.
#[test]
fn a_count_of_distinct_values_asks_for_what_it_grows_by() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path());
    let exact = json!({"a": {"cardinality": {"field": "n", "precision_threshold": 40_000}}});

    let given = asked(&engine, &exact, usize::MAX).expect("there is room");

    let table = (KEYS * 8 / 7).next_power_of_two() * (size_of::<u64>() + 1);
    assert!((table..2 * table).contains(&given), "{given} of {table}");
}

#[test]
fn who_gets_no_room_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path());
    let keys = json!({"a": {"terms": {"field": "k", "size": 10}}});
    let whole = asked(&engine, &keys, usize::MAX).expect("there is room");

    for most in [0, whole / 8, whole / 2, whole * 9 / 10] {
        assert!(asked(&engine, &keys, most).is_err(), "{most} of {whole}");
    }
    assert!(asked(&engine, &keys, whole).is_ok());
}

#[test]
fn the_answer_is_asked_for_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = filled(folder.path());
    let shown = |size: usize| {
        let aggs = json!({"a": {"terms": {"field": "k", "size": size}}});
        asked(&engine, &aggs, usize::MAX).expect("there is room")
    };
    assert!(shown(KEYS) > shown(10) + 500 * KEYS, "{} {}", shown(KEYS), shown(10));
}
