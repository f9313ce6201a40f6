//! `_termvectors` and `_mtermvectors`: the words of documents, where they stand, and how many documents have them.
//!
//! Each document is looked at where the primary of its shard is, which counts for the statistics too. A document that is in no index
//! is looked at where an index keeps one of its documents, whichever.

mod asked;

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use http::Method;
use serde_json::{Map, Value, json};

use self::asked::Asked;
use super::call::Call;
use super::document::target;
use super::envelope::Reply;
use super::forward::{self, Reach};
use super::get::tell;
use super::router::{Route, find, route};
use crate::action::get::GetOptions;
use crate::action::target::Target;
use crate::action::term_vectors::{vectors_of_document, vectors_of_found};
use crate::error::ApiError;
use crate::indices::new_id;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "field_statistics",
    "fields",
    "offsets",
    "payloads",
    "positions",
    "preference",
    "realtime",
    "routing",
    "term_statistics",
    "version",
    "version_type",
];
const MANY_PARAMS: &[&str] = &[
    "field_statistics",
    "fields",
    "ids",
    "offsets",
    "payloads",
    "positions",
    "preference",
    "realtime",
    "routing",
    "term_statistics",
    "version",
    "version_type",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/{index}/_termvectors/{id}", PARAMS, |call| one(call).boxed())
        .reaching(Reach::Document { is_write: false }),
    route(METHODS, "/{index}/{type}/{id}/_termvectors", PARAMS, |call| one(call).boxed())
        .reaching(Reach::Document { is_write: false }),
    route(METHODS, "/{index}/_termvectors", PARAMS, |call| artificial(call).boxed()),
    route(METHODS, "/{index}/{type}/_termvectors", PARAMS, |call| artificial(call).boxed()),
    route(METHODS, "/_mtermvectors", MANY_PARAMS, |call| many(call).boxed()),
    route(METHODS, "/{index}/_mtermvectors", MANY_PARAMS, |call| many(call).boxed()),
    route(METHODS, "/{index}/{type}/_mtermvectors", MANY_PARAMS, |call| many(call).boxed()),
];

/// How many documents of one request are looked at at the same time.
const AT_ONCE: usize = 8;

/// What the address says, and then the body.
fn read(call: &Call) -> Result<Asked, ApiError> {
    let mut asked = Asked::default();
    asked.take(&parameters(call))?;
    match call.json()? {
        Value::Null => {}
        Value::Object(members) => asked.take(&members)?,
        _ => return Err(ApiError::new(400, "parse_exception", "the body must be an object")),
    }
    Ok(asked)
}

fn parameters(call: &Call) -> Map<String, Value> {
    let said = call.query.iter().filter(|(name, _)| PARAMS.contains(&name.as_str()));
    said.map(|(name, value)| (name.clone(), json!(if value.is_empty() { "true" } else { value }))).collect()
}

async fn one(call: Call) -> Result<Reply, ApiError> {
    let begun = call.node.clock.now_millis();
    let mut asked = read(&call)?;
    let doc_type = (!call.path.contains_key("type")).then_some("_doc");
    let mut target = target(&call, doc_type)?;
    target.routing = asked.routing.take().or(target.routing);
    if let Some(document) = asked.doc.take() {
        return of_document(call, target, document, asked, begun).await;
    }
    let options = GetOptions {
        realtime: asked.realtime.unwrap_or(true),
        version: asked.version,
        ..GetOptions::default()
    };
    let node = Arc::clone(&call.node);
    tell(call, target, options, move |found, target, _| {
        let mut shown = json!({"_index": found.index.name, "_type": &*target.doc_type, "_id": target.id});
        let vectors = vectors_of_found(found, target, &asked.vectors)?;
        shown["_version"] = json!(found.document.as_ref().map_or(0, |stored| stored.version));
        shown["found"] = json!(vectors.is_some());
        shown["took"] = json!(node.clock.now_millis() - begun);
        if let Some(vectors) = vectors {
            shown["term_vectors"] = Value::Object(vectors);
        }
        Call::ok(shown)
    })
    .await
}

/// The words of a document that is in no index.
async fn of_document(
    call: Call,
    target: Target,
    document: Value,
    mut asked: Asked,
    begun: i64,
) -> Result<Reply, ApiError> {
    asked.vectors.is_artificial = true;
    let node = Arc::clone(&call.node);
    let work = move || {
        let (index, vectors) = vectors_of_document(&node, &target, &document, &asked.vectors)?;
        let took = node.clock.now_millis() - begun;
        Call::ok(json!({
            "_index": index, "_type": &*target.doc_type, "_version": 0, "found": true, "took": took,
            "term_vectors": vectors
        }))
    };
    call.node.search_pool.run(work).await
}

