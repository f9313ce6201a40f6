//! The numbers of a copy's operations: which it has, and up to where all copies are equal.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::terms::Terms;

/// The numbers of the operations that a translog holds, durable or not.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Up to here all copies that count are equal, for good.
    global: i64,
    /// The operations beyond that.
    held: Terms,
    /// Numbers up to here may have been given out and lost, where nobody but this copy gives them out.
    given_out: i64,
    /// The local checkpoint, for whoever must not wait.
    local: Arc<AtomicI64>,
}

/// What is known of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    No,
    /// The copy has that operation.
    Same,
    /// The copy has another operation of that number.
    Other,
}

impl Numbers {
    pub(super) fn new(global: i64, mut held: Terms, given_out: i64) -> Self {
        held.forget_up_to(global);
        let numbers = Self { global, held, given_out, local: Arc::default() };
        numbers.tell_local();
        numbers
    }

    pub(super) fn global(&self) -> i64 {
        self.global
    }

    /// The highest number up to which there is everything.
    pub(super) fn local(&self) -> i64 {
        self.local.load(Ordering::Relaxed)
    }

    /// The local checkpoint, as it is at any time.
    pub(super) fn shared_local(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.local)
    }

    /// The highest number there is or was; -1 when there is none.
    pub(super) fn highest(&self) -> i64 {
        self.global.max(self.held.highest()).max(self.given_out)
    }

    /// What is beyond the global checkpoint.
    pub(super) fn held(&self) -> &Terms {
        &self.held
    }

    pub(super) fn known(&self, seq_no: u64, term: u64) -> Known {
        if seq_no as i64 <= self.global {
            return Known::Same;
        }
        match self.held.get(seq_no) {
            None => Known::No,
            Some(own) if own == term => Known::Same,
            Some(_) => Known::Other,
        }
    }

    /// An operation was written down, in the place of any that had its number.
    pub(super) fn add(&mut self, seq_no: u64, term: u64) {
        if seq_no as i64 > self.global {
            self.held.insert(seq_no, term);
            self.tell_local();
        }
    }

    /// An operation does not count any more; gives whether it was there.
    pub(super) fn drop(&mut self, seq_no: u64) -> bool {
        let was_there = self.held.remove(seq_no).is_some();
        self.tell_local();
        was_there
    }

    /// All copies that count are equal up to `seq_no`, as far as this one has everything; gives whether that is news.
    pub(super) fn raise_global(&mut self, seq_no: i64) -> bool {
        self.settle(seq_no.min(self.local()))
    }

    /// All that is there up to `seq_no` counts for good, also where numbers were lost.
    pub(super) fn settle(&mut self, seq_no: i64) -> bool {
        if seq_no <= self.global {
            return false;
        }
        self.global = seq_no;
        self.held.forget_up_to(seq_no);
        self.tell_local();
        true
    }

    fn tell_local(&self) {
        self.local.store(self.held.all_after(self.global), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_checkpoint_waits_for_gaps_and_the_global_one_for_it() {
        let mut numbers = Numbers::new(-1, Terms::default(), -1);
        for seq_no in [0, 1, 3] {
            numbers.add(seq_no, 1);
        }
        assert_eq!((numbers.local(), numbers.highest()), (1, 3));

        assert!(numbers.raise_global(9));
        assert_eq!(numbers.global(), 1, "no further than there is everything");
        numbers.add(2, 1);

        assert_eq!(
            (numbers.global(), numbers.local()),
            (1, 3),
            "what was told before is told again, or not meant"
        );
        assert!(numbers.raise_global(9) && !numbers.raise_global(2));
        assert_eq!((numbers.global(), numbers.held().highest()), (3, -1));
    }

    #[test]
    fn an_operation_is_known_by_its_number_and_term() {
        let mut numbers = Numbers::new(3, Terms::default(), -1);
        numbers.add(4, 2);

        let known = |seq_no, term| numbers.known(seq_no, term);

        assert_eq!(
            [known(3, 9), known(4, 2), known(4, 1), known(5, 2)],
            [Known::Same, Known::Same, Known::Other, Known::No]
        );
    }

    #[test]
    fn what_is_dropped_leaves_its_number_free() {
        let mut numbers = Numbers::new(0, Terms::default(), -1);
        numbers.add(1, 1);
        numbers.add(2, 1);

        assert!(numbers.drop(2) && !numbers.drop(2));

        assert_eq!((numbers.local(), numbers.highest()), (1, 1));
    }

    #[test]
    fn a_number_that_was_given_out_and_lost_is_not_given_out_again() {
        let mut numbers = Numbers::new(0, Terms::default(), 5);

        assert_eq!((numbers.highest(), numbers.local()), (5, 0));
        numbers.settle(5);

        assert_eq!(numbers.local(), 5);
    }
}
