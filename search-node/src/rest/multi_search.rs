//! `_msearch`: several searches at once, or templates of such (`_msearch/template`), each answered or refused by itself.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search::{self, as_task};
use crate::action::search::{Manner, Scope, search};
use crate::action::search_template::SearchTemplate;
use crate::error::ApiError;
use crate::indices::truth_of;
use crate::tasks::Task;
use crate::time_span::read_span;

const METHODS: &[Method] = &[Method::GET, Method::POST];
const PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "ignore_throttled",
    "ccs_minimize_roundtrips",
    "max_concurrent_searches",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "rest_total_hits_as_int",
    "search_type",
    "typed_keys",
    "routing",
];

pub(super) const ROUTES: &[Route] = &[
    route(METHODS, "/_msearch", PARAMS, |call| run(call).boxed()),
    route(METHODS, "/{index}/_msearch", PARAMS, |call| run(call).boxed()),
    route(METHODS, "/{index}/{type}/_msearch", PARAMS, |call| run(call).boxed()),
    route(METHODS, "/_msearch/template", PARAMS, |call| run_templates(call).boxed()),
    route(METHODS, "/{index}/_msearch/template", PARAMS, |call| run_templates(call).boxed()),
    route(METHODS, "/{index}/{type}/_msearch/template", PARAMS, |call| run_templates(call).boxed()),
];

async fn run(call: Call) -> Result<Reply, ApiError> {
    check_concurrent(&call)?;
    let items = items(&call.body)?;
    search_all(call, items.into_iter().map(|(header, body)| (header, Ok(body))).collect()).await
}

/// The same with templates in place of searches.
async fn run_templates(call: Call) -> Result<Reply, ApiError> {
    check_concurrent(&call)?;
    let (node, items) = (Arc::clone(&call.node), items(&call.body)?);
    let rendered = move || {
        let rendered = items.into_iter().map(|(header, body)| {
            let search = read(&body).and_then(|body| SearchTemplate::read(&body)?.search(&node));
            let written = search.map(|(search, mut reserved)| {
                let text = Bytes::from(search.to_string());
                // It stays in memory until its turn has come.
                reserved.fill(text.len() as u64);
                text
            });
            (header, written)
        });
        Ok(rendered.collect())
    };
    let items = call.node.search_pool.run(rendered).await?;
    search_all(call, items).await
}

/// Answers each search by itself. What cannot be read is refused as that item only.
async fn search_all(call: Call, items: Vec<(Bytes, Result<Bytes, ApiError>)>) -> Result<Reply, ApiError> {
    let mut readable = Vec::with_capacity(items.len());
    for (header, body) in items {
        readable.push(match body {
            Ok(body) => {
                let named = with_named(&call, &header, &body).await;
                named.map(|named| (header, body, named))
            }
            Err(error) => Err(error),
        });
    }
    as_task(call, |call, task| {
        let begun = call.node.clock.now_millis();
        let mut answers = Vec::with_capacity(readable.len());
        for item in readable {
            let answered = item.and_then(|(header, body, named)| {
                answer(call, &read(&header)?, named.map_or_else(|| read(&body), Ok)?, task)
            });
            answers.push(match answered {
                Ok(mut answer) => {
                    answer["status"] = json!(200);
                    answer
                }
                // Who has ended the whole wants no part of it.
                Err(error) if error.kind == ApiError::TASK_CANCELLED => return Err(error),
                Err(error) => error.to_body(),
            });
        }
        Call::ok(json!({"took": call.node.clock.now_millis() - begun, "responses": answers}))
    })
    .await
}

/// The body of an item with the documents and scripts that it names; none where it names none.
async fn with_named(call: &Call, header: &[u8], body: &[u8]) -> Result<Option<Value>, ApiError> {
    let indices = read(header)?.get("index").map(names);
    let indices = indices.or_else(|| call.path.get("index").cloned()).unwrap_or_else(|| "_all".to_owned());
    search::with_named(call, body, || read(body), &indices).await
}

