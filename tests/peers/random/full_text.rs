//! Queries of words.

use serde_json::{Value, json};

use super::dice::Dice;
use super::fields::{KEYWORDS, NUMBERS, ORDERED, TEXTS};
use super::forms::{Form, query};
use super::words::{beginning, misspelt, search, tag};
use super::world::World;

const BOOST: (&str, &[&str]) = ("boost", &["2", "0.5"]);
const OPERATOR: (&str, &[&str]) = ("operator", &[r#""and""#, r#""or""#, r#""AND""#]);
const MINIMUM: (&str, &[&str]) = (
    "minimum_should_match",
    &["1", "2", "-1", r#""75%""#, r#""-25%""#, r#""2<-25%""#, r#""2<50% 4<3""#, r#""100%""#, "0", "9"],
);
const ANALYZER: (&str, &[&str]) = (
    "analyzer",
    &[
        r#""standard""#,
        r#""english""#,
        r#""whitespace""#,
        r#""keyword""#,
        r#""folded""#,
        r#""stop""#,
        r#""simple""#,
    ],
);
const FUZZINESS: (&str, &[&str]) = ("fuzziness", &["1", "2", r#""AUTO""#, r#""AUTO:2,5""#, "0"]);
const LENIENT: (&str, &[&str]) = ("lenient", &["true", "false"]);
const ZERO: (&str, &[&str]) = ("zero_terms_query", &[r#""all""#, r#""none""#]);
const SLOP: (&str, &[&str]) = ("slop", &["1", "2", "5", "0"]);
const EXPANSIONS: (&str, &[&str]) = ("max_expansions", &["1", "2", "50"]);
const TIE: (&str, &[&str]) = ("tie_breaker", &["0", "0.3", "1"]);

pub(super) const FORMS: &[Form] = &[
    query(
        "match",
        |dice, _| of("match", dice.pick(&TEXTS), search(dice, 1, 4)),
        "match/*",
        &[
            BOOST,
            OPERATOR,
            MINIMUM,
            ANALYZER,
            FUZZINESS,
            LENIENT,
            ZERO,
            ("prefix_length", &["1", "3"]),
            EXPANSIONS,
            ("fuzzy_transpositions", &["false"]),
            ("auto_generate_synonyms_phrase_query", &["true", "false"]),
        ],
    ),
    query(
        "match misspelt",
        |dice, _| fuzzy(dice),
        "match/*",
        &[("prefix_length", &["1", "2"]), EXPANSIONS, ("fuzzy_transpositions", &["false"]), OPERATOR],
    ),
    query(
        "match stop words",
        |dice, _| of("match", dice.pick(&["title", "body"]), dice.pick(&["the", "the of", ""]).to_owned()),
        "match/*",
        &[ZERO, ANALYZER],
    ),
    query(
        "match keyword",
        |dice, _| of("match", dice.pick(&KEYWORDS), tag(dice).to_owned()),
        "match/*",
        &[BOOST, OPERATOR],
    ),
    query(
        "match number",
        |dice, _| of("match", dice.pick(&NUMBERS), dice.between(0, 30).to_string()),
        "match/*",
        &[BOOST, LENIENT],
    ),
    query(
        "match_phrase",
        |dice, _| of("match_phrase", dice.pick(&ORDERED), search(dice, 1, 3)),
        "match_phrase/*",
        &[BOOST, SLOP, ANALYZER, ZERO],
    ),
    query(
        "match_phrase without positions",
        |dice, _| of("match_phrase", dice.pick(&["note", "plain", "tag"]), search(dice, 1, 2)),
        "match_phrase/*",
        &[SLOP],
    ),
    query(
        "match_phrase_prefix",
        phrase_prefix,
        "match_phrase_prefix/*",
        &[BOOST, SLOP, EXPANSIONS, ANALYZER, ZERO],
    ),
    query(
        "match_bool_prefix",
        bool_prefix,
        "match_bool_prefix/*",
        &[BOOST, OPERATOR, MINIMUM, ANALYZER, FUZZINESS],
    ),
    multi(
        "multi_match",
        |dice, _| multi_match(dice, None),
        &[BOOST, OPERATOR, MINIMUM, ANALYZER, FUZZINESS, LENIENT, ZERO, TIE],
    ),
    multi(
        "multi_match best_fields",
        |dice, _| multi_match(dice, Some("best_fields")),
        &[OPERATOR, MINIMUM, TIE],
    ),
    multi(
        "multi_match most_fields",
        |dice, _| multi_match(dice, Some("most_fields")),
        &[OPERATOR, MINIMUM, TIE],
    ),
    multi(
        "multi_match cross_fields",
        |dice, _| multi_match(dice, Some("cross_fields")),
        &[OPERATOR, MINIMUM, TIE, ANALYZER],
    ),
    multi("multi_match phrase", |dice, _| multi_match(dice, Some("phrase")), &[SLOP, TIE]),
    multi(
        "multi_match phrase_prefix",
        |dice, _| multi_match(dice, Some("phrase_prefix")),
        &[SLOP, TIE, EXPANSIONS],
    ),
    multi("multi_match bool_prefix", |dice, _| multi_match(dice, Some("bool_prefix")), &[OPERATOR, MINIMUM]),
    multi(
        "multi_match mixed fields",
        |dice, _| json!({"multi_match": {"query": search(dice, 1, 2), "fields": ["title", "tag", "number"]}}),
        &[LENIENT],
    ),
    multi(
        "multi_match patterns",
        |dice, _| json!({"multi_match": {"query": search(dice, 1, 2), "fields": dice.pick(&[["title*", "body"], ["*.english", "note"], ["t*^2", "owner.*"]])}}),
        &[LENIENT],
    ),
    multi(
        "multi_match no fields",
        |dice, _| json!({"multi_match": {"query": search(dice, 1, 2)}}),
        &[LENIENT],
    ),
    query("combined_fields", combined, "combined_fields", &[BOOST, OPERATOR, MINIMUM]),
];

const fn multi(
    name: &'static str,
    make: fn(&mut Dice, &World) -> Value,
    options: &'static [(&'static str, &'static [&'static str])],
) -> Form {
    query(name, make, "multi_match", options)
}

/// `{kind: {field: {"query": text}}}`
fn of(kind: &str, field: &str, text: String) -> Value {
    json!({kind: {field: {"query": text}}})
}

fn fuzzy(dice: &mut Dice) -> Value {
    let fuzziness = dice.json(&["1", "2", r#""AUTO""#]);
    let text = dice.several(1, 2, misspelt).join(" ");
    json!({"match": {dice.pick(&TEXTS): {"query": text, "fuzziness": fuzziness}}})
}

fn phrase_prefix(dice: &mut Dice, _: &World) -> Value {
    let words = search(dice, 0, 2);
    let text = format!("{words} {}", beginning(dice));
    of("match_phrase_prefix", dice.pick(&ORDERED), text.trim().to_owned())
}

fn bool_prefix(dice: &mut Dice, _: &World) -> Value {
    let words = search(dice, 0, 3);
    let text = format!("{words} {}", beginning(dice));
    let field = dice.pick(&["title", "body", "note", "typed", "typed._2gram"]);
    of("match_bool_prefix", field, text.trim().to_owned())
}

fn multi_match(dice: &mut Dice, kind: Option<&str>) -> Value {
    let fields = dice.pick(&[
        &["title", "body"][..],
        &["title^3", "body"],
        &["title", "title.english"],
        &["title", "owner.name", "body^0.5"],
        &["title"],
    ]);
    let mut query = json!({"query": search(dice, 1, 3), "fields": fields});
    if let Some(kind) = kind {
        query["type"] = json!(kind);
    }
    json!({"multi_match": query})
}

fn combined(dice: &mut Dice, _: &World) -> Value {
    let fields = dice.pick(&[&["title", "owner.name"][..], &["title^2", "owner.name"], &["title"]]);
    json!({"combined_fields": {"query": search(dice, 1, 3), "fields": fields}})
}
