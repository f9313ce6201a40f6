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

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use cluster::state::CopyId;
use parking_lot::Mutex;
use shard::mapping::Mapping;
use shard::{EngineError, EngineOptions, Shard, ShardStats, Shared, TranslogError, check_writable};

use crate::error::ApiError;

/// How long a copy that could not be opened is left alone: reading its files again costs, and damage does not heal.
const RETRY_AFTER_MILLIS: i64 = 30_000;
/// How long requests that use a shard are waited for when it has to be opened again, while new ones wait too.
const DRAIN_MAX: Duration = Duration::from_secs(10);
const DRAIN_STEP: Duration = Duration::from_millis(2);

/// One copy.
pub(super) struct ShardCopy {
    /// Its name in the map.
    pub(super) copy: CopyId,
    folder: PathBuf,
    options: ArcSwap<EngineOptions>,
    shared: Shared,
    /// Whether the folder of its index goes, or is gone.
    is_gone: Arc<AtomicBool>,
    /// Held by who opens the shard, which may take long; `state` is never held so long.
    opening: Mutex<()>,
    /// Whether it is the only copy.
    is_only_copy: AtomicBool,
    /// Whether operations are kept for copies that return.
    keeps_history: AtomicBool,
    /// How often it was opened again because it accepted nothing more.
    mended: AtomicU64,
    /// The version of its index in the map by which its shard reads documents, whenever that is open.
    reads_by: AtomicU64,
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
    /// Whether it is given to nobody, so that it can be opened again.
    is_draining: bool,
    /// Whether it was opened by what does not count any more, and has to be opened anew before anybody uses it.
    is_outdated: bool,
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
    pub(super) fn closed(
        copy: CopyId,
        folder: &Path,
        options: EngineOptions,
        shared: Shared,
        is_gone: Arc<AtomicBool>,
    ) -> Self {
        let (stats, failed) = match Shard::peek(folder) {
            Ok(stats) => (stats, None),
            Err(_) if is_gone.load(Ordering::Acquire) => (ShardStats::default(), None),
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
            is_draining: false,
            is_outdated: false,
        });
        Self {
            copy,
            folder: folder.to_owned(),
            shared,
            is_gone,
            opening: Mutex::new(()),
            is_only_copy: AtomicBool::new(options.is_only_copy),
            keeps_history: AtomicBool::new(false),
            mended: AtomicU64::new(0),
            reads_by: AtomicU64::new(0),
            options: ArcSwap::from_pointee(options),
            state,
        }
    }

    /// The same, where its index is at a version.
    pub(super) fn reading_by(mut self, version: u64) -> Self {
        *self.reads_by.get_mut() = version;
        self
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
        if self.opened().is_some() {
            let outdated = self.take_for_good().ok_or_else(|| self.in_use())?;
            self.close_for_good(Some(Arc::new(outdated)));
        }
        self.open(mapping, now_millis)
    }

    /// What it is opened with from now on. Where that makes the one that is open outdated, nobody uses it as it was opened before.
    pub(super) fn set_options(&self, options: EngineOptions, is_outdated: bool) {
        let open = {
            let mut state = self.state.lock();
            self.options.store(Arc::new(options));
            // Also where none is open: somebody may be about to open it by what was set before.
            state.is_outdated |= is_outdated;
            state.open.clone().filter(|_| is_outdated)
        };
        if let Some(outdated) = open {
            // What they make counts as little as the shard, and they keep it from being let go of.
            outdated.end_merges();
        }
    }

    /// Opens it. The caller holds `opening`.
    fn open(&self, mapping: &Arc<Mapping>, now_millis: i64) -> Result<Arc<Shard>, ApiError> {
        let options = {
            let mut state = self.state.lock();
            state.is_outdated = false;
            self.options.load_full()
        };
        // A folder that is gone is a loss, and not a new shard to be made.
        let open = || {
            Shard::peek(&self.folder)?;
            let is_only_copy = self.is_only_copy.load(Ordering::Acquire);
            let options = EngineOptions { is_only_copy, ..EngineOptions::clone(&options) };
            Shard::open(&self.folder, Arc::clone(mapping), options, self.shared.clone())
        };
        let opened = catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
            let (path, reason) = (self.folder.display().to_string(), "opening the shard broke".to_owned());
            Err(EngineError::Folder { path, reason })
        });
        let mut state = self.state.lock();
        state.is_fence_told = false;
        match opened {
            Ok(shard) => {
                let shard = Arc::new(shard);
                shard.keep_history_from(self.keeps_history.load(Ordering::Acquire).then_some(0));
                state.failed = None;
                state.open = Some(Arc::clone(&shard));
                Ok(shard)
            }
            Err(error) => {
                // Somebody was about to open it when its index was deleted.
                if !self.is_gone.load(Ordering::Acquire) {
                    tracing::error!(folder = %self.folder.display(), %error, "shard cannot be opened");
                }
                let error = unopened(&self.folder, error);
                state.failed = Some((error.clone(), now_millis));
                Err(error)
            }
        }
    }

    /// The shard if it is open, or why it cannot be opened if that was found a moment ago.
    fn known(&self, now_millis: i64) -> Option<Result<Arc<Shard>, ApiError>> {
        let mut state = self.state.lock();
        state.used_millis = now_millis;
        if state.is_draining {
            return None;
        }
        if let Some(shard) = state.open.as_ref().filter(|_| !state.is_outdated) {
            return Some(Ok(Arc::clone(shard)));
        }
        let (error, at) = state.failed.as_ref()?;
        (now_millis.saturating_sub(*at) < RETRY_AFTER_MILLIS).then(|| Err(error.clone()))
    }

    /// Opens a shard again that accepts nothing more, once its disk takes writes and its files are well: what was acknowledged
    /// is in its translog. Until then it goes on answering.
    pub(super) fn mend(&self, mapping: &Arc<Mapping>, now_millis: i64) -> Option<Arc<Shard>> {
        let _opening = self.opening.try_lock()?;
        let reason = self.fenced(now_millis)?;
        let folder = self.folder.display();
        self.state.lock().mend_at_millis = now_millis.saturating_add(RETRY_AFTER_MILLIS);
        if let Err(error) = check_writable(self.shared.disk.as_ref(), &self.folder) {
            tracing::warn!(%folder, %error, "the disk of the shard takes no writes yet; free or mend it");
            return None;
        }
        if let Err(error) = Shard::check(&self.folder, &self.options.load()) {
            tracing::error!(%folder, %error, "the shard could not be opened again, so it goes on answering only; restore it from a copy or a snapshot");
            return None;
        }
        let Some(fenced) = self.take_for_good() else {
            tracing::warn!(%folder, "the shard accepts no writes and is in use; opening it again is put off");
            return None;
        };
        self.mended.fetch_add(1, Ordering::AcqRel);
        if let Err(error) = fenced.give_up() {
            tracing::warn!(%folder, %error, "operations that were not synced when the shard failed are lost");
        }
        // That it cannot be opened is told and remembered there.
        let shard = self.open(mapping, now_millis).ok()?;
        tracing::info!(%folder, reason, "the shard accepts writes again");
        Some(shard)
    }

    /// Has its shard read documents by a version of its index, unless it does already. A shard that is not open is opened by what the index
    /// is then.
    pub(super) fn read_by(
        &self,
        version: u64,
        mapping: &Arc<Mapping>,
        now_millis: i64,
    ) -> Result<(), ApiError> {
        if self.reads_by() == version {
            return Ok(());
        }
        if let Some(open) = self.opened() {
            open.set_mapping(Arc::clone(mapping), now_millis)?;
        }
        self.reads_by.store(version, Ordering::Release);
        Ok(())
    }

    /// The version of its index by which its shard reads documents.
    pub(super) fn reads_by(&self) -> u64 {
        self.reads_by.load(Ordering::Acquire)
    }

    /// How often it was opened again because it accepted nothing more.
    pub(super) fn mended(&self) -> u64 {
        self.mended.load(Ordering::Acquire)
    }

    /// Whether it is the only copy, from now on and whenever it is opened.
    pub(super) fn set_only_copy(&self, is_only_copy: bool) -> Result<(), ApiError> {
        let _opening = self.opening.lock();
        self.is_only_copy.store(is_only_copy, Ordering::Release);
        let open = self.state.lock().open.clone();
        open.map_or(Ok(()), |shard| Ok(shard.set_only_copy(is_only_copy)?))
    }

    /// Whether operations are kept for copies that return, from now on and whenever it is opened: as many as the retention allows.
    pub(super) fn keep_history(&self, is_kept: bool) {
        self.keeps_history.store(is_kept, Ordering::Release);
        if let Some(shard) = &self.state.lock().open {
            shard.keep_history_from(is_kept.then_some(0));
        }
    }

    /// Opens the shard again without what does not count. Whoever uses it is waited for; whoever comes meanwhile waits.
    pub(super) fn roll_back(&self) -> Result<(), ApiError> {
        let _opening = self.opening.lock();
        if self.state.lock().open.is_none() {
            return Ok(());
        }
        let shard = self.take_for_good().ok_or_else(|| self.in_use())?;
        let rolled_back = shard.roll_back()?;
        rolled_back.keep_history_from(self.keeps_history.load(Ordering::Acquire).then_some(0));
        self.state.lock().open = Some(Arc::new(rolled_back));
        Ok(())
    }

    /// Closes the shard, so that its folder is free for something else. Whoever uses it is waited for.
    pub(super) fn end(&self) -> Result<(), ApiError> {
        let _opening = self.opening.lock();
        if self.state.lock().open.is_none() {
            return Ok(());
        }
        let shard = self.take_for_good().ok_or_else(|| self.in_use())?;
        self.close_for_good(Some(Arc::new(shard)));
        Ok(())
    }

    fn in_use(&self) -> ApiError {
        EngineError::InUse { path: self.folder.display().to_string() }.into()
    }

    /// Takes the shard away from everybody. New requests wait for `opening`, which the caller holds, and those under way end.
    fn take_for_good(&self) -> Option<Shard> {
        let began = Instant::now();
        let open = {
            let mut state = self.state.lock();
            state.is_draining = true;
            state.open.clone()
        };
        // A merge may take hours.
        open.inspect(|shard| shard.end_merges());
        loop {
            let mut state = self.state.lock();
            let is_alone = |shard: &mut Arc<Shard>| Arc::strong_count(shard) == 1 && shard.is_alone();
            let taken = state.open.take_if(is_alone);
            if taken.is_some() || began.elapsed() > DRAIN_MAX {
                state.is_draining = false;
                let stays = state.open.clone().filter(|_| !state.is_outdated);
                drop(state);
                stays.inspect(|shard| shard.resume_merges());
                return taken.and_then(Arc::into_inner);
            }
            drop(state);
            // Nobody tells when the last of them lets go.
            std::thread::sleep(DRAIN_STEP);
        }
    }

    #[cfg(test)]
    pub(super) fn is_draining(&self) -> bool {
        self.state.lock().is_draining
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

    /// The shard for a write, which one that accepts nothing more is not given out for.
    pub(super) fn shard_to_write(
        &self,
        mapping: &Arc<Mapping>,
        now_millis: i64,
    ) -> Result<Arc<Shard>, ApiError> {
        let shard = self.shard(mapping, now_millis)?;
        match shard.fenced() {
            None => Ok(shard),
            Some(reason) => Err(ApiError::new(
                503,
                "translog_exception",
                format!("the shard accepts no writes until its disk is well: {reason}"),
            )),
        }
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
        let Some(_opening) = self.opening.try_lock() else { return false };
        let idle = {
            let mut state = self.state.lock();
            let Some(shard) = &state.open else { return false };
            let is_used = state.used_millis >= before_millis || Arc::strong_count(shard) > 1;
            if is_used || shard.fenced().is_some() {
                return false;
            }
            if !shard.can_close() {
                return true;
            }
            state.stats = shard.stats();
            state.open.take()
        };
        self.close_for_good(idle);
        tracing::debug!(folder = %self.folder.display(), "closed idle shard");
        false
    }

    /// Closes it if nobody holds it: the node stops.
    pub(super) fn close(&self) {
        let _opening = self.opening.lock();
        let last = self.state.lock().open.take();
        self.close_for_good(last);
    }

    fn close_for_good(&self, shard: Option<Arc<Shard>>) {
        // One that was not closed takes a higher primary term when it is opened again; nothing else is lost by that.
        if let Some(Err(error)) = shard.and_then(Arc::into_inner).map(Shard::close) {
            tracing::warn!(folder = %self.folder.display(), %error, "shard could not be closed in order");
        }
    }
}

/// Why a shard cannot be opened. Nothing was written to it yet, so that no outcome is unknown.
fn unopened(folder: &Path, error: EngineError) -> ApiError {
    let disk = |kind| {
        let folder = folder.display();
        let reason = format!(
            "the shard in {folder} cannot be opened: {error}; free or mend its disk, and it is opened by itself"
        );
        ApiError::new(503, kind, reason)
    };
    match &error {
        EngineError::Translog(TranslogError::Io { .. }) => disk("translog_exception"),
        EngineError::Index(_) | EngineError::Io(_) if !error.is_damage() => {
            disk("no_shard_available_action_exception")
        }
        // What has to be there is not.
        EngineError::Folder { .. } => ApiError::new(500, "corrupt_index_exception", error.to_string()),
        _ => error.into(),
    }
}
