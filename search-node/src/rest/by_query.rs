//! `_update_by_query`, `_delete_by_query`, `_reindex`: requests read into plans, and their tasks started.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};
use shard::{Slice, SourceFilter};

use super::call::Call;
use super::envelope::Reply;
use super::forward::Reach;
use super::parameters::read_int;
use super::router::{Route, route};
use super::search::{add_query_text, scope, with_named_documents};
use super::tasks::{rethrottle, rethrottle_elsewhere, task_id};
use crate::action::by_query::{CopyRouting, Destination, Plan, Slices, Wish, Work, start};
use crate::action::condition::VersionType;
use crate::action::search::{Scope, check_timeout, may_name_documents, read_source, with_documents};
use crate::error::ApiError;
use crate::script::Script;

const POST: &[Method] = &[Method::POST];
/// Documents of a batch unless the request says otherwise, as in Elasticsearch.
const BATCH_DEFAULT: usize = 1000;
/// The most slices of one task, as in Elasticsearch.
const SLICES_MAX: u64 = 1024;

const QUERY_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "analyze_wildcard",
    "analyzer",
    "default_operator",
    "df",
    "lenient",
    "q",
    "conflicts",
    "from",
    "max_docs",
    "pipeline",
    "preference",
    "refresh",
    "request_cache",
    "requests_per_second",
    "routing",
    "scroll",
    "scroll_size",
    "search_timeout",
    "search_type",
    "size",
    "slices",
    "sort",
    "stats",
    "terminate_after",
    "timeout",
    "version",
    "version_type",
    "wait_for_active_shards",
    "wait_for_completion",
    "_source",
    "_source_includes",
    "_source_excludes",
];
const REINDEX_PARAMS: &[&str] = &[
    "max_docs",
    "refresh",
    "require_alias",
    "requests_per_second",
    "scroll",
    "slices",
    "timeout",
    "wait_for_active_shards",
    "wait_for_completion",
];
const BRAKE_PARAMS: &[&str] = &["requests_per_second", "group_by"];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/{index}/_update_by_query", QUERY_PARAMS, |call| update(call).boxed()),
    route(POST, "/{index}/{type}/_update_by_query", QUERY_PARAMS, |call| update(call).boxed()),
    route(POST, "/{index}/_delete_by_query", QUERY_PARAMS, |call| delete(call).boxed()),
    route(POST, "/{index}/{type}/_delete_by_query", QUERY_PARAMS, |call| delete(call).boxed()),
    route(POST, "/_reindex", REINDEX_PARAMS, |call| reindex(call).boxed()),
    route(POST, "/_update_by_query/{id}/_rethrottle", BRAKE_PARAMS, |call| brake(call).boxed())
        .reaching(WHERE_THE_TASK_IS),
    route(POST, "/_delete_by_query/{id}/_rethrottle", BRAKE_PARAMS, |call| brake(call).boxed())
        .reaching(WHERE_THE_TASK_IS),
    route(POST, "/_reindex/{id}/_rethrottle", BRAKE_PARAMS, |call| brake(call).boxed())
        .reaching(WHERE_THE_TASK_IS),
];

const WHERE_THE_TASK_IS: Reach = Reach::Nodes(|call| rethrottle_elsewhere(call, brake).boxed());

async fn update(call: Call) -> Result<Reply, ApiError> {
    let body = query_body(&call).await?;
    let mut plan = plan(&call, Work::Update, scope(&call)?)?;
    for (key, value) in &body {
        match key.as_str() {
            "script" => plan.script = Some(Script::read(value)?),
            _ => common_member(&mut plan, key, value)?,
        }
    }
    if let Some(name) = call.param("pipeline").filter(|name| *name != "_none") {
        return Err(ApiError::argument(format!("pipeline with id [{name}] does not exist")));
    }
    plan.description = format!("update-by-query [{}]", plan.scope.indices);
    run(call, plan).await
}

async fn delete(call: Call) -> Result<Reply, ApiError> {
    let body = query_body(&call).await?;
    if !body.contains_key("query") {
        return Err(ApiError::validation("query is missing"));
    }
    let mut plan = plan(&call, Work::Delete, scope(&call)?)?;
    for (key, value) in &body {
        common_member(&mut plan, key, value)?;
    }
    plan.description = format!("delete-by-query [{}]", plan.scope.indices);
    run(call, plan).await
}

