//! Asynchronous searches: those that run or whose answers are kept on this node until their time is up.
//!
//! ```text
//!  begun ──────────► runs ──► found ──► answered (nothing is kept)
//!                      │        │ is to be kept
//!                      │        ▼
//!                      └─────► kept ──► gone: deleted, or at the end of `keep_alive`
//! ```
//!
//! An answer that is kept is so as text, within a bound of its own and one for all. What does not fit is an error in its place.

mod id;
pub(crate) mod settings;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

pub(crate) use self::id::AsyncSearchId;
use self::settings::AsyncSearchSettings;
pub(crate) use self::settings::{ASYNC_SEARCH, RESPONSE_SIZE};
use crate::error::ApiError;
use crate::tasks::Task;

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
    /// Not kept yet, perhaps never.
    Answer(Value),
    Kept(Bytes),
    Failed(ApiError),
}

impl Outcome {
    /// What was found.
    pub(crate) fn answer(&self) -> Result<Value, ApiError> {
        match &self.found {
            Found::Answer(answer) => Ok(answer.clone()),
            Found::Kept(text) => {
                serde_json::from_slice(text).map_err(|error| ApiError::internal(error.to_string()))
            }
            Found::Failed(error) => Err(error.clone()),
        }
    }

    fn bytes(&self) -> u64 {
        match &self.found {
            Found::Kept(text) => text.len() as u64,
            _ => 0,
        }
    }
}

impl AsyncSearches {
    pub(crate) fn new(settings: AsyncSearchSettings) -> Self {
        Self { settings, inner: Mutex::default() }
    }

    /// A search that begins.
    pub(crate) fn begin(
        &self,
        id: AsyncSearchId,
        task: &Arc<Task>,
        (started_millis, keep_alive): (i64, Duration),
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
        let expires_millis = after(started_millis, keep_alive);
        let state = State { expires_millis, is_kept: false, is_gone: false, outcome: None };
        let (state, changed) = (Mutex::new(state), watch::Sender::new(()));
        let task = Arc::downgrade(task);
        let search = AsyncSearch { id: id.to_string(), task, started_millis, shards, state, changed };
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
        found: Result<Value, ApiError>,
        completed_millis: i64,
        bytes_max: u64,
    ) {
        let found = found.map_or_else(Found::Failed, Found::Answer);
        {
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

    /// Makes an answer that is to be kept as small as it can be, or an error of it.
    fn pack(&self, inner: &mut Inner, state: &mut State, bytes_max: u64) {
        if !state.is_kept || state.is_gone {
            return;
        }
        let Some(outcome) = &mut state.outcome else { return };
        let Found::Answer(answer) = &outcome.found else { return };
        let text = answer.to_string();
        let bytes = text.len() as u64;
        let all = self.settings.responses_bytes_max;
        outcome.found = if bytes > bytes_max {
            Found::Failed(ApiError::argument(format!(
                "Can't store an async search response larger than [{bytes_max}] bytes. This limit can be set by changing the [{RESPONSE_SIZE}] setting."
            )))
        } else if inner.bytes + bytes > all {
            let reason = format!(
                "[async_search] Data too large, the answers that are kept would be larger than the limit of [{all}] bytes with this one; delete some or raise `async_search.responses_size`"
            );
            Found::Failed(ApiError::new(429, "circuit_breaking_exception", reason))
        } else {
            inner.bytes += bytes;
            Found::Kept(Bytes::from(text))
        };
        match outcome.found {
            Found::Kept(_) => inner.counts.kept += 1,
            _ => inner.counts.not_kept += 1,
        }
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
        {
            let mut inner = self.inner.lock();
            let mut state = search.state.lock();
            if state.is_gone {
                return;
            }
            state.is_gone = true;
            inner.bytes -= state.outcome.take().map_or(0, |outcome| outcome.bytes());
            inner.searches.remove(&search.id);
        }
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
    pub(crate) fn show(&self, with_id: bool) -> (u16, Value) {
        let outcome = self.outcome();
        let mut shown = json!({});
        if with_id {
            shown["id"] = json!(self.id);
        }
        let found = outcome.as_ref().map(Outcome::answer);
        let is_partial =
            found.as_ref().is_none_or(|found| found.as_ref().is_ok_and(is_partial) || found.is_err());
        shown["is_partial"] = json!(is_partial);
        shown["is_running"] = json!(outcome.is_none());
        shown["start_time_in_millis"] = json!(self.started_millis);
        shown["expiration_time_in_millis"] = json!(self.expires_millis());
        if let Some(outcome) = &outcome {
            shown["completion_time_in_millis"] = json!(outcome.completed_millis);
        }
        let mut status = 200;
        match found {
            Some(Ok(answer)) => shown["response"] = answer,
            Some(Err(error)) => {
                status = error.status;
                shown["response"] = self.nothing_yet();
                shown["error"] = error.to_body()["error"].take();
            }
            None => shown["response"] = self.nothing_yet(),
        }
        (status, shown)
    }

    /// How far it has come, without what it found.
    pub(crate) fn show_status(&self) -> Value {
        let outcome = self.outcome();
        let found = outcome.as_ref().map(Outcome::answer);
        let answer = found.as_ref().and_then(|found| found.as_ref().ok());
        let shards =
            answer.map_or_else(|| self.nothing_yet()["_shards"].take(), |answer| answer["_shards"].clone());
        let mut shown = json!({
            "id": self.id, "is_running": outcome.is_none(), "is_partial": answer.is_none_or(is_partial),
            "start_time_in_millis": self.started_millis, "expiration_time_in_millis": self.expires_millis(),
            "_shards": shards
        });
        if let (Some(outcome), Some(found)) = (&outcome, &found) {
            shown["completion_time_in_millis"] = json!(outcome.completed_millis);
            shown["completion_status"] = json!(found.as_ref().map_or_else(|error| error.status, |_| 200));
        }
        shown
    }

    /// What is told of a search that has found nothing so far.
    fn nothing_yet(&self) -> Value {
        json!({
            "took": 0, "timed_out": false, "num_reduce_phases": 0,
            "_shards": {"total": self.shards, "successful": 0, "skipped": 0, "failed": 0},
            "hits": {"total": {"value": 0, "relation": "gte"}, "max_score": null, "hits": []}
        })
    }
}

fn after(now_millis: i64, span: Duration) -> i64 {
    now_millis.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// Whether not every shard has answered.
fn is_partial(answer: &Value) -> bool {
    answer["_shards"]["failed"].as_u64().is_some_and(|failed| failed > 0)
}

#[cfg(test)]
mod tests;
