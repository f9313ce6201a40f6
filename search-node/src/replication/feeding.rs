//! What another copy lacks, sent from the history of the primary: what is not yet equal everywhere when a term begins, what a copy
//! lacks that is being filled, and the global checkpoint when there is no traffic.

use std::sync::Arc;
use std::time::Duration;

use cluster::state::{Command, CopyId, Refusal};
use shard::History;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::delivery::NotTaken;
use super::leading::Leading;
use crate::error::ApiError;
use crate::indices::Disagreement;
use crate::planted::{Bug, is_planted};

/// How much is sent at once: some thousand operations, so that a copy gets on in small steps.
const BATCH_BYTES: usize = 1 << 20;
/// How long it is left open that a copy does not know the global checkpoint: traffic brings it in passing.
const SPREAD_AFTER: Duration = Duration::from_millis(200);
/// How often it is looked again while a copy lacks something.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often a copy may fail to take what it lacks before the primary goes on without it.
const FAILURES_MAX: u32 = 5;

/// What a copy is to be sent.
enum Due {
    /// Operations from this number on.
    History(i64),
    /// It lacks something that may be on its way: not if it still does after a while.
    Perhaps(i64),
    /// The global checkpoint.
    Global(i64),
    /// The map is to say that it has everything.
    Join,
    Nothing,
    /// Its node is gone, and operations wait for it or not.
    Absent {
        is_waited_for: bool,
    },
    /// The primary is over, or the copy is none any more.
    End,
}

impl Leading {
    /// Feeds a copy as long as this primary sends to it.
    pub(super) fn feed(self: &Arc<Self>, copy: CopyId) {
        let leading = Arc::clone(self);
        self.runtime.spawn(async move {
            leading.feed_on(copy).await;
            leading.state().fed.remove(&copy);
        });
    }

    async fn feed_on(self: &Arc<Self>, copy: CopyId) {
        let mut pulse = self.pulse();
        let (mut spread, mut failures, mut lacked) = (i64::MIN, 0, None);
        loop {
            pulse.borrow_and_update();
            let due = match self.due(copy, spread) {
                Due::Perhaps(next) if lacked == Some(next) => Due::History(next),
                due => due,
            };
            let fed = match due {
                Due::End => return,
                Due::Nothing => {
                    // Whoever changes something says so.
                    let _is_changed = pulse.changed().await;
                    tokio::time::sleep(SPREAD_AFTER).await;
                    continue;
                }
                Due::Absent { is_waited_for } => {
                    if is_waited_for {
                        self.lose(copy, "its node is gone", &mut self.state());
                    }
                    let _is_changed = pulse.changed().await;
                    continue;
                }
                Due::Join => self.join(copy).await,
                Due::Global(global) => {
                    spread = global;
                    self.send(copy, &[], 0).await.map(|local| self.told(copy, &[], local))
                }
                Due::Perhaps(next) => {
                    lacked = Some(next);
                    tokio::time::sleep(SPREAD_AFTER).await;
                    continue;
                }
                Due::History(next) => {
                    lacked = None;
                    self.send_history(copy, next).await
                }
            };
            match fed {
                Ok(()) => failures = 0,
                Err(NotTaken::OldTerm { known }) => return self.is_overtaken(copy, known),
                Err(NotTaken::NotAsked(reason) | NotTaken::Failed(reason)) => {
                    failures += 1;
                    tracing::debug!(shard = %self.shard, %copy, reason, "a copy did not take what it lacks");
                    if failures >= FAILURES_MAX {
                        self.lose(copy, &reason, &mut self.state());
                    }
                    let _is_changed = timeout(LOOK_AGAIN, pulse.changed()).await;
                }
            }
        }
    }

