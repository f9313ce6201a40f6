//! Helpers: threads beside those that search, which help a large search while there are processors with nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Looks whether a search ends between two looks whether somebody could help: what was done until the first one takes longer by far than
/// to start a thread.
const LOOKS_BETWEEN: u32 = 32;

/// Documents of a part of a segment: walking over them takes longer by far than finding where they begin.
const PART: u32 = 1 << 15;

/// How many threads search on a node, and on how many processors.
#[derive(Debug)]
pub struct Helpers {
    processors: usize,
    busy: AtomicUsize,
    /// How many help, how many did so at once at most, and how many have helped.
    helping: AtomicUsize,
    most: AtomicUsize,
    helped: AtomicU64,
    pub(super) looks_between: u32,
    pub(super) part: u32,
}

/// A thread that searches.
#[derive(Debug)]
pub(crate) struct Busy {
    of: Arc<Helpers>,
    helps: bool,
}

impl Helpers {
    /// So many processors may search at once, helpers among them.
    pub fn new(processors: usize) -> Arc<Self> {
        Self::of_pace(processors, LOOKS_BETWEEN, PART)
    }

    fn of_pace(processors: usize, looks_between: u32, part: u32) -> Arc<Self> {
        let (busy, helping, most, helped) = Default::default();
        Arc::new(Self { processors, busy, helping, most, helped, looks_between, part })
    }

    /// They help whoever has looked once, with few documents at a time.
    #[cfg(test)]
    pub(crate) fn eager(processors: usize) -> Arc<Self> {
        Self::of_pace(processors, 1, 256)
    }

    /// How many help now.
    pub fn helping(&self) -> usize {
        self.helping.load(Ordering::Relaxed)
    }

    /// How many helped at once at most.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// How many have helped.
    pub fn helped(&self) -> u64 {
        self.helped.load(Ordering::Relaxed)
    }

    /// A search begins, whether there is a processor for it or not.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy { of: Arc::clone(self), helps: false }
    }

    /// A helper, if there is a processor for it.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Busy> {
        let is_idle = |busy| (busy < self.processors).then_some(busy + 1);
        self.busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, is_idle).ok()?;
        let helping = self.helping.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(helping + 1, Ordering::Relaxed);
        Some(Busy { of: Arc::clone(self), helps: true })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.of.busy.fetch_sub(1, Ordering::AcqRel);
        if self.helps {
            self.of.helping.fetch_sub(1, Ordering::Relaxed);
            self.of.helped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_processors_do_nothing() {
        let helpers = Helpers::new(3);
        let first = helpers.begin();
        let (own, other) = (helpers.take(), helpers.take());
        assert!(own.is_some() && other.is_some() && helpers.take().is_none());
        // Searches begin all the same.
        let second = helpers.begin();
        drop((first, own));
        assert!(helpers.take().is_some());
        drop(helpers.begin());
        assert!(helpers.take().is_some());

        drop((second, other));

        assert_eq!((helpers.busy.load(Ordering::Acquire), helpers.helping(), helpers.helped()), (0, 0, 4));
        assert_eq!(helpers.most(), 2);
    }
}
