//! Memory: what the node takes, what it may take, and who waits or is answered 429 because it would not fit.
//!
//! There is no exception to catch when memory runs out, so a request promises what it will take before it works. Three sums
//! make up what is used: what the process held when it was last looked at, what requests say they have filled since, and
//! what they have promised and not filled yet. A thread of `relief` looks ten times a second, more often where memory
//! is short, and less often where hardly anything is held and nothing waits to be written out; whoever finds no room looks at once.
//!
//! # Invariants
//!
//! - What is promised is taken back when its [`Reservation`] is dropped, whatever became of the request.
//! - Small requests go past large ones that wait, and care only for what is in memory, of which those leave them a part: the
//!   node always answers.
//! - One of the requests that were begun can always go on, as long as there is memory in truth.
//! - A wait has an end (`memory.wait`), and so has the number of those who wait (`memory.queue_size`).
//!
//! How much a request will take is the business of who reads it.

mod admission;
mod heap;
mod host;
mod refusal;
mod reservation;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

pub use heap::{Heap, SilentHeap};
pub(crate) use host::host_memory;
pub(crate) use reservation::Reservation;

use self::heap::Usage;

/// A look that is younger than this is as good as a new one: writers on every core fill a megabyte in this time.
const FRESH: Duration = Duration::from_millis(5);

/// How often it is looked while there is room enough. Writers on every core fill some tens of megabytes in this time.
const CALM: Duration = Duration::from_millis(100);

/// How often it is looked where hardly anything is used, and no document waits in memory to be written out: what requests fill meanwhile
/// they say themselves.
const IDLE: Duration = Duration::from_millis(500);

/// How often it is looked where memory is short, and how often those who wait try again.
const TENSE: Duration = Duration::from_millis(10);

/// What the node may take, and who may wait for it.
#[derive(Debug, Clone, Copy)]
pub struct MemorySettings {
    pub limit: u64,
    /// How long a request may wait for memory.
    pub wait: Duration,
    /// How many requests may wait.
    pub queue: usize,
}

/// The node's memory.
#[derive(Debug, Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: MemorySettings,
    heap: Arc<dyn Heap>,
    /// What the process held when it was last looked at.
    held: AtomicU64,
    /// What was filled since then.
    filled: AtomicU64,
    /// What requests have promised and not filled yet.
    promised: AtomicU64,
    /// When it was last looked.
    looked: Mutex<Option<Instant>>,
    waiting: AtomicUsize,
    /// Requests that were refused.
    refused: AtomicU64,
    /// Something was given back.
    freed: Notify,
    /// Held by the large request that has waited longest.
    turn: tokio::sync::Mutex<()>,
    /// Held by the request that may take what others have only promised.
    precedence: Arc<tokio::sync::Mutex<()>>,
}

impl Memory {
    pub fn new(settings: MemorySettings, heap: Arc<dyn Heap>) -> Self {
        let inner = Inner {
            settings,
            heap,
            held: AtomicU64::new(0),
            filled: AtomicU64::new(0),
            promised: AtomicU64::new(0),
            looked: Mutex::new(None),
            waiting: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            freed: Notify::new(),
            turn: tokio::sync::Mutex::new(()),
            precedence: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Looks at what the process holds now.
    pub fn look(&self) {
        self.look_unless_younger_than(Duration::ZERO);
    }

    /// The same, unless somebody has just done so. Who comes while another looks waits for what they see.
    fn look_unless_younger_than(&self, age: Duration) {
        let inner = &self.inner;
        let mut looked = inner.looked.lock();
        if looked.is_some_and(|at| at.elapsed() < age) {
            return;
        }
        // What is filled while it is looked counts twice for once, rather than not at all.
        let filled = inner.filled.load(Ordering::Acquire);
        let mut usage = Usage::of(&*inner.heap);
        if usage.is_worth_giving_back(inner.settings.limit) {
            inner.heap.give_back();
            usage = Usage::of(&*inner.heap);
        }
        inner.held.store(usage.held(), Ordering::Release);
        inner.filled.fetch_sub(filled, Ordering::AcqRel);
        *looked = Some(Instant::now());
    }

    /// What the process held when it was last looked at.
    pub fn held(&self) -> u64 {
        self.inner.held.load(Ordering::Acquire)
    }

    pub fn limit(&self) -> u64 {
        self.inner.settings.limit
    }

    /// How many requests were refused.
    pub fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    /// Whether a request of so many bytes goes past others.
    pub(crate) fn is_small(&self, bytes: u64) -> bool {
        admission::is_small(bytes, self.limit())
    }

    /// How long may pass until the next look. `is_buffering` says that documents wait in memory.
    pub(crate) fn pause(&self, is_buffering: bool) -> Duration {
        pause(self.used(), self.limit(), is_buffering)
    }

    /// What is in memory: what was seen, and what was filled since.
    fn filled(&self) -> u64 {
        self.held().saturating_add(self.inner.filled.load(Ordering::Acquire))
    }

    /// The same, and what is promised.
    fn used(&self) -> u64 {
        self.filled().saturating_add(self.inner.promised.load(Ordering::Acquire))
    }

    /// Takes a promise back.
    fn release(&self, bytes: u64) {
        self.inner.promised.fetch_sub(bytes, Ordering::AcqRel);
        if bytes > 0 && self.inner.waiting.load(Ordering::Acquire) > 0 {
            self.inner.freed.notify_waiters();
        }
    }

    /// What was promised is in memory now, and the next look will see it.
    fn fill(&self, bytes: u64) {
        self.inner.filled.fetch_add(bytes, Ordering::AcqRel);
        self.release(bytes);
    }
}

/// How long may pass until the next look: less where what is used comes near the limit.
fn pause(used: u64, limit: u64, is_buffering: bool) -> Duration {
    match used {
        _ if used > limit / 4 * 3 => TENSE,
        _ if is_buffering || used > limit / 8 => CALM,
        _ => IDLE,
    }
}

#[cfg(test)]
impl Memory {
    /// One in which nobody waits.
    pub(crate) fn bounded(limit: u64) -> Self {
        Self::new(MemorySettings { limit, wait: Duration::ZERO, queue: 0 }, Arc::new(SilentHeap))
    }
}

#[cfg(test)]
mod tests;
