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
use crate::action::weight::Weight;
use crate::error::ApiError;
use crate::indices::{new_id, text_of};
use crate::json;

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
        .reaching(Reach::Document { is_write: false })
        .addressed(with_routing),
    route(METHODS, "/{index}/{type}/{id}/_termvectors", PARAMS, |call| one(call).boxed())
        .reaching(Reach::Document { is_write: false })
        .addressed(with_routing),
    route(METHODS, "/{index}/_termvectors", PARAMS, |call| artificial(call).boxed()),
    route(METHODS, "/{index}/{type}/_termvectors", PARAMS, |call| artificial(call).boxed()),
    route(METHODS, "/_mtermvectors", MANY_PARAMS, |call| many(call).boxed()),
    route(METHODS, "/{index}/_mtermvectors", MANY_PARAMS, |call| many(call).boxed()),
    route(METHODS, "/{index}/{type}/_mtermvectors", MANY_PARAMS, |call| many(call).boxed()),
];

/// What memory is reserved for.
const WHAT: &str = "term_vectors";

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

/// A routing that the body names is the document's as much as one in the address, and stands above it.
fn with_routing(call: &mut Call) -> Result<(), ApiError> {
    if memchr::memmem::find(&call.body, b"routing").is_none() {
        return Ok(());
    }
    let body = call.json()?;
    let named =
        ["routing", "_routing"].iter().filter_map(|name| body.get(*name)).filter_map(text_of).next_back();
    call.query.extend(named.map(|routing| ("routing".to_owned(), routing)));
    Ok(())
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
    let mut one = Call { path, query, body, ..call.again() };
    // Of several at the same time each has its own tree.
    one.reserve_for(Weight::to_read).await?;
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

/// The documents of a request for many. What is said for all of them is there once.
fn items(call: &Call) -> Result<Vec<Item>, ApiError> {
    let mut body = call.json()?;
    let parameters = body.get_mut("parameters").and_then(Value::as_object_mut).map(std::mem::take);
    let shared = Arc::new(One::read(parameters.unwrap_or_default()));
    let of_id = |id: Value| Item::Id(Arc::clone(&shared), id);
    let mut items: Vec<_> = call.list("ids").iter().map(|id| of_id(json!(id))).collect();
    let members = match body {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (key, value) in members {
        match (key.as_str(), value) {
            ("docs", Value::Array(docs)) => {
                for doc in docs {
                    let Value::Object(doc) = doc else {
                        return Err(ApiError::argument("docs array element should include an object"));
                    };
                    items.push(Item::Own(doc));
                }
            }
            ("ids", Value::Array(ids)) => items.extend(ids.into_iter().map(of_id)),
            ("parameters", Value::Object(_)) => {}
            (other, _) => {
                let reason = format!("No parameter named [{other}] and type ARRAY");
                return Err(ApiError::new(400, "parse_exception", reason));
            }
        }
    }
    Ok(items)
}

/// A document of many.
enum Item {
    /// With all that is said of it.
    Own(Map<String, Value>),
    /// By its id, with what is said for all.
    Id(Arc<One>, Value),
}

/// What is asked of one document, as a request for it says it in its address and in its body.
#[derive(Clone, Default)]
struct One {
    index: Option<String>,
    doc_type: Option<String>,
    id: Option<String>,
    routing: Option<String>,
    /// Whether it is in no index.
    is_artificial: bool,
    body: Bytes,
    fault: Option<ApiError>,
}

impl One {
    fn read(mut members: Map<String, Value>) -> Self {
        let mut asked = Asked::default();
        let fault = asked.take(&members).err();
        for key in ["_index", "index", "_type", "_id", "routing", "_routing"] {
            members.shift_remove(key);
        }
        let Asked { index, doc_type, id, doc, routing, .. } = asked;
        let body = Bytes::from(Value::Object(members).to_string());
        Self { index, doc_type, id, routing, is_artificial: doc.is_some(), body, fault }
    }

    fn of(item: Item) -> Self {
        match item {
            Item::Own(members) => Self::read(members),
            Item::Id(shared, id) => {
                let own = Self::read(Map::from_iter([("_id".to_owned(), id)]));
                Self { id: own.id, fault: shared.fault.clone().or(own.fault), ..(*shared).clone() }
            }
        }
    }
}

/// What is told of one document of many; what is wrong with it costs it alone.
async fn answered(call: &Call, item: Item) -> Value {
    let One { index, doc_type, id, routing, is_artificial, body, fault } = One::of(item);
    let index = index.or_else(|| call.path.get("index").cloned()).unwrap_or_default();
    let doc_type = doc_type.or_else(|| call.path.get("type").cloned());
    let failed = |error: ApiError| {
        let doc_type = doc_type.as_deref().unwrap_or("_doc");
        json!({"_index": index, "_type": doc_type, "_id": id, "error": error.to_body()["error"]})
    };
    if let Some(fault) = fault {
        return failed(fault);
    }
    if index.is_empty() {
        return failed(ApiError::validation("index is missing"));
    }
    let name = match &id {
        _ if is_artificial => new_id(call.node.clock.now_millis()),
        Some(id) => id.clone(),
        None => return failed(ApiError::validation("id or doc is missing")),
    };
    // Where a document is depends on its routing, which is told by the address.
    let mut query = call.query.clone();
    query.extend(routing.map(|routing| ("routing".to_owned(), routing)));
    let call = Call { query, ..call.again() };
    match ask(&call, (&index, doc_type.as_deref(), &name), body).await.and_then(|reply| keep(&call, reply)) {
        Ok(shown) => shown,
        Err(error) => failed(error),
    }
}

/// What is told of a document, kept until all of the answer is sent: the memory for it must be there.
fn keep(call: &Call, reply: Reply) -> Result<Value, ApiError> {
    let Reply::Json(_, shown) = reply else {
        return Err(ApiError::internal("the words of a document have no body"));
    };
    let bytes = json::weight(&shown);
    call.node.memory.reserve_now(bytes, WHAT)?.fill(bytes);
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_for_all_is_shared_and_an_item_says_its_own() {
        let Value::Object(parameters) = json!({"fields": ["t"], "routing": "r", "_index": "i"}) else {
            panic!("an object")
        };
        let shared = Arc::new(One::read(parameters));
        let [one, other] = ["a", "b"].map(|id| One::of(Item::Id(Arc::clone(&shared), json!(id))));
        assert_eq!(one.body.as_ptr(), other.body.as_ptr(), "the same bytes");
        assert_eq!((&one.body[..], one.id.as_deref()), (&b"{\"fields\":[\"t\"]}"[..], Some("a")));
        assert_eq!((other.routing.as_deref(), other.index.as_deref()), (Some("r"), Some("i")));

        let Value::Object(own) = json!({"_id": 7, "_routing": "q", "doc": {"t": "x"}}) else {
            panic!("an object")
        };
        let own = One::of(Item::Own(own));
        assert_eq!((own.id.as_deref(), own.routing.as_deref()), (Some("7"), Some("q")));
        assert!(own.is_artificial && &own.body[..] == b"{\"doc\":{\"t\":\"x\"}}");
        assert!(One::of(Item::Id(Arc::default(), json!({}))).fault.is_some(), "no id");
    }
}
