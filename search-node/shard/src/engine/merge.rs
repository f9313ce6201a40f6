//! Merging: rows of neighbouring segments become one, in the background, while writes and refreshes go on.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tantivy::index::{IndexSettings, Segment, SegmentMeta, SegmentReader};
use tantivy::indexer::merge_filtered_segments;

use super::merge_policy::plan;
use super::segments::MergeJob;
use super::{Engine, EngineError};
use crate::store::verify_file;

impl Engine {
    /// Begins the merges that the policy asks for.
    pub(crate) fn merge_if_due(self: &Arc<Self>) {
        let jobs: Vec<MergeJob> = {
            let mut segments = self.segments.lock();
            let plans = plan(&segments.sizes(), &self.options.merge);
            plans.into_iter().map(|range| segments.begin_merge(range)).collect()
        };
        for job in jobs {
            let engine = Arc::clone(self);
            self.shared.workers.run(move || engine.merge_in_background(&job));
        }
    }

    /// Merges until no more than `segments_max` are left, and nothing deleted in them.
    pub(crate) fn force_merge(self: &Arc<Self>, segments_max: usize) -> Result<(), EngineError> {
        self.shared.workers.wait_until_idle();
        loop {
            let job = {
                let mut segments = self.segments.lock();
                let sizes = segments.sizes();
                if sizes.iter().any(|size| size.is_merging) {
                    None
                } else if sizes.len() > segments_max.max(1) {
                    let surplus = sizes.len() - segments_max.max(1);
                    Some(segments.begin_merge(0..surplus + 1))
                } else if let Some(at) = sizes.iter().position(|size| size.deleted > 0) {
                    Some(segments.begin_merge(at..at + 1))
                } else {
                    return Ok(());
                }
            };
            match job {
                Some(job) => self.merge(&job)?,
                None => self.shared.workers.wait_until_idle(),
            }
        }
    }

    fn merge_in_background(self: &Arc<Self>, job: &MergeJob) {
        if let Err(error) = self.merge(job) {
            tracing::error!(folder = %self.folder.display(), %error, "segments could not be merged; they stay as they are");
            return;
        }
        self.merge_if_due();
    }

    fn merge(&self, job: &MergeJob) -> Result<(), EngineError> {
        let merged = self.merge_segments(job);
        let mut segments = self.segments.lock();
        match merged {
            Ok(merged) => {
                segments.end_merge(&self.layout(), job.number, merged)?;
                self.show_list(&segments);
                self.counters.merges.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                segments.abandon_merge(job.number);
                self.counters.merges_failed.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Writes the merged segment. None if nothing is left of its inputs.
    fn merge_segments(&self, job: &MergeJob) -> Result<Option<SegmentMeta>, EngineError> {
        // What was damaged since it was written must not live on under a fresh checksum.
        for file in self.directory.files_of(&job.segments)? {
            verify_file(&self.directory.folder().join(file))?;
        }
        let segments: Vec<_> = job.segments.iter().map(|meta| job.index.segment(meta.clone())).collect();
        if job.segments.iter().all(|meta| meta.num_docs() == 0) {
            return Ok(None);
        }
        let filters = segments.iter().map(|_| None).collect();
        let settings = merged_settings(job, &segments)?;
        let merged = merge_filtered_segments(&segments, settings, filters, self.directory.beside())?;
        Ok(merged.searchable_segment_metas()?.into_iter().next())
    }
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
