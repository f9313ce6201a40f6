//! `_explain`: why a document has its score under a query, or does not match it.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search::{add_query_text, as_task, with_named_documents};
use crate::action::search::{Manner, Scope, search};
use crate::error::ApiError;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "analyze_wildcard",
    "analyzer",
    "default_operator",
    "df",
    "lenient",
    "preference",
    "q",
    "routing",
    "stored_fields",
    "_source",
    "_source_includes",
    "_source_excludes",
];

/// The only hit of a search.
const FIRST: &str = "/hits/hits/0";

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/{index}/_explain/{id}", PARAMS, |call| explain(call).boxed()),
    route(METHODS, "/{index}/{type}/{id}/_explain", PARAMS, |call| explain(call).boxed()),
];

async fn explain(call: Call) -> Result<Reply, ApiError> {
    let read = with_named_documents(&call).await?;
    as_task(call, |call, task| {
        let mut asked = read.map_or_else(|| call.json(), Ok)?;
        add_query_text(call, &mut asked)?;
        let query = check(&asked)?;
        let (index, id) = (call.part("index"), call.part("id"));
        let doc_type = call.path.get("type").cloned();
        let scope = Scope { indices: index.clone(), options: call.open_names()?, doc_type: doc_type.clone() };
        let manner = Manner {
            preference: call.param("preference").map(str::to_owned),
            routing: call.list("routing"),
            ..Manner::default()
        };
        let only = json!({"ids": {"values": [id]}});
        let look = |body: Value| search(&call.node, &scope, &body, &manner, false, task);
        let source = super::get::source_parameters(call);
        let mut body = json!({"query": query, "post_filter": only, "size": 1, "explain": true});
        body["_source"] = source.clone().unwrap_or(json!(false));
        let mut found = look(body)?;
        let answer = |hit: &mut Value, is_matched: bool, explanation: Option<Value>| {
            let mut shown = json!({"_index": hit["_index"].take(), "_type": hit["_type"].take(), "_id": id, "matched": is_matched});
            if let Some(explanation) = explanation {
                shown["explanation"] = explanation;
            }
            if source.is_some() {
                let source = hit.get_mut("_source").map(Value::take);
                shown["get"] = json!({"found": true, "_source": source});
            }
            shown
        };
        if let Some(hit) = found.pointer_mut(FIRST) {
            let explanation = hit["_explanation"].take();
            return Call::ok(answer(hit, true, Some(explanation)));
        }
        let mut found = look(json!({"query": only, "size": 1, "_source": source.clone().unwrap_or(json!(false))}))?;
        if let Some(hit) = found.pointer_mut(FIRST) {
            let none = json!({"value": 0.0, "description": "no matching clause", "details": []});
            return Call::ok(answer(hit, false, Some(none)));
        }
        let doc_type = doc_type.unwrap_or_else(|| "_doc".to_owned());
        let missing = json!({"_index": index, "_type": doc_type, "_id": id, "matched": false});
        Ok(Reply::Json(404, missing))
    })
    .await
}

/// The query; nothing else is asked.
fn check(asked: &Value) -> Result<Value, ApiError> {
    if let Some(other) =
        asked.as_object().into_iter().flatten().map(|(key, _)| key).find(|key| *key != "query")
    {
        return Err(ApiError::parsing(format!("request does not support [{other}]")));
    }
    let query = asked.get("query").cloned();
    query.ok_or_else(|| {
        ApiError::new(400, "action_request_validation_exception", "Validation Failed: 1: query is missing;")
    })
}
