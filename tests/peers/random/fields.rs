//! The fields of random indices: how each may be mapped, and what documents hold in it.

use serde_json::{Value, json};

use super::dice::Dice;
use super::words::{tag, text, word};

/// A field, its mappings to choose from, and its values.
pub(super) struct Field {
    pub(super) name: &'static str,
    /// Each a mapping as JSON.
    pub(super) forms: &'static [&'static str],
    pub(super) value: fn(&mut Dice) -> Value,
    /// Of a hundred documents so many have it, and so many of these several values.
    pub(super) present: usize,
    pub(super) several: usize,
}

const fn field(
    name: &'static str,
    forms: &'static [&'static str],
    value: fn(&mut Dice) -> Value,
    present: usize,
    several: usize,
) -> Field {
    Field { name, forms, value, present, several }
}

/// Every field of a world; later ones may refer to earlier ones.
pub(super) const FIELDS: &[Field] = &[
    field(
        "title",
        &[
            r#"{"type":"text","fields":{"raw":{"type":"keyword"},"english":{"type":"text","analyzer":"english"},"words":{"type":"token_count","analyzer":"standard"}}}"#,
            r#"{"type":"text","term_vector":"with_positions_offsets","fields":{"raw":{"type":"keyword","ignore_above":30},"english":{"type":"text","analyzer":"english"},"words":{"type":"token_count","analyzer":"standard"}}}"#,
        ],
        |dice| json!(text(dice, 1, 5)),
        90,
        10,
    ),
    field(
        "body",
        &[
            r#"{"type":"text"}"#,
            r#"{"type":"text","analyzer":"english"}"#,
            r#"{"type":"text","analyzer":"folded","index_options":"offsets"}"#,
            r#"{"type":"text","analyzer":"standard","search_analyzer":"stop"}"#,
            r#"{"type":"text","analyzer":"simple","index_phrases":true}"#,
        ],
        |dice| json!(text(dice, 4, 40)),
        85,
        15,
    ),
    field(
        "note",
        &[
            r#"{"type":"text","norms":false}"#,
            r#"{"type":"text","analyzer":"whitespace"}"#,
            r#"{"type":"text","similarity":"boolean"}"#,
            r#"{"type":"text","index_options":"freqs"}"#,
            r#"{"type":"text","index_prefixes":{}}"#,
            r#"{"type":"text","analyzer":"edges","search_analyzer":"standard"}"#,
        ],
        |dice| json!(text(dice, 2, 12)),
        60,
        10,
    ),
    field("plain", &[r#"{"type":"match_only_text"}"#], |dice| json!(text(dice, 2, 8)), 60, 0),
    field("typed", &[r#"{"type":"search_as_you_type"}"#], |dice| json!(text(dice, 2, 5)), 70, 0),
    field(
        "tag",
        &[
            r#"{"type":"keyword"}"#,
            r#"{"type":"keyword","normalizer":"low"}"#,
            r#"{"type":"keyword","null_value":"none"}"#,
            r#"{"type":"keyword","ignore_above":5}"#,
        ],
        |dice| json!(tag(dice)),
        85,
        35,
    ),
    field(
        "code",
        &[
            r#"{"type":"keyword"}"#,
            r#"{"type":"keyword","doc_values":false}"#,
            r#"{"type":"keyword","norms":true}"#,
            r#"{"type":"keyword","eager_global_ordinals":true}"#,
        ],
        |dice| json!(format!("{}{}", dice.pick(&["A", "B", "C"]), dice.below(30))),
        90,
        0,
    ),
    field(
        "number",
        &[r#"{"type":"integer"}"#, r#"{"type":"long"}"#],
        |dice| json!(dice.between(-5, 60)),
        90,
        20,
    ),
    field("small", &[r#"{"type":"short"}"#, r#"{"type":"byte"}"#], |dice| json!(dice.between(0, 20)), 80, 0),
    field(
        "price",
        &[r#"{"type":"double"}"#, r#"{"type":"float"}"#, r#"{"type":"scaled_float","scaling_factor":100}"#],
        |dice| json!(dice.between(0, 400) as f64 / 4.0),
        80,
        10,
    ),
    field("half", &[r#"{"type":"half_float"}"#], |dice| json!(dice.between(-20, 20) as f64 / 2.0), 60, 0),
    field("huge", &[r#"{"type":"unsigned_long"}"#], |dice| json!(dice.between(0, 30)), 60, 0),
    field(
        "day",
        &[
            r#"{"type":"date"}"#,
            r#"{"type":"date","format":"yyyy-MM-dd HH:mm:ss||strict_date_optional_time||epoch_millis"}"#,
        ],
        |dice| json!(moment(dice)),
        90,
        10,
    ),
    field("nanos", &[r#"{"type":"date_nanos"}"#], |dice| json!(moment(dice)), 50, 0),
    field(
        "address",
        &[r#"{"type":"ip"}"#],
        |dice| json!(format!("10.0.{}.{}", dice.below(3), dice.below(20))),
        70,
        15,
    ),
    field("flag", &[r#"{"type":"boolean"}"#], |dice| json!(dice.chance(50)), 70, 0),
    field(
        "span_of_numbers",
        &[r#"{"type":"integer_range"}"#, r#"{"type":"long_range"}"#],
        number_range,
        60,
        10,
    ),
    field("span_of_days", &[r#"{"type":"date_range"}"#], date_range, 60, 0),
    field(
        "span_of_addresses",
        &[r#"{"type":"ip_range"}"#],
        |dice| json!(format!("10.0.{}.0/{}", dice.below(3), dice.between(24, 30))),
        50,
        0,
    ),
    field("place", &[r#"{"type":"geo_point"}"#], place, 75, 10),
    field("rank", &[r#"{"type":"rank_feature"}"#], |dice| json!(dice.between(1, 100)), 70, 0),
    field(
        "ranks",
        &[r#"{"type":"rank_features"}"#],
        |dice| json!({"sport": dice.between(1, 50), "politics": dice.between(1, 9)}),
        50,
        0,
    ),
    field(
        "labels",
        &[r#"{"type":"flattened"}"#],
        |dice| json!({"colour": tag(dice), "size": dice.below(5).to_string(), "deep": {"er": word(dice)}}),
        60,
        0,
    ),
    field(
        "path",
        &[r#"{"type":"wildcard"}"#],
        |dice| json!(format!("/{}/{}.log", tag(dice), word(dice))),
        60,
        0,
    ),
    field("site", &[r#"{"type":"constant_keyword","value":"main"}"#], |_| json!("main"), 20, 0),
    field(
        "complete",
        &[r#"{"type":"completion"}"#],
        |dice| json!({"input": [text(dice, 1, 3), word(dice)], "weight": dice.between(1, 500)}),
        60,
        0,
    ),
    field(
        "owner",
        &[
            r#"{"properties":{"name":{"type":"text","fields":{"raw":{"type":"keyword"}}},"age":{"type":"integer"},"kind":{"type":"keyword"}}}"#,
        ],
        owner,
        70,
        15,
    ),
    field(
        "items",
        &[
            r#"{"type":"nested","properties":{"name":{"type":"text"},"kind":{"type":"keyword"},"price":{"type":"double"},"day":{"type":"date"},"parts":{"type":"nested","properties":{"code":{"type":"keyword"},"size":{"type":"integer"}}}}}"#,
            r#"{"type":"nested","include_in_root":true,"properties":{"name":{"type":"text"},"kind":{"type":"keyword"},"price":{"type":"double"},"day":{"type":"date"},"parts":{"type":"nested","properties":{"code":{"type":"keyword"},"size":{"type":"integer"}}}}}"#,
        ],
        item,
        65,
        60,
    ),
    field("words", &[r#"{"type":"alias","path":"title"}"#], |_| Value::Null, 0, 0),
    field(
        "kin",
        &[r#"{"type":"join","relations":{"question":["answer","remark"],"answer":"vote"}}"#],
        |_| Value::Null,
        0,
        0,
    ),
    field("serial", &[r#"{"type":"integer"}"#], |_| Value::Null, 0, 0),
];

/// Within the first months of 2024, to the hour, so that some are the same.
pub(super) fn moment(dice: &mut Dice) -> String {
    format!(
        "2024-{:02}-{:02}T{:02}:00:00{}",
        dice.between(1, 4),
        dice.between(1, 28),
        dice.between(0, 23),
        dice.pick(&["Z", "Z", ".000Z", ".500Z"])
    )
}

fn number_range(dice: &mut Dice) -> Value {
    let low = dice.between(0, 40);
    let high = low + dice.between(2, 15);
    bounds(dice, json!(low), json!(high))
}

fn date_range(dice: &mut Dice) -> Value {
    let (month, day) = (dice.between(1, 3), dice.between(1, 28));
    let from = format!("2024-{month:02}-{day:02}");
    let to = format!("2024-{:02}-{:02}", month + 1, dice.between(1, 28));
    bounds(dice, json!(from), json!(to))
}

fn bounds(dice: &mut Dice, low: Value, high: Value) -> Value {
    let (from, to) = (dice.pick(&["gte", "gt"]), dice.pick(&["lte", "lt"]));
    match dice.below(8) {
        0 => json!({from: low}),
        1 => json!({to: high}),
        _ => json!({from: low, to: high}),
    }
}

pub(super) fn place(dice: &mut Dice) -> Value {
    let (lat, lon) = (dice.between(40, 60) as f64 + dice.unit(), dice.between(-5, 20) as f64 + dice.unit());
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    json!({"lat": rounded(lat), "lon": rounded(lon)})
}

fn owner(dice: &mut Dice) -> Value {
    json!({"name": text(dice, 1, 3), "age": dice.between(18, 60), "kind": tag(dice)})
}

fn item(dice: &mut Dice) -> Value {
    let parts: Vec<Value> = dice.several(0, 3, |dice| json!({"code": tag(dice), "size": dice.between(0, 9)}));
    json!({"name": text(dice, 1, 4), "kind": tag(dice), "price": dice.between(1, 40), "day": moment(dice), "parts": parts})
}

/// Fields of words, each with its parts.
pub(super) const TEXTS: [&str; 9] =
    ["title", "body", "note", "title", "body", "title.english", "plain", "typed", "owner.name"];
/// Fields of words with positions, for whatever is about their order.
pub(super) const ORDERED: [&str; 4] = ["title", "body", "title.english", "owner.name"];
pub(super) const KEYWORDS: [&str; 5] = ["tag", "code", "title.raw", "owner.kind", "tag"];
pub(super) const NUMBERS: [&str; 7] =
    ["number", "small", "price", "half", "huge", "owner.age", "title.words"];
pub(super) const DATES: [&str; 3] = ["day", "day", "nanos"];
/// Fields with a value for each document that can be sorted by.
pub(super) const SORTED: [&str; 8] =
    ["number", "price", "day", "tag", "address", "flag", "small", "owner.age"];
