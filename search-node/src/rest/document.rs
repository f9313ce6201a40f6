//! Writing one document: index, create, update, delete; typed and typeless.

use std::sync::Arc;

use futures::FutureExt;
use http::Method;
use serde_json::Value;

use super::call::Call;
use super::envelope::Reply;
use super::forward::Reach;
use super::get::source_parameters;
use super::router::{Route, route};
use crate::action::cluster::wait_active_for;
use crate::action::condition::Demands;
use crate::action::search::read_source;
use crate::action::target::Target;
use crate::action::update::{UpdateRequest, update};
use crate::action::visible::make_visible;
use crate::action::weight::Weight;
use crate::action::write::{self, WriteOptions, WriteResult};
use crate::action::writes::Writes;
use crate::error::ApiError;

const WRITE: &[Method] = &[Method::PUT, Method::POST];
/// Where the primary of the document's shard is, in an index that is made if it is not there.
const WRITES: Reach = Reach::Document { is_write: true };

const POST: &[Method] = &[Method::POST];
const DELETE: &[Method] = &[Method::DELETE];

const INDEX_PARAMS: &[&str] = &[
    "refresh",
    "routing",
    "op_type",
    "if_seq_no",
    "if_primary_term",
    "version",
    "version_type",
    "wait_for_active_shards",
    "require_alias",
    "pipeline",
    "timeout",
];
const CREATE_PARAMS: &[&str] = &[
    "refresh",
    "routing",
    "version",
    "version_type",
    "wait_for_active_shards",
    "require_alias",
    "pipeline",
    "timeout",
    "op_type",
    "if_seq_no",
    "if_primary_term",
];
const DELETE_PARAMS: &[&str] = &[
    "refresh",
    "routing",
    "if_seq_no",
    "if_primary_term",
    "version",
    "version_type",
    "wait_for_active_shards",
    "timeout",
];
const UPDATE_PARAMS: &[&str] = &[
    "refresh",
    "routing",
    "if_seq_no",
    "if_primary_term",
    "version",
    "version_type",
    "wait_for_active_shards",
    "require_alias",
    "timeout",
    "lang",
    "retry_on_conflict",
    "doc_as_upsert",
    "_source",
    "_source_includes",
    "_source_excludes",
];

pub(super) const ROUTES: &[Route] = &[
    route(WRITE, "/{index}/_create/{id}", CREATE_PARAMS, |call| index(call, Some("_doc"), true).boxed())
        .reaching(WRITES),
    route(WRITE, "/{index}/{type}/{id}/_create", CREATE_PARAMS, |call| index(call, None, true).boxed())
        .reaching(WRITES),
    route(POST, "/{index}/{type}", INDEX_PARAMS, |call| index(call, None, false).boxed()).reaching(WRITES),
    route(WRITE, "/{index}/{type}/{id}", INDEX_PARAMS, |call| index(call, None, false).boxed())
        .reaching(WRITES),
    route(DELETE, "/{index}/{type}/{id}", DELETE_PARAMS, |call| delete(call).boxed()).reaching(WRITES),
    route(POST, "/{index}/_update/{id}", UPDATE_PARAMS, |call| change(call, Some("_doc")).boxed())
        .reaching(WRITES),
    route(POST, "/{index}/{type}/{id}/_update", UPDATE_PARAMS, |call| change(call, None).boxed())
        .reaching(WRITES),
];

/// The document that the path names.
pub(super) fn target(call: &Call, doc_type: Option<&str>) -> Result<Target, ApiError> {
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
        index: call.part("index").into(),
        doc_type: doc_type.into(),
        id: call.path.get("id").cloned(),
        routing: call.param("routing").map(str::to_owned),
    })
}

fn demands(call: &Call) -> Result<Demands, ApiError> {
    Ok(Demands {
        seq_no: call.long("if_seq_no")?,
        term: call.long("if_primary_term")?,
        version: call.long("version")?,
        version_type: call.param("version_type").map(str::to_owned),
    })
}

