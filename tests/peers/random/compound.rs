//! Queries around others, and what changes their scores.

use serde_json::{Value, json};

use super::basic::{any, filter, scoring};
use super::dice::Dice;
use super::forms::{Form, query};
use super::words::tag;
use super::world::World;

const BOOST: (&str, &[&str]) = ("boost", &["2", "0.5"]);
const BOOST_MODE: (&str, &[&str]) =
    ("boost_mode", &[r#""multiply""#, r#""replace""#, r#""sum""#, r#""avg""#, r#""max""#, r#""min""#]);
const SCORE_MODE: (&str, &[&str]) =
    ("score_mode", &[r#""multiply""#, r#""sum""#, r#""avg""#, r#""first""#, r#""max""#, r#""min""#]);

pub(super) const FORMS: &[Form] = &[
    query("match_all", |_, _| json!({"match_all": {}}), "match_all", &[BOOST]),
    query("match_none", |_, _| json!({"match_none": {}}), "match_none", &[BOOST]),
    query(
        "bool",
        boolean,
        "bool",
        &[BOOST, ("minimum_should_match", &["1", "2", "0", r#""50%""#, "-1", "7"])],
    ),
    query(
        "bool must",
        |dice, world| json!({"bool": {"must": dice.several(1, 3, |dice| any(dice, world))}}),
        "bool",
        &[BOOST],
    ),
    query(
        "bool should",
        |dice, world| json!({"bool": {"should": dice.several(1, 4, |dice| any(dice, world))}}),
        "bool",
        &[("minimum_should_match", &["1", "2", r#""75%""#])],
    ),
    query(
        "bool filter",
        |dice, world| json!({"bool": {"filter": dice.several(1, 3, |dice| any(dice, world))}}),
        "bool",
        &[BOOST],
    ),
    query(
        "bool must_not",
        |dice, world| json!({"bool": {"must_not": dice.several(1, 2, |dice| any(dice, world))}}),
        "bool",
        &[BOOST],
    ),
    query(
        "bool in bool",
        |dice, world| json!({"bool": {"must": boolean(dice, world), "should": [boolean(dice, world), any(dice, world)]}}),
        "bool",
        &[BOOST],
    ),
    query("boosting", boosting, "boosting", &[BOOST]),
    query(
        "constant_score",
        |dice, world| json!({"constant_score": {"filter": any(dice, world)}}),
        "constant_score",
        &[BOOST],
    ),
    query(
        "dis_max",
        |dice, world| json!({"dis_max": {"queries": dice.several(1, 4, |dice| any(dice, world))}}),
        "dis_max",
        &[BOOST, ("tie_breaker", &["0", "0.3", "1"])],
    ),
    query(
        "function_score weight",
        |dice, world| json!({"function_score": {"query": scoring(dice, world), "weight": dice.json(&["2", "0.5"])}}),
        "function_score",
        &[BOOST, BOOST_MODE, ("max_boost", &["1"]), ("min_score", &["1", "3"])],
    ),
    query(
        "function_score functions",
        functions,
        "function_score",
        &[BOOST, BOOST_MODE, SCORE_MODE, ("max_boost", &["2"]), ("min_score", &["1", "3"])],
    ),
    query(
        "function_score field_value_factor",
        factor,
        "function_score/field_value_factor",
        &[
            ("factor", &["1.5", "0.1"]),
            (
                "modifier",
                &[
                    r#""none""#,
                    r#""log1p""#,
                    r#""log2p""#,
                    r#""ln1p""#,
                    r#""ln2p""#,
                    r#""square""#,
                    r#""sqrt""#,
                    r#""reciprocal""#,
                ],
            ),
            ("missing", &["3", "7"]),
        ],
    ),
    query(
        "function_score decay number",
        |dice, world| decay(dice, world, 0),
        "function_score",
        &[BOOST_MODE],
    ),
    query("function_score decay date", |dice, world| decay(dice, world, 1), "function_score", &[BOOST_MODE]),
    query("function_score decay place", |dice, world| decay(dice, world, 2), "function_score", &[BOOST_MODE]),
    query("function_score script_score", function_script, "function_score", &[BOOST_MODE]),
    query("script_score", script_score, "script_score", &[BOOST, ("min_score", &["1", "10"])]),
    query("script", script, "script", &[BOOST]),
];

fn boolean(dice: &mut Dice, world: &World) -> Value {
    let mut clauses = json!({});
    for (kind, percent, low, high) in
        [("must", 60, 1, 2), ("should", 60, 1, 3), ("filter", 40, 1, 2), ("must_not", 30, 1, 1)]
    {
        if dice.chance(percent) {
            clauses[kind] = json!(dice.several(low, high, |dice| any(dice, world)));
        }
    }
    json!({"bool": clauses})
}

fn boosting(dice: &mut Dice, world: &World) -> Value {
    let negative_boost = dice.json(&["0.5", "0.2", "0"]);
    json!({"boosting": {"positive": any(dice, world), "negative": any(dice, world), "negative_boost": negative_boost}})
}

fn functions(dice: &mut Dice, world: &World) -> Value {
    let function = |dice: &mut Dice| match dice.below(4) {
        0 => json!({"filter": filter(dice, world), "weight": dice.between(1, 5)}),
        1 => json!({"filter": {"term": {"tag": tag(dice)}}, "weight": dice.between(2, 4)}),
        2 => {
            json!({"field_value_factor": {"field": "small", "missing": 1, "modifier": "log1p"}, "weight": 2})
        }
        _ => {
            json!({"filter": filter(dice, world), "field_value_factor": {"field": "rank_copy", "missing": 2}})
        }
    };
    let functions = dice.several(1, 3, function);
    json!({"function_score": {"query": scoring(dice, world), "functions": functions}})
}

fn factor(dice: &mut Dice, world: &World) -> Value {
    let query = json!({"bool": {"must": scoring(dice, world), "filter": {"exists": {"field": "small"}}}});
    json!({"function_score": {"query": query, "field_value_factor": {"field": "small"}}})
}

fn decay(dice: &mut Dice, world: &World, of: usize) -> Value {
    let (field, origin, scale, offset) = [
        ("price", json!(50), json!(20), json!(5)),
        ("day", json!("2024-02-10"), json!("10d"), json!("2d")),
        ("place", json!({"lat": 50.0, "lon": 8.0}), json!("300km"), json!("20km")),
    ][of]
        .clone();
    let mut function = json!({"origin": origin, "scale": scale});
    if dice.chance(40) {
        function["offset"] = offset;
    }
    if dice.chance(40) {
        function["decay"] = dice.json(&["0.3", "0.8"]);
    }
    let kind = dice.pick(&["gauss", "linear", "exp"]);
    let mut score = json!({"query": scoring(dice, world), kind: {field: function}});
    if dice.chance(30) {
        score[kind]["multi_value_mode"] = dice.json(&[r#""min""#, r#""max""#, r#""avg""#, r#""sum""#]);
    }
    json!({"function_score": score})
}

const SCRIPTS: [&str; 7] = [
    "_score + 1",
    "_score * 2",
    "Math.log(2 + _score)",
    "doc['serial'].value + 1",
    "doc['number'].size() == 0 ? 1 : 2 + Math.abs(doc['number'].value)",
    "Math.sqrt(doc['serial'].value) + params.a * _score",
    "saturation(doc['serial'].value, 10)",
];

fn some_script(dice: &mut Dice) -> Value {
    json!({"source": dice.pick(&SCRIPTS), "params": {"a": dice.between(1, 5)}})
}

fn function_script(dice: &mut Dice, world: &World) -> Value {
    json!({"function_score": {"query": scoring(dice, world), "script_score": {"script": some_script(dice)}}})
}

fn script_score(dice: &mut Dice, world: &World) -> Value {
    json!({"script_score": {"query": any(dice, world), "script": some_script(dice)}})
}

fn script(dice: &mut Dice, _: &World) -> Value {
    let source = dice.pick(&[
        "doc['serial'].value > params.a * 10",
        "doc['tag'].size() > 1",
        "doc['number'].size() > 0 && doc['number'].value % 2 == 0",
        "doc['code'].size() != 0 && doc['code'].value.startsWith('A')",
    ]);
    json!({"script": {"script": {"source": source, "params": {"a": dice.between(1, 5)}}}})
}
