//! Workers: threads that merge, shared by every shard of a node. They come when there is work and go when there is none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

use super::EngineError;

type Work = Box<dyn FnOnce() + Send>;

/// Work that nobody wants any more once its flag is set.
struct Waiting {
    is_ended: Arc<AtomicBool>,
    work: Work,
}

/// Threads for work in the background.
pub struct Workers {
    threads_max: usize,
    /// Whether work waits until somebody asks for it.
    is_on_demand: bool,
    state: Mutex<State>,
    idle: Condvar,
    /// Whether merges are to end without a result.
    stopped: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    threads: usize,
}

impl Workers {
    /// At most `threads_max` threads; with none, work is done by who hands it in.
    pub fn new(threads_max: usize) -> Arc<Self> {
        Self::of(threads_max, false)
    }

    /// No threads: work waits until [`Workers::work_off`] does it, so that a test says what comes between.
    pub fn on_demand() -> Arc<Self> {
        Self::of(0, true)
    }

    fn of(threads_max: usize, is_on_demand: bool) -> Arc<Self> {
        let (state, idle, stopped) = (Mutex::default(), Condvar::new(), Arc::default());
        Arc::new(Self { threads_max, is_on_demand, state, idle, stopped })
    }

    /// No merge begins any more, and those under way end soon, without a result and with nothing left behind: for who shuts the
    /// node down, which must not wait for hours.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// Set once merges are to end.
    pub(super) fn stopped(&self) -> &Arc<AtomicBool> {
        &self.stopped
    }

    /// Fails once merges are to end.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        if self.stopped.load(Ordering::Acquire) { Err(EngineError::Stopping) } else { Ok(()) }
    }

    /// Does all that waits, and what that asks for in turn; how much it was.
    pub fn work_off(&self) -> usize {
        let mut done = 0;
        loop {
            let work = self.state.lock().waiting.pop_front();
            let Some(waiting) = work else { return done };
            (waiting.work)();
            done += 1;
        }
    }

    /// Does the work soon, or drops it if there is no thread to do it or `is_ended` is set by then. What waits is bounded by who hands
    /// it in: a shard has each segment in one merge at most.
    pub(super) fn run(self: &Arc<Self>, is_ended: &Arc<AtomicBool>, work: impl FnOnce() + Send + 'static) {
        if self.threads_max == 0 && !self.is_on_demand {
            return work();
        }
        let mut state = self.state.lock();
        if is_ended.load(Ordering::Acquire) {
            // What goes on when it is dropped needs no lock of this.
            drop(state);
            return drop(work);
        }
        state.waiting.push_back(Waiting { is_ended: Arc::clone(is_ended), work: Box::new(work) });
        if self.is_on_demand || state.threads >= self.threads_max {
            return;
        }
        state.threads += 1;
        drop(state);
        let workers = Arc::clone(self);
        let started = std::thread::Builder::new().name("merge".to_owned()).spawn(move || workers.work());
        if let Err(error) = started {
            let dropped = {
                let mut state = self.state.lock();
                state.threads -= 1;
                // With no thread at all nobody would ever do it: who handed it in learns that by its being dropped.
                if state.threads == 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() }
            };
            self.idle.notify_all();
            tracing::warn!(%error, merges = dropped.len(), "no thread could be started to merge; it is tried again later");
        }
    }

    fn work(&self) {
        loop {
            let work = {
                let mut state = self.state.lock();
                let Some(waiting) = state.waiting.pop_front() else {
                    state.threads -= 1;
                    self.idle.notify_all();
                    return;
                };
                waiting.work
            };
            // A merge that breaks costs itself; the thread goes on with the next.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
                tracing::error!("a merge broke");
            }
        }
    }

    /// Drops what waits of this flag, which is set.
    pub(super) fn forget(&self, is_ended: &Arc<AtomicBool>) {
        let forgotten: Vec<Waiting> = {
            let mut state = self.state.lock();
            let (forgotten, kept) = std::mem::take(&mut state.waiting)
                .into_iter()
                .partition::<VecDeque<_>, _>(|waiting| Arc::ptr_eq(&waiting.is_ended, is_ended));
            state.waiting = kept;
            forgotten.into()
        };
        drop(forgotten);
    }

    /// Waits until nothing is under way or waiting.
    pub fn wait_until_idle(&self) {
        let mut state = self.state.lock();
        while state.threads > 0 {
            self.idle.wait(&mut state);
        }
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Workers({})", self.threads_max)
    }
}