async fn reindex(call: Call) -> Result<Reply, ApiError> {
    let mut body = call.required_json()?;
    if let Some(script) = body.get_mut("script") {
        call.node.indices.fill_script(script);
    }
    if may_name_documents(&call.body)
        && let Some(source) = body.get_mut("source")
    {
        let indices = source["index"].as_str().unwrap_or("_all").to_owned();
        *source = with_documents(&call.node, source.take(), &indices).await?;
    }
    let object =
        body.as_object().ok_or_else(|| ApiError::parsing("the body of a reindex must be an object"))?;
    let mut plan = plan(&call, Work::Update, Scope::default())?;
    let mut destination = None;
    for (key, value) in object {
        match key.as_str() {
            "source" => read_reindex_source(&mut plan, object_of(key, value)?)?,
            "dest" => destination = Some(read_destination(object_of(key, value)?)?),
            "script" => plan.script = Some(Script::read(value)?),
            "conflicts" | "max_docs" | "size" => common_member(&mut plan, key, value)?,
            other => return Err(unknown("reindex", other)),
        }
    }
    if plan.scope.indices.is_empty() {
        return Err(ApiError::validation("use _all if you really want to copy from all existing indexes"));
    }
    let destination = destination
        .filter(|destination| !destination.index.is_empty())
        .ok_or_else(|| ApiError::validation("index must be specified"))?;
    if call.flag("require_alias")? && !call.node.indices.is_alias(&destination.index) {
        let name = &destination.index;
        let mut error = ApiError::no_index(name);
        error.reason = format!(
            "no such index [{name}] and [require_alias] request flag is [true] and [{name}] is not an alias"
        );
        return Err(error);
    }
    plan.description = format!("reindex from [{}] to [{}]", plan.scope.indices, destination.index);
    plan.work = Work::Reindex(destination);
    run(call, plan).await
}

fn object_of<'a>(key: &str, value: &'a Value) -> Result<&'a Map<String, Value>, ApiError> {
    value
        .as_object()
        .ok_or_else(|| ApiError::malformed(format!("[reindex] {key} must be an object, not {value}")))
}

fn unknown(api: &str, field: &str) -> ApiError {
    ApiError::malformed(format!("[{api}] unknown field [{field}]"))
}

/// The body, with `?q=` and the documents that its query names in it.
async fn query_body(call: &Call) -> Result<Map<String, Value>, ApiError> {
    let mut body = match with_named_documents(call).await? {
        Some(body) => body,
        None => call.json()?,
    };
    add_query_text(call, &mut body)?;
    match body {
        Value::Null => Ok(Map::new()),
        Value::Object(members) => Ok(members),
        other => Err(ApiError::parsing(format!("the body must be an object, not {other}"))),
    }
}

/// What the parameters say.
fn plan(call: &Call, work: Work, scope: Scope) -> Result<Plan, ApiError> {
    let wish = Wish::all(scope.doc_type.clone(), call.node.clock.now_millis());
    let mut plan = Plan {
        work,
        scope,
        wish,
        source: SourceFilter::All,
        script: None,
        routing: call.param("routing").map(str::to_owned),
        slices: read_slices(call.param("slices"))?,
        max_docs: None,
        batch: BATCH_DEFAULT,
        rate: read_rate(call.param("requests_per_second"))?.unwrap_or(f64::INFINITY),
        proceeds: false,
        refresh: call.flag("refresh")?,
        active: call.active_copies()?.unwrap_or_default(),
        description: String::new(),
    };
    call.flag("version")?;
    for name in ["conflicts", "size", "max_docs"] {
        if let Some(text) = call.param(name) {
            common_member(&mut plan, name, &json!(text))?;
        }
    }
    if let Some(size) = call.number("scroll_size")? {
        plan.batch = read_batch(call, "scroll_size", size)?;
    }
    if let Some(sort) = call.param("sort") {
        plan.wish.set_sort(&json!(sort.split(',').collect::<Vec<_>>()))?;
    }
    Ok(plan)
}

fn read_batch(call: &Call, name: &str, size: u64) -> Result<usize, ApiError> {
    let most = call.node.settings.result_window_max;
    match usize::try_from(size) {
        Ok(size) if (1..=most).contains(&size) => Ok(size),
        _ => Err(ApiError::argument(format!(
            "Batch size is too large or not positive, [{name}] must be from 1 to [{most}] but was [{size}]. This limit can be set by changing search.max_result_window"
        ))),
    }
}

