//! What asks for a rollover, what it would do, and what is refused.

use serde_json::json;

use super::*;
use crate::indices::data_stream::{DataStream, TIMESTAMP};
use crate::indices::test_map::map_of;

const HOUR: u64 = 3_600_000;

#[test]
fn any_max_condition_asks_for_a_rollover_and_every_min_condition_must_allow_it() {
    let figures =
        Figures { age_millis: HOUR, documents: 100, bytes: 4096, shard_documents: 60, shard_bytes: 2048 };
    for (conditions, is_met) in [
        (json!(null), true),
        (json!({}), true),
        (json!({"max_docs": 100}), true),
        (json!({"max_docs": 101}), false),
        (json!({"max_docs": 101, "max_age": "1h"}), true),
        (json!({"max_age": "61m"}), false),
        (json!({"max_size": "4kb"}), true),
        (json!({"max_size": "5kb", "max_primary_shard_size": "2kb"}), true),
        (json!({"max_primary_shard_size": "3kb"}), false),
        (json!({"max_primary_shard_docs": "60"}), true),
        (json!({"max_docs": 1, "min_docs": 101}), false),
        (json!({"max_docs": 1, "min_age": "1h", "min_primary_shard_docs": 60}), true),
    ] {
        let read = RolloverCondition::read_all(&conditions).expect("read");
        let (found, each) = are_met(&read, &figures);
        assert_eq!(found, is_met, "{conditions}");
        assert_eq!(each.len(), conditions.as_object().map_or(0, Map::len), "{conditions}");
    }
    let read = RolloverCondition::read_all(&json!({"max_docs": 7})).expect("read");
    assert_eq!(Value::Object(are_met(&read, &figures).1), json!({"[max_docs: 7]": true}));
}

#[test]
fn conditions_that_mean_nothing_are_refused() {
    for (conditions, reason) in [
        (json!([]), "[conditions] must be an object"),
        (json!({"max_color": 1}), "[conditions] unknown field [max_color]"),
        (json!({"docs": 1}), "[conditions] unknown field [docs]"),
        (json!({"max_docs": -1}), "[conditions] [max_docs] does not take the value [-1]"),
        (json!({"max_age": "1"}), "failed to parse setting [max_age]"),
        (json!({"max_size": "1x"}), "failed to parse setting [max_size]"),
        (json!({"min_docs": 1}), "Validation Failed: 1: at least one max_* rollover condition"),
    ] {
        let error = RolloverCondition::read_all(&conditions).expect_err("refused");
        assert!(error.status == 400 && error.reason.starts_with(reason), "{conditions}: {}", error.reason);
    }
}

#[test]
fn names_count_on() {
    for (name, next) in [
        ("logs-1", Some("logs-000002")),
        ("logs-000009", Some("logs-000010")),
        ("logs-2026.11-999999", Some("logs-2026.11-1000000")),
        ("logs", None),
        ("logs-", None),
        ("logs-a1", None),
        ("logs-+1", None),
    ] {
        assert_eq!(next_name(name).ok().as_deref(), next, "{name}");
    }
}

#[test]
fn a_plan_names_the_index_that_is_written_to_and_the_next_one() {
    let mut map = map_of(&[
        (
            "a-1",
            json!({"one": {}, "two": {}, "three": {"is_write_index": true}, "off": {"is_write_index": false}}),
        ),
        ("b-7", json!({"two": {}, "three": {}})),
        ("b1", json!({})),
    ]);
    let stream = DataStream { generation: 4, ..DataStream::begun(TIMESTAMP, "b1", false) };
    map.apply(stream.written("s", &map.clone())).expect("agreed");

    for (target, new_name, old, new) in [
        ("one", None, "a-1", "a-000002"),
        ("one", Some("<x-{now/d}>"), "a-1", "x-2026.11.24"),
        ("three", None, "a-1", "a-000002"),
        ("s", None, "b1", ".ds-s-2026.11.24-000005"),
    ] {
        let planned = plan(&map, target, new_name, 1_795_515_630_123).expect(target);
        assert_eq!((planned.old_name.as_str(), planned.new_name.as_str()), (old, new), "{target}");
    }
    for (target, new_name, reason) in [
        ("no", None, "rollover target [no] does not exist"),
        ("b-7", None, "rollover target is a [concrete index] but one of [alias,data_stream] was expected"),
        ("two", None, "rollover target [two] does not point to a write index"),
        ("off", None, "rollover target [off] does not point to a write index"),
        ("s", Some("x"), "new index name may not be specified when rolling over a data stream"),
        ("one", Some("b1"), "index [b1/b1] already exists"),
        ("one", Some("B"), "Invalid index name [B], must be lowercase"),
    ] {
        let error = plan(&map, target, new_name, 0).expect_err(reason);
        assert_eq!((error.status, error.reason.as_str()), (400, reason), "{target}");
    }
}
