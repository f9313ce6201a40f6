//! A copy that is not primary: which operations it takes, and what it must let go of when the primary changes.
//!
//! A new primary need not have what an older one sent and nobody was told of; and what this copy has may be all that is left of
//! what was acknowledged, should the new primary fail at once. So nothing is dropped when a new term begins. The new primary
//! sends everything that is not yet equal everywhere; only when that is done are operations dropped that it did not name.

use std::collections::BTreeMap;

use super::{LocalCheckpoint, NONE};

/// What a replica knows about itself.
#[derive(Debug, Clone)]
pub struct Replica {
    term: u64,
    /// Up to here all copies in sync are equal, for good.
    global: i64,
    /// The term of each operation beyond `global`, whoever sent it.
    held: BTreeMap<i64, u64>,
    /// What the primary of this term has named and is on the disk.
    confirmed: LocalCheckpoint,
    is_resynced: bool,
    /// What it shows is not what it holds: an operation that was applied has been replaced or dropped.
    is_tainted: bool,
}

/// Whom a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// An older primary, which must be told so.
    OldTerm,
    /// The primary that is known.
    Current,
    /// A new primary. Its term is written down before anything is answered.
    NewTerm,
}

/// What to do with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// Write it down and apply it.
    Apply,
    /// It is there already.
    Known,
    /// Write it down. One of an older term with the same number was applied, so the copy must be rebuilt from what it holds.
    Replace,
}

impl Replica {
    /// A copy that has these operations on its disk, by number with their terms, beyond `global`.
    pub fn new(term: u64, global: i64, held: BTreeMap<i64, u64>) -> Self {
        let mut replica = Self {
            term,
            global: global.max(NONE),
            confirmed: LocalCheckpoint::at(global),
            held,
            is_resynced: true,
            is_tainted: false,
        };
        replica.held.retain(|seq_no, _| *seq_no > replica.global);
        for seq_no in replica.held.keys() {
            replica.confirmed.mark(*seq_no);
        }
        replica
    }

    /// A message of the primary of a term, which knows a global checkpoint.
    pub fn hear(&mut self, term: u64, global: i64) -> Heard {
        if term < self.term {
            return Heard::OldTerm;
        }
        if term == self.term {
            self.raise_global(global.min(self.confirmed.all_up_to()));
            return Heard::Current;
        }
        self.raise_global(global);
        self.term = term;
        self.confirmed = LocalCheckpoint::at(self.global);
        self.is_resynced = false;
        Heard::NewTerm
    }

    /// An operation from the primary of this term; `term` is the one in which it was numbered. It counts once it is
    /// [on the disk](Self::on_disk).
    pub fn take(&mut self, seq_no: i64, term: u64) -> Take {
        if seq_no <= self.global {
            return Take::Known;
        }
        match self.held.insert(seq_no, term) {
            None => Take::Apply,
            Some(before) if before == term => Take::Known,
            Some(_) => {
                self.is_tainted = true;
                Take::Replace
            }
        }
    }

    /// An operation that the primary of `named_in` has named is on the disk for good. What an older primary has named says nothing
    /// about this one's, even if it gets there late.
    pub fn on_disk(&mut self, seq_no: i64, named_in: u64) {
        if named_in == self.term {
            self.confirmed.mark(seq_no);
        }
    }

    /// The primary of this term had nothing beyond `last` when its term began. Once this copy has everything up to there, gives what
    /// it holds beyond and must drop; none before that.
    pub fn resynced(&mut self, last: i64) -> Option<Vec<i64>> {
        // To drop anything earlier would leave this copy with less than it had, should the primary fail now.
        if self.is_resynced || self.confirmed.all_up_to() < last {
            return None;
        }
        self.is_resynced = true;
        let left_over = self.held.extract_if(last + 1.., |_, term| *term < self.term);
        let left_over: Vec<i64> = left_over.map(|(seq_no, _)| seq_no).collect();
        self.is_tainted |= !left_over.is_empty();
        Some(left_over)
    }

    /// Whether it must be rebuilt from what it holds before it shows anything else.
    pub fn is_tainted(&self) -> bool {
        self.is_tainted
    }