/// Searches are done one after the other, which is never more at a time than is allowed.
fn check_concurrent(call: &Call) -> Result<(), ApiError> {
    match call.number("max_concurrent_searches")? {
        Some(0) => Err(ApiError::argument("maxConcurrentSearchRequests must be positive")),
        _ => Ok(()),
    }
}

/// The line about the indices, and the one that says what is looked for.
type Item = (Bytes, Bytes);

/// The lines of a body by twos: which indices, and what is looked for there. An empty line in place of the first says nothing.
fn items(whole: &Bytes) -> Result<Vec<Item>, ApiError> {
    let Some(body) = whole.strip_suffix(b"\n") else {
        return Err(match whole.is_empty() {
            true => ApiError::new(400, "parse_exception", "request body or source parameter is required"),
            false => ApiError::argument("The msearch request must be terminated by a newline [\n]"),
        });
    };
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    let items = lines.chunks(2).map(|two| match two {
        [header, body] => Ok((whole.slice_ref(header), whole.slice_ref(body))),
        _ => Err(ApiError::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: the last search has a line about its indices and none that says what is looked for;",
        )),
    });
    items.collect()
}

fn read(line: &[u8]) -> Result<Value, ApiError> {
    match line.trim_ascii() {
        [] => Ok(json!({})),
        line => serde_json::from_slice(line).map_err(|error| ApiError::json(&error)),
    }
}

fn answer(call: &Call, header: &Value, body: Value, task: &Task) -> Result<Value, ApiError> {
    let mut scope = Scope {
        indices: call.path.get("index").cloned().unwrap_or_else(|| "_all".to_owned()),
        options: call.open_names()?,
        doc_type: call.path.get("type").cloned(),
    };
    let mut manner = Manner { allows_partial: true, routing: call.list("routing"), ..Manner::default() };
    manner.typed_keys = call.flag("typed_keys")?;
    for (key, value) in header.as_object().into_iter().flatten() {
        let text = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let flag = || {
            let wrong = || {
                ApiError::argument(format!(
                    "Failed to parse value [{}] as only [true] or [false] are allowed.",
                    text()
                ))
            };
            truth_of(value).ok_or_else(wrong)
        };
        match key.as_str() {
            "index" | "indices" => scope.indices = names(value),
            "type" | "types" => scope.doc_type = Some(names(value)).filter(|name| !name.is_empty()),
            "preference" => manner.preference = Some(text()),
            "routing" => manner.routing = text().split(',').map(str::to_owned).collect(),
            "allow_partial_search_results" => manner.allows_partial = flag()?,
            "ignore_unavailable" | "ignoreUnavailable" => scope.options.ignore_unavailable = flag()?,
            "allow_no_indices" | "allowNoIndices" => scope.options.allow_no_indices = flag()?,
            "request_cache" => manner.request_cache = Some(flag()?),
            "search_type"
            | "expand_wildcards"
            | "ignore_throttled"
            | "ccs_minimize_roundtrips"
            | "version" => {}
            other => {
                return Err(ApiError::argument(format!(
                    "key [{other}] is not supported in the metadata section"
                )));
            }
        }
    }
    if let Some(timeout) = body.get("timeout") {
        let text = timeout.as_str().map_or_else(|| timeout.to_string(), str::to_owned);
        manner.timeout = read_span("timeout", &text)?;
    }
    search(&call.node, &scope, &body, &manner, call.flag("rest_total_hits_as_int")?, task)
}

fn names(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        Value::Null => "_all".to_owned(),
        one => one.as_str().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_by_twos_and_end_with_a_line_break() {
        let all = items(&Bytes::from_static(b"{}\n{\"size\": 1}\n\n{}\n")).expect("two");
        let shown: Vec<(&[u8], &[u8])> = all.iter().map(|(header, body)| (&header[..], &body[..])).collect();
        assert_eq!(shown, [(&b"{}"[..], &b"{\"size\": 1}"[..]), (&b""[..], &b"{}"[..])]);
        for body in ["", "{}\n{}", "{}\n"] {
            assert!(items(&Bytes::from_static(body.as_bytes())).is_err(), "{body}");
        }
        assert_eq!(read(b" ").expect("empty"), json!({}));
        assert!(read(b"{").is_err());
    }
}
