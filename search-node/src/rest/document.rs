//! One document: index, create, get, source, update, delete, mget; typed and typeless.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use shard::SourceFilter;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use crate::action::bulk::condition;
use crate::action::document::{self, Target, WriteOptions, WriteResult, get, show, shown_source};
use crate::action::search::read_source;
use crate::error::ApiError;

const WRITE: &[Method] = &[Method::PUT, Method::POST];
const POST: &[Method] = &[Method::POST];
const GET: &[Method] = &[Method::GET];
const DELETE: &[Method] = &[Method::DELETE];

const WRITE_PARAMS: &[&str] = &[
    "refresh",
    "routing",
    "op_type",
    "if_seq_no",
    "if_primary_term",
    "version",
    "version_type",
    "wait_for_active_shards",
    "require_alias",
    "retry_on_conflict",
    "_source",
    "_source_includes",
    "_source_excludes",
];
const GET_PARAMS: &[&str] = &[
    "realtime",
    "refresh",
    "routing",
    "preference",
    "_source",
    "_source_includes",
    "_source_excludes",
    "version",
    "version_type",
    "stored_fields",
];

pub(super) const ROUTES: &[Route] = &[
    route(WRITE, "/{index}/_create/{id}", WRITE_PARAMS, |call| write(call, Some("_doc"), true).boxed()),
    route(POST, "/{index}/_update/{id}", WRITE_PARAMS, |call| update(call, Some("_doc")).boxed()),
    route(GET, "/{index}/_source/{id}", GET_PARAMS, |call| read_one(call, Some("_doc"), true).boxed()),
    route(GET, "/_mget", GET_PARAMS, |call| mget(call).boxed()),
    route(POST, "/_mget", GET_PARAMS, |call| mget(call).boxed()),
    route(GET, "/{index}/_mget", GET_PARAMS, |call| mget(call).boxed()),
    route(POST, "/{index}/_mget", GET_PARAMS, |call| mget(call).boxed()),
    route(POST, "/{index}/{type}", WRITE_PARAMS, |call| write(call, None, false).boxed()),
    route(WRITE, "/{index}/{type}/{id}", WRITE_PARAMS, |call| write(call, None, false).boxed()),
    route(GET, "/{index}/{type}/{id}", GET_PARAMS, |call| read_one(call, None, false).boxed()),
    route(DELETE, "/{index}/{type}/{id}", WRITE_PARAMS, |call| delete(call).boxed()),
    route(WRITE, "/{index}/{type}/{id}/_create", WRITE_PARAMS, |call| write(call, None, true).boxed()),
    route(POST, "/{index}/{type}/{id}/_update", WRITE_PARAMS, |call| update(call, None).boxed()),
    route(GET, "/{index}/{type}/{id}/_source", GET_PARAMS, |call| read_one(call, None, true).boxed()),
];

fn target(call: &Call, doc_type: Option<&str>) -> Result<Target, ApiError> {
    let doc_type = doc_type.map_or_else(|| call.part("type"), str::to_owned);
    if doc_type.starts_with('_') && doc_type != "_doc" {
        return Err(ApiError::new(
            400,
            "invalid_type_name_exception",
            format!("mapping type name [{doc_type}] can't start with '_' unless it is called [_doc]"),
        ));
    }
    if doc_type.contains('\0') {
        return Err(ApiError::argument("a type name must not contain a zero byte"));
    }
    Ok(Target {
        index: call.part("index"),
        doc_type,
        id: call.path.get("id").cloned(),
        routing: call.param("routing").map(str::to_owned),
    })
}

fn options(call: &Call, is_create: bool) -> Result<WriteOptions, ApiError> {
    let is_create = match call.param("op_type") {
        Some("create") => true,
        None | Some("index") => is_create,
        Some(other) => {
            return Err(ApiError::argument(format!("opType must be 'create' or 'index', found: [{other}]")));
        }
    };
    let condition = condition(
        call.number("if_seq_no")?,
        call.number("if_primary_term")?,
        call.number("version")?,
        call.param("version_type"),
    )
    .map_err(|reason| {
        ApiError::new(400, "action_request_validation_exception", format!("Validation Failed: 1: {reason};"))
    })?;
    let retries = call.number("retry_on_conflict")?.map(|retries| retries as usize);
    Ok(WriteOptions { condition, is_create, retries })
}

async fn write(call: Call, doc_type: Option<&'static str>, is_create: bool) -> Result<Reply, ApiError> {
    if call.body.is_empty() {
        return Err(ApiError::new(400, "parse_exception", "request body is required"));
    }
    let target = target(&call, doc_type)?;
    let options = options(&call, is_create)?;
    let pool = call.node.write_pool.clone();
    pool.run(move || finish(&call, document::index(&call.node, &target, &call.body, options)?, false)).await
}

async fn delete(call: Call) -> Result<Reply, ApiError> {
    let target = target(&call, None)?;
    let options = options(&call, false)?;
    let pool = call.node.write_pool.clone();
    pool.run(move || finish(&call, document::delete(&call.node, &target, options)?, false)).await
}

