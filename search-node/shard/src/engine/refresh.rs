//! Refresh: what was written becomes visible. Flush: what is visible becomes durable, and the translog may shrink.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tantivy::index::SegmentMeta;

use super::superseded::Superseded;
use super::{Engine, EngineError, FinishedSegment, Manager, OpenSegment, View};
use crate::store::Manifest;

/// What was taken from the writers, to be shown together.
pub(super) struct Taken {
    open: Vec<OpenSegment>,
    superseded: Superseded,
    epoch: u64,
    /// For a flush: the first translog generation after the cut, and the highest sequence number before it.
    cut: Option<(u64, i64)>,
}

impl Engine {
    /// Makes every write so far visible. Gives whether there was anything new.
    pub(crate) fn refresh(&self, now_millis: i64) -> Result<bool, EngineError> {
        let mut manager = self.manager.lock();
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(false);
        }
        let taken = self.take(false)?;
        self.show(&mut manager, taken, now_millis)?;
        self.counters.refreshes.fetch_add(1, Ordering::Relaxed);
        Ok(true)
    }

    /// Makes every write so far visible and durable, and trims the translog.
    pub(crate) fn flush(&self, now_millis: i64) -> Result<(), EngineError> {
        let mut manager = self.manager.lock();
        self.translog.sync_all()?;
        self.dirty.store(false, Ordering::Release);
        let taken = self.take(true)?;
        let cut = taken.cut;
        self.show(&mut manager, taken, now_millis)?;
        let Some((generation, max_seq_no)) = cut else {
            return Ok(());
        };
        self.make_durable(generation, max_seq_no)?;
        self.translog.trim(generation)?;
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn make_durable(&self, generation: u64, max_seq_no: i64) -> Result<(), EngineError> {
        let fault = |reason: &str| EngineError::Folder {
            path: self.folder.display().to_string(),
            reason: reason.to_owned(),
        };
        let manifest = Manifest {
            meta: self.directory.pin_meta().ok_or_else(|| fault("meta.json is missing"))?,
            schema: serde_json::to_value(self.layout().slots()).map_err(|error| fault(&error.to_string()))?,
            max_seq_no,
            translog_generation: generation,
        };
        Ok(self.directory.make_durable(&manifest)?)
    }

    /// Takes what is open from the writers. They wait only while pointers are swapped, and for a flush while the
    /// next translog generation is begun.
    fn take(&self, cut: bool) -> Result<Taken, EngineError> {
        let _closed = self.gate.write();
        let cut = if cut { Some(self.translog.roll(self.options.term)?) } else { None };
        Ok(self.take_behind_gate(cut))
    }

    /// The same for a caller that holds the gate closed.
    pub(super) fn take_behind_gate(&self, cut: Option<(u64, i64)>) -> Taken {
        self.versions.begin_refresh();
        Taken {
            open: self.slots.iter().filter_map(|slot| slot.lock().take()).collect(),
            superseded: std::mem::take(&mut *self.superseded.lock()),
            epoch: self.epoch.fetch_add(1, Ordering::AcqRel),
            cut,
        }
    }

    /// Shows what was taken. If that fails, the shard accepts nothing more: what was taken is in the translog only,
    /// and comes back when the shard is opened again.
    pub(super) fn show(
        &self,
        manager: &mut Manager,
        taken: Taken,
        now_millis: i64,
    ) -> Result<(), EngineError> {
        let shown = self.try_to_show(manager, taken);
        match &shown {
            Ok(()) => self.versions.end_refresh(now_millis, self.options.gc_deletes),
            Err(error) => self.translog.fence(&error.to_string()),
        }
        shown
    }

    fn try_to_show(&self, manager: &mut Manager, taken: Taken) -> Result<(), EngineError> {
        let Taken { open, superseded, epoch, .. } = taken;
        let finished = finish_all(open)?;
        let mut segments = self.spilled_until(epoch);
        segments.extend(finished);
        if segments.is_empty() && superseded.is_empty() && !manager.has_merged()? {
            return Ok(());
        }
        self.commit(manager, segments, &superseded)?;
        self.publish(manager)
    }

    fn commit(
        &self,
        manager: &mut Manager,
        segments: Vec<FinishedSegment>,
        superseded: &Superseded,
    ) -> Result<(), EngineError> {
        for finished in &segments {
            let meta: SegmentMeta = manager.index.new_segment_meta(finished.segment.id(), finished.documents);
            manager.writer.add_segment(meta)?;
        }
        // A delete reaches only segments that were added before it.
        if !superseded.is_empty() {
            let query = superseded.query(self.layout().meta.uid);
            manager.writer.delete_query(Box::new(query))?;
        }
        manager.writer.commit()?;
        Ok(())
    }

    /// Lets readers see the newest commit.
    pub(super) fn publish(&self, manager: &Manager) -> Result<(), EngineError> {
        manager.reader.reload()?;
        let view = View { searcher: manager.reader.searcher(), layout: self.layout() };
        self.view.store(Arc::new(view));
        Ok(())
    }

    /// The segments that were spilled up to `epoch`, once those under way are done.
    fn spilled_until(&self, epoch: u64) -> Vec<FinishedSegment> {
        let mut spills = self.spills.lock();
        while spills.under_way.iter().any(|under_way| *under_way <= epoch) {
            self.spilled.wait(&mut spills);
        }
        let all = std::mem::take(&mut spills.finished);
        let (mine, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(spilled, _)| *spilled <= epoch);
        spills.finished = later;
        mine.into_iter().map(|(_, finished)| finished).collect()
    }
}

impl Manager {
    /// Whether a merge in the background changed the segments since the last publish.
    fn has_merged(&self) -> Result<bool, EngineError> {
        let shown = self.reader.searcher();
        let shown: std::collections::HashSet<_> =
            shown.segment_readers().iter().map(|reader| reader.segment_id()).collect();
        let now = self.index.searchable_segment_metas()?;
        Ok(now.len() != shown.len() || now.iter().any(|meta| !shown.contains(&meta.id())))
    }
}

/// Finishes the segments, each on a thread of its own if there are several.
fn finish_all(open: Vec<OpenSegment>) -> Result<Vec<FinishedSegment>, EngineError> {
    if open.len() < 2 {
        return open.into_iter().map(OpenSegment::finish).collect();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = open.into_iter().map(|segment| scope.spawn(move || segment.finish())).collect();
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
