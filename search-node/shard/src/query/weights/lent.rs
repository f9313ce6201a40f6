//! Lent: what the runs of a script hold at the same time, on whatever threads. A search takes as much memory as the most of it, not as the sum over
//! its documents.

use std::sync::Arc;

use parking_lot::Mutex;

/// What the runs of one script hold now, and what was taken for them: as much as they ever held.
#[derive(Debug, Clone, Default)]
pub(in crate::query) struct Lent(Arc<Mutex<Bytes>>);

#[derive(Debug, Default)]
struct Bytes {
    now: usize,
    taken: usize,
}

impl Lent {
    /// Holds so many bytes more, if that is no more than was taken before, or the rest can be taken.
    pub(super) fn more(&self, bytes: usize, take: impl FnOnce(usize) -> bool) -> bool {
        let mut held = self.0.lock();
        let now = held.now.saturating_add(bytes);
        let short = now.saturating_sub(held.taken);
        if short > 0 && !take(short) {
            return false;
        }
        held.taken += short;
        held.now = now;
        true
    }

    /// So many of them are free again.
    pub(super) fn less(&self, bytes: usize) {
        let mut held = self.0.lock();
        held.now = held.now.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_again_is_not_taken_twice() {
        let (lent, mut taken) = (Lent::default(), 0);
        let mut more = |bytes| {
            lent.more(bytes, |short| {
                taken += short;
                taken <= 100
            })
        };
        assert!(more(60) && more(30));
        lent.less(90);
        assert!(more(80));
        assert!(more(20) && !more(1), "others hold the rest");
        assert_eq!(taken, 101);
    }
}
