//! Merging: rows of neighbouring segments become one, in the background, while writes and refreshes go on.
//!
//! A merge that fails leaves nothing behind: its output is removed, and its inputs stay as they are (see `setbacks`). So does one
//! that is under way when the node stops or the shard is let go of: it ends with its next write, for nobody would wait for hours.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tantivy::index::{IndexSettings, Segment, SegmentId, SegmentMeta, SegmentReader};
use tantivy::indexer::merge_filtered_segments;

use super::merge_policy::{ForceMerge, force, plan};
use super::segments::MergeJob;
use super::{Engine, EngineError, SEQ_NO};
use crate::store::{IntegrityError, ShardDirectory, damage_of};
use crate::uids::{MergeInput, UidIndex, write_merged};

/// A merge that has begun. Whatever becomes of it, also if it breaks or is never done, its inputs are let go of.
pub(super) struct BegunMerge {
    engine: Arc<Engine>,
    job: MergeJob,
    is_settled: bool,
}

/// Why a merge failed.
struct MergeFault {
    error: EngineError,
    /// The input that is not what was written, if that is why.
    damaged: Option<(SegmentId, IntegrityError)>,
}

impl<E: Into<EngineError>> From<E> for MergeFault {
    fn from(error: E) -> Self {
        Self { error: error.into(), damaged: None }
    }
}

impl Engine {
    /// Begins the merges that the policy asks for.
    pub(crate) fn merge_if_due(self: &Arc<Self>) {
        if self.may_merge().is_err() {
            return;
        }
        let jobs: Vec<MergeJob> = {
            let mut segments = self.segments.lock();
            let plans = plan(&segments.sizes(), &self.options.merge);
            let jobs = plans.into_iter().map(|range| segments.begin_merge(range)).collect();
            self.throttle.tighten(segments.merges(), self.options.merge.merges_max);
            jobs
        };
        for job in jobs {
            let merge = BegunMerge::new(self, job);
            self.shared.workers.run(&self.are_merges_ended, move || {
                let engine = Arc::clone(&merge.engine);
                if merge.run().is_ok() {
                    engine.merge_if_due();
                }
            });
        }
    }

    /// Merges the segments that are there now until what is asked is reached. What is written meanwhile is none of its business,
    /// so that it ends.
    pub(crate) fn force_merge(self: &Arc<Self>, wish: ForceMerge) -> Result<(), EngineError> {
        let until = self.segments.lock().stamp();
        let mut made = HashSet::new();
        while let Some(job) = self.next_forced(wish, until, &made)? {
            made.extend(BegunMerge::new(self, job).run()?);
        }
        Ok(())
    }

    /// The next merge to force, once those under way have ended. None if nothing is left to do.
    fn next_forced(
        &self,
        wish: ForceMerge,
        until: u64,
        made: &HashSet<SegmentId>,
    ) -> Result<Option<MergeJob>, EngineError> {
        let mut segments = self.segments.lock();
        loop {
            self.may_merge()?;
            self.translog.check()?;
            if let Some(damage) = segments.damage() {
                return Err(damage.into());
            }
            let count = segments.count_until(until);
            let mut sizes = segments.sizes();
            sizes.truncate(count);
            if sizes.iter().any(|size| size.is_merging) {
                self.merged.wait(&mut segments);
                continue;
            }
            for (size, meta) in sizes.iter_mut().zip(segments.list()) {
                // Who asks does not wait for a disk to be free again, and what was deleted since is for the next time.
                size.is_held_back = false;
                if made.contains(&meta.id()) {
                    size.deleted = 0;
                }
            }
            return Ok(force(&sizes, wish, &self.options.merge).map(|range| segments.begin_merge(range)));
        }
    }