    /// It was rebuilt.
    pub fn rebuilt(&mut self) {
        self.is_tainted = false;
    }

    pub fn term(&self) -> u64 {
        self.term
    }

    /// Up to where it has everything that the primary of this term has named, on its disk: what it may tell the primary.
    pub fn local(&self) -> i64 {
        self.confirmed.all_up_to()
    }

    /// Up to where this copy knows that all copies in sync are equal.
    pub fn global(&self) -> i64 {
        self.global
    }

    /// The highest number it holds, and those below it that it lacks, as a new primary has to know: it fills them with nothing.
    pub fn last_and_gaps(&self) -> (i64, Vec<i64>) {
        let last = self.held.last_key_value().map_or(self.global, |(seq_no, _)| *seq_no);
        let gaps = (self.global + 1..last).filter(|seq_no| !self.held.contains_key(seq_no)).collect();
        (last, gaps)
    }

    /// All copies in sync are equal up to `global`, and so is this one as far as it has everything: it may just catch up.
    fn raise_global(&mut self, global: i64) {
        while self.global < global && self.held.remove(&(self.global + 1)).is_some() {
            self.global += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(held: &[(i64, u64)]) -> Replica {
        Replica::new(1, 3, held.iter().copied().collect())
    }

    #[test]
    fn an_older_primary_is_refused() {
        let mut copy = replica(&[]);
        assert_eq!(copy.hear(2, 3), Heard::NewTerm);

        assert_eq!(copy.hear(1, 3), Heard::OldTerm);
        assert_eq!(copy.hear(2, 3), Heard::Current);
    }

    /// What a new primary has not named may be all that is left of what was acknowledged.
    #[test]
    fn a_new_term_drops_nothing_until_the_new_primary_has_named_what_it_has() {
        let mut copy = replica(&[(4, 1), (5, 1), (7, 1)]);

        copy.hear(2, 3);
        assert_eq!(
            (copy.local(), copy.last_and_gaps()),
            (3, (7, vec![6])),
            "nothing is confirmed, all is held"
        );
        assert_eq!(copy.take(4, 1), Take::Known);
        assert_eq!(copy.take(5, 2), Take::Replace);
        assert!(copy.is_tainted());
        assert_eq!(copy.take(6, 2), Take::Apply);
        assert_eq!((copy.resynced(6), copy.local()), (None, 3), "nothing of it is on the disk");
        [4, 5, 6].into_iter().for_each(|seq_no| copy.on_disk(seq_no, 2));

        assert_eq!(copy.resynced(6), Some(vec![7]));
        assert_eq!((copy.local(), copy.last_and_gaps()), (6, (6, vec![])));
        assert_eq!(copy.resynced(6), None, "once in a term");
    }

    /// An operation of the new term may overtake the last word of the resync.
    #[test]
    fn what_the_new_primary_wrote_since_is_kept() {
        let mut copy = replica(&[(4, 1), (5, 1)]);
        copy.hear(2, 3);
        copy.take(6, 2);
        copy.on_disk(6, 2);
        assert_eq!(copy.resynced(4), None, "the fourth is not confirmed yet");
        copy.take(4, 1);
        copy.on_disk(4, 2);

        assert_eq!(copy.resynced(4), Some(vec![5]));
        assert_eq!(copy.take(5, 2), Take::Apply);
        copy.on_disk(5, 1);
        assert_eq!(copy.local(), 4, "that was the older one");
        copy.on_disk(5, 2);
        assert_eq!(copy.local(), 6);
    }

    /// A primary may know a higher global checkpoint than the one before it told this copy.
    #[test]
    fn what_is_equal_everywhere_needs_no_confirmation() {
        let mut copy = replica(&[(4, 1), (5, 1), (6, 1)]);

        copy.hear(2, 3);
        copy.hear(3, 5);

        assert_eq!((copy.global(), copy.local()), (5, 5));
        copy.hear(3, 9);
        assert_eq!(copy.global(), 5, "no further than it was told in this term");
    }
}
