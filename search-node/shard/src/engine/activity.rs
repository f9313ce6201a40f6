//! What an engine has done: how often, for how long, and how often just now.
//!
//! Times are measured by the host's clock, for figures alone: nothing is decided by them.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// One kind of work.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    count: AtomicU64,
    nanos: AtomicU64,
    current: AtomicU64,
}

/// What a timer shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timed {
    /// How often it was done.
    pub count: u64,
    /// How long that took, all of it together.
    pub time: Duration,
    /// How often it is being done.
    pub current: u64,
}

impl Timer {
    /// Does it, and counts it if `counts` says so of what came of it. The time counts whatever came of it.
    pub(crate) fn run<T>(&self, work: impl FnOnce() -> T, counts: impl FnOnce(&T) -> bool) -> T {
        let running = self.begin();
        let done = work();
        drop(running);
        self.count.fetch_add(u64::from(counts(&done)), Ordering::Relaxed);
        done
    }

    /// Begins it; the end is when what this gives is dropped, also if the work breaks.
    fn begin(&self) -> Running<'_> {
        self.current.fetch_add(1, Ordering::Relaxed);
        Running { timer: self, began: Instant::now() }
    }

    pub(crate) fn shown(&self) -> Timed {
        Timed {
            count: self.count.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
            current: self.current.load(Ordering::Relaxed),
        }
    }

    /// Counts what was measured elsewhere.
    fn add(&self, count: u64, time: Duration) {
        self.count.fetch_add(count, Ordering::Relaxed);
        self.add_time(time);
    }

    fn add_time(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

struct Running<'t> {
    timer: &'t Timer,
    began: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.timer.add_time(self.began.elapsed());
        self.timer.current.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The timers of an engine.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    pub(crate) index: Timer,
    pub(crate) delete: Timer,
    /// Runs of writes: what one request brings for the shard.
    pub(crate) bulks: AtomicU64,
    pub(crate) bulk_bytes: AtomicU64,
    /// Writes of documents that were refused.
    pub(crate) index_failed: AtomicU64,
    /// Updates that changed nothing.
    pub(crate) noops: AtomicU64,
    found: Timer,
    missing: Timer,
    pub(crate) query: Timer,
    pub(crate) fetch: Timer,
    pub(crate) refresh: Timer,
    pub(crate) flush: Timer,
    pub(crate) periodic_flushes: AtomicU64,
    pub(crate) merge: Timer,
    pub(crate) merged_documents: AtomicU64,
    pub(crate) merged_bytes: AtomicU64,
    pub(crate) merging_documents: AtomicU64,
    pub(crate) merging_bytes: AtomicU64,
}

/// What an engine has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardActivity {
    /// Documents that were written.
    pub index: Timed,
    /// Documents that were deleted.
    pub delete: Timed,
    /// Runs of writes: what one request brought for the shard.
    pub bulks: u64,
    /// Bytes of the documents that they brought.
    pub bulk_bytes: u64,
    /// Writes of documents that were refused.
    pub index_failed: u64,
    /// Updates that changed nothing.
    pub noops: u64,
    /// Documents that were asked for by their ids and are there.
    pub found: Timed,
    /// Those that are not.
    pub missing: Timed,
    /// Searches of the shard, or of parts of it.
    pub query: Timed,
    /// Documents of hits that were read.
    pub fetch: Timed,
    /// Refreshes that showed something.
    pub refresh: Timed,
    /// Flushes that wrote something.
    pub flush: Timed,
    /// Those of them that nobody asked for.
    pub periodic_flushes: u64,
    /// Merges that ended well; the time is that of all of them.
    pub merge: Timed,
    /// Documents that went into merges.
    pub merged_documents: u64,
    /// Bytes of the segments that went into merges.
    pub merged_bytes: u64,
    /// Documents that are being merged.
    pub merging_documents: u64,
    /// Bytes of the segments that are being merged.
    pub merging_bytes: u64,
}

impl ShardActivity {
    /// How long runs of writes took, in milliseconds: as long as their writes.
    pub fn bulk_millis(&self) -> u64 {
        self.index.millis().saturating_add(self.delete.millis())
    }
}

impl Timed {
    /// How long it took, in milliseconds.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX)
    }
}

impl AddAssign for Timed {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.time += other.time;
        self.current += other.current;
    }
}

impl AddAssign for ShardActivity {
    fn add_assign(&mut self, other: Self) {
        self.index += other.index;
        self.delete += other.delete;
        self.bulks += other.bulks;
        self.bulk_bytes += other.bulk_bytes;
        self.index_failed += other.index_failed;
        self.noops += other.noops;
        self.found += other.found;
        self.missing += other.missing;
        self.query += other.query;
        self.fetch += other.fetch;
        self.refresh += other.refresh;
        self.flush += other.flush;
        self.periodic_flushes += other.periodic_flushes;
        self.merge += other.merge;
        self.merged_documents += other.merged_documents;
        self.merged_bytes += other.merged_bytes;
        self.merging_documents += other.merging_documents;
        self.merging_bytes += other.merging_bytes;
    }
}

impl Activity {
    /// Reads a document, and counts it by whether it is there.
    pub(crate) fn get<T, E>(&self, work: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        let began = Instant::now();
        self.found.current.fetch_add(1, Ordering::Relaxed);
        let read = work();
        self.found.current.fetch_sub(1, Ordering::Relaxed);
        match &read {
            Ok(Some(_)) => self.found.add(1, began.elapsed()),
            Ok(None) => self.missing.add(1, began.elapsed()),
            Err(_) => {}
        }
        read
    }

    pub(crate) fn shown(&self) -> ShardActivity {
        let number = |number: &AtomicU64| number.load(Ordering::Relaxed);
        ShardActivity {
            index: self.index.shown(),
            delete: self.delete.shown(),
            bulks: number(&self.bulks),
            bulk_bytes: number(&self.bulk_bytes),
            index_failed: number(&self.index_failed),
            noops: number(&self.noops),
            found: self.found.shown(),
            missing: self.missing.shown(),
            query: self.query.shown(),
            fetch: self.fetch.shown(),
            refresh: self.refresh.shown(),
            flush: self.flush.shown(),
            periodic_flushes: number(&self.periodic_flushes),
            merge: self.merge.shown(),
            merged_documents: number(&self.merged_documents),
            merged_bytes: number(&self.merged_bytes),
            merging_documents: number(&self.merging_documents),
            merging_bytes: number(&self.merging_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_while_it_is_done_and_after() {
        let timer = Timer::default();

        let current = timer.run(|| timer.shown().current, |_| true);
        timer.run(|| (), |()| false);

        let shown = timer.shown();
        assert_eq!((current, shown.count, shown.current), (1, 1, 0));
        assert!(shown.time > Duration::ZERO);
    }

    #[test]
    fn reads_are_counted_by_whether_there_was_something() {
        let activity = Activity::default();
        for outcome in [Ok(Some(1)), Ok(None), Ok(Some(2)), Err("broken")] {
            let _outcome = activity.get(|| outcome);
        }

        let shown = activity.shown();

        assert_eq!((shown.found.count, shown.missing.count, shown.found.current), (2, 1, 0));
    }
}
