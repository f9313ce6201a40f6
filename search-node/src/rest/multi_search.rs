//! `_msearch`: several searches at once, each answered or refused by itself.

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use super::search::as_task;
use crate::action::search::{Manner, Scope, search};
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
];

async fn run(call: Call) -> Result<Reply, ApiError> {
    as_task(call, |call, task| {
        let begun = call.node.clock.now_millis();
        check_concurrent(call)?;
        let items = items(&call.body)?;
        let mut answers = Vec::with_capacity(items.len());
        for (header, body) in items {
            answers.push(match answer(call, header, body, task) {
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

/// Searches are done one after the other, which is never more at a time than is allowed.
fn check_concurrent(call: &Call) -> Result<(), ApiError> {
    match call.number("max_concurrent_searches")? {
        Some(0) => Err(ApiError::argument("maxConcurrentSearchRequests must be positive")),
        _ => Ok(()),
    }
}

/// The line about the indices, and the one that says what is looked for.
type Item<'b> = (&'b [u8], &'b [u8]);

/// The lines of a body by twos: which indices, and what is looked for there. An empty line in place of the first says nothing.
fn items(body: &[u8]) -> Result<Vec<Item<'_>>, ApiError> {
    let Some(body) = body.strip_suffix(b"\n") else {
        return Err(match body.is_empty() {
            true => ApiError::new(400, "parse_exception", "request body or source parameter is required"),
            false => ApiError::argument("The msearch request must be terminated by a newline [\n]"),
        });
    };
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
    let items = lines.chunks(2).map(|two| match two {
        [header, body] => Ok((*header, *body)),
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

fn answer(call: &Call, header: &[u8], body: &[u8], task: &Task) -> Result<Value, ApiError> {
    let (header, body) = (read(header)?, read(body)?);
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
            "search_type"
            | "request_cache"
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
        let all = items(b"{}\n{\"size\": 1}\n\n{}\n").expect("two");
        assert_eq!(all, [(&b"{}"[..], &b"{\"size\": 1}"[..]), (&b""[..], &b"{}"[..])]);
        assert!(items(b"").is_err() && items(b"{}\n{}").is_err() && items(b"{}\n").is_err());
        assert_eq!(read(b" ").expect("empty"), json!({}));
        assert!(read(b"{").is_err());
    }
}
