//! The fence of a translog: once something failed that its files depend on, nothing more is accepted.

use std::sync::atomic::Ordering;

use super::error::TranslogError;
use super::writer::{SyncState, Translog, shared_part};

/// Why nothing more is accepted.
#[derive(Debug)]
pub(super) struct Failure {
    reason: String,
    /// Whether the translog itself failed, so that what its files hold is not certain.
    is_own: bool,
}

impl Translog {
    /// Why nothing more is accepted, if so.
    pub(crate) fn fenced(&self) -> Option<String> {
        // `sync` is held while files are synced, and who only asks must not wait for that.
        if !self.is_fenced.load(Ordering::Acquire) {
            return None;
        }
        self.sync.lock().failed.as_ref().map(|failure| failure.reason.clone())
    }

    /// Fails if nothing more is accepted.
    pub(crate) fn check(&self) -> Result<(), TranslogError> {
        if !self.is_fenced.load(Ordering::Acquire) {
            return Ok(());
        }
        self.fenced().map_or(Ok(()), |reason| Err(TranslogError::Fenced(reason)))
    }

    /// Accepts nothing more: what memory holds and what the disk holds have parted.
    pub(crate) fn fence(&self, reason: &str) {
        self.note(&mut self.sync.lock(), reason, false);
        self.synced.notify_all();
        self.raised.notify_all();
    }

    /// Makes durable what was appended before something other than the translog failed: it may have been acknowledged
    /// before its sync, where the index asks for that. The caller knows that nobody uses the translog any more.
    pub(crate) fn rescue(&self) -> Result<(), TranslogError> {
        let mut state = self.with_checkpoint();
        if state.failed.as_ref().is_some_and(|failure| failure.is_own) {
            return Ok(());
        }
        let (min_generation, shared) = (state.kept.min_generation, shared_part(&state.kept, -1));
        let Some(mut checkpoint) = state.checkpoint.take() else { return Ok(()) };
        let rescued = self.sync_tail(&mut checkpoint, min_generation, shared);
        state.checkpoint = Some(checkpoint);
        rescued.map(drop)
    }

    pub(super) fn fail(&self, state: &mut SyncState, reason: &str) {
        self.note(state, reason, true);
    }

    fn note(&self, state: &mut SyncState, reason: &str, is_own: bool) {
        state.failed.get_or_insert_with(|| Failure { reason: reason.to_owned(), is_own }).is_own |= is_own;
        self.is_fenced.store(true, Ordering::Release);
    }
}

impl SyncState {
    pub(super) fn check(&self) -> Result<(), TranslogError> {
        self.failed.as_ref().map_or(Ok(()), |failure| Err(TranslogError::Fenced(failure.reason.clone())))
    }
}
