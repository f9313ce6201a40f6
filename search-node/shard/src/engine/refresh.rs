//! Refresh: what was written becomes visible.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use super::deletes::Superseded;
use super::segments::Segments;
use super::writers::{Closed, OpenSegments};
use super::{Engine, EngineError, FinishedSegment};
use crate::store::ShardDirectory;
use crate::translog::{Cut, Translog, TranslogError};

/// What was taken from the writers, to be shown together.
pub(super) struct Taken {
    open: OpenSegments,
    superseded: Superseded,
    epoch: u64,
}

impl Engine {
    /// Makes every write so far visible. Gives whether there was anything new.
    pub(crate) fn refresh(self: &Arc<Self>, now_millis: i64) -> Result<bool, EngineError> {
        let segments = self.segments.lock();
        self.refresh_behind(segments, now_millis)
    }

    /// The same, unless somebody refreshes, flushes or grows the shard just now: none then, and its memory is freed by that.
    pub(crate) fn refresh_unless_busy(
        self: &Arc<Self>,
        now_millis: i64,
    ) -> Result<Option<bool>, EngineError> {
        let Some(segments) = self.segments.try_lock() else { return Ok(None) };
        self.refresh_behind(segments, now_millis).map(Some)
    }

    fn refresh_behind(
        self: &Arc<Self>,
        mut segments: MutexGuard<'_, Segments>,
        now_millis: i64,
    ) -> Result<bool, EngineError> {
        let has_retries = segments.tell_time(now_millis);
        // After a failure the versions in memory are all that is right: no refresh may forget them.
        self.translog.check()?;
        let is_dirty = self.dirty.swap(false, Ordering::AcqRel);
        if is_dirty {
            let show = || {
                let taken = self.take();
                self.show(&mut segments, taken, now_millis)
            };
            self.activity.refresh.run(show, Result::is_ok)?;
            self.counters.refreshes.fetch_add(1, Ordering::Relaxed);
        } else {
            self.versions.forget_tombstones(now_millis, self.options.gc_deletes);
        }
        drop(segments);
        if is_dirty || has_retries {
            self.merge_if_due();
        }
        Ok(is_dirty)
    }

    /// Drops the open segments of a shard that accepts nothing more: no refresh will ever show them, and what counts is in the
    /// translog. Touches no disk and waits for nobody; what is in use just now is for the next call. Gives whether the shard is
    /// such a one.
    pub(crate) fn free_if_fenced(&self) -> bool {
        if self.translog.check().is_ok() {
            return false;
        }
        // A refresh that began before must find both the documents that came and those they supersede, or neither.
        let Some(segments) = self.segments.try_lock() else { return true };
        self.directory.give_up();
        let open = self.writers.take_idle();
        drop(segments);
        drop(open);
        true
    }

    /// Takes what is open from the writers. They wait only while pointers are swapped.
    fn take(&self) -> Taken {
        self.take_from(&mut self.writers.close())
    }

    /// The same for a flush: they wait while the next translog generation is begun too.
    pub(super) fn take_and_cut(&self) -> Result<(Taken, Cut), EngineError> {
        let mut closed = self.writers.close();
        let cut = self.translog.roll()?;
        Ok((self.take_from(&mut closed), cut))
    }

    /// The same for a caller that keeps the writers out.
    pub(super) fn take_from(&self, closed: &mut Closed<'_>) -> Taken {
        self.versions.begin_refresh();
        Taken {
            open: closed.take(),
            superseded: std::mem::take(&mut *self.superseded.lock()),
            epoch: self.epoch.fetch_add(1, Ordering::AcqRel),
        }
    }

    /// Shows what was taken. If that fails, the shard accepts nothing more: what was taken is in the translog only,
    /// and comes back when the shard is opened again.
    pub(super) fn show(
        &self,
        segments: &mut Segments,
        taken: Taken,
        now_millis: i64,
    ) -> Result<(), EngineError> {
        // Should it break, what was taken is gone from memory: nothing more may be accepted or trimmed.
        let broken = FenceOnDrop(&self.translog, "showing what was written broke");
        let shown = self.try_to_show(segments, taken);
        std::mem::forget(broken);
        match &shown {
            Ok(()) => self.versions.end_refresh(now_millis, self.options.gc_deletes),
            Err(error) => self.translog.fence(&error.to_string()),
        }
        shown
    }

    fn try_to_show(&self, segments: &mut Segments, taken: Taken) -> Result<(), EngineError> {
        let Taken { open, superseded, epoch } = taken;
        let finished = finish_all(open, &self.directory)?;
        let mut all = self.spilled_until(epoch)?;
        all.extend(finished);
        if !all.is_empty() || !superseded.is_empty() {
            segments.add(&self.layout(), all, superseded)?;
        }
        self.show_list(segments);
        Ok(())
    }

    /// Lets readers see the newest list.
    pub(super) fn show_list(&self, segments: &Segments) {
        self.show_view(segments.view(self.layout()));
    }

    /// The segments that were spilled up to `epoch`, once those under way are done.
    fn spilled_until(&self, epoch: u64) -> Result<Vec<FinishedSegment>, EngineError> {
        let mut spills = self.spills.lock();
        while spills.under_way.iter().any(|under_way| *under_way <= epoch) {
            self.spilled.wait(&mut spills);
        }
        if let Some(reason) = &spills.failed {
            return Err(TranslogError::Fenced(reason.clone()).into());
        }
        let all = std::mem::take(&mut spills.finished);
        let (mine, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(spilled, _)| *spilled <= epoch);
        spills.finished = later;
        Ok(mine.into_iter().map(|(_, finished)| finished).collect())
    }
}

/// Fences the shard for a reason unless it is forgotten.
pub(super) struct FenceOnDrop<'e>(pub(super) &'e Translog, pub(super) &'static str);

impl Drop for FenceOnDrop<'_> {
    fn drop(&mut self) {
        self.0.fence(self.1);
    }
}

/// Finishes the segments, each on a thread of its own if there are several.
fn finish_all(open: OpenSegments, directory: &ShardDirectory) -> Result<Vec<FinishedSegment>, EngineError> {
    if open.len() < 2 {
        return open.into_iter().map(|segment| segment.finish(directory)).collect();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            open.into_iter().map(|segment| scope.spawn(move || segment.finish(directory))).collect();
        workers
            .into_iter()
            .map(|worker| {
                worker.join().unwrap_or_else(|_| {
                    Err(EngineError::Index(tantivy::TantivyError::ErrorInThread(
                        "finishing a segment".to_owned(),
                    )))
                })
            })
            .collect()
    })
}
