//! Searches that have failed: in every shard, or in more than who asks can do without. What is wrong is told once for each index.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// A shard in which nobody could look.
#[derive(Debug, Clone)]
pub(crate) struct ShardFailure {
    pub index: String,
    pub number: usize,
    pub node: Option<String>,
    pub error: ApiError,
}

impl ShardFailure {
    /// The failure as answers tell it.
    pub(crate) fn to_json(&self) -> Value {
        json!({"shard": self.number, "index": self.index, "node": self.node, "reason": reason_of(&self.error)})
    }
}

/// Of these kinds are the faults that Java has, which know nothing of indices. Elasticsearch's own tell where they are.
const PLAIN: [&str; 8] = [
    "illegal_argument_exception",
    "illegal_state_exception",
    "number_format_exception",
    "null_pointer_exception",
    "unsupported_operation_exception",
    "arithmetic_exception",
    "class_cast_exception",
    "index_out_of_bounds_exception",
];

/// What is told of the fault of one shard.
fn reason_of(error: &ApiError) -> Value {
    let mut reason = error.to_item();
    // Only what is wrong with a query in an index names the index; else the failure around it does.
    if error.kind != "query_shard_exception"
        && let Value::Object(reason) = &mut reason
    {
        reason.shift_remove("index");
        reason.shift_remove("index_uuid");
    }
    reason
}

/// The error of a search that has failed in these shards.
pub(crate) fn phase_failed(reason: &str, failures: &[ShardFailure]) -> ApiError {
    let failures = grouped(failures);
    let mut error = ApiError::new(status_of(&failures), "search_phase_execution_exception", reason);
    let roots: Vec<Value> = failures.iter().map(|failure| root_of(&failure.error)).collect();
    error.details.insert(ApiError::ROOT_CAUSE.to_owned(), Value::Array(roots));
    error.details.insert("phase".to_owned(), json!("query"));
    error.details.insert("grouped".to_owned(), json!(true));
    let failed = failures.iter().map(|failure| failure.to_json()).collect();
    error.details.insert("failed_shards".to_owned(), Value::Array(failed));
    if let Some(first) = failures.first().filter(|first| PLAIN.contains(&first.error.kind.as_str())) {
        let cause = root_of(&first.error);
        let mut around: Map<String, Value> = cause.as_object().cloned().unwrap_or_default();
        around.insert("caused_by".to_owned(), cause);
        error.details.insert("caused_by".to_owned(), Value::Object(around));
    }
    error
}

/// The fault without what is below it.
fn root_of(error: &ApiError) -> Value {
    let mut root = reason_of(error);
    if let Value::Object(root) = &mut root {
        root.shift_remove("caused_by");
    }
    root
}

/// The first of those that say the same of one index. Shards that nobody could ask are told one by one.
pub(super) fn grouped(failures: &[ShardFailure]) -> Vec<&ShardFailure> {
    let mut told = HashSet::new();
    let mut kept = Vec::new();
    for failure in failures {
        let is_new = told.insert((&failure.index, &failure.error.kind, &failure.error.reason));
        if is_new || failure.error.status == 503 {
            kept.push(failure);
        }
    }
    kept
}

/// That of the first; a fault of a node's own counts more than one of the request. Where nothing failed and nothing was found, there
/// was nobody to ask.
fn status_of(failures: &[&ShardFailure]) -> u16 {
    let own = failures.iter().skip(1).rev().find(|failure| failure.error.status >= 500);
    own.or(failures.first()).map_or(503, |failure| failure.error.status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(index: &str, number: usize, error: ApiError) -> ShardFailure {
        ShardFailure { index: index.to_owned(), number, node: Some("n".to_owned()), error }
    }

    fn unsorted(index: &str) -> ApiError {
        let reason = "No mapping found for [x] in order to sort on";
        ApiError::new(400, "query_shard_exception", reason).with("index", index).with("index_uuid", "u")
    }

    #[test]
    fn each_index_is_told_once_and_what_is_below_stands_as_the_root() {
        let failures = (0..3).map(|number| failure("a", number, unsorted("a")));
        let failures: Vec<_> = failures.chain([failure("b", 0, unsorted("b"))]).collect();

        let body = phase_failed("all shards failed", &failures).to_body();

        let reason = |index: &str| {
            json!({
                "type": "query_shard_exception", "reason": "No mapping found for [x] in order to sort on",
                "index": index, "index_uuid": "u"
            })
        };
        let failed = |index: &str| json!({"shard": 0, "index": index, "node": "n", "reason": reason(index)});
        assert_eq!(
            body,
            json!({
                "error": {
                    "root_cause": [reason("a"), reason("b")],
                    "type": "search_phase_execution_exception",
                    "reason": "all shards failed",
                    "phase": "query",
                    "grouped": true,
                    "failed_shards": [failed("a"), failed("b")]
                },
                "status": 400
            })
        );
    }

    #[test]
    fn faults_of_many_shards_are_told_in_their_order_and_those_of_absent_shards_each() {
        let away = || ApiError::new(503, "no_shard_available_action_exception", "nobody has it");
        let failures: Vec<_> = (0..20_000)
            .map(|number| {
                let index = format!("i{}", number % 5_000);
                let error = if number % 2 == 0 { unsorted(&index) } else { away() };
                failure(&index, number, error)
            })
            .collect();

        let told = grouped(&failures);

        let numbers: Vec<usize> = told.iter().map(|failure| failure.number).collect();
        let expected: Vec<usize> = (0..20_000).filter(|number| number % 2 == 1 || *number < 5_000).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_fault_that_names_no_index_is_told_as_the_cause() {
        let error = ApiError::argument("no such thing").with("index", "a").with("index_uuid", "u");
        let body = phase_failed("all shards failed", &[failure("a", 0, error)]).to_body();
        let plain = json!({"type": "illegal_argument_exception", "reason": "no such thing"});
        assert_eq!(body["error"]["root_cause"], json!([plain]));
        let around =
            json!({"type": "illegal_argument_exception", "reason": "no such thing", "caused_by": plain});
        assert_eq!(body["error"]["caused_by"], around);
    }

    #[test]
    fn a_fault_of_a_node_counts_more_than_one_of_the_request() {
        let broken = || ApiError::new(500, "corrupt_index_exception", "broken");
        let status = |errors: Vec<ApiError>| {
            let failures = errors.into_iter().enumerate().map(|(at, error)| failure("a", at, error));
            phase_failed("all shards failed", &failures.collect::<Vec<_>>()).status
        };
        assert_eq!(status(vec![unsorted("a"), broken()]), 500);
        assert_eq!(status(vec![broken(), unsorted("a")]), 500);
        assert_eq!(status(vec![unsorted("a"), unsorted("b")]), 400);
        assert_eq!(status(Vec::new()), 503);
    }
}