    /// Counts what is merged while it is.
    fn merging<T, E>(&self, job: &MergeJob, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let documents = job.segments.iter().map(|meta| u64::from(meta.num_docs())).sum();
        // Sizes of files that cannot be read count as none; the merge itself tells why.
        let bytes = self.directory.bytes_of(&job.segments).unwrap_or_default();
        let activity = &self.activity;
        activity.merging_documents.fetch_add(documents, Ordering::Relaxed);
        activity.merging_bytes.fetch_add(bytes, Ordering::Relaxed);
        let done = work();
        activity.merging_documents.fetch_sub(documents, Ordering::Relaxed);
        activity.merging_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if done.is_ok() {
            activity.merged_documents.fetch_add(documents, Ordering::Relaxed);
            activity.merged_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        done
    }

    /// Writes the merged segment. None if nothing is left of its inputs.
    fn merge_segments(
        &self,
        job: &MergeJob,
        output: &ShardDirectory,
    ) -> Result<Option<SegmentMeta>, MergeFault> {
        // What a fenced shard lists need not be what is found when it is opened again.
        self.translog.check()?;
        let may_go_on = || self.may_merge().map_err(std::io::Error::other);
        may_go_on()?;
        // What was damaged since it was written must not live on under a fresh checksum.
        for meta in &job.segments {
            for file in self.directory.files_of(std::slice::from_ref(meta))? {
                if let Some(damage) = damage_of(&self.directory.folder().join(file), &may_go_on)? {
                    let damaged = Some((meta.id(), damage.clone()));
                    return Err(MergeFault { error: damage.into(), damaged });
                }
            }
        }
        if job.segments.iter().all(|meta| meta.num_docs() == 0) {
            return Ok(None);
        }
        let segments: Vec<_> = job.segments.iter().map(|meta| job.index.segment(meta.clone())).collect();
        let filters = segments.iter().map(|_| None).collect();
        let settings = merged_settings(job, &segments)?;
        let merged = merge_filtered_segments(&segments, settings, filters, output.clone())
            .map_err(EngineError::from)?;
        let metas = merged.searchable_segment_metas().map_err(EngineError::from)?;
        let meta = metas.into_iter().next();
        if let Some(meta) = &meta {
            merge_uids(&segments, &merged.segment(meta.clone()))?;
        }
        Ok(meta)
    }

    /// No merge begins any more, and those under way or waiting end soon, without a result and with nothing left behind: somebody
    /// waits for the shard to be used by nobody.
    pub(crate) fn end_merges(&self) {
        self.are_merges_ended.store(true, Ordering::Release);
        self.shared.workers.forget(&self.are_merges_ended);
    }

    /// Merges may begin again; segments whose merge was ended wait as after one that failed.
    pub(crate) fn resume_merges(&self) {
        self.are_merges_ended.store(false, Ordering::Release);
    }

    /// Fails once merges are to end.
    fn may_merge(&self) -> Result<(), EngineError> {
        self.shared.workers.check()?;
        if self.are_merges_ended.load(Ordering::Acquire) { Err(EngineError::Reopening) } else { Ok(()) }
    }

    /// A merge that ends because the node stops, or the shard is opened anew, has not failed, whatever it was doing.
    fn told_apart(&self, fault: MergeFault) -> MergeFault {
        match self.may_merge() {
            Err(stopping) if fault.damaged.is_none() => stopping.into(),
            _ => fault,
        }
    }

    /// Tells once that merges fail, until one succeeds again.
    fn report_merge(&self, failed: Option<&MergeFault>) {
        let folder = self.folder.display();
        let Some(fault) = failed else {
            if self.merges_fail.swap(false, Ordering::AcqRel) {
                tracing::info!(%folder, "segments of the shard can be merged again");
            }
            return;
        };
        let error = &fault.error;
        if !self.folder.exists() {
            tracing::debug!(%folder, %error, "the shard was taken away while its segments were merged");
        } else if fault.damaged.is_some() {
            tracing::warn!(%folder, "a segment with a damaged file is not merged any more");
        } else if !self.merges_fail.swap(true, Ordering::AcqRel) {
            tracing::error!(%folder, %error, "segments of the shard could not be merged and stay as they are; free or mend the disk, it is tried again later");
        }
    }
}

impl BegunMerge {
    pub(super) fn new(engine: &Arc<Engine>, job: MergeJob) -> Self {
        Self { engine: Arc::clone(engine), job, is_settled: false }
    }

