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

    /// The highest number up to which there is everything.
    pub fn all_up_to(&self) -> i64 {
        self.all_up_to
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
        assert_eq!(copy.all_up_to(), 0);

        copy.mark(1);

        assert_eq!(copy.all_up_to(), 3);
    }
}