/// One without an id: nobody asks for it again, so that any id will do.
async fn artificial(call: Call) -> Result<Reply, ApiError> {
    let asked = read(&call)?;
    match (asked.doc, asked.id) {
        (Some(_), _) => {
            let id = new_id(call.node.clock.now_millis());
            let (index, doc_type, body) =
                (call.part("index"), call.path.get("type").cloned(), call.body.clone());
            ask(&call, (&index, doc_type.as_deref(), &id), body).await
        }
        (None, _) => Err(ApiError::validation("id or doc is missing")),
    }
}

/// Has a document looked at where it is.
async fn ask(
    call: &Call,
    (index, doc_type, id): (&str, Option<&str>, &str),
    body: Bytes,
) -> Result<Reply, ApiError> {
    let segments = match doc_type.filter(|doc_type| *doc_type != "_doc") {
        None => vec![index, "_termvectors", id],
        Some(doc_type) => vec![index, doc_type, id, "_termvectors"],
    };
    let segments: Vec<String> = segments.into_iter().map(str::to_owned).collect();
    let (route, path) = find(&Method::POST, &segments, "_termvectors")?;
    let mut query = call.query.clone();
    query.remove("ids");
    let one = Call { path, query, body, ..call.again() };
    forward::answer(route, &Method::POST, segments, one).await
}

async fn many(call: Call) -> Result<Reply, ApiError> {
    let items = items(&call)?;
    if items.is_empty() {
        return Err(ApiError::validation("multi term vectors: no documents requested"));
    }
    let docs = stream::iter(items).map(|item| answered(&call, item)).buffered(AT_ONCE);
    let docs: Vec<Value> = docs.collect().await;
    Call::ok(json!({"docs": docs}))
}

/// The documents of a request for many, each as the body of a request for it.
fn items(call: &Call) -> Result<Vec<Map<String, Value>>, ApiError> {
    let body = call.json()?;
    let parameters = body.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default();
    let of_id = |id: &Value| {
        let mut item = parameters.clone();
        item.insert("_id".to_owned(), id.clone());
        item
    };
    let mut items: Vec<_> = call.list("ids").iter().map(|id| of_id(&json!(id))).collect();
    for (key, value) in body.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("docs", Value::Array(docs)) => {
                for doc in docs {
                    let item = doc.as_object().cloned();
                    items.push(
                        item.ok_or_else(|| {
                            ApiError::argument("docs array element should include an object")
                        })?,
                    );
                }
            }
            ("ids", Value::Array(ids)) => items.extend(ids.iter().map(of_id)),
            ("parameters", Value::Object(_)) => {}
            (other, _) => {
                let reason = format!("No parameter named [{other}] and type ARRAY");
                return Err(ApiError::new(400, "parse_exception", reason));
            }
        }
    }
    Ok(items)
}

/// What is told of one document of many; what is wrong with it costs it alone.
async fn answered(call: &Call, mut item: Map<String, Value>) -> Value {
    let mut asked = Asked::default();
    let read = asked.take(&item);
    let index = asked.index.or_else(|| call.path.get("index").cloned()).unwrap_or_default();
    let doc_type = asked.doc_type.or_else(|| call.path.get("type").cloned());
    let failed = |error: ApiError| {
        let doc_type = doc_type.as_deref().unwrap_or("_doc");
        json!({"_index": index, "_type": doc_type, "_id": asked.id, "error": error.to_body()["error"]})
    };
    if let Err(error) = read {
        return failed(error);
    }
    if index.is_empty() {
        return failed(ApiError::validation("index is missing"));
    }
    let id = match (&asked.id, &asked.doc) {
        (_, Some(_)) => new_id(call.node.clock.now_millis()),
        (Some(id), None) => id.clone(),
        (None, None) => return failed(ApiError::validation("id or doc is missing")),
    };
    ["_index", "index", "_type", "_id"].into_iter().for_each(|key| drop(item.shift_remove(key)));
    // Where a document is depends on its routing, which is told by the address.
    let routing = item.shift_remove("routing").or_else(|| item.shift_remove("_routing"));
    let mut query = call.query.clone();
    query.extend(routing.and(asked.routing).map(|routing| ("routing".to_owned(), routing)));
    let call = Call { query, ..call.again() };
    match ask(&call, (&index, doc_type.as_deref(), &id), Bytes::from(Value::Object(item).to_string())).await {
        Ok(Reply::Json(_, shown)) => shown,
        Ok(_) => failed(ApiError::internal("the words of a document have no body")),
        Err(error) => failed(error),
    }
}
