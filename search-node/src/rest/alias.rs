//! Aliases: `_aliases` with many actions at once, `_alias` for one alias, and which there are.

use std::collections::BTreeMap;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::blocking;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::{Alias, AliasAction, NameOptions, matches, text_of, texts_of, truth_of};

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const PUT_POST: &[Method] = &[Method::PUT, Method::POST];
const DELETE: &[Method] = &[Method::DELETE];

const CHANGES: &[&str] = &["master_timeout", "cluster_manager_timeout", "timeout"];
const LOOKS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_unavailable", "local", "master_timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_aliases", CHANGES, |call| blocking(call, change).boxed()),
    route(GET, "/_aliases", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/_alias", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/_alias/{name}", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/{index}/_alias", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/{index}/_aliases", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/{index}/_alias/{name}", LOOKS, |call| blocking(call, look).boxed()),
    route(GET, "/{index}/_aliases/{name}", LOOKS, |call| blocking(call, look).boxed()),
    route(PUT_POST, "/_alias", CHANGES, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/_alias/{name}", CHANGES, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/_aliases/{name}", CHANGES, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/{index}/_alias", CHANGES, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/{index}/_aliases", CHANGES, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/{index}/_alias/{name}", CHANGES, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/{index}/_aliases/{name}", CHANGES, |call| blocking(call, put).boxed()),
    route(DELETE, "/{index}/_alias/{name}", CHANGES, |call| blocking(call, remove).boxed()),
    route(DELETE, "/{index}/_aliases/{name}", CHANGES, |call| blocking(call, remove).boxed()),
];

