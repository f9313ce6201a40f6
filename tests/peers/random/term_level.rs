//! Queries for exact values.

use serde_json::{Value, json};

use super::dice::Dice;
use super::fields::{DATES, KEYWORDS, NUMBERS, TEXTS};
use super::forms::{Form, query};
use super::words::{beginning, misspelt, tag, word};
use super::world::World;

const BOOST: (&str, &[&str]) = ("boost", &["2", "0.5", "1.5", "0"]);
const REWRITE: (&str, &[&str]) = (
    "rewrite",
    &[
        r#""constant_score""#,
        r#""scoring_boolean""#,
        r#""constant_score_boolean""#,
        r#""top_terms_3""#,
        r#""top_terms_boost_3""#,
        r#""top_terms_blended_freqs_3""#,
    ],
);
const CASE: (&str, &[&str]) = ("case_insensitive", &["true", "false"]);

pub(super) const FORMS: &[Form] = &[
    query("term keyword", term_keyword, "term/*", &[BOOST, CASE]),
    query(
        "term text",
        |dice, _| of("term", dice.pick(&TEXTS), json!(word(dice).to_lowercase())),
        "term/*",
        &[BOOST, CASE],
    ),
    query("term number", term_number, "term/*", &[BOOST]),
    query("term date", |dice, world| value("term", dice.pick(&DATES), dice, world), "term/*", &[BOOST]),
    query(
        "term boolean",
        |dice, _| of("term", "flag", dice.json(&["true", "false", "\"true\""])),
        "term/*",
        &[BOOST],
    ),
    query("term ip", term_ip, "term/*", &[BOOST]),
    query("term range field", term_range, "term/*", &[BOOST]),
    query(
        "term flattened",
        |dice, world| value("term", dice.pick(&["labels.colour", "labels.deep.er"]), dice, world),
        "term/*",
        &[BOOST],
    ),
    query("term wildcard field", |dice, world| value("term", "path", dice, world), "term/*", &[BOOST]),
    query(
        "term constant_keyword",
        |dice, _| of("term", "site", dice.json(&["\"main\"", "\"other\""])),
        "term/*",
        &[BOOST],
    ),
    query(
        "term of nothing",
        |dice, _| of("term", dice.pick(&["missing", "owner", "items.name"]), json!("x")),
        "term/*",
        &[],
    ),
    query("term alias", |dice, _| of("term", "words", json!(word(dice).to_lowercase())), "term/*", &[BOOST]),
    query("term _id", |dice, world| of("term", "_id", json!(world.some_id(dice))), "term/*", &[BOOST]),
    query("terms", terms, "terms", &[BOOST]),
    query("terms lookup", terms_lookup, "terms", &[BOOST]),
    query("terms_set", terms_set, "terms_set/*", &[BOOST]),
    query("terms_set script", terms_set_script, "terms_set/*", &[BOOST]),
    query("range number", range_number, "range/*", &[BOOST]),
    query(
        "range date",
        range_date,
        "range/*",
        &[BOOST, ("time_zone", &[r#""+02:00""#, r#""Europe/Berlin""#])],
    ),
    query(
        "range date math",
        range_date_math,
        "range/*",
        &[("time_zone", &[r#""+02:00""#, r#""America/New_York""#])],
    ),
    query("range date format", range_date_format, "range/*", &[("time_zone", &[r#""-05:00""#])]),
    query("range keyword", range_keyword, "range/*", &[BOOST]),
    query(
        "range text",
        |dice, _| json!({"range": {"title": {"gte": beginning(dice), "lt": "t"}}}),
        "range/*",
        &[BOOST],
    ),
    query("range ip", range_ip, "range/*", &[BOOST]),
    query(
        "range of ranges",
        range_ranges,
        "range/*",
        &[BOOST, ("relation", &[r#""within""#, r#""contains""#, r#""intersects""#])],
    ),
    query(
        "range of days",
        range_days,
        "range/*",
        &[("relation", &[r#""within""#, r#""contains""#, r#""intersects""#])],
    ),
    query("exists", exists, "exists", &[BOOST]),
    query(
        "ids",
        |dice, world| json!({"ids": {"values": dice.several(0, 5, |dice| world.some_id(dice))}}),
        "ids",
        &[BOOST],
    ),
    query(
        "prefix keyword",
        |dice, _| of("prefix", dice.pick(&KEYWORDS), json!(start(tag(dice), 2))),
        "prefix/*",
        &[BOOST, CASE, REWRITE],
    ),
    query(
        "prefix text",
        |dice, _| of("prefix", dice.pick(&TEXTS), json!(beginning(dice))),
        "prefix/*",
        &[BOOST, CASE, REWRITE],
    ),
    query(
        "wildcard keyword",
        |dice, _| of("wildcard", dice.pick(&KEYWORDS), json!(pattern(dice, tag))),
        "wildcard/*",
        &[BOOST, CASE, REWRITE],
    ),
    query(
        "wildcard text",
        |dice, _| of("wildcard", dice.pick(&TEXTS), json!(pattern(dice, word))),
        "wildcard/*",
        &[BOOST, CASE, REWRITE],
    ),
    query(
        "wildcard wildcard field",
        |dice, _| of("wildcard", "path", json!(format!("*{}*", word(dice)))),
        "wildcard/*",
        &[BOOST, CASE],
    ),
    query(
        "regexp",
        regexp,
        "regexp/*",
        &[BOOST, CASE, REWRITE, ("flags", &[r#""ALL""#, r#""NONE""#, r#""INTERVAL|COMPLEMENT""#])],
    ),
    query(
        "fuzzy",
        |dice, _| of("fuzzy", dice.pick(&TEXTS), json!(misspelt(dice))),
        "fuzzy/*",
        &[
            BOOST,
            REWRITE,
            ("fuzziness", &["0", "1", "2", r#""AUTO""#, r#""AUTO:2,4""#]),
            ("prefix_length", &["1", "2"]),
            ("max_expansions", &["1", "3", "50"]),
            ("transpositions", &["false", "true"]),
        ],
    ),
    query(
        "fuzzy keyword",
        |dice, _| of("fuzzy", "tag", json!(format!("{}x", start(tag(dice), 5)))),
        "fuzzy/*",
        &[BOOST],
    ),
];

/// `{kind: {field: {"value": value}}}`
fn of(kind: &str, field: &str, value: Value) -> Value {
    json!({kind: {field: {"value": value}}})
}

fn value(kind: &str, field: &str, dice: &mut Dice, world: &World) -> Value {
    of(kind, field, world.some_value(dice, field))
}

fn start(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn term_keyword(dice: &mut Dice, world: &World) -> Value {
    let field = dice.pick(&KEYWORDS);
    let value = if dice.chance(60) { world.some_value(dice, field) } else { json!(tag(dice)) };
    if field == "title.raw" {
        of("term", field, world.some_value(dice, "title"))
    } else {
        of("term", field, value)
    }
}

fn term_number(dice: &mut Dice, _: &World) -> Value {
    let field = dice.pick(&NUMBERS);
    let value = dice.between(0, 30);
    of(
        "term",
        field,
        dice.pick(&[json!(value), json!(value.to_string()), json!(value as f64)].each_ref()).clone(),
    )
}

fn term_ip(dice: &mut Dice, _: &World) -> Value {
    let address = format!("10.0.{}.{}", dice.below(3), dice.below(20));
    let network = format!("10.0.{}.0/{}", dice.below(3), dice.between(16, 30));
    of("term", "address", json!(if dice.chance(60) { address } else { network }))
}

fn term_range(dice: &mut Dice, _: &World) -> Value {
    match dice.below(3) {
        0 => of("term", "span_of_numbers", json!(dice.between(0, 50))),
        1 => of("term", "span_of_days", json!(format!("2024-0{}-10", dice.between(1, 4)))),
        _ => of("term", "span_of_addresses", json!(format!("10.0.{}.{}", dice.below(3), dice.below(20)))),
    }
}

fn terms(dice: &mut Dice, world: &World) -> Value {
    match dice.below(4) {
        0 => json!({"terms": {dice.pick(&NUMBERS): dice.several(0, 6, |dice| dice.between(0, 30))}}),
        1 => json!({"terms": {dice.pick(&TEXTS): dice.several(1, 3, |dice| word(dice).to_lowercase())}}),
        2 => json!({"terms": {"code": dice.several(1, 5, |dice| world.some_value(dice, "code"))}}),
        _ => json!({"terms": {"tag": dice.several(1, 4, tag)}}),
    }
}

fn terms_lookup(dice: &mut Dice, world: &World) -> Value {
    json!({"terms": {"tag": {"index": world.name(), "id": world.some_id(dice), "path": "tag"}}})
}

fn terms_set(dice: &mut Dice, _: &World) -> Value {
    json!({"terms_set": {"tag": {"terms": dice.several(1, 5, tag), "minimum_should_match_field": "small"}}})
}

fn terms_set_script(dice: &mut Dice, _: &World) -> Value {
    let script = json!({"source": dice.pick(&["Math.min(params.num_terms, 2)", "1", "params.num_terms"])});
    json!({"terms_set": {"tag": {"terms": dice.several(1, 5, tag), "minimum_should_match_script": script}}})
}

/// Bounds of which one may be missing.
fn bounds(dice: &mut Dice, low: Value, high: Value) -> Value {
    let (from, to) = (dice.pick(&["gte", "gt"]), dice.pick(&["lte", "lt"]));
    match dice.below(6) {
        0 => json!({from: low}),
        1 => json!({to: high}),
        _ => json!({from: low, to: high}),
    }
}

fn range_number(dice: &mut Dice, _: &World) -> Value {
    let field = dice.pick(&NUMBERS);
    let low = dice.between(-5, 30);
    let high = low + dice.between(0, 30);
    let bounds = if dice.chance(25) {
        bounds(dice, json!(low as f64 + 0.5), json!(high.to_string()))
    } else {
        bounds(dice, json!(low), json!(high))
    };
    json!({"range": {field: bounds}})
}

fn range_date(dice: &mut Dice, _: &World) -> Value {
    let low = dice.pick(&["2024-01-10", "2024-01", "2024-02-03T05:00:00Z", "2024-01-31T23:00:00+01:00"]);
    let high = dice.pick(&["2024-03-10", "2024-03", "2024-04-03T05:00:00Z", "2024"]);
    json!({"range": {dice.pick(&DATES): bounds(dice, json!(low), json!(high))}})
}

fn range_date_math(dice: &mut Dice, _: &World) -> Value {
    let low = dice.pick(&[
        "2024-01-10||/M",
        "2024-01-10||+1M/d",
        "2024-01-01||+10d-2h",
        "2024-01-05T10:30:00Z||/h",
        "now-200y",
    ]);
    let high = dice.pick(&["2024-03-10||/M", "2024-02-10||+1M/w", "2024-04-01||-1d", "now"]);
    json!({"range": {dice.pick(&DATES): bounds(dice, json!(low), json!(high))}})
}

fn range_date_format(dice: &mut Dice, _: &World) -> Value {
    let (format, low, high) = dice.pick(&[
        ("dd.MM.yyyy", "10.01.2024", "05.03.2024"),
        ("yyyy", "2024", "2024"),
        ("epoch_second", "1705000000", "1709000000"),
        ("basic_date", "20240110", "20240305"),
        ("yyyy-MM-dd'T'HH||dd/MM/yyyy", "2024-01-10T05", "05/03/2024"),
    ]);
    let mut bounds = bounds(dice, json!(low), json!(high));
    bounds["format"] = json!(format);
    json!({"range": {"day": bounds}})
}

fn range_keyword(dice: &mut Dice, _: &World) -> Value {
    let field = dice.pick(&KEYWORDS);
    json!({"range": {field: bounds(dice, json!("A1"), json!("delta"))}})
}

fn range_ip(dice: &mut Dice, _: &World) -> Value {
    let low = format!("10.0.0.{}", dice.below(20));
    let high = format!("10.0.{}.5", dice.between(1, 2));
    json!({"range": {"address": bounds(dice, json!(low), json!(high))}})
}

fn range_ranges(dice: &mut Dice, _: &World) -> Value {
    let low = dice.between(0, 40);
    let high = low + dice.between(0, 20);
    json!({"range": {"span_of_numbers": bounds(dice, json!(low), json!(high))}})
}

fn range_days(dice: &mut Dice, _: &World) -> Value {
    json!({"range": {"span_of_days": bounds(dice, json!("2024-01-20"), json!("2024-03-05"))}})
}

fn exists(dice: &mut Dice, _: &World) -> Value {
    let field = dice.pick(&[
        "title",
        "body",
        "note",
        "tag",
        "code",
        "number",
        "day",
        "address",
        "flag",
        "place",
        "labels",
        "rank",
        "owner",
        "owner.age",
        "items",
        "items.kind",
        "span_of_days",
        "path",
        "site",
        "missing",
        "typed",
        "title.raw",
        "words",
    ]);
    json!({"exists": {"field": field}})
}

/// A word with `*` and `?` in it.
fn pattern(dice: &mut Dice, make: fn(&mut Dice) -> &'static str) -> String {
    let letters: Vec<char> = make(dice).chars().collect();
    let at = dice.below(letters.len());
    let (before, after): (String, String) =
        (letters[..at].iter().collect(), letters[at + 1..].iter().collect());
    match dice.below(4) {
        0 => format!("{before}?{after}"),
        1 => format!("*{after}"),
        2 => format!("{before}*"),
        _ => format!("{before}*{after}"),
    }
}

fn regexp(dice: &mut Dice, _: &World) -> Value {
    let pattern = dice.pick(&[
        "[a-d].*",
        "(quick|fox).*",
        "r.n(ning)?",
        "A[0-9]+",
        "B<1-20>",
        "~(al.*)",
        ".*e",
        "st?one.?",
        "b(e|lu).+",
        "@",
    ]);
    of("regexp", dice.pick(&["title", "body", "tag", "code", "title.raw"]), json!(pattern))
}
