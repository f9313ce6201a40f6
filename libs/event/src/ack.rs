//! Acks: how a source learns that what it read is safe, however many ways its events went.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Every way that the batch took ended in a safe place: an output's ack, a dead-letter record, a drop on purpose.
    Delivered,
    /// Some way was given up, as at a shutdown: the source must send again.
    Abandoned,
}

/// One share in a batch's ack. Clone it for each further way the events take; each share ends with
/// [`AckHandle::delivered`], or, when it is merely dropped, counts as abandoned.
///
/// ```text
///  new ──clone──▶ n shares ──all delivered──▶ callback(Delivered)
///                     └─────any dropped──────▶ callback(Abandoned), once all are gone
/// ```
pub struct AckHandle {
    shared: Arc<Shared>,
    settled: bool,
}

struct Shared {
    open: AtomicUsize,
    abandoned: AtomicBool,
    callback: Box<dyn Fn(Delivery) + Send + Sync>,
}

impl AckHandle {
    /// A handle that calls back once, when the last share has ended.
    pub fn new(callback: impl Fn(Delivery) + Send + Sync + 'static) -> Self {
        let shared = Shared {
            open: AtomicUsize::new(1),
            abandoned: AtomicBool::new(false),
            callback: Box::new(callback),
        };
        Self { shared: Arc::new(shared), settled: false }
    }

    /// Ends this share well.
    pub fn delivered(mut self) {
        self.settled = true;
        self.shared.end();
    }
}

impl Shared {
    fn end(&self) {
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let abandoned = self.abandoned.load(Ordering::Acquire);
            (self.callback)(if abandoned { Delivery::Abandoned } else { Delivery::Delivered });
        }
    }
}

impl Clone for AckHandle {
    fn clone(&self) -> Self {
        self.shared.open.fetch_add(1, Ordering::AcqRel);
        Self { shared: Arc::clone(&self.shared), settled: false }
    }
}

impl Drop for AckHandle {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.abandoned.store(true, Ordering::Release);
            self.shared.end();
        }
    }
}

impl fmt::Debug for AckHandle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "AckHandle(open: {})", self.shared.open.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn recorded() -> (AckHandle, Arc<Mutex<Vec<Delivery>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        (AckHandle::new(move |delivery| sink.lock().unwrap().push(delivery)), seen)
    }

    #[test]
    fn the_source_hears_once_after_the_last_share() {
        let (handle, seen) = recorded();
        let second = handle.clone();

        handle.delivered();
        assert!(seen.lock().unwrap().is_empty());
        second.delivered();

        assert_eq!(*seen.lock().unwrap(), [Delivery::Delivered]);
    }

    #[test]
    fn one_dropped_share_abandons_the_batch() {
        let (handle, seen) = recorded();
        let second = handle.clone();

        drop(second);
        handle.delivered();

        assert_eq!(*seen.lock().unwrap(), [Delivery::Abandoned]);
    }
}
