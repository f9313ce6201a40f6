//! Queries of nested objects, and of documents that belong together.

use serde_json::{Value, json};

use super::basic::any;
use super::dice::Dice;
use super::forms::{Form, query};
use super::words::{search, tag};
use super::world::World;

const BOOST: (&str, &[&str]) = ("boost", &["2", "0.5"]);
const INNER: (&str, &[&str]) = (
    "inner_hits",
    &[
        "{}",
        r#"{"size":1}"#,
        r#"{"from":1,"size":2}"#,
        r#"{"name":"inner","_source":false}"#,
        r#"{"_source":["items.name","title"]}"#,
        r#"{"sort":[{"_score":"desc"}],"size":5}"#,
    ],
);
const SCORE_MODE: (&str, &[&str]) =
    ("score_mode", &[r#""avg""#, r#""max""#, r#""min""#, r#""sum""#, r#""none""#]);
const UNMAPPED: (&str, &[&str]) = ("ignore_unmapped", &["true", "false"]);

pub(super) const FORMS: &[Form] = &[
    query(
        "nested",
        |dice, _| json!({"nested": {"path": "items", "query": within(dice)}}),
        "nested",
        &[BOOST, SCORE_MODE, INNER, UNMAPPED],
    ),
    query(
        "nested bool",
        |dice, _| json!({"nested": {"path": "items", "query": {"bool": {"must": [within(dice), within(dice)]}}}}),
        "nested",
        &[SCORE_MODE, INNER],
    ),
    query("nested in nested", deeper, "nested", &[SCORE_MODE]),
    query(
        "nested deep path",
        |dice, _| json!({"nested": {"path": "items.parts", "query": {"term": {"items.parts.code": tag(dice)}}}}),
        "nested",
        &[SCORE_MODE, INNER],
    ),
    query(
        "nested must_not",
        |dice, _| json!({"bool": {"must_not": {"nested": {"path": "items", "query": within(dice)}}}}),
        "bool",
        &[BOOST],
    ),
    query(
        "nested unmapped",
        |dice, _| json!({"nested": {"path": "missing", "query": within(dice)}}),
        "nested",
        &[UNMAPPED],
    ),
    query(
        "has_child",
        child,
        "has_child",
        &[BOOST, SCORE_MODE, INNER, UNMAPPED, ("min_children", &["1", "2"]), ("max_children", &["1", "2"])],
    ),
    query("has_parent", parent, "has_parent", &[BOOST, ("score", &["true", "false"]), INNER, UNMAPPED]),
    query(
        "parent_id",
        |dice, world| json!({"parent_id": {"type": dice.pick(&["answer", "remark"]), "id": world.some_id(dice)}}),
        "parent_id",
        &[BOOST, UNMAPPED],
    ),
    query(
        "has_child of has_child",
        |_, _| json!({"has_child": {"type": "answer", "query": {"has_child": {"type": "vote", "query": {"match_all": {}}}}}}),
        "has_child",
        &[SCORE_MODE],
    ),
];

fn within(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => json!({"term": {"items.kind": tag(dice)}}),
        1 => json!({"range": {"items.price": {"gte": dice.between(0, 30)}}}),
        2 => json!({"range": {"items.day": {"lt": "2024-02-20"}}}),
        _ => json!({"match": {"items.name": search(dice, 1, 2)}}),
    }
}

fn deeper(dice: &mut Dice, _: &World) -> Value {
    let inner = json!({"nested": {"path": "items.parts", "query": {"range": {"items.parts.size": {"gte": dice.between(0, 9)}}}}});
    json!({"nested": {"path": "items", "query": {"bool": {"must": [within(dice), inner]}}}})
}

fn child(dice: &mut Dice, world: &World) -> Value {
    json!({"has_child": {"type": dice.pick(&["answer", "remark", "answer", "vote"]), "query": any(dice, world)}})
}

fn parent(dice: &mut Dice, world: &World) -> Value {
    json!({"has_parent": {"parent_type": dice.pick(&["question", "question", "answer"]), "query": any(dice, world)}})
}
