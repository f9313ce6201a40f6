//! How far a task by query has come, and how fast it may go.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use daemon::CancellationToken;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// What is counted of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Updated,
    Created,
    Deleted,
    VersionConflicts,
    Noops,
}

/// The figures of one slice, read while they change.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Which slice, if there are several.
    pub slice: Option<u32>,
    total: AtomicU64,
    updated: AtomicU64,
    created: AtomicU64,
    deleted: AtomicU64,
    batches: AtomicU64,
    version_conflicts: AtomicU64,
    noops: AtomicU64,
    throttled_millis: AtomicU64,
    throttled_until: AtomicI64,
    /// Documents a second; infinite without a brake.
    rate: watch::Sender<f64>,
}

/// Which figures an answer shows: an API shows those that its operation can have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub updated: bool,
    pub created: bool,
}

/// The figures at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    total: u64,
    updated: u64,
    created: u64,
    deleted: u64,
    batches: u64,
    version_conflicts: u64,
    noops: u64,
    throttled_millis: u64,
    throttled_until_millis: i64,
    rate: f64,
}

impl Progress {
    pub(crate) fn new(slice: Option<u32>, rate: f64) -> Self {
        Self {
            slice,
            total: AtomicU64::new(0),
            updated: AtomicU64::new(0),
            created: AtomicU64::new(0),
            deleted: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            version_conflicts: AtomicU64::new(0),
            noops: AtomicU64::new(0),
            throttled_millis: AtomicU64::new(0),
            throttled_until: AtomicI64::new(0),
            rate: watch::Sender::new(rate),
        }
    }

    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Release);
    }

    pub(crate) fn begin_batch(&self) {
        self.batches.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn add(&self, what: Count) {
        let counter = match what {
            Count::Updated => &self.updated,
            Count::Created => &self.created,
            Count::Deleted => &self.deleted,
            Count::VersionConflicts => &self.version_conflicts,
            Count::Noops => &self.noops,
        };
        counter.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes the speed; a task that waits goes on at the new one.
    pub(crate) fn set_rate(&self, rate: f64) {
        self.rate.send_replace(rate);
    }

    /// Waits until a batch of `documents` has taken as long as the rate asks; `spent` was spent on it already.
    pub(crate) async fn brake(
        &self,
        documents: usize,
        spent: Duration,
        now_millis: i64,
        stop: &CancellationToken,
    ) {
        let mut rate = self.rate.subscribe();
        let mut waited = Duration::ZERO;
        loop {
            let current = *rate.borrow_and_update();
            let due = Duration::try_from_secs_f64(documents as f64 / current).unwrap_or_default();
            let left = due.saturating_sub(spent).saturating_sub(waited);
            if left.is_zero() {
                break;
            }
            self.throttled_until.store(now_millis + millis(waited + left), Ordering::Release);
            let begun = tokio::time::Instant::now();
            let is_over = tokio::select! {
                () = tokio::time::sleep(left) => true,
                () = stop.cancelled() => true,
                changed = rate.changed() => changed.is_err(),
            };
            waited += begun.elapsed();
            if is_over {
                break;
            }
        }
        self.throttled_until.store(0, Ordering::Release);
        self.throttled_millis.fetch_add(u64::try_from(millis(waited)).unwrap_or(0), Ordering::AcqRel);
    }

    fn figures(&self) -> Figures {
        Figures {
            total: self.total.load(Ordering::Acquire),
            updated: self.updated.load(Ordering::Acquire),
            created: self.created.load(Ordering::Acquire),
            deleted: self.deleted.load(Ordering::Acquire),
            batches: self.batches.load(Ordering::Acquire),
            version_conflicts: self.version_conflicts.load(Ordering::Acquire),
            noops: self.noops.load(Ordering::Acquire),
            throttled_millis: self.throttled_millis.load(Ordering::Acquire),
            throttled_until_millis: self.throttled_until.load(Ordering::Acquire),
            rate: *self.rate.borrow(),
        }
    }

    /// The figures of one slice.
    pub(crate) fn show(&self, now_millis: i64, shown: Shown) -> Map<String, Value> {
        let mut members = self.figures().show(now_millis, shown);
        if let Some(slice) = self.slice {
            members.shift_insert(0, "slice_id".to_owned(), json!(slice));
        }
        members
    }

    /// The figures of all slices, added up, and of each.
    pub(crate) fn show_all(
        slices: &[std::sync::Arc<Progress>],
        now_millis: i64,
        shown: Shown,
    ) -> Map<String, Value> {
        if let [only] = slices {
            return only.show(now_millis, shown);
        }
        let mut sum = Figures::default();
        for figures in slices.iter().map(|slice| slice.figures()) {
            sum.add(figures);
        }
        let mut members = sum.show(now_millis, shown);
        let each = slices.iter().map(|slice| Value::Object(slice.show(now_millis, shown)));
        members.insert("slices".to_owned(), Value::Array(each.collect()));
        members
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.updated += other.updated;
        self.created += other.created;
        self.deleted += other.deleted;
        self.batches += other.batches;
        self.version_conflicts += other.version_conflicts;
        self.noops += other.noops;
        self.throttled_millis += other.throttled_millis;
        self.throttled_until_millis = self.throttled_until_millis.max(other.throttled_until_millis);
        self.rate += other.rate;
    }

    fn show(&self, now_millis: i64, shown: Shown) -> Map<String, Value> {
        let until = self.throttled_until_millis;
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("total", json!(self.total));
        if shown.updated {
            put("updated", json!(self.updated));
        }
        if shown.created {
            put("created", json!(self.created));
        }
        put("deleted", json!(self.deleted));
        put("batches", json!(self.batches));
        put("version_conflicts", json!(self.version_conflicts));
        put("noops", json!(self.noops));
        put("retries", json!({"bulk": 0, "search": 0}));
        put("throttled_millis", json!(self.throttled_millis));
        put("requests_per_second", json!(if self.rate.is_finite() { self.rate } else { -1.0 }));
        put("throttled_until_millis", json!(if until > now_millis { until - now_millis } else { 0 }));
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_brake_waits_as_the_rate_asks_and_follows_it() {
        let progress = std::sync::Arc::new(Progress::new(None, 10.0));
        let stop = CancellationToken::new();
        let begun = tokio::time::Instant::now();

        progress.brake(50, Duration::from_secs(1), 0, &stop).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(4), "five seconds are due and one was spent");

        let braking = std::sync::Arc::clone(&progress);
        let token = stop.clone();
        let waiting = tokio::spawn(async move { braking.brake(1_000_000, Duration::ZERO, 0, &token).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        progress.set_rate(f64::INFINITY);
        waiting.await.expect("released");
        assert_eq!(begun.elapsed(), Duration::from_secs(5), "without a brake it goes on at once");

        progress.set_rate(0.001);
        stop.cancel();
        progress.brake(1, Duration::ZERO, 0, &stop).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5), "who is cancelled does not wait");
        let shown = progress.show(0, Shown { updated: true, created: false });
        assert_eq!(shown["throttled_millis"], json!(5_000));
    }
}