    fn due(&self, copy: CopyId, spread: i64) -> Due {
        let last = self.stored.opened().map_or(-1, |shard| shard.max_seq_no());
        let mut state = self.state();
        if self.is_over() || !state.primary.others().any(|other| other == copy) {
            return Due::End;
        }
        if !state.copies.present().contains_key(&copy) {
            return Due::Absent { is_waited_for: state.primary.waits_for(copy) };
        }
        let (global, local) = (state.primary.global(), state.primary.local(copy));
        let is_under_way = state.under_way.get(&copy).is_some_and(|under_way| *under_way > 0);
        let last = last.max(state.primary.last());
        match local {
            None => Due::History(global + 1),
            Some(local) if state.primary.lacks_before(copy, self.resynced) => Due::History(local + 1),
            Some(local) if local < last && !is_under_way => Due::Perhaps(local + 1),
            _ if state.primary.may_join(copy) => Due::Join,
            _ if spread < global => Due::Global(global),
            _ => Due::Nothing,
        }
    }

    /// Sends every operation from `next` on that there is now.
    async fn send_history(self: &Arc<Self>, copy: CopyId, next: i64) -> Result<(), NotTaken> {
        if is_planted(Bug::HistoryIsSkipped) {
            let last = self.stored.opened().map_or(-1, |shard| shard.max_seq_no());
            self.told(copy, &[], last);
            return Ok(());
        }
        let failed = |error: ApiError| NotTaken::Failed(error.reason);
        let (leading, from) = (Arc::clone(self), next.max(0) as u64);
        let history = move || {
            let shard = leading.stored.shard()?;
            Ok(shard.history(from, None)?)
        };
        let mut history: History = blocking(history).await.map_err(failed)?;
        let mut is_any = false;
        loop {
            let read = move || {
                let (mut bytes, mut seq_nos) = (Vec::new(), Vec::new());
                for operation in history.next_batch(BATCH_BYTES)? {
                    seq_nos.push(operation.seq_no as i64);
                    operation.encode(&mut bytes).map_err(shard::EngineError::from)?;
                }
                Ok((history, bytes, seq_nos))
            };
            let (read, bytes, seq_nos) = blocking(read).await.map_err(failed)?;
            history = read;
            // The first message goes also where there is nothing: the copy tells then how far it is.
            if seq_nos.is_empty() && is_any {
                return Ok(());
            }
            is_any = true;
            // The history keeps the shard open, and the copy that comes next in this folder waits for that.
            let local = tokio::select! {
                sent = self.send(copy, &bytes, seq_nos.len() as u32) => sent?,
                () = self.over() => return Err(NotTaken::Failed("the primary is over".to_owned())),
            };
            self.told(copy, &seq_nos, local);
            if seq_nos.is_empty() {
                return Ok(());
            }
        }
    }

    /// Returns once this primary is over.
    async fn over(&self) {
        let mut pulse = self.pulse();
        while !self.is_over() && pulse.changed().await.is_ok() {}
    }

    /// Has the map say that a copy has everything.
    async fn join(self: &Arc<Self>, copy: CopyId) -> Result<(), NotTaken> {
        let command = Command::MarkInSync { shard: self.shard.clone(), copy, term: self.term };
        let agreed = match self.outside.agree(command).await {
            Ok(()) => {
                tracing::info!(shard = %self.shard, %copy, "a copy is in sync");
                Ok(())
            }
            Err(Disagreement::Refused(refusal @ Refusal::Copy { .. })) => {
                tracing::debug!(shard = %self.shard, %copy, %refusal, "a copy is not taken for one in sync");
                Ok(())
            }
            Err(Disagreement::Refused(refusal)) => Err(NotTaken::NotAsked(refusal.to_string())),
            // The map is not there just now, which is no fault of the copy.
            Err(Disagreement::Failed(error)) => {
                tracing::debug!(reason = error.reason, "the map does not take up a copy yet");
                tokio::time::sleep(LOOK_AGAIN).await;
                return Ok(());
            }
        };
        self.take_map().await;
        agreed
    }
}

/// Does what waits for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(format!("work on a copy broke: {error}")))?
}
