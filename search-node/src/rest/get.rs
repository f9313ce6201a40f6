//! Reading documents: get, exists, source, mget; typed and typeless.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use shard::SourceFilter;

use super::call::Call;
use super::document::target;
use super::envelope::Reply;
use super::forward::Reach;
use super::router::{Route, route};
use crate::action::condition::VersionType;
use crate::action::get::{Found, GetOptions, get, show, show_missing, shown_source};
use crate::action::multi_get;
use crate::action::search::read_source;
use crate::action::target::Target;
use crate::error::ApiError;

const GET: &[Method] = &[Method::GET];
const GET_POST: &[Method] = &[Method::GET, Method::POST];

/// Where the primary of the document's shard is.
const READS: Reach = Reach::Document { is_write: false };

const PARAMS: &[&str] = &[
    "realtime",
    "consistency",
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
const MANY_PARAMS: &[&str] = &[
    "realtime",
    "consistency",
    "refresh",
    "routing",
    "preference",
    "_source",
    "_source_includes",
    "_source_excludes",
    "stored_fields",
];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/{index}/_source/{id}", PARAMS, |call| source(call, Some("_doc")).boxed()).reaching(READS),
    route(GET, "/{index}/{type}/{id}/_source", PARAMS, |call| source(call, None).boxed()).reaching(READS),
    route(GET, "/{index}/{type}/{id}", PARAMS, |call| document(call).boxed()).reaching(READS),
    route(GET_POST, "/_mget", MANY_PARAMS, |call| many(call).boxed()),
    route(GET_POST, "/{index}/_mget", MANY_PARAMS, |call| many(call).boxed()),
    route(GET_POST, "/{index}/{type}/_mget", MANY_PARAMS, |call| many(call).boxed()),
];

fn options(call: &Call) -> Result<GetOptions, ApiError> {
    if call.query.contains_key("fields") {
        return Err(ApiError::argument(
            "the parameter [fields] is no longer supported, please use [stored_fields] to retrieve stored fields or [_source] to load the field from _source",
        ));
    }
    let version_type = VersionType::read(call.param("version_type"))?;
    Ok(GetOptions {
        realtime: call.maybe_flag("realtime")?.unwrap_or(true),
        may_be_old: may_be_old(call)?,
        refresh: call.flag("refresh")?,
        source: source_parameters(call).map(|value| read_source(&value)).transpose()?,
        stored_fields: call.list("stored_fields"),
        version: version_type.check_to_read(call.long("version")?)?,
    })
}

/// `consistency`: whether a read must be of the newest state, or may be of whatever a copy has.
pub(super) fn may_be_old(call: &Call) -> Result<bool, ApiError> {
    match call.param("consistency") {
        None | Some("strong") => Ok(false),
        Some("eventual") => Ok(true),
        Some(other) => {
            Err(ApiError::argument(format!("[consistency] is [{other}], but must be [strong] or [eventual]")))
        }
    }
}

async fn document(call: Call) -> Result<Reply, ApiError> {
    let target = target(&call, None)?;
    let options = options(&call)?;
    tell(call, target, options, |found, target, options| match &found.document {
        Some(stored) => Call::ok(show(&found.index, stored, options)?),
        None => Ok(Reply::Json(404, show_missing(&found.index.name, target))),
    })
    .await
}

/// Reads a document and makes the answer, which is given once it is confirmed.
pub(super) async fn tell(
    call: Call,
    target: Target,
    options: GetOptions,
    show: impl FnOnce(&Found, &Target, &GetOptions) -> Result<Reply, ApiError> + Send + 'static,
) -> Result<Reply, ApiError> {
    let pool = call.node.get_pool.clone();
    let read = move || {
        let found = get(&call.node, &target, &options)?;
        let reserved = found.reserve(&call.node)?;
        let answer = found.check_version(&target, &options).and_then(|()| show(&found, &target, &options));
        Ok((answer, found.seen, reserved))
    };
    // The memory stays promised while the answer waits.
    let (answer, seen, _reserved) = pool.run(read).await?;
    if let Some(seen) = seen {
        seen.confirm().await?;
    }
    answer
}

async fn source(call: Call, doc_type: Option<&'static str>) -> Result<Reply, ApiError> {
    let target = target(&call, doc_type)?;
    let options = options(&call)?;
    let filter = options.source.clone().unwrap_or(SourceFilter::All);
    if filter == SourceFilter::None {
        return Err(ApiError::validation("fetching source can not be disabled"));
    }
    tell(call, target, options, move |found, target, _| match &found.document {
        Some(stored) => Call::ok(shown_source(&stored.source, &filter).unwrap_or_default()),
        None => Err(ApiError::new(
            404,
            "resource_not_found_exception",
            format!(
                "Document not found [{}]/[{}]/[{}]",
                found.index.name,
                target.doc_type,
                target.id.as_deref().unwrap_or_default()
            ),
        )),
    })
    .await
}

async fn many(call: Call) -> Result<Reply, ApiError> {
    let body = call.required_json()?;
    let options = options(&call)?;
    let default = Target {
        index: call.part("index").into(),
        doc_type: call.path.get("type").map_or("_doc", String::as_str).into(),
        id: None,
        routing: call.param("routing").map(str::to_owned),
    };
    let wanted = multi_get::read(&body, &default, &options)?;
    Call::ok(multi_get::multi_get(&call.node, wanted).await?)
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