/// Members that every operation by query takes.
fn common_member(plan: &mut Plan, key: &str, value: &Value) -> Result<(), ApiError> {
    match key {
        "query" => plan.wish.set_query(value)?,
        "max_docs" | "size" => {
            let most = read_max_docs(key, value)?;
            if let Some(other) = plan.max_docs.filter(|other| *other != most) {
                return Err(ApiError::argument(format!(
                    "[max_docs] set to two different values [{other}] and [{most}]"
                )));
            }
            plan.max_docs = Some(most);
        }
        "conflicts" => match value.as_str() {
            Some("proceed") => plan.proceeds = true,
            Some("abort") => plan.proceeds = false,
            _ => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                return Err(ApiError::argument(format!(
                    "conflicts may only be \"proceed\" or \"abort\" but was [{text}]"
                )));
            }
        },
        "slice" => plan.wish.only = Some(read_slice(value)?),
        "sort" => plan.wish.set_sort(value)?,
        "timeout" => check_timeout(value)?,
        "stats" | "track_scores" | "version" | "_source" => {}
        other => return Err(ApiError::parsing(format!("Unknown key for an operation by query: [{other}]."))),
    }
    Ok(())
}

fn read_max_docs(key: &str, value: &Value) -> Result<u64, ApiError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match read_int(key, &text)? {
        0 => Err(ApiError::argument("[max_docs] should be >= [slices]")),
        most => u64::try_from(most).map_err(|_| {
            ApiError::argument(format!("[max_docs] parameter cannot be negative, found [{text}]"))
        }),
    }
}

fn read_slice(value: &Value) -> Result<Slice, ApiError> {
    let number =
        |name: &str| value.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    match (number("id"), number("max")) {
        (Some(id), Some(max)) if max > 1 && id < max && u64::from(max) <= SLICES_MAX => {
            Ok(Slice { number: id, of: max })
        }
        _ => Err(ApiError::argument(format!(
            "[slice] needs [max] from 2 to {SLICES_MAX} and [id] from 0 to below it, found {value}"
        ))),
    }
}

fn read_slices(text: Option<&str>) -> Result<Slices, ApiError> {
    match text {
        None => Ok(Slices::Count(1)),
        Some("auto") => Ok(Slices::Auto),
        Some(text) => match text.parse::<u32>() {
            Ok(count) if count >= 1 && u64::from(count) <= SLICES_MAX => Ok(Slices::Count(count)),
            Ok(_) => {
                Err(ApiError::argument(format!("[slices] must be from 1 to {SLICES_MAX} but was [{text}]")))
            }
            Err(_) => Err(ApiError::argument(format!(
                "[slices] must be a positive integer or the string \"auto\", but was [{text}]"
            ))),
        },
    }
}

/// `requests_per_second`; -1 is no brake.
fn read_rate(text: Option<&str>) -> Result<Option<f64>, ApiError> {
    match text.map(|text| (text, text.parse::<f64>())) {
        None => Ok(None),
        Some((_, Ok(-1.0))) => Ok(Some(f64::INFINITY)),
        Some((_, Ok(rate))) if rate > 0.0 => Ok(Some(rate)),
        Some((text, _)) => Err(ApiError::argument(format!(
            "[requests_per_second] must be a float greater than 0. Use -1 to disable throttling. Found [{text}]"
        ))),
    }
}

fn read_reindex_source(plan: &mut Plan, source: &Map<String, Value>) -> Result<(), ApiError> {
    for (key, value) in source {
        match key.as_str() {
            "index" | "_index" => plan.scope.indices = names(key, value)?,
            "type" | "_type" => plan.wish.doc_type = Some(names(key, value)?),
            "query" | "slice" | "sort" => common_member(plan, key, value)?,
            "_source" => plan.source = read_source(value)?,
            "size" => {
                let size =
                    value.as_u64().and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
                plan.batch =
                    size.ok_or_else(|| ApiError::argument(format!("[size] must be positive, not {value}")))?;
            }
            "remote" => {
                let host = value.get("host").and_then(Value::as_str).unwrap_or_default();
                let host = host.split("://").last().unwrap_or_default().trim_end_matches('/');
                return Err(ApiError::argument(format!(
                    "[{host}] not whitelisted in reindex.remote.whitelist: this node copies from its own indices only"
                )));
            }
            other => return Err(unknown("reindex", other)),
        }
    }
    Ok(())
}

