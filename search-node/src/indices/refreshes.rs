//! The refreshes of an index, numbered, and the writers that wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::watch;

/// How far the refreshes of an index have come.
#[derive(Debug)]
pub(super) struct Refreshes {
    /// The number of the refresh that began last.
    begun: AtomicU64,
    /// The highest number of a refresh that is done.
    done: watch::Sender<u64>,
    waiting: Arc<AtomicUsize>,
}

/// Somebody who waits for a refresh that begins after now.
#[derive(Debug)]
pub struct RefreshWaiter {
    begun: u64,
    done: watch::Receiver<u64>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Refreshes {
    fn default() -> Self {
        Self { begun: AtomicU64::new(0), done: watch::Sender::new(0), waiting: Arc::default() }
    }
}

impl Refreshes {
    /// The number of a refresh that begins.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Tells everybody that a refresh is done.
    pub(super) fn finish(&self, number: u64) {
        self.done.send_if_modified(|done| {
            let is_newer = number > *done;
            *done = number.max(*done);
            is_newer
        });
    }

    /// No further refresh will come.
    pub(super) fn close(&self) {
        self.finish(u64::MAX);
    }

    /// How many writers wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// A place among those who wait, of which there are `most`.
    pub(super) fn next(&self, most: usize) -> Option<RefreshWaiter> {
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        // A refresh that runs already may have passed the write by: only one with a higher number counts.
        let waiter = RefreshWaiter {
            begun: self.begun.load(Ordering::Acquire),
            done: self.done.subscribe(),
            waiting: Arc::clone(&self.waiting),
        };
        (before < most).then_some(waiter)
    }
}

impl RefreshWaiter {
    /// Returns once the refresh is done.
    pub async fn wait(mut self) {
        let begun = self.begun;
        // An error means that the index was let go of: nothing will become visible any more.
        let _gone = self.done.wait_for(|done| *done > begun).await.is_err();
    }
}

impl Drop for RefreshWaiter {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn only_a_refresh_that_begins_later_counts() {
        let refreshes = Refreshes::default();
        let early = refreshes.begin();
        let mut waiting = Box::pin(refreshes.next(10).expect("a place").wait());

        refreshes.finish(early);
        assert!(waiting.as_mut().now_or_never().is_none(), "a refresh that ran already does not count");

        let late = refreshes.begin();
        refreshes.finish(late);
        assert!(waiting.as_mut().now_or_never().is_some());
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let refreshes = Refreshes::default();
        let first = refreshes.next(1).expect("a place");
        assert!(refreshes.next(1).is_none());
        drop(first);

        let mut waiting = Box::pin(refreshes.next(1).expect("a place again").wait());
        refreshes.close();
        assert!(waiting.as_mut().now_or_never().is_some(), "who waits is let go of when the index goes");
    }
}
