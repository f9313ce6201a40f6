//! Asynchronous searches: those that run or whose answers are kept on this node until their time is up.
//!
//! ```text
//!  begun ──────────► runs ──► found ──► answered (nothing is kept)
//!                      │        │ is to be kept
//!                      │        ▼
//!                      └─────► kept ──► gone: deleted, or at the end of `keep_alive`
//! ```
//!
//! An answer is written once, by whoever has found it, and shown as it was written. What is kept is so within a bound of its own and one
//! for all; what does not fit is an error in its place.

mod id;
pub(crate) mod settings;
mod written;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

pub(crate) use self::id::AsyncSearchId;
use self::settings::AsyncSearchSettings;
pub(crate) use self::settings::{ASYNC_SEARCH, RESPONSE_SIZE};
pub(crate) use self::written::{Shown, Written};
use crate::error::ApiError;
use crate::tasks::{Answered, AnsweredSoFar, Task};

/// All asynchronous searches of a node.
pub(crate) struct AsyncSearches {
    settings: AsyncSearchSettings,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    searches: HashMap<String, Arc<AsyncSearch>>,
    /// What the answers take that are kept.
    bytes: u64,
    counts: Counts,
}

/// What has become of them since the node started.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    submitted: u64,
    rejected: u64,
    completed: u64,
    failed: u64,
    cancelled: u64,
    kept: u64,
    not_kept: u64,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct AsyncSearch {
    pub id: String,
    /// The task while it runs; what that was asked takes memory that is not kept.
    task: Weak<Task>,
    /// How much of it is done.
    answered: Arc<AnsweredSoFar>,
    pub started_millis: i64,
    /// How many shards are searched, as far as that is known before.
    pub shards: usize,
    state: Mutex<State>,
    /// Changes when it has found what it looked for, or its time or its end.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    expires_millis: i64,
    is_kept: bool,
    is_gone: bool,
    /// What its answer takes of what all may, once it is kept.
    bytes: u64,
    outcome: Option<Outcome>,
}

/// What became of one.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub completed_millis: i64,
    found: Found,
}

#[derive(Debug, Clone)]
enum Found {
    Answer(Written),
    Failed(ApiError),
}

impl AsyncSearches {
    pub(crate) fn new(settings: AsyncSearchSettings) -> Self {
        Self { settings, inner: Mutex::default() }
    }

    /// A search that begins. Nobody waits for longer than `expires_within` before its client is told the id.
    pub(crate) fn begin(
        &self,
        id: AsyncSearchId,
        task: &Arc<Task>,
        (started_millis, expires_within): (i64, Duration),
        shards: usize,
    ) -> Result<Arc<AsyncSearch>, ApiError> {
        let mut inner = self.inner.lock();
        if inner.searches.len() >= self.settings.kept_max {
            inner.counts.rejected += 1;
            let most = self.settings.kept_max;
            let reason = format!(
                "[{most}] asynchronous searches are run or kept already; delete some or raise `async_search.max_kept`"
            );
            return Err(ApiError::new(429, "es_rejected_execution_exception", reason));
        }
        let expires_millis = after(started_millis, expires_within);
        let state = State { expires_millis, is_kept: false, is_gone: false, bytes: 0, outcome: None };
        let (state, changed) = (Mutex::new(state), watch::Sender::new(()));
        let (answered, task) = (Arc::clone(&task.answered), Arc::downgrade(task));
        let search =
            AsyncSearch { id: id.to_string(), task, answered, started_millis, shards, state, changed };
        let search = Arc::new(search);
        inner.searches.insert(search.id.clone(), Arc::clone(&search));
        inner.counts.submitted += 1;
        Ok(search)
    }

    /// One that is there still.
    pub(crate) fn find(&self, id: &str, now_millis: i64) -> Option<Arc<AsyncSearch>> {
        let found = self.inner.lock().searches.get(id).cloned();
        found.filter(|search| search.expires_millis() > now_millis)
    }