fn names_of(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

fn done(call: &Call, actions: &[AliasAction]) -> Result<Reply, ApiError> {
    call.node.indices.change_aliases(actions)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn change(call: &Call) -> Result<Reply, ApiError> {
    let body = call.required_json()?;
    let fault = ApiError::malformed;
    let members =
        body.as_object().ok_or_else(|| fault(format!("[aliases] must be an object, not [{body}]")))?;
    if let Some(unknown) = members.keys().find(|key| key.as_str() != "actions") {
        return Err(fault(format!("[aliases] unknown field [{unknown}]")));
    }
    let actions = members.get("actions").and_then(Value::as_array);
    let actions = actions.filter(|actions| !actions.is_empty());
    let actions = actions.ok_or_else(|| ApiError::argument("No action specified"))?;
    let actions: Vec<AliasAction> = actions.iter().map(read_action).collect::<Result<_, _>>()?;
    done(call, &actions)
}

/// `{"add": {…}}`, `{"remove": {…}}`, `{"remove_index": {…}}`.
fn read_action(said: &Value) -> Result<AliasAction, ApiError> {
    let fault = ApiError::malformed;
    let members = said.as_object().filter(|members| members.len() == 1);
    let Some((kind, body)) = members.and_then(|members| members.iter().next()) else {
        return Err(fault(format!("[alias_action] must be an object with one action, not [{said}]")));
    };
    let Some(members) = body.as_object() else {
        return Err(fault(format!("[{kind}] must be an object, not [{body}]")));
    };
    let names = |one: &str, many: &str| -> Result<Option<Vec<String>>, ApiError> {
        let wrong =
            |key: &str, value: &Value| fault(format!("[{kind}] [{key}] does not take the value [{value}]"));
        match (members.get(one), members.get(many)) {
            (Some(_), Some(_)) => Err(fault(format!("Only one of [{one}] and [{many}] is supported"))),
            (Some(value), None) => {
                text_of(value).map(|text| Some(names_of(&text))).ok_or_else(|| wrong(one, value))
            }
            (None, Some(value)) => texts_of(value).map(Some).ok_or_else(|| wrong(many, value)),
            (None, None) => Ok(None),
        }
    };
    let own = ["index", "indices", "alias", "aliases", "must_exist"];
    let indices = names("index", "indices")?.filter(|indices| !indices.is_empty());
    let indices = indices.ok_or_else(|| ApiError::argument("One of [index] or [indices] is required"))?;
    let aliases = names("alias", "aliases")?;
    let required = || {
        let aliases = aliases.clone().filter(|aliases| !aliases.is_empty());
        aliases.ok_or_else(|| ApiError::argument("One of [alias] or [aliases] is required"))
    };
    let must_exist = members.get("must_exist").map(|value| {
        truth_of(value)
            .ok_or_else(|| fault(format!("[{kind}] [must_exist] does not take the value [{value}]")))
    });
    let must_exist = must_exist.transpose()?;
    if kind != "add"
        && let Some(unknown) = members.keys().find(|key| !own.contains(&key.as_str()))
    {
        return Err(fault(format!("[{kind}] unknown field [{unknown}]")));
    }
    Ok(match kind.as_str() {
        "add" => {
            let aliases = required()?;
            let said = Alias::read(&aliases[0], body, |key| own.contains(&key))?;
            AliasAction::Add { indices, aliases, said: Box::new(said) }
        }
        "remove" => AliasAction::Remove { indices, aliases: required()?, must_exist },
        "remove_index" if aliases.is_some() => {
            return Err(fault("[remove_index] takes no alias".to_owned()));
        }
        "remove_index" => AliasAction::RemoveIndex { indices, must_exist },
        other => return Err(fault(format!("[alias_action] unknown field [{other}]"))),
    })
}

/// The alias and its index come from the path, or else from the body.
fn put(call: &Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let own = ["index", "alias"];
    let from_body = |key: &str| body.get(key).and_then(text_of);
    let name = call.path.get("name").cloned().or_else(|| from_body("alias"));
    let index = call.path.get("index").cloned().or_else(|| from_body("index"));
    let name = name.ok_or_else(|| ApiError::validation("[alias] can't be empty string"))?;
    let index = index.ok_or_else(|| ApiError::argument("One of [index] or [indices] is required"))?;
    let said = Alias::read(&name, &body, |key| own.contains(&key))?;
    let action = AliasAction::Add { indices: names_of(&index), aliases: vec![name], said: Box::new(said) };
    done(call, &[action])
}

fn remove(call: &Call) -> Result<Reply, ApiError> {
    let (indices, aliases) = (names_of(&call.part("index")), names_of(&call.part("name")));
    done(call, &[AliasAction::Remove { indices, aliases, must_exist: None }])
}

fn look(call: &Call) -> Result<Reply, ApiError> {
    let expression = call.path.get("index").map_or("_all", String::as_str);
    let usual = NameOptions { expand_hidden: true, expand_closed: true, ..NameOptions::default() };
    let options = if call.query.contains_key("expand_wildcards") { call.name_options()? } else { usual };
    let options = NameOptions { ignore_unavailable: call.flag("ignore_unavailable")?, ..options };
    let indices = call.node.indices.resolve(expression, options)?;
    let wanted = call.path.get("name").map(String::as_str);
    let aliases = indices.iter().map(|index| (index.name.clone(), index.aliases()));
    let (shown, missing) = chosen(aliases.collect(), wanted);
    let mut body: Map<String, Value> =
        shown.into_iter().map(|(index, aliases)| (index, json!({"aliases": aliases}))).collect();
    if missing.is_empty() {
        return Call::ok(Value::Object(body));
    }
    let what = if missing.len() == 1 { "alias" } else { "aliases" };
    body.insert("error".to_owned(), json!(format!("{what} [{}] missing", missing.join(","))));
    body.insert("status".to_owned(), json!(404));
    Ok(Reply::Json(404, Value::Object(body)))
}

/// The aliases of each index that some names mean, and the names that are of none. Where nobody names any, indices without aliases
/// are shown too.
fn chosen(
    aliases: BTreeMap<String, Map<String, Value>>,
    wanted: Option<&str>,
) -> (BTreeMap<String, Map<String, Value>>, Vec<String>) {
    let Some(wanted) = wanted else { return (aliases, Vec::new()) };
    let mut picked: Vec<&String> = Vec::new();
    let mut missing = Vec::new();
    let mut had_wildcard = false;
    let all: Vec<&String> = aliases.values().flat_map(Map::keys).collect();
    for part in wanted.split(',').map(str::trim) {
        if let (Some(excluded), true) = (part.strip_prefix('-'), had_wildcard) {
            picked.retain(|alias| !matches(excluded, alias));
            continue;
        }
        let pattern = if part == "_all" { "*" } else { part };
        had_wildcard |= pattern.contains('*');
        let found = all.iter().filter(|alias| matches(pattern, alias));
        let before = picked.len();
        picked.extend(found);
        if picked.len() == before && !pattern.contains('*') {
            missing.push(part.to_owned());
        }
    }
    let picked: Vec<String> = picked.into_iter().cloned().collect();
    let mut shown = aliases;
    for of_index in shown.values_mut() {
        of_index.retain(|alias, _| picked.contains(alias));
    }
    shown.retain(|_, of_index| !of_index.is_empty());
    (shown, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_read_in_every_form() {
        let of = |text: &str| vec![text.to_owned()];
        let plain = Box::new(Alias::default());
        for (said, action) in [
            (
                json!({"add": {"index": "i", "alias": "a"}}),
                AliasAction::Add { indices: of("i"), aliases: of("a"), said: plain.clone() },
            ),
            (
                json!({"add": {"indices": ["i"], "aliases": "a", "must_exist": true}}),
                AliasAction::Add { indices: of("i"), aliases: of("a"), said: plain },
            ),
            (
                json!({"remove": {"index": "i", "aliases": ["a*"], "must_exist": "false"}}),
                AliasAction::Remove { indices: of("i"), aliases: of("a*"), must_exist: Some(false) },
            ),
            (
                json!({"remove_index": {"index": "i"}}),
                AliasAction::RemoveIndex { indices: of("i"), must_exist: None },
            ),
        ] {
            assert_eq!(read_action(&said).expect("read"), action, "{said}");
        }
        for (said, reason) in [
            (json!([]), "[alias_action] must be an object with one action"),
            (json!({"add": {}, "remove": {}}), "[alias_action] must be an object with one action"),
            (json!({"fly": {"index": "i"}}), "[alias_action] unknown field [fly]"),
            (json!({"add": {"alias": "a"}}), "One of [index] or [indices] is required"),
            (json!({"add": {"index": "i"}}), "One of [alias] or [aliases] is required"),
            (
                json!({"add": {"index": "i", "indices": ["j"], "alias": "a"}}),
                "Only one of [index] and [indices]",
            ),
            (
                json!({"remove": {"index": "i", "alias": "a", "filter": {}}}),
                "[remove] unknown field [filter]",
            ),
            (json!({"add": {"index": "i", "alias": "a", "color": 1}}), "Unknown field [color] in alias [a]"),
        ] {
            let error = read_action(&said).expect_err("refused");
            assert!(error.status == 400 && error.reason.starts_with(reason), "{said}: {}", error.reason);
        }
    }

    #[test]
    fn names_choose_aliases_and_what_is_missing_is_told() {
        let of = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        let aliases = || {
            BTreeMap::from([
                ("i".to_owned(), of(&["a", "ab"])),
                ("j".to_owned(), of(&["b"])),
                ("k".to_owned(), of(&[])),
            ])
        };
        for (wanted, indices, missing) in [
            (None, vec!["i", "j", "k"], vec![]),
            (Some("a"), vec!["i"], vec![]),
            (Some("*"), vec!["i", "j"], vec![]),
            (Some("_all,-a*"), vec!["j"], vec![]),
            (Some("a,no,nothing*"), vec!["i"], vec!["no"]),
            (Some("no,nor"), vec![], vec!["no", "nor"]),
        ] {
            let (shown, found_missing) = chosen(aliases(), wanted);
            assert_eq!(shown.keys().collect::<Vec<_>>(), indices, "{wanted:?}");
            assert_eq!(found_missing, missing, "{wanted:?}");
        }
    }
}
