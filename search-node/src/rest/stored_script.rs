//! Stored scripts: `_scripts`, and in which languages scripts are written for what (`_script_language`, `_script_context`).

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::blocking;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::StoredScript;
use crate::script_contexts::{CONTEXTS, LANGUAGES, ScriptContext};

const GET: &[Method] = &[Method::GET];
const PUT_POST: &[Method] = &[Method::PUT, Method::POST];
const DELETE: &[Method] = &[Method::DELETE];
const PUTS: &[&str] = &["context", "master_timeout", "timeout"];
const TIMEOUTS: &[&str] = &["master_timeout", "timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(PUT_POST, "/_scripts/{id}", PUTS, |call| blocking(call, put).boxed()),
    route(PUT_POST, "/_scripts/{id}/{context}", PUTS, |call| blocking(call, put).boxed()),
    route(GET, "/_scripts/{id}", TIMEOUTS, |call| blocking(call, get).boxed()),
    route(DELETE, "/_scripts/{id}", TIMEOUTS, |call| blocking(call, delete).boxed()),
    route(GET, "/_script_language", &[], |_| std::future::ready(Call::ok(languages())).boxed()),
    route(GET, "/_script_context", &[], |_| std::future::ready(Call::ok(contexts())).boxed()),
];

fn put(call: &Call) -> Result<Reply, ApiError> {
    let (id, script) = (call.part("id"), StoredScript::read(&call.required_json()?)?);
    let most = call.node.settings.scripts.source_bytes_max;
    if script.source.len() > most {
        let size = script.source.len();
        return Err(ApiError::argument(format!(
            "exceeded max allowed stored script size in bytes [{most}] with size [{size}] for script [{id}]"
        )));
    }
    let context = call.path.get("context").map(String::as_str).or_else(|| call.param("context"));
    if let Some(name) = context {
        let context = ScriptContext::of(name).ok_or_else(|| {
            ApiError::argument(format!("failed to parse/compile stored script [{id}]"))
                .caused_by("illegal_argument_exception", format!("Unknown context [{name}]"))
        })?;
        context.check(&script.lang, &script.source)?;
    }
    call.node.indices.put_script(&id, &script)?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn get(call: &Call) -> Result<Reply, ApiError> {
    let id = call.part("id");
    match call.node.indices.script(&id) {
        Some(script) => Call::ok(json!({"_id": id, "found": true, "script": script.to_json()})),
        None => Ok(Reply::Json(404, json!({"_id": id, "found": false}))),
    }
}

fn delete(call: &Call) -> Result<Reply, ApiError> {
    call.node.indices.delete_script(&call.part("id"))?;
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}

fn languages() -> Value {
    let of = |lang: &str| -> Vec<&str> {
        CONTEXTS.iter().filter(|context| context.takes(lang)).map(|context| context.name).collect()
    };
    let shown: Vec<Value> =
        LANGUAGES.iter().map(|lang| json!({"language": lang, "contexts": of(lang)})).collect();
    json!({"types_allowed": ["inline", "stored"], "language_contexts": shown})
}

fn contexts() -> Value {
    let shown = CONTEXTS.iter().map(|context| {
        let method = |name: &str, result: &str| json!({"name": name, "return_type": result, "params": []});
        let getters = context.getters.iter().map(|(name, result)| method(name, result));
        let methods: Vec<Value> = std::iter::once(method("execute", context.result)).chain(getters).collect();
        json!({"name": context.name, "methods": methods})
    });
    json!({"contexts": shown.collect::<Vec<_>>()})
}