fn options(call: &Call, is_create: bool, has_id: bool) -> Result<WriteOptions, ApiError> {
    // A document without an id is always new.
    let (is_create, is_new) = match call.param("op_type") {
        Some("create") => (true, true),
        None => (is_create, is_create || !has_id),
        Some("index") => (is_create, is_create),
        Some(other) => {
            return Err(ApiError::argument(format!("opType must be 'create' or 'index', found: [{other}]")));
        }
    };
    Ok(WriteOptions {
        condition: demands(call)?.condition(is_create, has_id)?,
        is_create: is_new,
        is_new_id: false,
        require_alias: call.flag("require_alias")?,
        is_resolved: false,
        pipeline: call.param("pipeline").map(str::to_owned),
    })
}

async fn index(mut call: Call, doc_type: Option<&'static str>, is_create: bool) -> Result<Reply, ApiError> {
    if call.body.is_empty() {
        return Err(ApiError::new(400, "parse_exception", "request body is required"));
    }
    let target = target(&call, doc_type)?;
    let options = options(&call, is_create, target.id.is_some())?;
    call.reserve_for(Weight::to_index).await?;
    let of = target.clone();
    finish(call, &of, move |call, writes| write::index(&call.node, writes, &target, &call.body, &options))
        .await
}

async fn delete(call: Call) -> Result<Reply, ApiError> {
    let target = target(&call, None)?;
    let options = options(&call, false, true)?;
    let of = target.clone();
    finish(call, &of, move |call, writes| write::delete(&call.node, writes, &target, &options)).await
}

async fn change(mut call: Call, doc_type: Option<&'static str>) -> Result<Reply, ApiError> {
    let target = target(&call, doc_type)?;
    call.reserve_for(Weight::to_update).await?;
    let mut body = call.required_json()?;
    if let (true, Value::Object(members)) = (call.flag("doc_as_upsert")?, &mut body) {
        members.insert("doc_as_upsert".to_owned(), Value::Bool(true));
    }
    if let Some(script) = body.get_mut("script") {
        call.node.indices.fill_script(script);
    }
    let mut request = UpdateRequest::read(&body)?;
    let mut demands = demands(&call)?;
    demands.seq_no = demands.seq_no.or(request.seq_no);
    demands.term = demands.term.or(request.term);
    if let Some(kind) = demands.version_type.as_deref().filter(|kind| *kind != "internal") {
        return Err(ApiError::validation(format!(
            "version type [{kind}] is not supported by the update API"
        )));
    }
    let condition = demands.condition(false, true)?;
    if let Some(source) = source_parameters(&call) {
        request.source = Some(read_source(&source)?);
    }
    request.retries = call
        .long("retry_on_conflict")?
        .map_or(0, |tries| usize::try_from(tries.max(0)).unwrap_or(usize::MAX));
    let options =
        WriteOptions { condition, require_alias: call.flag("require_alias")?, ..WriteOptions::default() };
    let of = target.clone();
    finish(call, &of, move |call, writes| update(&call.node, writes, &target, &request, &options)).await
}

/// A write is answered once it is durable, and visible where that was asked for.
async fn finish(
    call: Call,
    target: &Target,
    work: impl FnOnce(&Call, &mut Writes) -> Result<WriteResult, ApiError> + Send + 'static,
) -> Result<Reply, ApiError> {
    let refresh = call.refresh()?;
    let node = Arc::clone(&call.node);
    let active = wait_active_for(&node, target, call.active_wait()?).await;
    let written = node.write_pool.run(move || {
        let mut writes = Writes::new(&call.node);
        writes.active = active;
        let result = work(&call, &mut writes);
        let told = writes.take_told().filter(|_| result.as_ref().map_or(true, WriteResult::is_noop));
        if result.is_ok() || told.is_some() {
            writes.sync()?;
        }
        // What was written must not be tried again elsewhere because of what was not.
        if told.is_some() {
            writes.confirm()?;
        }
        result
    });
    let result = written.await?;
    node.counters.documents_written.inc();
    let touched = if result.result == "noop" { Vec::new() } else { vec![Arc::clone(&result.place.index)] };
    let forced = make_visible(&node, refresh, touched).await? && result.result != "noop";
    let body = serde_json::to_value(result.shown(forced, false))
        .map_err(|error| ApiError::internal(format!("the answer cannot be written: {error}")))?;
    Ok(Reply::Json(result.status, body))
}
