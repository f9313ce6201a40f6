//! The tasks of the node: those that run, and what became of those that nobody waited for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use daemon::CancellationToken;
use daemon::clock::Clock;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::caller::opaque_id;
use super::{Description, Parent, Progress, Task, TaskKind};

/// What became of a task: its response, or its error.
pub(crate) type Outcome = Result<Value, Value>;

/// All tasks.
pub struct Tasks {
    clock: Clock,
    next: AtomicU64,
    running: Mutex<BTreeMap<u64, Running>>,
    finished: Mutex<VecDeque<Finished>>,
    /// How many outcomes are kept; the oldest go first.
    finished_max: usize,
}

struct Running {
    task: Arc<Task>,
    /// Closed when the task ends.
    ended: watch::Sender<()>,
}

struct Finished {
    number: u64,
    shown: Value,
    outcome: Outcome,
}

/// Keeps a task in the list while it runs.
pub(crate) struct Registered {
    tasks: Arc<Tasks>,
    pub task: Arc<Task>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.tasks.running.lock().remove(&self.task.number);
    }
}

impl Tasks {
    pub(crate) fn new(clock: Clock, finished_max: usize) -> Self {
        Self {
            clock,
            next: AtomicU64::new(1),
            running: Mutex::default(),
            finished: Mutex::default(),
            finished_max,
        }
    }

    /// Lists a task from now on.
    pub(crate) fn register(
        self: &Arc<Self>,
        kind: TaskKind,
        description: impl Into<Description>,
        parent: Option<&Task>,
        slices: Vec<Arc<Progress>>,
    ) -> Registered {
        let cancel = parent.map_or_else(CancellationToken::new, |parent| parent.cancel.child_token());
        let parent = parent.map(|parent| Parent::Here(parent.number));
        self.list(kind, description.into(), parent, cancel, slices)
    }

    /// The same for a part of another node's task, which ends at the latest when `cancelled` says so.
    pub(crate) fn register_part(
        self: &Arc<Self>,
        kind: TaskKind,
        description: impl Into<Description>,
        parent_id: String,
        cancelled: &CancellationToken,
    ) -> Registered {
        let parent = Some(Parent::Elsewhere(parent_id));
        self.list(kind, description.into(), parent, cancelled.child_token(), Vec::new())
    }

    fn list(
        self: &Arc<Self>,
        kind: TaskKind,
        description: Description,
        parent: Option<Parent>,
        cancel: CancellationToken,
        slices: Vec<Arc<Progress>>,
    ) -> Registered {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let task = Arc::new(Task {
            number,
            kind,
            description,
            started_nanos: self.clock.now_nanos(),
            parent,
            opaque_id: opaque_id(),
            cancel,
            cancel_reason: Mutex::default(),
            is_stopped: AtomicBool::new(false),
            slices,
            answered: Arc::default(),
            promised: Mutex::default(),
        });
        let running = Running { task: Arc::clone(&task), ended: watch::Sender::new(()) };
        self.running.lock().insert(number, running);
        Registered { tasks: Arc::clone(self), task }
    }

    /// Keeps the outcome of a task that nobody waited for.
    pub(crate) fn keep(&self, task: &Task, node_id: &str, outcome: Outcome) {
        let shown = task.show(node_id, self.clock.now_nanos(), true);
        let mut finished = self.finished.lock();
        finished.push_back(Finished { number: task.number, shown, outcome });
        while finished.len() > self.finished_max {
            finished.pop_front();
        }
    }

    /// Asks tasks of some kinds to end: the node stops.
    pub(crate) fn stop(&self, ends: impl Fn(TaskKind) -> bool) {
        self.running().iter().filter(|task| ends(task.kind)).for_each(|task| task.stop());
    }

    /// The tasks that run, the oldest first.
    pub(crate) fn running(&self) -> Vec<Arc<Task>> {
        self.running.lock().values().map(|running| Arc::clone(&running.task)).collect()
    }

    pub(crate) fn find(&self, number: u64) -> Option<Arc<Task>> {
        self.running.lock().get(&number).map(|running| Arc::clone(&running.task))
    }

    /// Returns once the task runs no more.
    pub(crate) async fn ended(&self, number: u64) {
        let watching = self.running.lock().get(&number).map(|running| running.ended.subscribe());
        if let Some(mut watching) = watching {
            // The sender says nothing and goes away with the task.
            while watching.changed().await.is_ok() {}
        }
    }

    /// A task as `GET _tasks/{id}` shows it, running or finished.
    pub(crate) fn show(&self, number: u64, node_id: &str) -> Option<Value> {
        if let Some(task) = self.find(number) {
            return Some(
                json!({"completed": false, "task": task.show(node_id, self.clock.now_nanos(), true)}),
            );
        }
        let finished = self.finished.lock();
        let found = finished.iter().find(|finished| finished.number == number)?;
        Some(match &found.outcome {
            Ok(response) => json!({"completed": true, "task": found.shown, "response": response}),
            Err(error) => json!({"completed": true, "task": found.shown, "error": error}),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_listed_while_it_runs_and_its_outcome_is_kept_within_bounds() {
        let tasks = Arc::new(Tasks::new(Clock::fixed(5_000_000), 2));
        for turn in 1..=3u64 {
            let registered = tasks.register(TaskKind::Reindex, "moving".to_owned(), None, Vec::new());
            assert_eq!(tasks.show(turn, "n").expect("runs")["completed"], json!(false));
            assert_eq!(tasks.running().len(), 1);
            let waiting = tasks.ended(turn);
            tasks.keep(&registered.task, "n", Ok(json!({"turn": turn})));
            drop(registered);
            waiting.await;
            assert_eq!(tasks.running().len(), 0);
        }
        assert!(tasks.show(1, "n").is_none(), "the oldest made room");
        assert_eq!(tasks.show(3, "n").expect("kept")["response"], json!({"turn": 3}));
    }

    #[test]
    fn cancelling_a_task_cancels_its_slices() {
        let tasks = Arc::new(Tasks::new(Clock::fixed(0), 2));
        let parent = tasks.register(TaskKind::DeleteByQuery, String::new(), None, Vec::new());
        let child = tasks.register(TaskKind::DeleteByQuery, String::new(), Some(&parent.task), Vec::new());
        parent.task.cancel("by user request");
        assert!(child.task.cancel.is_cancelled());
        assert_eq!(child.task.show("n", 0, false)["parent_task_id"], json!("n:1"));
    }

    #[test]
    fn a_part_of_another_nodes_task_ends_alone_or_with_it() {
        let tasks = Arc::new(Tasks::new(Clock::fixed(0), 2));
        let gone = CancellationToken::new();
        let part = |id: &str| tasks.register_part(TaskKind::SearchPart, String::new(), id.to_owned(), &gone);
        let [one, two] = ["far:7", "far:8"].map(part);
        assert_eq!(one.task.show("n", 0, false)["parent_task_id"], json!("far:7"));

        one.task.cancel("by user request");
        assert!(!two.task.cancel.is_cancelled());
        assert_eq!(one.task.cancelled_error().reason, "task cancelled [by user request]");

        gone.cancel();
        assert!(two.task.cancel.is_cancelled());
    }
}
