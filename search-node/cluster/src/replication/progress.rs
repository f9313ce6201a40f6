//! How far a copy is, as its primary knows.

use std::collections::BTreeSet;

use super::NONE;

/// How far a copy is, as it has told this primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// Up to where it has everything; none until it has told.
    pub(super) local: Option<i64>,
    pub(super) counts: Counts,
    /// What it has beyond.
    beyond: BTreeSet<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// It is in sync by the map: nothing is done without it.
    InSync,
    /// It gets every operation from one number on, and catches up with those before.
    CatchingUp { before: i64 },
    /// It has caught up, and the map is asked to say so: from now on the global checkpoint waits for it.
    Joining,
}

impl Progress {
    pub(super) fn new(local: Option<i64>, counts: Counts) -> Self {
        Self { local, counts, beyond: BTreeSet::new() }
    }

    /// It has these and everything up to `local`; gives those beyond.
    pub(super) fn acknowledged(&mut self, seq_nos: impl IntoIterator<Item = i64>, local: i64) -> Vec<i64> {
        self.local = self.local.max(Some(local));
        let up_to = self.local.unwrap_or(NONE);
        let new: Vec<i64> = seq_nos.into_iter().filter(|seq_no| *seq_no > up_to).collect();
        while self.beyond.first().is_some_and(|first| *first <= up_to) {
            self.beyond.pop_first();
        }
        self.beyond.extend(&new);
        new
    }

    /// Up to where nothing waits for it.
    pub(super) fn all_up_to(&self) -> i64 {
        let local = self.local.unwrap_or(NONE);
        match self.counts {
            // What was done before it came is done without it: it joins only once it has that too.
            Counts::CatchingUp { before } => local.max(before),
            Counts::InSync | Counts::Joining => local,
        }
    }

    /// Whether an operation does not wait for it.
    pub(super) fn has(&self, seq_no: i64) -> bool {
        seq_no <= self.all_up_to() || self.beyond.contains(&seq_no)
    }
}
