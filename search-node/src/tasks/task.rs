//! One task that runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daemon::CancellationToken;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::{AnsweredSoFar, Description, Progress, Shown};
use crate::error::ApiError;
use crate::memory::Reservation;

/// What a task does, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskKind {
    UpdateByQuery,
    DeleteByQuery,
    Reindex,
    Search,
    /// A search whose answer is asked for later.
    AsyncSearch,
    /// What a node does for the search of another one.
    SearchPart,
    /// What a node does for the operation by query of another one.
    ByQueryPart,
    ListTasks,
    OpenIndex,
    ResizeIndex,
}

impl TaskKind {
    /// Whether somebody waits for what it finds.
    pub(crate) fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::AsyncSearch | Self::SearchPart | Self::ByQueryPart)
    }

    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::UpdateByQuery => "indices:data/write/update/byquery",
            Self::DeleteByQuery => "indices:data/write/delete/byquery",
            Self::Reindex => "indices:data/write/reindex",
            Self::Search => "indices:data/read/search",
            Self::AsyncSearch => "indices:data/read/async_search/submit",
            Self::SearchPart => "indices:data/read/search[phase/query]",
            Self::ByQueryPart => "indices:data/read/scroll",
            Self::ListTasks => "cluster:monitor/tasks/lists",
            Self::OpenIndex => "indices:admin/open",
            Self::ResizeIndex => "indices:admin/resize",
        }
    }
}

/// The task that another one is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parent {
    /// By its number.
    Here(u64),
    /// On another node, by its id.
    Elsewhere(String),
}

/// A task.
#[derive(Debug)]
pub(crate) struct Task {
    pub number: u64,
    pub kind: TaskKind,
    pub description: Description,
    pub started_nanos: i64,
    pub parent: Option<Parent>,
    /// What the client calls the request that it was begun for.
    pub opaque_id: Option<Arc<str>>,
    /// Asks the task to end after what it is doing.
    pub cancel: CancellationToken,
    pub cancel_reason: Mutex<Option<String>>,
    /// Whether it was cancelled because the node stops.
    pub is_stopped: AtomicBool,
    /// Its figures, slice by slice; none for a task that has none.
    pub slices: Vec<Arc<Progress>>,
    /// How much of a search is answered.
    pub answered: Arc<AnsweredSoFar>,
    /// The memory that is promised for the text of its answer.
    pub promised: Mutex<Vec<Reservation>>,
}

impl Task {
    pub(crate) fn is_cancellable(&self) -> bool {
        !matches!(self.kind, TaskKind::ListTasks | TaskKind::OpenIndex | TaskKind::ResizeIndex)
    }

    /// Asks it to end.
    pub(crate) fn cancel(&self, reason: &str) {
        self.cancel_reason.lock().get_or_insert_with(|| reason.to_owned());
        self.cancel.cancel();
    }

    /// Asks it to end, since the node stops; another one may do it as well.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.cancel("the node is stopping");
    }

    /// What the client hears whose task was cancelled.
    pub(crate) fn cancelled_error(&self) -> ApiError {
        if self.is_stopped.load(Ordering::Acquire) {
            return ApiError::node_closed();
        }
        ApiError::task_cancelled(self.cancel_reason.lock().as_deref().unwrap_or("nobody waits for it"))
    }

    /// The id of the task that this one is a part of; `node_id` is this node's.
    pub(crate) fn parent_id(&self, node_id: &str) -> Option<String> {
        self.parent.as_ref().map(|parent| match parent {
            Parent::Here(number) => format!("{node_id}:{number}"),
            Parent::Elsewhere(id) => id.clone(),
        })
    }

    /// Sets its speed, shared among its slices.
    pub(crate) fn set_rate(&self, rate: f64) {
        for slice in &self.slices {
            slice.set_rate(rate / self.slices.len() as f64);
        }
    }

    /// The task as the API shows it.
    pub(crate) fn show(&self, node_id: &str, now_nanos: i64, is_detailed: bool) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("node", json!(node_id));
        put("id", json!(self.number));
        put("type", json!("transport"));
        put("action", json!(self.kind.action()));
        if is_detailed {
            if !self.slices.is_empty() {
                let shown = Shown { updated: true, created: true };
                let status = Progress::show_all(&self.slices, now_nanos / 1_000_000, shown);
                put("status", Value::Object(status));
            }
            put("description", json!(self.description.to_string()));
        }
        put("start_time_in_millis", json!(self.started_nanos / 1_000_000));
        put("running_time_in_nanos", json!((now_nanos - self.started_nanos).max(0)));
        put("cancellable", json!(self.is_cancellable()));
        if self.is_cancellable() {
            put("cancelled", json!(self.cancel.is_cancelled()));
        }
        if let Some(parent) = self.parent_id(node_id) {
            put("parent_task_id", json!(parent));
        }
        let mut headers = Map::new();
        if let Some(id) = &self.opaque_id {
            headers.insert("X-Opaque-Id".to_owned(), json!(id));
        }
        put("headers", Value::Object(headers));
        Value::Object(members)
    }
}