async fn update(call: Call, doc_type: Option<&'static str>) -> Result<Reply, ApiError> {
    let target = target(&call, doc_type)?;
    let options = options(&call, false)?;
    let body = call.required_json()?;
    let pool = call.node.write_pool.clone();
    pool.run(move || {
        let wants_source =
            call.query.keys().any(|key| key.starts_with("_source")) || body.get("_source").is_some();
        finish(&call, document::update(&call.node, &target, &body, options)?, wants_source)
    })
    .await
}

/// A write is answered once it is durable, and visible where that was asked for.
fn finish(call: &Call, result: WriteResult, wants_source: bool) -> Result<Reply, ApiError> {
    result.sync()?;
    let refresh = call.wants_refresh()?;
    if refresh {
        result.index.refresh()?;
    }
    call.node.counters.documents_written.inc();
    let mut body = serde_json::to_value(result.shown(refresh)).unwrap_or_default();
    if let Value::Object(members) = &mut body {
        members.shift_remove("status");
        if let (true, Some(source)) = (wants_source, &result.source) {
            members.insert("get".to_owned(), json!({"found": true, "_source": source}));
        }
    }
    Ok(Reply::Json(result.status, body))
}

async fn read_one(call: Call, doc_type: Option<&'static str>, source_only: bool) -> Result<Reply, ApiError> {
    let target = target(&call, doc_type)?;
    let filter = source_filter(&call)?;
    let realtime = call.maybe_flag("realtime")?.unwrap_or(true);
    let pool = call.node.search_pool.clone();
    pool.run(move || {
        let (index, found) = get(&call.node, &target, realtime)?;
        let id = target.id.clone().unwrap_or_default();
        match found {
            Some(stored) if source_only => {
                Call::ok(shown_source(&stored.source, &filter).unwrap_or_default())
            }
            Some(stored) => Call::ok(show(&index.name, &stored, &filter)),
            None if source_only => Err(ApiError::new(
                404,
                "resource_not_found_exception",
                format!("Document not found [{}]/[{}]/[{id}]", index.name, target.doc_type),
            )),
            None => Ok(Reply::Json(
                404,
                json!({"_index": index.name, "_type": target.doc_type, "_id": id, "found": false}),
            )),
        }
    })
    .await
}

async fn mget(call: Call) -> Result<Reply, ApiError> {
    let body = call.required_json()?;
    let default_filter = source_filter(&call)?;
    let pool = call.node.search_pool.clone();
    pool.run(move || {
        let items: Vec<Value> = match (body.get("docs"), body.get("ids")) {
            (Some(Value::Array(docs)), None) => docs.clone(),
            (None, Some(Value::Array(ids))) => ids.iter().map(|id| json!({"_id": id})).collect(),
            _ => {
                return Err(ApiError::new(
                    400,
                    "action_request_validation_exception",
                    "Validation Failed: 1: no documents to get;",
                ));
            }
        };
        let docs =
            items.iter().map(|item| mget_one(&call, item, &default_filter)).collect::<Result<Vec<_>, _>>()?;
        Call::ok(json!({"docs": docs}))
    })
    .await
}

fn mget_one(call: &Call, item: &Value, default_filter: &SourceFilter) -> Result<Value, ApiError> {
    let text = |key: &str| {
        item.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let target = Target {
        index: text("_index").unwrap_or_else(|| call.part("index")),
        doc_type: text("_type").unwrap_or_else(|| "_doc".to_owned()),
        id: text("_id"),
        routing: text("routing").or_else(|| call.param("routing").map(str::to_owned)),
    };
    let filter = item.get("_source").map(read_source).transpose()?.unwrap_or_else(|| default_filter.clone());
    let missing =
        |index: &str| json!({"_index": index, "_type": target.doc_type, "_id": target.id, "found": false});
    Ok(match get(&call.node, &target, true) {
        Ok((index, Some(stored))) => show(&index.name, &stored, &filter),
        Ok((index, None)) => missing(&index.name),
        Err(error) => {
            json!({"_index": target.index, "_type": target.doc_type, "_id": target.id, "error": error.to_item()})
        }
    })
}

/// `_source`, `_source_includes` and `_source_excludes` of the URI as the body would say it.
pub(super) fn source_parameters(call: &Call) -> Option<Value> {
    let list = |text: &str| json!(text.split(',').collect::<Vec<_>>());
    let includes = call.param("_source_includes").map(list);
    let excludes = call.param("_source_excludes").map(list);
    match call.param("_source") {
        Some("true" | "") if includes.is_none() && excludes.is_none() => Some(json!(true)),
        Some("false") => Some(json!(false)),
        Some(patterns) if !matches!(patterns, "true" | "") => {
            Some(json!({"includes": list(patterns), "excludes": excludes.unwrap_or(json!([]))}))
        }
        _ if includes.is_some() || excludes.is_some() => Some(
            json!({"includes": includes.unwrap_or(json!([])), "excludes": excludes.unwrap_or(json!([]))}),
        ),
        _ => None,
    }
}

fn source_filter(call: &Call) -> Result<SourceFilter, ApiError> {
    source_parameters(call).map_or(Ok(SourceFilter::All), |value| read_source(&value))
}