    /// Keeps what came of a search, if that is to be kept; whoever waits for it is told. `bytes_max` is how large it may be.
    pub(crate) fn finish(
        &self,
        search: &AsyncSearch,
        found: Result<Written, ApiError>,
        completed_millis: i64,
        bytes_max: u64,
    ) {
        let found = found.map_or_else(Found::Failed, Found::Answer);
        {
            if matches!(found, Found::Answer(_)) {
                search.answered.forget_aggs();
            }
            let mut inner = self.inner.lock();
            let mut state = search.state.lock();
            let counts = &mut inner.counts;
            match &found {
                Found::Failed(error) if error.kind == ApiError::TASK_CANCELLED => counts.cancelled += 1,
                Found::Failed(_) => counts.failed += 1,
                _ => counts.completed += 1,
            }
            state.outcome = Some(Outcome { completed_millis, found });
            self.pack(&mut inner, &mut state, bytes_max);
        }
        search.changed.send_replace(());
    }

    /// From now on what comes of it is kept.
    pub(crate) fn keep(&self, search: &AsyncSearch, bytes_max: u64) {
        let mut inner = self.inner.lock();
        let mut state = search.state.lock();
        state.is_kept = true;
        self.pack(&mut inner, &mut state, bytes_max);
    }

    /// Counts an answer that is to be kept, or makes it an error where it is too large.
    fn pack(&self, inner: &mut Inner, state: &mut State, bytes_max: u64) {
        if !state.is_kept || state.is_gone || state.bytes > 0 {
            return;
        }
        let Some(outcome) = &mut state.outcome else { return };
        let Found::Answer(answer) = &outcome.found else { return };
        let bytes = answer.text.len() as u64;
        match self.check_room(inner.bytes, bytes, bytes_max) {
            Ok(()) => {
                inner.bytes += bytes;
                state.bytes = bytes;
                inner.counts.kept += 1;
            }
            Err(error) => {
                outcome.found = Found::Failed(error);
                inner.counts.not_kept += 1;
            }
        }
    }

    /// Whether an answer can be kept beside the others.
    fn check_room(&self, there: u64, bytes: u64, bytes_max: u64) -> Result<(), ApiError> {
        if bytes > bytes_max {
            return Err(ApiError::argument(format!(
                "Can't store an async search response larger than [{bytes_max}] bytes. This limit can be set by changing the [{RESPONSE_SIZE}] setting."
            )));
        }
        let all = self.settings.responses_bytes_max;
        if there + bytes > all {
            let reason = format!(
                "[async_search] Data too large, the answers that are kept would be larger than the limit of [{all}] bytes with this one; delete some or raise `async_search.responses_size`"
            );
            return Err(ApiError::new(429, "circuit_breaking_exception", reason));
        }
        Ok(())
    }

    /// How many there were, and what became of them.
    pub(crate) fn stats(&self) -> Value {
        let inner = self.inner.lock();
        let Counts { submitted, rejected, completed, failed, cancelled, kept, not_kept } = inner.counts;
        let running = inner.searches.values().filter(|search| !search.is_over()).count();
        json!({
            "submitted": submitted, "initialized": submitted, "rejected": rejected, "search_completed": completed,
            "search_failed": failed, "cancelled": cancelled, "running_current": running, "persisted": kept,
            "persist_failed": not_kept
        })
    }

    /// Forgets one. What it still looks for nobody wants to know.
    pub(crate) fn remove(&self, search: &AsyncSearch, reason: &str) {
        let outcome = {
            let mut inner = self.inner.lock();
            let mut state = search.state.lock();
            if state.is_gone {
                return;
            }
            state.is_gone = true;
            inner.bytes -= std::mem::take(&mut state.bytes);
            inner.searches.remove(&search.id);
            state.outcome.take()
        };
        // What may be large is let go of outside of the locks.
        drop(outcome);
        if let Some(task) = search.task.upgrade() {
            task.cancel(reason);
        }
        search.changed.send_replace(());
    }
}

impl AsyncSearch {
    pub(crate) fn expires_millis(&self) -> i64 {
        self.state.lock().expires_millis
    }

    /// Its client is told the id now, and can use it for so long from now on.
    pub(crate) fn told(&self, now_millis: i64, keep_alive: Duration) {
        self.state.lock().expires_millis = after(now_millis, keep_alive);
    }