    /// Does it; gives the segment that came of it, if any documents were left.
    fn run(mut self) -> Result<Option<SegmentId>, EngineError> {
        let engine = Arc::clone(&self.engine);
        let output = engine.directory.beside(&engine.are_merges_ended, engine.shared.workers.stopped());
        let discarded = DiscardOnDrop(&output);
        let merge = || engine.merge_segments(&self.job, &output);
        let merged = engine.merging(&self.job, || engine.activity.merge.run(merge, Result::is_ok));
        if merged.is_ok() {
            std::mem::forget(discarded);
        } else {
            // Before the inputs are let go of: on a full disk the next merge needs the space.
            drop(discarded);
        }
        self.settle(merged)
    }

    fn settle(
        &mut self,
        merged: Result<Option<SegmentMeta>, MergeFault>,
    ) -> Result<Option<SegmentId>, EngineError> {
        self.is_settled = true;
        let engine = &self.engine;
        let outcome = {
            let mut segments = engine.segments.lock();
            let outcome = merged.and_then(|merged| {
                let id = merged.as_ref().map(SegmentMeta::id);
                segments.end_merge(&engine.layout(), &self.job, merged)?;
                engine.show_list(&segments);
                Ok(id)
            });
            if let Err(fault) = &outcome {
                if let Some((_, damage)) = &fault.damaged {
                    engine.note_damage(damage);
                }
                segments.abandon_merge(&self.job, fault.damaged.clone());
            }
            engine.throttle.loosen();
            engine.merged.notify_all();
            outcome
        };
        let outcome = outcome.map_err(|fault| engine.told_apart(fault));
        if !matches!(outcome, Err(MergeFault { error: EngineError::Stopping | EngineError::Reopening, .. })) {
            let counters = &engine.counters;
            let counter = if outcome.is_ok() { &counters.merges } else { &counters.merges_failed };
            counter.fetch_add(1, Ordering::Relaxed);
            engine.report_merge(outcome.as_ref().err());
        }
        outcome.map_err(|fault| fault.error)
    }
}

impl Drop for BegunMerge {
    fn drop(&mut self) {
        if !self.is_settled {
            let broke = tantivy::TantivyError::InternalError("the merge broke, or was never done".to_owned());
            let _reported = self.settle(Err(EngineError::from(broke).into())).is_err();
        }
    }
}

/// Removes what a merge has written unless it is forgotten, also if the merge breaks.
struct DiscardOnDrop<'d>(&'d ShardDirectory);

impl Drop for DiscardOnDrop<'_> {
    fn drop(&mut self) {
        self.0.discard();
    }
}

fn merge_uids(segments: &[Segment], merged: &Segment) -> Result<(), EngineError> {
    let inputs = segments.iter().map(|segment| {
        let reader = SegmentReader::open(segment)?;
        let seq_nos = reader.fast_fields().u64(SEQ_NO)?;
        Ok(MergeInput { uids: UidIndex::open(segment)?, reader, seq_nos })
    });
    let inputs = inputs.collect::<tantivy::Result<Vec<_>>>()?;
    let seq_nos = SegmentReader::open(merged)?.fast_fields().u64(SEQ_NO)?;
    Ok(write_merged(&inputs, merged, &seq_nos)?)
}

/// How the merged segment is written: as every segment, but that those older than the field which the index is sorted by
/// have no column of it. They are put one behind the other.
fn merged_settings(job: &MergeJob, segments: &[Segment]) -> Result<IndexSettings, EngineError> {
    let mut settings = job.index.settings().clone();
    if let Some(sort) = &settings.sort_by_field {
        for segment in segments {
            let columns = SegmentReader::open(segment)?.fast_fields().dynamic_column_handles(&sort.field)?;
            if columns.is_empty() {
                settings.sort_by_field = None;
                break;
            }
        }
    }
    Ok(settings)
}
