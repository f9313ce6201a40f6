//! Queries of where words stand: intervals and spans.

use serde_json::{Value, json};

use super::dice::Dice;
use super::forms::{Form, query};
use super::words::{beginning, misspelt, search, word};
use super::world::World;

const BOOST: (&str, &[&str]) = ("boost", &["2", "0.5"]);
const GAPS: (&str, &[&str]) = ("max_gaps", &["0", "1", "5", "-1"]);
const ORDERED: (&str, &[&str]) = ("ordered", &["true", "false"]);

pub(super) const FORMS: &[Form] = &[
    query(
        "intervals match",
        |dice, _| intervals(dice, |dice| json!({"match": {"query": search(dice, 1, 3)}})),
        "intervals/*/match",
        &[
            GAPS,
            ORDERED,
            ("analyzer", &[r#""whitespace""#, r#""english""#]),
            (
                "filter",
                &[
                    r#"{"not_containing":{"match":{"query":"quick"}}}"#,
                    r#"{"containing":{"match":{"query":"the"}}}"#,
                    r#"{"before":{"match":{"query":"fox"}}}"#,
                    r#"{"after":{"match":{"query":"a"}}}"#,
                    r#"{"overlapping":{"match":{"query":"brown"}}}"#,
                    r#"{"not_overlapping":{"match":{"query":"brown"}}}"#,
                    r#"{"contained_by":{"match":{"query":"the fox"}}}"#,
                    r#"{"not_contained_by":{"match":{"query":"the fox"}}}"#,
                    r#"{"script":{"source":"interval.start > 0"}}"#,
                ],
            ),
            ("use_field", &[r#""title""#]),
        ],
    ),
    query(
        "intervals all_of",
        |dice, _| intervals(dice, |dice| json!({"all_of": {"intervals": dice.several(1, 3, rule)}})),
        "intervals/*/all_of",
        &[GAPS, ORDERED],
    ),
    query(
        "intervals any_of",
        |dice, _| intervals(dice, |dice| json!({"any_of": {"intervals": dice.several(1, 3, rule)}})),
        "intervals/*",
        &[BOOST],
    ),
    query(
        "intervals prefix",
        |dice, _| intervals(dice, |dice| json!({"prefix": {"prefix": beginning(dice)}})),
        "intervals/*",
        &[BOOST],
    ),
    query(
        "intervals wildcard",
        |dice, _| intervals(dice, |dice| json!({"wildcard": {"pattern": format!("{}*", beginning(dice))}})),
        "intervals/*",
        &[BOOST],
    ),
    query(
        "intervals fuzzy",
        |dice, _| intervals(dice, |dice| json!({"fuzzy": {"term": misspelt(dice)}})),
        "intervals/*/fuzzy",
        &[("fuzziness", &["1", "2"]), ("prefix_length", &["1"]), ("transpositions", &["false"])],
    ),
    query("span_term", |dice, _| span(dice, field), "span_term/*", &[BOOST]),
    query("span_near", |dice, _| near(dice), "span_near", &[BOOST]),
    query(
        "span_first",
        |dice, _| json!({"span_first": {"match": span(dice, field), "end": dice.between(1, 5)}}),
        "span_first",
        &[BOOST],
    ),
    query("span_or", |dice, _| json!({"span_or": {"clauses": spans(dice, 1, 3)}}), "span_or", &[BOOST]),
    query(
        "span_not",
        |dice, _| json!({"span_not": {"include": span(dice, title), "exclude": span(dice, title)}}),
        "span_not",
        &[BOOST, ("pre", &["1", "3"]), ("post", &["1", "3"]), ("dist", &["2"])],
    ),
    query(
        "span_containing",
        |dice, _| json!({"span_containing": {"big": near(dice), "little": span(dice, body)}}),
        "span_containing",
        &[BOOST],
    ),
    query(
        "span_within",
        |dice, _| json!({"span_within": {"big": near(dice), "little": span(dice, body)}}),
        "span_within",
        &[BOOST],
    ),
    query("span_multi", |dice, _| multi(dice), "span_multi", &[BOOST]),
    query(
        "span_multi in span_near",
        |dice, _| json!({"span_near": {"clauses": [multi(dice), span(dice, title)], "slop": 4, "in_order": false}}),
        "span_near",
        &[BOOST],
    ),
    query(
        "span_or in span_near",
        |dice, _| json!({"span_near": {"clauses": [{"span_or": {"clauses": spans(dice, 2, 2)}}, span(dice, body)], "slop": 3, "in_order": true}}),
        "span_near",
        &[BOOST],
    ),
    query("field_masking_span", masking, "span_near", &[BOOST]),
];

fn field(dice: &mut Dice) -> &'static str {
    dice.pick(&["title", "body"])
}

fn title(_: &mut Dice) -> &'static str {
    "title"
}

fn body(_: &mut Dice) -> &'static str {
    "body"
}

fn intervals(dice: &mut Dice, rule: fn(&mut Dice) -> Value) -> Value {
    json!({"intervals": {field(dice): rule(dice)}})
}

/// One of the rules that stand in others.
fn rule(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 => json!({"prefix": {"prefix": beginning(dice)}}),
        1 => {
            json!({"any_of": {"intervals": [{"match": {"query": word(dice)}}, {"match": {"query": word(dice)}}]}})
        }
        _ => {
            json!({"match": {"query": search(dice, 1, 2), "max_gaps": dice.between(0, 3), "ordered": dice.chance(50)}})
        }
    }
}

fn span(dice: &mut Dice, field: fn(&mut Dice) -> &'static str) -> Value {
    json!({"span_term": {field(dice): {"value": word(dice).to_lowercase()}}})
}

/// Spans of the body.
fn spans(dice: &mut Dice, low: i64, high: i64) -> Vec<Value> {
    dice.several(low, high, |dice| span(dice, body))
}

fn near(dice: &mut Dice) -> Value {
    json!({"span_near": {"clauses": spans(dice, 2, 3), "slop": dice.between(0, 6), "in_order": dice.chance(50)}})
}

fn multi(dice: &mut Dice) -> Value {
    let query = match dice.below(4) {
        0 => json!({"prefix": {"title": {"value": beginning(dice)}}}),
        1 => json!({"wildcard": {"title": {"value": format!("{}*", beginning(dice))}}}),
        2 => json!({"fuzzy": {"title": {"value": misspelt(dice)}}}),
        _ => json!({"regexp": {"title": {"value": format!("{}.*", beginning(dice))}}}),
    };
    json!({"span_multi": {"match": query}})
}

fn masking(dice: &mut Dice, _: &World) -> Value {
    let masked = json!({"field_masking_span": {"query": {"span_term": {"title.english": word(dice).to_lowercase()}}, "field": "title"}});
    json!({"span_near": {"clauses": [span(dice, title), masked], "slop": 5, "in_order": false}})
}
