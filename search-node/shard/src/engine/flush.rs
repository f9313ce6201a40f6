//! Flush: what is visible becomes durable, and the translog may shrink.
//!
//! A durable state holds no operation that another copy in sync may still lack: what is in it is never taken back. So a flush shows
//! what was written, remembers that state, and publishes it once the global checkpoint has reached all of it. Writes, refreshes and
//! merges go on meanwhile; the files of the remembered state stay.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tantivy::index::SegmentMeta;

use super::segments::Segments;
use super::{Engine, EngineError};
use crate::store::{Manifest, Pinned};
use crate::translog::Cut;

/// What came of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Everything that was written before is committed.
    Done,
    /// It is put off, and nothing is lost by that: copies in sync lack operations that it would commit.
    PutOff {
        /// The highest operation that it would commit.
        wanted: i64,
        /// The global checkpoint.
        global: i64,
    },
    /// The shard shows operations that the primary does not have: it has to be rolled back first.
    MustRollBack,
}

/// A state that becomes the durable one once all copies in sync have its operations.
struct Candidate {
    manifest: Manifest,
    list: Vec<SegmentMeta>,
    stamp: u64,
    cut: Cut,
    _pinned: Pinned,
}

/// How long a flush in passing waits for other copies: they tell how far they are with each write.
const MOMENT: Duration = Duration::from_millis(100);
/// How long a shard is left alone then.
const PUT_OFF_FOR: Duration = Duration::from_secs(5);

impl Engine {
    /// Makes every write so far visible and durable, and trims the translog, once all copies in sync have them; waits for that as long
    /// as the options say.
    pub(crate) fn flush(self: &Arc<Self>, now_millis: i64) -> Result<Flushed, EngineError> {
        self.flush_within(now_millis, self.options.flush_wait)
    }

    /// The same; waits so long.
    pub(crate) fn flush_within(
        self: &Arc<Self>,
        now_millis: i64,
        wait: Duration,
    ) -> Result<Flushed, EngineError> {
        let flush = || {
            // An older state must not take the place of a newer one.
            let _alone = self.flushing.lock();
            let before = self.counters.flushes.load(Ordering::Relaxed);
            let flushed = self.flush_alone(now_millis, wait);
            (flushed, self.counters.flushes.load(Ordering::Relaxed) > before)
        };
        let (flushed, _) = self.activity.flush.run(flush, |(_, has_written)| *has_written);
        let flushed = flushed?;
        self.merge_if_due();
        Ok(flushed)
    }

    /// The same for who looks after many shards: waits for a moment only, and where that was in vain leaves the shard alone for a
    /// while. Each try begins a generation of the translog.
    pub(crate) fn flush_in_passing(self: &Arc<Self>, now_millis: i64) -> Result<Flushed, EngineError> {
        if self.put_off.lock().is_some_and(|at| at.elapsed() < PUT_OFF_FOR) {
            return Ok(Flushed::PutOff { wanted: self.translog.local(), global: self.translog.global() });
        }
        let before = self.activity.flush.shown().count;
        let flushed = self.flush_within(now_millis, MOMENT)?;
        let has_written = self.activity.flush.shown().count > before;
        self.activity.periodic_flushes.fetch_add(u64::from(has_written), Ordering::Relaxed);
        *self.put_off.lock() = matches!(flushed, Flushed::PutOff { .. }).then(Instant::now);
        Ok(flushed)
    }

    /// The same for who holds `flushing`.
    pub(super) fn flush_alone(
        self: &Arc<Self>,
        now_millis: i64,
        wait: Duration,
    ) -> Result<Flushed, EngineError> {
        if self.has_to_roll_back() {
            return Ok(Flushed::MustRollBack);
        }
        let candidate = {
            let mut segments = self.segments.lock();
            segments.tell_time(now_millis);
            self.translog.check()?;
            if self.translog.is_trimmed() && !segments.has_changed() {
                return Ok(Flushed::Done);
            }
            // A sync that failed may not be tried again: the kernel reports a lost page once, and then forgets it.
            self.remember(&mut segments, now_millis)
                .inspect_err(|error| self.translog.fence(&error.to_string()))?
        };
        let wanted = candidate.cut.max_seq_no;
        let global = self.translog.wait_for_global(wanted, wait);
        // What takes the place of an operation comes before all copies are said to be equal up to there.
        if self.has_to_roll_back() {
            return Ok(Flushed::MustRollBack);
        }
        if global < wanted {
            self.translog.check()?;
            return Ok(Flushed::PutOff { wanted, global });
        }
        self.publish(candidate).inspect_err(|error| self.translog.fence(&error.to_string()))?;
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(Flushed::Done)
    }

    /// Shows what was written and remembers that state.
    fn remember(&self, segments: &mut Segments, now_millis: i64) -> Result<Candidate, EngineError> {
        // Before the take: what is written after it is for the next refresh.
        self.dirty.store(false, Ordering::Release);
        let (taken, cut) = self.take_and_cut()?;
        self.show(segments, taken, now_millis)?;
        // What was written out meanwhile may have failed: then the durable state must stay the one before.
        self.translog.check()?;
        let fault = |reason: &str| EngineError::Folder {
            path: self.folder.display().to_string(),
            reason: reason.to_owned(),
        };
        let manifest = Manifest {
            meta: self.directory.meta().ok_or_else(|| fault("meta.json is missing"))?,
            schema: serde_json::to_value(self.layout().slots()).map_err(|error| fault(&error.to_string()))?,
            max_seq_no: cut.local,
            some_up_to: cut.max_seq_no,
            translog_generation: cut.generation,
            files: Vec::new(),
        };
        let list = segments.list().to_vec();
        let pinned = self.directory.pin(&list)?;
        Ok(Candidate { manifest, list, stamp: segments.stamp(), cut, _pinned: pinned })
    }

    fn publish(&self, candidate: Candidate) -> Result<(), EngineError> {
        let mut segments = self.segments.lock();
        // What was shown may have failed to get to the disk since.
        self.translog.check()?;
        self.directory.make_durable(candidate.manifest, &candidate.list)?;
        segments.mark_durable(candidate.stamp);
        Ok(self.translog.trim(candidate.cut.generation)?)
    }
}
