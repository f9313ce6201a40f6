//! What is shown of a hit.

use serde_json::{Value, json};

use super::basic::{any, any_or_all, scoring};
use super::dice::Dice;
use super::forms::{Form, search};
use super::words::{search as words, tag};
use super::world::World;

pub(super) const FORMS: &[Form] = &[
    search("_source", source, "", &[("version", &["true"]), ("seq_no_primary_term", &["true"])]),
    search("fields", fields, "", &[("_source", &["false", "true"])]),
    search(
        "fields format",
        |dice, world| {
            shown(
                dice,
                world,
                "fields",
                &[
                    r#"[{"field":"day","format":"yyyy/MM/dd"}]"#,
                    r#"[{"field":"day","format":"epoch_millis"},"number"]"#,
                    r#"[{"field":"nanos","format":"strict_date_time"}]"#,
                ],
            )
        },
        "",
        &[],
    ),
    search(
        "docvalue_fields",
        |dice, world| {
            shown(
                dice,
                world,
                "docvalue_fields",
                &[
                    r#"["number","tag"]"#,
                    r#"["day","price","flag"]"#,
                    r#"[{"field":"day","format":"epoch_millis"}]"#,
                    r#"[{"field":"price","format":"0.00"}]"#,
                    r#"["address","half","huge"]"#,
                    r#"["place"]"#,
                    r#"["title"]"#,
                    r#"["own*","missing"]"#,
                    r#"["title.words","title.raw"]"#,
                ],
            )
        },
        "",
        &[],
    ),
    search(
        "stored_fields",
        |dice, world| {
            shown(
                dice,
                world,
                "stored_fields",
                &[r#"["_none_"]"#, r#"[]"#, r#"["title"]"#, r#""_none_""#, r#"["_source"]"#],
            )
        },
        "",
        &[],
    ),
    search(
        "script_fields",
        |dice, world| {
            shown(dice, world, "script_fields", &[r#"{"a":{"script":{"source":"doc['serial'].value * 2"}}}"#])
        },
        "",
        &[],
    ),
    search("named queries", named, "", &[("_source", &["false"])]),
    search(
        "explain",
        |dice, world| json!({"query": any(dice, world), "size": 300, "_source": false, "explain": true}),
        "",
        &[("profile", &["false"])],
    ),
    search("highlight", |dice, world| highlight(dice, world, "title"), "highlight", HIGHLIGHTS),
    search("highlight plain", |dice, world| highlighter(dice, world, "plain"), "highlight", HIGHLIGHTS),
    search("highlight body", |dice, world| highlight(dice, world, "body"), "highlight", HIGHLIGHTS),
    search(
        "highlight of kinds of query",
        highlight_kinds,
        "highlight",
        &[("require_field_match", &["false"])],
    ),
    search(
        "highlight keyword",
        |dice, _| json!({"query": {"term": {"tag": tag(dice)}}, "size": 100, "_source": false, "highlight": {"fields": {"tag": {}}}}),
        "highlight",
        &[("type", &[r#""plain""#, r#""unified""#])],
    ),
    search(
        "suggest term",
        |dice, world| suggest(dice, world, "term"),
        "suggest/it/term",
        &[
            ("suggest_mode", &[r#""missing""#, r#""popular""#, r#""always""#]),
            ("size", &["1", "10"]),
            ("sort", &[r#""score""#, r#""frequency""#]),
            ("max_edits", &["1", "2"]),
            ("prefix_length", &["0", "2"]),
            ("min_word_length", &["2", "5"]),
            ("min_doc_freq", &["0.1", "3"]),
            (
                "string_distance",
                &[r#""levenshtein""#, r#""damerau_levenshtein""#, r#""jaro_winkler""#, r#""ngram""#],
            ),
        ],
    ),
    search(
        "suggest phrase",
        |dice, world| suggest(dice, world, "phrase"),
        "suggest/it/phrase",
        &[
            ("size", &["1", "5"]),
            ("max_errors", &["2", "0.5"]),
            ("confidence", &["0", "1"]),
            ("highlight", &[r#"{"pre_tag":"<b>","post_tag":"</b>"}"#]),
            ("direct_generator", &[r#"[{"field":"title","suggest_mode":"always","min_word_length":1}]"#]),
            ("smoothing", &[r#"{"laplace":{"alpha":0.7}}"#, r#"{"stupid_backoff":{"discount":0.4}}"#]),
        ],
    ),
    search(
        "suggest completion",
        |dice, _| json!({"size": 0, "suggest": {"it": {"prefix": super::words::beginning(dice), "completion": {"field": "complete"}}}}),
        "suggest/it/completion",
        &[("size", &["1", "10"]), ("skip_duplicates", &["true"]), ("fuzzy", &["{}", r#"{"fuzziness":1}"#])],
    ),
];

const HIGHLIGHTS: &[(&str, &[&str])] = &[
    ("number_of_fragments", &["0", "1", "2"]),
    ("fragment_size", &["20", "60", "1000"]),
    ("pre_tags", &[r#"["<b>"]"#]),
    ("post_tags", &[r#"["</b>"]"#]),
    ("order", &[r#""score""#, r#""none""#]),
    ("no_match_size", &["10", "30"]),
    ("require_field_match", &["false"]),
    ("encoder", &[r#""html""#]),
    ("boundary_scanner", &[r#""word""#, r#""sentence""#]),
    ("highlight_query", &[r#"{"match":{"title":"fox"}}"#]),
    ("fragmenter", &[r#""simple""#, r#""span""#]),
    ("tags_schema", &[r#""styled""#]),
];

fn shown(dice: &mut Dice, world: &World, member: &str, choices: &[&str]) -> Value {
    let value = dice.json(choices);
    json!({"query": any_or_all(dice, world), "size": 30, "sort": ["serial"], member: value})
}

fn source(dice: &mut Dice, world: &World) -> Value {
    shown(
        dice,
        world,
        "_source",
        &[
            "true",
            "false",
            r#""title""#,
            r#"["title","tag"]"#,
            r#"["own*"]"#,
            r#"{"includes":["items.*","title"],"excludes":["items.parts"]}"#,
            r#"{"excludes":["*a*"]}"#,
            r#"["owner.name","missing"]"#,
            "[]",
        ],
    )
}

fn fields(dice: &mut Dice, world: &World) -> Value {
    shown(
        dice,
        world,
        "fields",
        &[
            r#"["title"]"#,
            r#"["tag","number"]"#,
            r#"["own*"]"#,
            r#"["day","nanos"]"#,
            r#"["title.raw","title.words"]"#,
            r#"["words"]"#,
            r#"["price","half","huge","flag","address"]"#,
            r#"["items.name"]"#,
            r#"["place"]"#,
            r#"["span_of_numbers"]"#,
            r#"["missing"]"#,
            r#"["site"]"#,
        ],
    )
}

/// Some clauses of a `bool` have names.
fn named(dice: &mut Dice, _: &World) -> Value {
    let clause = |dice: &mut Dice, name: &str| match dice.below(4) {
        0 => json!({"term": {"tag": {"value": tag(dice), "_name": name}}}),
        1 => json!({"range": {"number": {"gte": dice.between(0, 30), "_name": name}}}),
        2 => json!({"bool": {"must": {"exists": {"field": "flag"}}, "_name": name}}),
        _ => json!({"match": {"title": {"query": words(dice, 1, 2), "_name": name}}}),
    };
    json!({"query": {"bool": {"should": [clause(dice, "a"), clause(dice, "b")], "must_not": clause(dice, "c")}}, "size": 200, "_source": false})
}

fn highlight(dice: &mut Dice, _: &World, field: &str) -> Value {
    json!({"query": {"match": {field: words(dice, 1, 3)}}, "size": 100, "_source": false, "highlight": {"fields": {field: {}}}})
}

fn highlighter(dice: &mut Dice, world: &World, kind: &str) -> Value {
    let mut body = highlight(dice, world, "title");
    body["highlight"]["type"] = json!(kind);
    body
}

fn highlight_kinds(dice: &mut Dice, world: &World) -> Value {
    let query = match dice.below(7) {
        0 => json!({"match_phrase": {"title": words(dice, 2, 2)}}),
        1 => json!({"prefix": {"title": super::words::beginning(dice)}}),
        2 => json!({"query_string": {"query": words(dice, 1, 3), "fields": ["title", "body"]}}),
        3 => {
            json!({"bool": {"must": scoring(dice, world), "must_not": {"match": {"title": words(dice, 1, 1)}}}})
        }
        4 => {
            json!({"multi_match": {"query": words(dice, 1, 2), "fields": ["title", "body", "title.english"]}})
        }
        5 => json!({"fuzzy": {"title": super::words::misspelt(dice)}}),
        _ => json!({"wildcard": {"body": format!("{}*", super::words::beginning(dice))}}),
    };
    let fields = dice.json(&[
        r#"{"title":{},"body":{}}"#,
        r#"{"*":{}}"#,
        r#"{"title":{"number_of_fragments":0}}"#,
        r#"{"title":{"matched_fields":["title","title.english"],"type":"unified"}}"#,
    ]);
    json!({"query": query, "size": 100, "_source": false, "highlight": {"fields": fields}})
}

fn suggest(dice: &mut Dice, _: &World, kind: &str) -> Value {
    let text = dice.several(1, 3, super::words::misspelt).join(" ");
    json!({"size": 0, "suggest": {"it": {"text": text, kind: {"field": "title"}}}})
}
