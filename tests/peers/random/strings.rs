//! Queries that are written as one text.

use serde_json::{Value, json};

use super::dice::Dice;
use super::forms::{Form, query};
use super::words::{beginning, misspelt, search, tag, word};
use super::world::World;

const OPERATOR: (&str, &[&str]) = ("default_operator", &[r#""and""#, r#""or""#]);
const MINIMUM: (&str, &[&str]) = ("minimum_should_match", &["1", "2", r#""75%""#, r#""-1""#]);
const ANALYZER: (&str, &[&str]) =
    ("analyzer", &[r#""standard""#, r#""english""#, r#""whitespace""#, r#""keyword""#]);
const FIELDS: (&str, &[&str]) =
    ("fields", &[r#"["title","body"]"#, r#"["title^3","owner.name"]"#, r#"["title"]"#, r#"["t*","code"]"#]);
const LENIENT: (&str, &[&str]) = ("lenient", &["true", "false"]);

pub(super) const FORMS: &[Form] = &[
    query(
        "query_string",
        |dice, _| json!({"query_string": {"default_field": "title", "query": expression(dice)}}),
        "query_string",
        &[
            OPERATOR,
            MINIMUM,
            ANALYZER,
            LENIENT,
            ("boost", &["2"]),
            ("phrase_slop", &["1", "3"]),
            ("fuzziness", &["1", r#""AUTO""#]),
            ("fuzzy_max_expansions", &["1", "5"]),
            ("fuzzy_prefix_length", &["1"]),
            ("allow_leading_wildcard", &["false", "true"]),
            ("analyze_wildcard", &["true"]),
            ("escape", &["true"]),
            ("rewrite", &[r#""scoring_boolean""#, r#""constant_score""#]),
            ("quote_field_suffix", &[r#"".english""#]),
            ("enable_position_increments", &["false"]),
        ],
    ),
    query(
        "query_string fields",
        string_of_fields,
        "query_string",
        &[
            OPERATOR,
            MINIMUM,
            (
                "type",
                &[
                    r#""best_fields""#,
                    r#""most_fields""#,
                    r#""cross_fields""#,
                    r#""phrase""#,
                    r#""phrase_prefix""#,
                    r#""bool_prefix""#,
                ],
            ),
            ("tie_breaker", &["0.3", "1"]),
        ],
    ),
    query(
        "query_string named fields",
        |dice, _| json!({"query_string": {"query": fielded(dice)}}),
        "query_string",
        &[OPERATOR, LENIENT],
    ),
    query(
        "query_string all fields",
        |dice, _| json!({"query_string": {"query": search(dice, 1, 2)}}),
        "query_string",
        &[OPERATOR, LENIENT],
    ),
    query(
        "query_string ranges",
        |dice, _| json!({"query_string": {"query": ranged(dice)}}),
        "query_string",
        &[("time_zone", &[r#""+02:00""#])],
    ),
    query(
        "simple_query_string",
        |dice, _| json!({"simple_query_string": {"fields": ["title"], "query": simple(dice)}}),
        "simple_query_string",
        &[
            OPERATOR,
            MINIMUM,
            ANALYZER,
            FIELDS,
            LENIENT,
            ("boost", &["2"]),
            (
                "flags",
                &[
                    r#""ALL""#,
                    r#""NONE""#,
                    r#""OR|AND|PREFIX""#,
                    r#""PHRASE|NOT""#,
                    r#""FUZZY|SLOP|WHITESPACE|ESCAPE|PRECEDENCE""#,
                ],
            ),
            ("fuzzy_prefix_length", &["1"]),
            ("fuzzy_max_expansions", &["1", "5"]),
            ("fuzzy_transpositions", &["false"]),
            ("analyze_wildcard", &["true"]),
            ("quote_field_suffix", &[r#"".english""#]),
        ],
    ),
    query(
        "simple_query_string all fields",
        |dice, _| json!({"simple_query_string": {"query": simple(dice)}}),
        "simple_query_string",
        &[LENIENT],
    ),
];

/// One clause.
fn clause(dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => format!("\"{}\"", search(dice, 2, 3)),
        1 => format!("\"{}\"~{}", search(dice, 2, 2), dice.between(1, 4)),
        2 => format!("{}*", beginning(dice)),
        3 => format!("{}~", misspelt(dice)),
        4 => format!("{}~1", misspelt(dice)),
        5 => format!("{}^{}", word(dice), dice.pick(&["2", "0.5", "3.5"])),
        6 => format!("({} OR {})", word(dice), word(dice)),
        7 => format!("({} {})^2", word(dice), word(dice)),
        8 => format!("{}?*", beginning(dice)),
        9 => format!("/{}.*/", beginning(dice)),
        _ => word(dice).to_owned(),
    }
}

/// Clauses with operators between and before them.
fn expression(dice: &mut Dice) -> String {
    let mut text = clause(dice);
    for _ in 0..dice.below(3) {
        let between =
            dice.pick(&[" ", " ", " AND ", " OR ", " NOT ", " +", " -", " && ", " || ", " AND NOT ", " !"]);
        text = format!("{text}{between}{}", clause(dice));
    }
    text
}

fn string_of_fields(dice: &mut Dice, _: &World) -> Value {
    let fields = dice.json(FIELDS.1);
    let text = if dice.chance(50) { search(dice, 1, 3) } else { expression(dice) };
    json!({"query_string": {"fields": fields, "query": text}})
}

fn fielded(dice: &mut Dice) -> String {
    let first = dice.pick(&["title", "body", "owner.name", "title.english"]);
    match dice.below(6) {
        0 => format!("{first}:({})", expression(dice)),
        1 => format!("{first}:{} AND tag:{}", clause(dice), tag(dice).replace([' ', '/', '*'], "_")),
        2 => format!("_exists_:{first} AND title:{}", word(dice)),
        3 => format!("owner.\\*:{}", word(dice)),
        4 => format!("missing:{} OR title:{}", word(dice), word(dice)),
        _ => format!("{first}:{} title:{}", clause(dice), clause(dice)),
    }
}

fn ranged(dice: &mut Dice) -> String {
    let (low, high) = (dice.between(0, 20), dice.between(15, 50));
    match dice.below(7) {
        0 => format!("number:[{low} TO {high}]"),
        1 => format!("number:{{{low} TO {high}}}"),
        2 => format!("price:>={low} AND number:<{high}"),
        3 => "day:[2024-01-10 TO 2024-02-20]".to_owned(),
        4 => format!("number:[{low} TO *] OR small:{low}"),
        5 => "tag:[alpha TO delta}".to_owned(),
        _ => "day:[2024-01-01||+1M/d TO now]".to_owned(),
    }
}

fn simple(dice: &mut Dice) -> String {
    let part = |dice: &mut Dice| match dice.below(8) {
        0 => format!("\"{}\"", search(dice, 2, 2)),
        1 => format!("\"{}\"~2", search(dice, 2, 2)),
        2 => format!("{}*", beginning(dice)),
        3 => format!("{}~1", misspelt(dice)),
        4 => format!("({} | {})", word(dice), word(dice)),
        _ => word(dice).to_owned(),
    };
    let mut text = part(dice);
    for _ in 0..dice.below(3) {
        text = format!("{text}{}{}", dice.pick(&[" ", " + ", " | ", " -", " +-"]), part(dice));
    }
    text
}
