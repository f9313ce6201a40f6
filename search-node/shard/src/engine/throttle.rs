//! Throttle: writers wait for merges that have fallen behind, so that the list of segments does not grow without end.
//!
//! ```text
//!  refresh begins merges ── more than `merges_max` wait or run ──▶ writers wait
//!  writers go on ◀── a merge ends, or `throttle_max` is over ──────────┘ until the next refresh
//! ```
//! Writes are what makes segments: each wait is at most once for a refresh, so a writer that waited gets its turn even if
//! merges never catch up. A wait is measured by the host's clock: it has no meaning but to the one
//! who waits, and no document depends on it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The brake of one shard.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// Whether writers are to wait.
    is_on: AtomicBool,
    /// How many writers wait now.
    waiting: Mutex<usize>,
    changed: Condvar,
    waited_nanos: AtomicU64,
}

impl Throttle {
    /// More merges have begun: writers wait if that makes too many.
    pub(super) fn tighten(&self, merges: usize, merges_max: usize) {
        if merges > merges_max {
            self.is_on.store(true, Ordering::Release);
        }
    }

    /// A merge has ended: writers go on.
    pub(super) fn loosen(&self) {
        let _waiting = self.waiting.lock();
        self.is_on.store(false, Ordering::Release);
        self.changed.notify_all();
    }

    /// Waits if writers are to wait, for `most` at most.
    pub(super) fn wait(&self, most: Duration) {
        if !self.is_on() {
            return;
        }
        let began = Instant::now();
        // A time that the clock cannot count to is no bound.
        let until = began.checked_add(most);
        let mut waiting = self.waiting.lock();
        *waiting += 1;
        while self.is_on() {
            let Some(until) = until else {
                self.changed.wait(&mut waiting);
                continue;
            };
            if self.changed.wait_until(&mut waiting, until).timed_out() {
                self.is_on.store(false, Ordering::Release);
                self.changed.notify_all();
            }
        }
        *waiting -= 1;
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.waited_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Whether writers wait, or the next one will.
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// How long writers have waited, all of them together.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_nanos.load(Ordering::Relaxed))
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        *self.waiting.lock()
    }
}
