//! `_mapping/field/{fields}`: the mapping of single fields, by their names or by patterns.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::{NAMES, blocking, chosen};
use super::mapped_fields::{MappedField, mapped_fields};
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::matches;

const GET: &[Method] = &[Method::GET];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_mapping/field/{fields}", NAMES, |call| blocking(call, fields).boxed()),
    route(GET, "/{index}/_mapping/field/{fields}", NAMES, |call| blocking(call, fields).boxed()),
    route(GET, "/_mapping/{type}/field/{fields}", NAMES, |call| blocking(call, fields).boxed()),
    route(GET, "/{index}/_mapping/{type}/field/{fields}", NAMES, |call| blocking(call, fields).boxed()),
];

fn fields(call: &Call) -> Result<Reply, ApiError> {
    let (asked, typed) = (call.part("fields"), call.flag("include_type_name")?);
    // Who names a type, as 7.x has it, finds the fields under it.
    let doc_type = call.path.get("type").cloned().or_else(|| typed.then(|| "_doc".to_owned()));
    let asked: Vec<&str> = asked.split(',').map(str::trim).collect();
    let shown = chosen(call)?.into_iter().map(|index| {
        let mapping = index.mapping().to_json();
        let found = mapped_fields(&mapping)
            .into_iter()
            .filter(|field| !field.is_object() && asked.iter().any(|pattern| matches(pattern, &field.name)));
        let found: Map<String, Value> = found.map(|field| (field.name.clone(), shown(&field))).collect();
        let found = match &doc_type {
            Some(doc_type) => json!({doc_type: found}),
            None => Value::Object(found),
        };
        (index.name.clone(), json!({"mappings": found}))
    });
    let shown: Map<String, Value> = shown.collect();
    // As in Elasticsearch, what is about no index finds nothing.
    Ok(Reply::Json(if shown.is_empty() { 404 } else { 200 }, Value::Object(shown)))
}

fn shown(field: &MappedField<'_>) -> Value {
    let last = field.name.rsplit('.').next().unwrap_or_default();
    json!({"full_name": field.name, "mapping": {last: field.mapping}})
}