fn names(key: &str, value: &Value) -> Result<String, ApiError> {
    let wrong = || ApiError::parsing(format!("[{key}] must be a name or a list of names, not {value}"));
    match value {
        Value::String(name) => Ok(name.clone()),
        Value::Array(items) => {
            let names = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
            Ok(names.join(","))
        }
        _ => Err(wrong()),
    }
}

fn read_destination(dest: &Map<String, Value>) -> Result<Destination, ApiError> {
    let mut destination = Destination {
        index: String::new(),
        doc_type: None,
        is_create: false,
        version_type: VersionType::Internal,
        routing: CopyRouting::Keep,
    };
    for (key, value) in dest {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match key.as_str() {
            "index" | "_index" => destination.index = text,
            "type" | "_type" => destination.doc_type = Some(text),
            "op_type" if text == "create" || text == "index" => destination.is_create = text == "create",
            "op_type" => {
                return Err(ApiError::argument(format!(
                    "opType must be 'create' or 'index', found: [{text}]"
                )));
            }
            "version_type" => destination.version_type = VersionType::read(Some(&text))?,
            "routing" => destination.routing = read_routing(&text)?,
            "pipeline" if text == "_none" => {}
            "pipeline" => {
                return Err(ApiError::argument(format!("pipeline with id [{text}] does not exist")));
            }
            other => return Err(unknown("dest", other)),
        }
    }
    Ok(destination)
}

fn read_routing(text: &str) -> Result<CopyRouting, ApiError> {
    match (text, text.strip_prefix('=')) {
        ("keep", _) => Ok(CopyRouting::Keep),
        ("discard", _) => Ok(CopyRouting::Discard),
        (_, Some(value)) => Ok(CopyRouting::Set(value.to_owned())),
        _ => Err(ApiError::validation("routing must be unset, [keep], [discard] or [=<some new value>]")),
    }
}

async fn run(call: Call, plan: Plan) -> Result<Reply, ApiError> {
    if plan.wish.only.is_some() && plan.slices != Slices::Count(1) {
        return Err(ApiError::validation("can't specify both manual and automatic slicing at the same time"));
    }
    let waits = call.maybe_flag("wait_for_completion")?.unwrap_or(true);
    let started = start(&call.node, plan, !waits).await?;
    if !waits {
        return Call::ok(json!({"task": task_id(&call.node, started.number)}));
    }
    let answer = started.answer().await?;
    Ok(Reply::Json(answer.status, answer.body))
}

async fn brake(call: Call) -> Result<Reply, ApiError> {
    let rate = read_rate(call.param("requests_per_second"))?
        .ok_or_else(|| ApiError::argument("requests_per_second is a required parameter"))?;
    rethrottle(&call, rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_slices_and_routings_are_read_and_wrong_ones_refused() {
        assert_eq!(read_rate(Some("-1")).expect("no brake"), Some(f64::INFINITY));
        assert_eq!(read_rate(Some("0.5")).expect("a rate"), Some(0.5));
        for text in ["0", "-2", "fast", "NaN"] {
            assert!(read_rate(Some(text)).is_err(), "{text}");
        }
        assert_eq!(read_slices(Some("auto")).expect("auto"), Slices::Auto);
        assert_eq!(read_slices(Some("3")).expect("three"), Slices::Count(3));
        for text in ["0", "1025", "-1", "many"] {
            assert!(read_slices(Some(text)).is_err(), "{text}");
        }
        assert_eq!(read_routing("=cat").expect("set"), CopyRouting::Set("cat".to_owned()));
        assert!(read_routing("cat").is_err());
        assert!(read_slice(&json!({"id": 2, "max": 2})).is_err());
    }

    #[test]
    fn a_remote_source_is_refused_and_named() {
        let source = json!({"remote": {"host": "http://other:9200"}, "index": "i"});
        let mut plan = Plan {
            work: Work::Update,
            scope: Scope::default(),
            wish: Wish::all(None, 0),
            source: SourceFilter::All,
            script: None,
            routing: None,
            slices: Slices::Auto,
            max_docs: None,
            batch: 1,
            rate: 1.0,
            proceeds: false,
            refresh: false,
            active: crate::replication::ActiveCopies::default(),
            description: String::new(),
        };
        let error =
            read_reindex_source(&mut plan, source.as_object().expect("an object")).expect_err("refused");
        assert!(
            error.reason.starts_with("[other:9200] not whitelisted in reindex.remote.whitelist"),
            "{}",
            error.reason
        );
    }
}
