//! Requests beside a search: counts, checks, why a document has its score, several searches at once; and some of any kind.

use search_client::Method;
use serde_json::{Value, json};

use super::basic::{any, any_or_all};
use super::broken;
use super::dice::Dice;
use super::forms::{Chosen, Form, Part, search_for};
use super::world::World;
use super::{compound, full_text, joined, positions, special, strings, term_level};
use crate::requests::{Body, Request};

/// A kind of request that is made in its own way.
pub(super) struct Api {
    pub(super) name: &'static str,
    /// So often as one option of a query is asked for.
    pub(super) times: usize,
    pub(super) make: fn(&'static str, &mut Dice, &World) -> Request,
}

const fn api(name: &'static str, times: usize, make: fn(&'static str, &mut Dice, &World) -> Request) -> Api {
    Api { name, times, make }
}

pub(super) const APIS: &[Api] = &[
    api("_count", 3, |kind, dice, world| {
        post(kind, world, "_count", json!({"query": any_query(dice, world)}))
    }),
    api("_validate/query", 3, validate),
    api("_validate/query broken", 3, |kind, dice, world| {
        post(kind, world, "_validate/query", json!({"query": broken::query(dice)}))
    }),
    api("_explain", 3, explain),
    api("_msearch", 4, msearch),
    api("_search?q", 3, uri_search),
    api("mixed bool", 10, mixed_bool),
    api("mixed search", 10, mixed_search),
    api("broken query", 16, |kind, dice, world| {
        post(kind, world, "_search", json!({"query": broken::query(dice)}))
    }),
    api("broken search", 8, |kind, dice, world| post(kind, world, "_search", broken::search(dice))),
];

/// Every form of a query there is.
const QUERIES: [&[Form]; 7] = [
    term_level::FORMS,
    full_text::FORMS,
    strings::FORMS,
    compound::FORMS,
    special::FORMS,
    positions::FORMS,
    joined::FORMS,
];

fn post(kind: &str, world: &World, what: &str, body: Value) -> Request {
    Request::post(kind, format!("/{}/{what}", world.name()), body)
}

/// A query of any kind, with some of its options.
fn any_query(dice: &mut Dice, world: &World) -> Value {
    let forms = dice.pick(&QUERIES);
    let form = &forms[dice.below(forms.len())];
    debug_assert!(form.part == Part::Query, "{} is a query", form.name);
    form.made(Chosen::Several, dice, world)
}

fn validate(kind: &'static str, dice: &mut Dice, world: &World) -> Request {
    post(kind, world, "_validate/query", json!({"query": any_query(dice, world)}))
}

fn explain(kind: &'static str, dice: &mut Dice, world: &World) -> Request {
    let id =
        (0..20).map(|_| world.some_id(dice)).find(|id| !id.contains('-')).unwrap_or_else(|| "d0".to_owned());
    post(kind, world, &format!("_explain/{id}"), json!({"query": any(dice, world)}))
}

fn msearch(kind: &'static str, dice: &mut Dice, world: &World) -> Request {
    let mut lines = Vec::new();
    for _ in 0..dice.between(1, 4) {
        lines.push(json!({"index": if dice.chance(10) { "missing" } else { world.name() }}));
        let query = if dice.chance(15) { broken::query(dice) } else { any_or_all(dice, world) };
        lines.push(search_for(query, dice));
    }
    Request::lines(kind, "/_msearch", lines)
}

fn uri_search(kind: &'static str, dice: &mut Dice, world: &World) -> Request {
    let text = dice.pick(&[
        "quick",
        "title:fox",
        "%2Bquick%20-dog",
        "title:(quick%20OR%20fox)",
        "number:%3E10",
        "qu*",
    ]);
    let rest = dice.pick(&[
        "",
        "&df=title",
        "&default_operator=AND&df=body",
        "&lenient=true",
        "&size=3&sort=serial:desc",
        "&_source=false&size=300",
        "&analyzer=english&df=title",
    ]);
    let path = format!("/{}/_search?q={text}{rest}", world.name());
    Request::new(kind.to_owned(), Method::GET, path, Body::Lines(Vec::new()))
}

/// A tree of clauses of every kind.
fn mixed_bool(kind: &'static str, dice: &mut Dice, world: &World) -> Request {
    let query = tree(dice, world, 2);
    post(kind, world, "_search", search_for(query, dice))
}

fn tree(dice: &mut Dice, world: &World, depth: usize) -> Value {
    if depth == 0 || dice.chance(30) {
        return any_query(dice, world);
    }
    let mut clauses = json!({});
    for kind in ["must", "should", "filter", "must_not"] {
        if dice.chance(45) {
            clauses[kind] = json!(dice.several(1, 2, |dice| tree(dice, world, depth - 1)));
        }
    }
    json!({"bool": clauses})
}

/// A query of any kind with several options of a search.
fn mixed_search(kind: &'static str, dice: &mut Dice, world: &World) -> Request {
    let mut body = json!({"query": any_query(dice, world)});
    for (member, percent, choices) in [
        ("size", 60, &["0", "5", "300"][..]),
        ("from", 30, &["0", "3"]),
        ("sort", 50, &[r#"["serial"]"#, r#"[{"number":"desc"},"serial"]"#, r#"["_score","serial"]"#]),
        ("_source", 50, &["false", r#"["title"]"#]),
        ("track_total_hits", 30, &["true", "false", "5"]),
        ("track_scores", 20, &["true"]),
        ("post_filter", 20, &[r#"{"exists":{"field":"flag"}}"#, r#"{"range":{"number":{"gte":10}}}"#]),
        ("docvalue_fields", 20, &[r#"["number","tag"]"#]),
        ("fields", 20, &[r#"["title","number"]"#]),
        ("version", 10, &["true"]),
        ("min_score", 10, &["0.5"]),
        ("highlight", 20, &[r#"{"fields":{"title":{}}}"#]),
    ] {
        if dice.chance(percent) {
            body[member] = dice.json(choices);
        }
    }
    post(kind, world, "_search", body)
}
