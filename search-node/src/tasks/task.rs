//! One task that runs.

use std::sync::Arc;

use daemon::CancellationToken;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::{Progress, Shown};

/// What a task does, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskKind {
    UpdateByQuery,
    DeleteByQuery,
    Reindex,
    ListTasks,
}

impl TaskKind {
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::UpdateByQuery => "indices:data/write/update/byquery",
            Self::DeleteByQuery => "indices:data/write/delete/byquery",
            Self::Reindex => "indices:data/write/reindex",
            Self::ListTasks => "cluster:monitor/tasks/lists",
        }
    }
}

/// A task.
#[derive(Debug)]
pub(crate) struct Task {
    pub number: u64,
    pub kind: TaskKind,
    pub description: String,
    pub started_nanos: i64,
    /// The task that this is a slice of.
    pub parent: Option<u64>,
    /// Asks the task to end after what it is doing.
    pub cancel: CancellationToken,
    pub cancel_reason: Mutex<Option<String>>,
    /// Its figures, slice by slice; none for a task that has none.
    pub slices: Vec<Arc<Progress>>,
}

impl Task {
    pub(crate) fn is_cancellable(&self) -> bool {
        self.kind != TaskKind::ListTasks
    }

    /// Asks it to end.
    pub(crate) fn cancel(&self, reason: &str) {
        self.cancel_reason.lock().get_or_insert_with(|| reason.to_owned());
        self.cancel.cancel();
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
            put("description", json!(self.description));
        }
        put("start_time_in_millis", json!(self.started_nanos / 1_000_000));
        put("running_time_in_nanos", json!((now_nanos - self.started_nanos).max(0)));
        put("cancellable", json!(self.is_cancellable()));
        if self.is_cancellable() {
            put("cancelled", json!(self.cancel.is_cancelled()));
        }
        if let Some(parent) = self.parent {
            put("parent_task_id", json!(format!("{node_id}:{parent}")));
        }
        put("headers", json!({}));
        Value::Object(members)
    }
}
