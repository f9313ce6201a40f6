//! A copy of a shard on this node: its folder always, its engine only while somebody needs it.
//!
//! ```text
//!            open on demand                      idle and committed
//!  Closed ───────────────────▶ Open ──────────────────────────────────▶ Closed
//!    │              its disk failed │ ▲ nobody holds it, the disk is well
//!    │                              ▼ │
//!    │                             Fenced: answers, and accepts nothing
//!    └── cannot be opened ──▶ Failed ── asked again after a while ──▶ Open
//! ```
//!
//! An index of last month costs a folder name and a few figures, not threads, mappings and buffers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use shard::mapping::Mapping;
use shard::{EngineOptions, Shard, ShardStats, Shared, check_writable};

use crate::error::ApiError;

/// How long a copy that could not be opened is left alone: reading its files again costs, and damage does not heal.
const RETRY_AFTER_MILLIS: i64 = 30_000;

/// One copy.
pub(super) struct ShardCopy {
    folder: PathBuf,
    options: EngineOptions,
    shared: Shared,
    /// Held by who opens the shard, which may take long; `state` is never held so long.
    opening: Mutex<()>,
    state: Mutex<State>,
}

struct State {
    open: Option<Arc<Shard>>,
    /// Why it cannot be opened, and when that was found.
    failed: Option<(ApiError, i64)>,
    /// The figures it had when it was last open, or that its files tell.
    stats: ShardStats,
    used_millis: i64,
    /// When it may be tried again to mend it, should it accept nothing more.
    mend_at_millis: i64,
    /// Whether the log tells that it accepts nothing more.
    is_fence_told: bool,
}

/// Whether a copy can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyState {
    Closed,
    Open,
    Failed,
}

impl ShardCopy {
    /// A copy that is opened when it is first needed.
    pub(super) fn closed(folder: &Path, options: EngineOptions, shared: Shared) -> Self {
        let (stats, failed) = match Shard::peek(folder) {
            Ok(stats) => (stats, None),
            Err(error) => {
                tracing::error!(folder = %folder.display(), %error, "shard cannot be read");
                (ShardStats::default(), Some((ApiError::from(error), i64::MIN)))
            }
        };
        let state = Mutex::new(State {
            open: None,
            failed,
            stats,
            used_millis: 0,
            mend_at_millis: i64::MIN,
            is_fence_told: false,
        });
        Self { folder: folder.to_owned(), options, shared, opening: Mutex::new(()), state }
    }

    /// The shard, opened if it is not.
    pub(super) fn shard(&self, mapping: &Arc<Mapping>, now_millis: i64) -> Result<Arc<Shard>, ApiError> {
        if let Some(known) = self.known(now_millis) {
            return known;
        }
        let _opening = self.opening.lock();
        // Whoever held the lock before may have opened it, or found that it cannot be.
        if let Some(known) = self.known(now_millis) {
            return known;
        }
        self.open(mapping, now_millis)
    }

    /// Opens it. The caller holds `opening`.
    fn open(&self, mapping: &Arc<Mapping>, now_millis: i64) -> Result<Arc<Shard>, ApiError> {
        // A folder that is gone is a loss, and not a new shard to be made.
        let opened = Shard::peek(&self.folder).and_then(|_| {
            Shard::open(&self.folder, Arc::clone(mapping), self.options.clone(), self.shared.clone())
        });
        let mut state = self.state.lock();
        match opened {
            Ok(shard) => {
                let shard = Arc::new(shard);
                state.failed = None;
                state.open = Some(Arc::clone(&shard));
                Ok(shard)
            }
            Err(error) => {
                tracing::error!(folder = %self.folder.display(), %error, "shard cannot be opened");
                let error = ApiError::from(error);
                state.failed = Some((error.clone(), now_millis));
                Err(error)
            }
        }
    }

    /// The shard if it is open, or why it cannot be opened if that was found a moment ago.
    fn known(&self, now_millis: i64) -> Option<Result<Arc<Shard>, ApiError>> {
        let mut state = self.state.lock();
        state.used_millis = now_millis;
        if let Some(shard) = &state.open {
            return Some(Ok(Arc::clone(shard)));
        }
        let (error, at) = state.failed.as_ref()?;
        (now_millis.saturating_sub(*at) < RETRY_AFTER_MILLIS).then(|| Err(error.clone()))
    }

    /// Opens a shard again that accepts nothing more, once nobody holds it and its disk takes writes: what was acknowledged is
    /// in its translog. Until then it goes on answering.
    pub(super) fn mend(&self, mapping: &Arc<Mapping>, now_millis: i64) -> Option<Arc<Shard>> {
        let _opening = self.opening.try_lock()?;
        let reason = self.fenced(now_millis)?;
        let folder = self.folder.display();
        if let Err(error) = check_writable(self.shared.disk.as_ref(), &self.folder) {
            tracing::warn!(%folder, %error, "the disk of the shard takes no writes yet; free or mend it");
            self.state.lock().mend_at_millis = now_millis.saturating_add(RETRY_AFTER_MILLIS);
            return None;
        }
        let fenced = {
            let mut state = self.state.lock();
            let is_alone = |shard: &mut Arc<Shard>| Arc::strong_count(shard) == 1 && shard.is_alone();
            let shard = state.open.take_if(is_alone)?;
            state.mend_at_millis = now_millis.saturating_add(RETRY_AFTER_MILLIS);
            state.is_fence_told = false;
            shard
        };
        drop(fenced);
        // That it cannot be opened is told and remembered there.
        let shard = self.open(mapping, now_millis).ok()?;
        tracing::info!(%folder, reason, "the shard accepts writes again");
        Some(shard)
    }

    /// Why the shard accepts nothing more, if so and if it is time to mend that.
    fn fenced(&self, now_millis: i64) -> Option<String> {
        let mut state = self.state.lock();
        let reason = state.open.as_ref()?.fenced()?;
        if !std::mem::replace(&mut state.is_fence_told, true) {
            tracing::error!(folder = %self.folder.display(), reason, "the shard accepts no more writes; it is opened again once its disk takes them");
        }
        (now_millis >= state.mend_at_millis).then_some(reason)
    }

    /// The shard if it is open.
    pub(super) fn opened(&self) -> Option<Arc<Shard>> {
        self.state.lock().open.clone()
    }

    /// Whether it can be asked.
    pub(super) fn state(&self) -> CopyState {
        let state = self.state.lock();
        match (&state.open, &state.failed) {
            (Some(shard), _) if shard.fenced().is_some() => CopyState::Failed,
            (Some(_), _) => CopyState::Open,
            (None, Some(_)) => CopyState::Failed,
            (None, None) => CopyState::Closed,
        }
    }

    /// What it holds, without opening it.
    pub(super) fn stats(&self) -> ShardStats {
        // The shard's own figures may have to wait for a flush, and nobody else should wait for that.
        let (open, known) = {
            let state = self.state.lock();
            (state.open.clone(), state.stats)
        };
        open.map_or(known, |shard| shard.stats())
    }

    /// Closes it if it was not used since `before_millis`, nobody holds it, and everything in it is committed.
    /// Gives whether it wants a flush first.
    pub(super) fn close_if_idle(&self, before_millis: i64) -> bool {
        let mut state = self.state.lock();
        let Some(shard) = &state.open else { return false };
        if state.used_millis >= before_millis || Arc::strong_count(shard) > 1 {
            return false;
        }
        if !shard.can_close() {
            return true;
        }
        state.stats = shard.stats();
        state.open = None;
        tracing::debug!(folder = %self.folder.display(), "closed idle shard");
        false
    }
}
