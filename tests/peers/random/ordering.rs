//! The order of hits, and the page that is shown of them.

use serde_json::{Value, json};

use super::basic::{any_or_all, scoring};
use super::dice::Dice;
use super::fields::SORTED;
use super::forms::{Form, search};
use super::world::World;

const MODE: (&str, &[&str]) = ("mode", &[r#""min""#, r#""max""#, r#""avg""#, r#""sum""#, r#""median""#]);
const MISSING: (&str, &[&str]) = ("missing", &[r#""_first""#, r#""_last""#]);
const UNMAPPED: (&str, &[&str]) = ("unmapped_type", &[r#""long""#, r#""keyword""#]);
const TRACK: (&str, &[&str]) = ("track_scores", &["true", "false"]);

pub(super) const FORMS: &[Form] = &[
    search(
        "sort number",
        |dice, world| sorted(dice, world, &["number", "price", "small", "half", "huge"]),
        "sort/0/*",
        &[MODE, MISSING, ("missing", &["5", "0"]), ("numeric_type", &[r#""double""#, r#""long""#]), UNMAPPED],
    ),
    search(
        "sort date",
        |dice, world| sorted(dice, world, &["day", "nanos"]),
        "sort/0/*",
        &[
            ("mode", &[r#""min""#, r#""max""#]),
            MISSING,
            ("numeric_type", &[r#""date""#, r#""date_nanos""#]),
            ("format", &[r#""yyyy-MM-dd""#, r#""strict_date_optional_time_nanos""#]),
        ],
    ),
    search(
        "sort keyword",
        |dice, world| sorted(dice, world, &["tag", "owner.kind", "title.raw"]),
        "sort/0/*",
        &[("mode", &[r#""min""#, r#""max""#]), MISSING, ("missing", &[r#""c""#])],
    ),
    search(
        "sort other",
        |dice, world| sorted(dice, world, &["address", "flag", "path", "site"]),
        "sort/0/*",
        &[MISSING],
    ),
    search(
        "sort what cannot be",
        |dice, world| sorted(dice, world, &["title", "missing", "labels", "place"]),
        "sort/0/*",
        &[UNMAPPED],
    ),
    search(
        "sort _score",
        |dice, world| json!({"query": scoring(dice, world), "sort": ["_score", {"serial": "asc"}]}),
        "",
        &[TRACK],
    ),
    search(
        "sort _doc",
        |dice, world| json!({"query": any_or_all(dice, world), "sort": dice.json(&[r#"["_doc"]"#, r#"[{"_doc":"desc"}]"#, r#""_doc""#])}),
        "",
        &[("size", &["10", "300"])],
    ),
    search("sort several keys", several, "", &[("size", &["5", "200"]), TRACK]),
    search("sort nested", nested, "sort/0/*", &[MODE, MISSING]),
    search("sort nested filter", nested_filter, "sort/0/*", &[MODE]),
    search(
        "sort _geo_distance",
        by_distance,
        "sort/0/_geo_distance",
        &[
            ("unit", &[r#""km""#, r#""mi""#]),
            ("mode", &[r#""min""#, r#""max""#, r#""avg""#]),
            ("distance_type", &[r#""plane""#, r#""arc""#]),
            ("ignore_unmapped", &["true"]),
        ],
    ),
    search("sort _script", by_script, "", &[("size", &["5"])]),
    search(
        "from and size",
        |dice, world| page(dice, world, 20),
        "",
        &[("sort", &[r#"[{"serial":"desc"}]"#, r#"["_score",{"serial":"asc"}]"#])],
    ),
    search(
        "size 0",
        |dice, world| json!({"query": any_or_all(dice, world), "size": 0}),
        "",
        &[("track_total_hits", &["true", "false", "10"])],
    ),
    search("search_after", after, "", &[("size", &["3", "200"])]),
    search(
        "search_after keyword",
        |dice, world| json!({"query": any_or_all(dice, world), "size": 50, "sort": [{"tag": {"order": "asc", "missing": "_last"}}, {"serial": "asc"}], "search_after": [super::words::tag(dice), dice.below(150)]}),
        "",
        &[("track_total_hits", &["true", "false"])],
    ),
    search(
        "collapse",
        collapse,
        "collapse",
        &[
            (
                "inner_hits",
                &[
                    r#"{"name":"more","size":2,"sort":[{"serial":"desc"}]}"#,
                    r#"[{"name":"a","size":1,"sort":["serial"]},{"name":"b","size":3,"sort":[{"serial":"desc"}]}]"#,
                ],
            ),
            ("max_concurrent_group_searches", &["1"]),
        ],
    ),
    search(
        "min_score",
        |dice, world| json!({"query": scoring(dice, world), "size": 300, "_source": false, "min_score": dice.json(&["0.5", "1", "2", "4"])}),
        "",
        &[("sort", &[r#"[{"serial":"asc"}]"#])],
    ),
    search(
        "track_total_hits",
        |dice, world| json!({"query": any_or_all(dice, world), "size": 3, "sort": [{"serial": "asc"}], "track_total_hits": dice.json(&["true", "false", "1", "20", "500", "0"])}),
        "",
        &[TRACK],
    ),
    search(
        "terminate_after",
        |dice, world| json!({"query": any_or_all(dice, world), "size": 0, "terminate_after": dice.between(1, 60)}),
        "",
        &[("track_total_hits", &["true", "10"])],
    ),
    search(
        "post_filter",
        |dice, world| json!({"query": any_or_all(dice, world), "size": 300, "_source": false, "post_filter": super::basic::filter(dice, world)}),
        "",
        &[("min_score", &["1"])],
    ),
    search(
        "rescore",
        rescore,
        "rescore/query",
        &[
            ("query_weight", &["0.5", "2"]),
            ("rescore_query_weight", &["0.5", "2"]),
            ("score_mode", &[r#""total""#, r#""multiply""#, r#""avg""#, r#""max""#, r#""min""#]),
        ],
    ),
];

fn order(dice: &mut Dice) -> &'static str {
    dice.pick(&["asc", "desc"])
}

/// By one of these fields; `serial` parts those that tie.
fn sorted(dice: &mut Dice, world: &World, fields: &[&'static str]) -> Value {
    let field = dice.pick(fields);
    let size = dice.pick(&[5, 20, 300]);
    json!({"query": any_or_all(dice, world), "size": size, "_source": false,
        "sort": [{field: {"order": order(dice)}}, {"serial": "asc"}]})
}

fn several(dice: &mut Dice, world: &World) -> Value {
    let mut keys: Vec<Value> = dice.several(2, 4, |dice| {
        let field = dice.pick(&SORTED);
        if dice.chance(40) { json!({field: order(dice)}) } else { json!(field) }
    });
    keys.push(json!("serial"));
    json!({"query": any_or_all(dice, world), "size": 50, "_source": false, "sort": keys})
}

fn nested(dice: &mut Dice, world: &World) -> Value {
    let field = dice.pick(&["items.price", "items.kind", "items.day"]);
    json!({"query": any_or_all(dice, world), "size": 200, "_source": false,
        "sort": [{field: {"order": order(dice), "nested": {"path": "items"}}}, "serial"]})
}

fn nested_filter(dice: &mut Dice, world: &World) -> Value {
    let nested = json!({"path": "items", "filter": {"range": {"items.price": {"gte": dice.between(5, 25)}}}});
    json!({"query": any_or_all(dice, world), "size": 200, "_source": false,
        "sort": [{"items.price": {"order": order(dice), "nested": nested}}, "serial"]})
}

fn by_distance(dice: &mut Dice, world: &World) -> Value {
    let point = super::fields::place(dice);
    json!({"query": any_or_all(dice, world), "size": 200, "_source": false,
        "sort": [{"_geo_distance": {"place": point, "order": order(dice)}}, "serial"]})
}

fn by_script(dice: &mut Dice, world: &World) -> Value {
    json!({"query": any_or_all(dice, world), "size": 200, "_source": false, "sort": [
        {"_script": {"type": "number", "order": order(dice), "script": {"source": "doc['serial'].value % 7"}}}, "serial"
    ]})
}

fn page(dice: &mut Dice, world: &World, most: usize) -> Value {
    json!({"query": any_or_all(dice, world), "_source": false, "from": dice.below(most), "size": dice.below(most)})
}

fn after(dice: &mut Dice, world: &World) -> Value {
    json!({"query": any_or_all(dice, world), "size": 50, "_source": false,
        "sort": [{"number": {"order": order(dice)}}, {"serial": "asc"}],
        "search_after": [dice.between(0, 50), dice.below(150)]})
}

fn collapse(dice: &mut Dice, world: &World) -> Value {
    json!({"query": any_or_all(dice, world), "size": 50, "_source": false, "sort": [{"serial": order(dice)}],
        "collapse": {"field": dice.pick(&["code", "small", "code"])}})
}

fn rescore(dice: &mut Dice, world: &World) -> Value {
    json!({"query": scoring(dice, world), "size": 300, "_source": false,
        "rescore": {"window_size": dice.pick(&[5, 50, 400]), "query": {"rescore_query": scoring(dice, world)}}})
}
