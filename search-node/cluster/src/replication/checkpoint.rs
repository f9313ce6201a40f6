//! Which operations a copy has: all up to a checkpoint, and some beyond.

use std::collections::BTreeSet;

use super::NONE;

/// Numbers of operations that a copy has, in whatever order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalCheckpoint {
    all_up_to: i64,
    beyond: BTreeSet<i64>,
}

impl LocalCheckpoint {
    /// A copy that has everything up to a number.
    pub fn at(all_up_to: i64) -> Self {
        Self { all_up_to: all_up_to.max(NONE), beyond: BTreeSet::new() }
    }

    /// The copy has this one; gives whether that is new.
    pub fn mark(&mut self, seq_no: i64) -> bool {
        if seq_no <= self.all_up_to || !self.beyond.insert(seq_no) {
            return false;
        }
        while self.beyond.remove(&(self.all_up_to + 1)) {
            self.all_up_to += 1;
        }
        true
    }

    pub fn has(&self, seq_no: i64) -> bool {
        seq_no <= self.all_up_to || self.beyond.contains(&seq_no)
    }

    /// The highest number up to which there is everything.
    pub fn all_up_to(&self) -> i64 {
        self.all_up_to
    }

    /// The highest number.
    pub fn max(&self) -> i64 {
        self.beyond.last().copied().unwrap_or(self.all_up_to)
    }

    /// The numbers below the highest that are missing.
    pub fn gaps(&self) -> Vec<i64> {
        (self.all_up_to + 1..self.max()).filter(|seq_no| !self.beyond.contains(seq_no)).collect()
    }

    /// Forgets what comes after a number.
    pub fn roll_back(&mut self, keep_up_to: i64) {
        self.beyond.retain(|seq_no| *seq_no <= keep_up_to);
        self.all_up_to = self.all_up_to.min(keep_up_to.max(NONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_waits_for_what_is_missing() {
        let mut copy = LocalCheckpoint::at(NONE);
        for seq_no in [0, 2, 3, 5] {
            assert!(copy.mark(seq_no));
        }
        assert!(!copy.mark(2), "a second time");
        assert_eq!((copy.all_up_to(), copy.max(), copy.gaps()), (0, 5, vec![1, 4]));

        copy.mark(1);

        assert_eq!((copy.all_up_to(), copy.gaps()), (3, vec![4]));
    }

    #[test]
    fn what_is_rolled_back_is_missing_again() {
        let mut copy = LocalCheckpoint::at(4);
        for seq_no in [6, 7, 9] {
            copy.mark(seq_no);
        }

        copy.roll_back(7);
        assert_eq!((copy.all_up_to(), copy.max(), copy.has(9)), (4, 7, false));
        copy.roll_back(2);
        assert_eq!((copy.all_up_to(), copy.max()), (2, 2));
        assert!(copy.mark(3));
    }
}
