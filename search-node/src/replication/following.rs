//! A replica here: it takes what the primary sends, and tells up to where it has everything on its disk.
//!
//! Messages come side by side. What is decided about them is decided one after the other (`Replica`), and the operations are
//! applied side by side. Where one could not be applied, what is known of the copy is no longer what it holds: it takes nothing
//! more, and is filled anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cluster::replication::{Heard, Replica};
use cluster::state::{CopyId, ShardId};
use parking_lot::Mutex;
use shard::{Applied, Operation, OperationKind, Shard};

use super::message::{Operations, Taken};
use super::outside::Stored;
use crate::error::ApiError;
use crate::planted::{Bug, is_planted};

/// A copy that is not primary.
pub(crate) struct Following {
    pub(super) shard: ShardId,
    pub(super) copy: CopyId,
    pub(super) stored: Arc<dyn Stored>,
    state: Mutex<Replica>,
    is_rolling_back: AtomicBool,
    /// Why it takes nothing more.
    failed: Mutex<Option<String>>,
    is_over: AtomicBool,
}

impl Following {
    /// Begins with what the shard holds.
    pub(super) fn begin(
        shard: &ShardId,
        copy: CopyId,
        stored: Arc<dyn Stored>,
    ) -> Result<Arc<Self>, ApiError> {
        if stored.shard()?.must_roll_back() {
            stored.roll_back()?;
        }
        stored.set_only_copy(false)?;
        let open = stored.shard()?;
        // What is counted on is on the disk.
        open.sync_all()?;
        // It may be primary next, and other copies return.
        stored.keep_history(true);
        let (term, global, held) = open.held();
        Ok(Arc::new(Self {
            shard: shard.clone(),
            copy,
            stored,
            state: Mutex::new(Replica::new(term, global, held)),
            is_rolling_back: AtomicBool::new(false),
            failed: Mutex::new(None),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Up to where it has everything.
    pub(super) fn local(&self) -> i64 {
        self.state.lock().local()
    }

    pub(super) fn term(&self) -> u64 {
        self.state.lock().term()
    }

    /// Why it takes nothing more, if so.
    pub(super) fn failed(&self) -> Option<String> {
        self.failed.lock().clone()
    }

    /// It follows nobody from now on.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Waits until the copy reads documents by no older mapping than the primary did: what that had told of a field, an older one may pass
    /// over or refuse, and nothing would say so.
    pub(super) async fn wait_mapping(&self, message: &Operations, deadline: Instant) -> Result<(), ApiError> {
        if message.count > 0 {
            let followed = self.stored.wait_index_version(message.index_version);
            // What it has by then is told below.
            let _in_time = tokio::time::timeout_at(deadline.into(), followed).await;
        }
        self.check_mapping(message)
    }

    fn check_mapping(&self, message: &Operations) -> Result<(), ApiError> {
        let known = self.stored.index_version();
        if message.count == 0 || known >= message.index_version {
            return Ok(());
        }
        Err(self.refused(&format!(
            "it reads documents by version {known} of the index, and operations were read by version {}",
            message.index_version
        )))
    }

    /// Takes what the primary sends, once it reads documents as that does. Waits for the disk.
    pub(super) fn take(
        self: &Arc<Self>,
        message: &Operations,
        operations: &[Operation],
        runtime: &tokio::runtime::Handle,
    ) -> Result<Taken, ApiError> {
        if let Some(reason) = self.failed() {
            return Err(self.refused(&reason));
        }
        if self.is_over.load(Ordering::Acquire) {
            return Err(self.refused("it follows no primary any more"));
        }
        // Nothing is known of these operations yet, so that they may come again.
        self.check_mapping(message)?;
        let taken = self.take_all(message, operations, runtime);
        let known = self.state.lock().term();
        if known > message.term {
            // Its primary was replaced while this was under way; nothing of it counts, and the new one names everything again.
            return Ok(Taken::OldTerm { known });
        }
        if self.is_over.load(Ordering::Acquire) {
            // The copy was taken away while this was under way.
            return taken;
        }
        if let Err(error) = &taken {
            // It may know of operations that it has not got.
            tracing::warn!(shard = %self.shard, copy = %self.copy, reason = error.reason, "a copy could not take what its primary sent");
            self.failed.lock().get_or_insert_with(|| error.reason.clone());
        }
        taken
    }

    fn take_all(
        self: &Arc<Self>,
        message: &Operations,
        operations: &[Operation],
        runtime: &tokio::runtime::Handle,
    ) -> Result<Taken, ApiError> {
        let before = {
            let mut replica = self.state.lock();
            let before = replica.global();
            match replica.hear(message.term, message.global) {
                Heard::OldTerm => return Ok(Taken::OldTerm { known: replica.term() }),
                Heard::Current => {}
                // Nothing of the new term is answered before the disk knows it.
                Heard::NewTerm => self.stored.shard()?.set_term(message.term)?,
            }
            for operation in operations {
                replica.take(operation.seq_no as i64, operation.term);
            }
            before
        };
        if !operations.is_empty() {
            let open = self.stored.shard()?;
            self.apply(&open, message, operations)?;
            open.sync_all()?;
        }
        let (local, global, left_over) = {
            let mut replica = self.state.lock();
            for operation in operations {
                replica.on_disk(operation.seq_no as i64, message.term);
            }
            let is_current = replica.term() == message.term;
            let left_over = if is_current { replica.resynced(message.resynced) } else { None };
            if is_current {
                // What has just got to the disk may be equal everywhere already.
                replica.hear(message.term, message.global);
            }
            (replica.local(), replica.global(), left_over.unwrap_or_default())
        };
        if !left_over.is_empty() && !is_planted(Bug::LeftOversStay) {
            let left_over: Vec<u64> = left_over.into_iter().map(|seq_no| seq_no as u64).collect();
            tracing::info!(shard = %self.shard, copy = %self.copy, operations = left_over.len(), "a copy drops what its new primary does not have");
            self.stored.shard()?.drop_operations(message.term, &left_over)?;
        }
        // A shard that is closed has nothing that waits for it.
        if global > before
            && let Some(open) = self.stored.opened()
        {
            open.raise_global(global);
        }
        self.roll_back_if_due(runtime);
        Ok(Taken::Done { local })
    }

    fn apply(
        &self,
        open: &Arc<Shard>,
        message: &Operations,
        operations: &[Operation],
    ) -> Result<(), ApiError> {
        let now = self.stored.now_millis();
        let mut run = open.apply_run(message.term, now);
        let mut is_caught_up = false;
        let is_lost = |operation: &Operation| {
            is_planted(Bug::DeletesAreLost) && matches!(operation.kind, OperationKind::Delete)
        };
        for operation in operations.iter().filter(|operation| !is_lost(operation)) {
            while let Applied::NeedsMapping(lacking) = run.apply(operation)? {
                if is_caught_up {
                    return Err(self.refused(&format!(
                        "a document has fields that version {} of the index lacks: {}",
                        message.index_version,
                        lacking.to_json()
                    )));
                }
                is_caught_up = true;
                // One that was opened while the mapping changed is told of that, at the latest when it is asked for again.
                self.stored.shard()?;
            }
        }
        Ok(())
    }

    /// Opens the shard again if it shows what does not count. Messages that come meanwhile wait for that.
    fn roll_back_if_due(self: &Arc<Self>, runtime: &tokio::runtime::Handle) {
        let is_due = self.stored.opened().is_some_and(|shard| shard.must_roll_back());
        if !is_due || self.is_rolling_back.swap(true, Ordering::AcqRel) {
            return;
        }
        let following = Arc::clone(self);
        runtime.spawn_blocking(move || {
            match following.stored.roll_back() {
                Ok(()) => following.state.lock().rebuilt(),
                // It is tried again with the next message; what it holds is right, only what it shows is not.
                Err(error) => {
                    tracing::warn!(shard = %following.shard, copy = %following.copy, reason = error.reason, "a copy is not rolled back yet");
                }
            }
            following.is_rolling_back.store(false, Ordering::Release);
        });
    }

    fn refused(&self, reason: &str) -> ApiError {
        ApiError::new(503, "illegal_index_shard_state_exception", format!("copy {}: {reason}", self.copy))
    }
}