    /// Keeps it for longer; never for less.
    pub(crate) fn keep_alive(&self, now_millis: i64, keep_alive: Duration) {
        let mut state = self.state.lock();
        state.expires_millis = state.expires_millis.max(after(now_millis, keep_alive));
    }

    /// What came of it, if it is over.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.state.lock().outcome.clone()
    }

    /// Whether there is an end of it, without looking at what came of it.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.is_gone || state.outcome.is_some()
    }

    /// Returns once it is over, or gone.
    pub(crate) async fn over(&self) {
        let mut changes = self.changed.subscribe();
        while !self.is_over() {
            // It outlives this.
            let _changed = changes.changed().await;
        }
    }

    /// Returns once it is gone.
    pub(crate) async fn gone(&self) {
        let mut changes = self.changed.subscribe();
        while !self.state.lock().is_gone {
            let _changed = changes.changed().await;
        }
    }

    /// As clients see it. Its id is left out where nothing is kept.
    pub(crate) fn show(&self, with_id: bool) -> Shown {
        let outcome = self.outcome();
        let found = outcome.as_ref().map(|outcome| &outcome.found);
        let mut members = Map::new();
        if with_id {
            members.insert("id".to_owned(), json!(self.id));
        }
        let is_partial = !matches!(found, Some(Found::Answer(answer)) if !answer.is_partial());
        members.insert("is_partial".to_owned(), json!(is_partial));
        members.insert("is_running".to_owned(), json!(outcome.is_none()));
        members.insert("start_time_in_millis".to_owned(), json!(self.started_millis));
        members.insert("expiration_time_in_millis".to_owned(), json!(self.expires_millis()));
        if let Some(outcome) = &outcome {
            members.insert("completion_time_in_millis".to_owned(), json!(outcome.completed_millis));
        }
        let (status, response, error) = match found {
            Some(Found::Answer(answer)) => (200, answer.text.clone(), None),
            Some(Found::Failed(error)) => {
                (error.status, self.found_so_far(), Some(error.to_body()["error"].take()))
            }
            None => (200, self.found_so_far(), None),
        };
        Shown { status, members, response, error }
    }

    /// How far it has come, without what it found.
    pub(crate) fn show_status(&self) -> Value {
        let outcome = self.outcome();
        let found = outcome.as_ref().map(|outcome| &outcome.found);
        let answer = match found {
            Some(Found::Answer(answer)) => Some(answer),
            _ => None,
        };
        let shards = answer.map_or_else(|| self.so_far()["_shards"].take(), |answer| answer.shards.clone());
        let mut shown = json!({
            "id": self.id, "is_running": outcome.is_none(), "is_partial": answer.is_none_or(Written::is_partial),
            "start_time_in_millis": self.started_millis, "expiration_time_in_millis": self.expires_millis(),
            "_shards": shards
        });
        if let Some(outcome) = &outcome {
            shown["completion_time_in_millis"] = json!(outcome.completed_millis);
            shown["completion_status"] = match &outcome.found {
                Found::Answer(_) => json!(200),
                Found::Failed(error) => json!(error.status),
            };
        }
        shown
    }

    /// What is told of a search that has no answer: which shards have said what they have, how many matches there are in these, and what is computed
    /// of them. Which of these are hits is known once all have answered, as in Elasticsearch.
    fn found_so_far(&self) -> Bytes {
        let answered = self.answered.now();
        let shown = self.show_answered(&answered).to_string();
        Bytes::from(match (&answered.aggs, shown.strip_suffix('}')) {
            (Some(aggs), Some(head)) => [head.as_bytes(), b",\"aggregations\":", aggs, b"}"].concat(),
            _ => shown.into_bytes(),
        })
    }

    fn so_far(&self) -> Value {
        self.show_answered(&self.answered.now())
    }

    fn show_answered(&self, answered: &Answered) -> Value {
        let Answered { shards, skipped, total, nodes, .. } = *answered;
        json!({
            "took": 0, "timed_out": false, "num_reduce_phases": nodes,
            "_shards": {"total": self.shards, "successful": shards.min(self.shards), "skipped": skipped, "failed": 0},
            "hits": {"total": {"value": total, "relation": "gte"}, "max_score": null, "hits": []}
        })
    }
}

fn after(now_millis: i64, span: Duration) -> i64 {
    now_millis.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
