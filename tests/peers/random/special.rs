//! Queries of fields made for them, of places, and of likeness.

use serde_json::{Value, json};

use super::dice::Dice;
use super::fields::place;
use super::forms::{Form, query};
use super::words::text;
use super::world::World;

const BOOST: (&str, &[&str]) = ("boost", &["2", "0.5"]);
const VALIDATION: (&str, &[&str]) =
    ("validation_method", &[r#""STRICT""#, r#""COERCE""#, r#""IGNORE_MALFORMED""#]);
const UNMAPPED: (&str, &[&str]) = ("ignore_unmapped", &["true", "false"]);

pub(super) const FORMS: &[Form] = &[
    query(
        "rank_feature",
        |dice, _| json!({"rank_feature": {"field": dice.pick(&["rank", "ranks.sport", "ranks.politics"])}}),
        "rank_feature",
        &[
            BOOST,
            ("saturation", &["{}", r#"{"pivot":8}"#]),
            ("log", &[r#"{"scaling_factor":2}"#]),
            ("sigmoid", &[r#"{"pivot":7,"exponent":0.6}"#]),
            ("linear", &["{}"]),
        ],
    ),
    query(
        "distance_feature date",
        |dice, _| json!({"distance_feature": {"field": dice.pick(&["day", "nanos"]), "origin": "2024-02-15", "pivot": dice.pick(&["7d", "12h", "1d"])}}),
        "distance_feature",
        &[BOOST],
    ),
    query(
        "distance_feature place",
        |dice, _| json!({"distance_feature": {"field": "place", "origin": place(dice), "pivot": dice.pick(&["100km", "500m"])}}),
        "distance_feature",
        &[BOOST],
    ),
    query("more_like_this text", like_text, "more_like_this", LIKENESS),
    query("more_like_this document", like_document, "more_like_this", LIKENESS),
    query(
        "geo_distance",
        geo_distance,
        "geo_distance",
        &[BOOST, VALIDATION, UNMAPPED, ("distance_type", &[r#""plane""#, r#""arc""#])],
    ),
    query(
        "geo_bounding_box",
        bounding_box,
        "geo_bounding_box",
        &[BOOST, VALIDATION, UNMAPPED, ("type", &[r#""memory""#, r#""indexed""#])],
    ),
    query("geo_polygon", polygon, "geo_polygon", &[BOOST, VALIDATION, UNMAPPED]),
];

const LIKENESS: &[(&str, &[&str])] = &[
    BOOST,
    ("max_query_terms", &["3", "10"]),
    ("minimum_should_match", &["1", r#""50%""#, r#""2""#]),
    ("min_doc_freq", &["1", "5"]),
    ("max_doc_freq", &["30"]),
    ("min_word_length", &["4"]),
    ("max_word_length", &["5"]),
    ("stop_words", &[r#"["the","a","of"]"#]),
    ("boost_terms", &["2"]),
    ("analyzer", &[r#""whitespace""#, r#""english""#]),
    ("unlike", &[r#""quick brown""#]),
];

fn like_text(dice: &mut Dice, _: &World) -> Value {
    let fields = dice.pick(&[&["title"][..], &["title", "body"]]);
    json!({"more_like_this": {"fields": fields, "like": text(dice, 3, 10), "min_term_freq": 1, "min_doc_freq": 2}})
}

fn like_document(dice: &mut Dice, world: &World) -> Value {
    let like = json!([{"_id": world.some_id(dice)}]);
    let include = dice.chance(50);
    json!({"more_like_this": {"fields": ["title"], "like": like, "min_term_freq": 1, "min_doc_freq": 2, "include": include}})
}

/// A point as it may be written.
fn written(dice: &mut Dice) -> Value {
    let point = place(dice);
    match dice.below(4) {
        0 => json!(format!("{}, {}", point["lat"], point["lon"])),
        1 => json!([point["lon"], point["lat"]]),
        2 => json!(format!("POINT ({} {})", point["lon"], point["lat"])),
        _ => point,
    }
}

fn geo_distance(dice: &mut Dice, _: &World) -> Value {
    let distance = dice.pick(&["200km", "500km", "300mi", "1000000", "50nmi"]);
    json!({"geo_distance": {"place": written(dice), "distance": distance}})
}

fn bounding_box(dice: &mut Dice, _: &World) -> Value {
    let (top, left) = (dice.between(50, 60), dice.between(-5, 5));
    let (bottom, right) = (top - dice.between(2, 12), left + dice.between(3, 20));
    let bounds = match dice.below(3) {
        0 => json!({"top_left": {"lat": top, "lon": left}, "bottom_right": {"lat": bottom, "lon": right}}),
        1 => json!({"top": top, "left": left, "bottom": bottom, "right": right}),
        _ => json!({"top_right": [right, top], "bottom_left": [left, bottom]}),
    };
    json!({"geo_bounding_box": {"place": bounds}})
}

fn polygon(dice: &mut Dice, _: &World) -> Value {
    json!({"geo_polygon": {"place": {"points": dice.several(3, 5, written)}}})
}
