//! How many buckets the answer of a search may have.

use serde_json::{Value, json};
use settings::{Kind, Setting, setting};
use shard::AggError;

use crate::coordination::DynamicSettings;
use crate::error::ApiError;
use crate::node::Node;

/// How many there may be; the cluster's setting of this name counts more.
pub(crate) const MAX_BUCKETS: &str = "search.max_buckets";

/// The rows about them.
pub(crate) const BUCKETS: &[Setting] = &[setting(
    MAX_BUCKETS,
    Kind::Integer(0, i32::MAX as i64),
    Some("65535"),
    "How many buckets the aggregations of one answer may have together; a search with more fails. The cluster's setting of this name counts more.",
)];

/// How many there may be on a node now.
pub(super) fn most(node: &Node) -> usize {
    let own = node.settings.buckets_max;
    node.coordinator
        .as_ref()
        .map_or(own, |coordinator| DynamicSettings::of(&coordinator.map()).buckets_max().unwrap_or(own))
}

/// Why there is no answer, as Elasticsearch tells it where all shards are reduced.
pub(super) fn not_finished(error: AggError, most: usize) -> ApiError {
    if error.kind != AggError::TOO_MANY_BUCKETS {
        return error.into();
    }
    let cause = json!({"type": error.kind, "reason": error.reason, "max_buckets": most});
    ApiError::new(503, "search_phase_execution_exception", "")
        .with(ApiError::ROOT_CAUSE, Value::Array(Vec::new()))
        .with("phase", "fetch")
        .with("grouped", true)
        .with("failed_shards", Value::Array(Vec::new()))
        .with("caused_by", cause)
}
