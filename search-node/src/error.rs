//! The one place where a failure becomes HTTP: status, type and reason, in Elasticsearch's shape.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shard::{EngineError, QueryError, SearchError, TranslogError};

use crate::json;

/// A failure as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// The error's type, e.g. `index_not_found_exception`.
    pub kind: String,
    /// What is wrong, naming the thing and the values.
    pub reason: String,
    /// The type and reason of the fault below it, if that says more.
    pub cause: Option<(String, String)>,
    /// Members beside type and reason, such as `index`.
    pub details: Map<String, Value>,
}

const NOT_PRIMARY: &str = "shard_not_in_primary_mode_exception";

impl ApiError {
    pub(crate) const TASK_CANCELLED: &str = "task_cancelled_exception";
    pub(crate) const NODE_CLOSED: &str = "node_closed_exception";

    /// The member of the details with the faults below, where there are several.
    pub(crate) const ROOT_CAUSE: &str = "root_cause";

    pub fn new(status: u16, kind: &str, reason: impl Into<String>) -> Self {
        Self { status, kind: kind.to_owned(), reason: reason.into(), cause: None, details: Map::new() }
    }

    /// The caller's argument is wrong.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::new(400, "illegal_argument_exception", reason)
    }

    /// The request is not complete or contradicts itself.
    pub fn validation(reason: impl Into<String>) -> Self {
        Self::validations(&[reason.into()])
    }

    /// All that is incomplete or contradictory in a request, counted as clients know it.
    pub fn validations(reasons: &[String]) -> Self {
        let listed = reasons.iter().enumerate().map(|(at, reason)| format!("{}: {reason};", at + 1));
        let reason = format!("Validation Failed: {}", listed.collect::<String>());
        Self::new(400, "action_request_validation_exception", reason)
    }

    /// A fault of the address alone, which has a text in place of type and reason.
    pub fn plain(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "", text)
    }

    /// The body cannot be read.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::new(400, "parsing_exception", reason)
    }

    /// A member of the body is none that is known there, or not of its kind.
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self::new(400, "x_content_parse_exception", reason)
    }

    pub fn no_index(name: &str) -> Self {
        Self::new(404, "index_not_found_exception", format!("no such index [{name}]"))
            .with("resource.type", "index_or_alias")
            .with("resource.id", name)
            .with("index_uuid", "_na_")
            .with("index", name)
    }

    /// The index is closed, and what is wanted asks for an open one.
    pub fn closed(name: &str, uuid: &str) -> Self {
        Self::new(400, "index_closed_exception", "closed").with("index_uuid", uuid).with("index", name)
    }

    /// More work than there is room for; the client shall come back later.
    pub fn too_busy(what: &str, setting: &str, limit: usize) -> Self {
        Self::new(
            429,
            "es_rejected_execution_exception",
            format!(
                "rejected execution of {what}: [{limit}] are waiting already; send less at once or raise `{setting}`"
            ),
        )
    }

    /// Somebody has ended the task of the request.
    pub fn task_cancelled(reason: &str) -> Self {
        Self::new(400, Self::TASK_CANCELLED, format!("task cancelled [{reason}]"))
    }

    /// The node ends before it was done; another one may do it.
    pub fn node_closed() -> Self {
        Self::new(503, Self::NODE_CLOSED, "the node is stopping; ask another one")
    }

    /// A point in time is not kept, or no longer.
    pub fn no_search_context(number: u64) -> Self {
        let reason = format!("No search context found for id [{number}]");
        Self::new(404, "search_context_missing_exception", reason)
    }

    /// It was not settled in time, and nothing was done unless the reason says so.
    pub fn not_settled(reason: impl Into<String>) -> Self {
        Self::new(503, "process_cluster_event_timeout_exception", reason)
    }

    /// Whether it was done is not known.
    pub fn unknown_outcome(reason: impl Into<String>) -> Self {
        Self::not_settled(reason).with("outcome", "unknown")
    }

    /// No primary of a document's shard took it in time, and nothing was done.
    pub fn no_primary(index: &str, id: &str, within: Duration) -> Self {
        let reason = format!(
            "[{index}] primary shard is not active Timeout: [{}ms], document [{id}]",
            within.as_millis()
        );
        Self::new(503, "unavailable_shards_exception", reason)
    }

    /// The primary of a shard is not here any more, and nothing was done.
    pub fn not_primary(reason: &str) -> Self {
        Self::new(503, NOT_PRIMARY, format!("{reason}; ask the node that has the primary now"))
    }

    /// Whether nothing was done, for another copy is primary or about to be: it may be tried there.
    pub fn is_not_primary(&self) -> bool {
        self.kind == NOT_PRIMARY
    }

    /// So many points in time are kept for other nodes that no more can be.
    pub fn too_many_contexts(limit: usize) -> Self {
        let reason = format!(
            "Trying to create too many search contexts. Must be less than or equal to: [{limit}]. This limit can be set by changing the [search.max_open_contexts] setting."
        );
        Self::new(429, "es_rejected_execution_exception", reason)
    }

    /// Our own fault; the log has more under the same words.
    pub fn internal(reason: impl Into<String>) -> Self {
        let error = Self::new(500, "internal_server_error", reason);
        tracing::error!(reason = error.reason, "request failed");
        error
    }

    /// The fault below it.
    pub fn caused_by(mut self, kind: &str, reason: impl Into<String>) -> Self {
        self.cause = Some((kind.to_owned(), reason.into()));
        self
    }

    /// The body is no JSON, or not as strict as it must be.
    pub fn json(error: &serde_json::Error) -> Self {
        let reason = match json::is_repeat(error) {
            true => error.to_string(),
            false => format!("the body is not valid JSON: {error}"),
        };
        Self::new(400, "json_parse_exception", reason)
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// The error alone, as bulk items show it.
    pub fn to_item(&self) -> Value {
        let mut item = Map::new();
        item.insert("type".to_owned(), json!(self.kind));
        item.insert("reason".to_owned(), json!(self.reason));
        if let Some((kind, reason)) = &self.cause {
            item.insert("caused_by".to_owned(), json!({"type": kind, "reason": reason}));
        }
        item.extend(self.details.clone());
        item.shift_remove(Self::ROOT_CAUSE);
        Value::Object(item)
    }

    /// The faults, from the outermost to what is below all of them.
    pub fn trace(&self) -> String {
        let outer = format!("{}: {}", self.kind, self.reason);
        match &self.cause {
            Some((kind, reason)) => format!("{outer}\nCaused by: {kind}: {reason}"),
            None => outer,
        }
    }

    /// The faults below all others: this one, unless several are known.
    fn root_causes(&self) -> Value {
        if let Some(roots) = self.details.get(Self::ROOT_CAUSE) {
            return roots.clone();
        }
        let mut root = self.to_item();
        if let Value::Object(root) = &mut root {
            root.shift_remove("caused_by");
        }
        json!([root])
    }

    /// The body of the answer.
    pub fn to_body(&self) -> Value {
        if self.kind.is_empty() {
            return json!({"error": self.reason, "status": self.status});
        }
        let mut error = Map::new();
        error.insert(Self::ROOT_CAUSE.to_owned(), self.root_causes());
        if let Value::Object(item) = self.to_item() {
            error.extend(item);
        }
        json!({"error": error, "status": self.status})
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Mapping(error) => {
                let mut api = Self::new(400, error.kind, error.reason);
                api.cause = error.cause.map(|(kind, reason)| (kind.to_owned(), reason));
                api
            }
            EngineError::VersionConflict { .. } => {
                Self::new(409, "version_conflict_engine_exception", error.to_string())
            }
            EngineError::NotJson(reason) => {
                let mut api = Self::new(400, "mapper_parsing_exception", "failed to parse");
                api.cause = Some(("json_parse_exception".to_owned(), reason));
                api
            }
            EngineError::Translog(error @ TranslogError::TooLarge { .. }) => {
                Self::new(413, "illegal_argument_exception", error.to_string())
            }
            EngineError::Translog(error @ TranslogError::Corrupt { .. }) => {
                Self::new(500, "corrupt_index_exception", error.to_string())
            }
            // Refused before anything was done; what it says of writes under way is for who waits for their sync.
            EngineError::Translog(error @ TranslogError::Fenced(_)) => {
                Self::new(503, "translog_exception", error.to_string())
            }
            // Refused before anything was done.
            EngineError::Translog(error @ TranslogError::OldTerm { .. }) => {
                Self::not_primary(&error.to_string())
            }
            // The operation may or may not be on disk: the client must not take it for a plain failure.
            EngineError::Translog(_) | EngineError::Unsettled(_) => {
                tracing::error!(%error, "a write's outcome is unknown");
                Self::new(503, "translog_exception", error.to_string()).with("outcome", "unknown")
            }
            EngineError::Manifest(error) if error.is_unknown() => {
                Self::new(500, "index_format_too_new_exception", error.to_string())
            }
            _ if error.is_damage() => Self::new(500, "corrupt_index_exception", error.to_string()),
            EngineError::MustRollBack
            | EngineError::InUse { .. }
            | EngineError::NotCommitted { .. }
            | EngineError::Reopening => {
                Self::new(503, "illegal_index_shard_state_exception", error.to_string())
            }
            EngineError::Stopping => Self::new(503, "node_closed_exception", error.to_string()),
            EngineError::Integrity(_)
            | EngineError::Manifest(_)
            | EngineError::Index(_)
            | EngineError::Io(_)
            | EngineError::Foreign { .. }
            | EngineError::ForeignFile { .. }
            | EngineError::Unfinished { .. }
            | EngineError::Folder { .. } => Self::internal(error.to_string()),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let status = if error.kind == "circuit_breaking_exception" { 429 } else { 400 };
        Self::new(status, error.kind, error.reason)
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Query(error) => error.into(),
            SearchError::Engine(error) => error.into(),
            SearchError::Index(error) => EngineError::from(error).into(),
            SearchError::Io(_) => Self::internal(error.to_string()),
            SearchError::Cancelled => Self::task_cancelled("by user request"),
            SearchError::TimeIsUp => Self::new(429, "timeout_exception", error.to_string()),
        }
    }
}

impl From<shard::AnalysisError> for ApiError {
    fn from(error: shard::AnalysisError) -> Self {
        ApiError::new(400, error.kind, error.reason)
    }
}

impl From<shard::mapping::MappingError> for ApiError {
    fn from(error: shard::mapping::MappingError) -> Self {
        EngineError::from(error).into()
    }
}
