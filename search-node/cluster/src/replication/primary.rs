//! The primary: which copies an operation waits for, and how far all copies are equal.

use std::collections::{BTreeMap, BTreeSet};

use super::NONE;
use crate::state::{CopyId, ShardCopies};

/// The primary of one term.
#[derive(Debug)]
pub struct Primary {
    own: CopyId,
    term: u64,
    copies: BTreeMap<CopyId, Progress>,
    global: i64,
    /// The highest number that was given out.
    last: i64,
    pending: BTreeMap<i64, BTreeSet<CopyId>>,
}

/// How far a copy is, as it has told this primary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Progress {
    /// None until it has told.
    local: Option<i64>,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// It is in sync by the map: nothing is done without it.
    InSync,
    /// It gets every operation from one number on, and catches up with those before.
    CatchingUp { before: i64 },
    /// It has caught up, and the map is asked to say so: from now on the global checkpoint waits for it.
    Joining,
}

/// What became of operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Those that every copy has which counts.
    pub done: Vec<i64>,
}

impl Primary {
    /// The primary `own` of the term that the map has. It has `last` as its highest number and no gap below it, and knows that all
    /// copies in sync are equal up to `global`.
    pub fn new(own: CopyId, map: &ShardCopies, last: i64, global: i64) -> Self {
        let in_sync = |copy: &CopyId| {
            // What the others told an older primary may have been rolled back since.
            let local = (*copy == own).then_some(last);
            (*copy, Progress { local, counts: Counts::InSync })
        };
        let copies = map.in_sync().iter().map(in_sync).collect();
        Self { own, term: map.term(), copies, global, last, pending: BTreeMap::new() }
    }

    pub fn term(&self) -> u64 {
        self.term
    }

    /// Up to where all copies in sync are equal.
    pub fn global(&self) -> i64 {
        self.global
    }

    /// Numbers the next operation. It is done once every copy that counts has it, this one too.
    pub fn begin(&mut self) -> i64 {
        self.last += 1;
        self.pending.insert(self.last, self.copies.keys().copied().collect());
        self.last
    }

    /// How far a copy is, if it has told.
    pub fn local(&self, copy: CopyId) -> Option<i64> {
        self.copies.get(&copy).and_then(|progress| progress.local)
    }

    /// The copies that get every operation, beside this one.
    pub fn others(&self) -> impl Iterator<Item = CopyId> + '_ {
        self.copies.keys().copied().filter(|copy| *copy != self.own)
    }

    /// Operations that wait for a copy.
    pub fn waits_for(&self, copy: CopyId) -> bool {
        self.pending.values().any(|waiting| waiting.contains(&copy))
    }

    /// A copy has an operation on its disk, and everything up to `local`.
    pub fn acknowledged(&mut self, copy: CopyId, seq_no: i64, local: i64) -> Settled {
        if let Some(waiting) = self.pending.get_mut(&seq_no) {
            waiting.remove(&copy);
        }
        self.told(copy, local)
    }

    /// A copy has everything up to `local`.
    pub fn told(&mut self, copy: CopyId, local: i64) -> Settled {
        if let Some(progress) = self.copies.get_mut(&copy) {
            progress.local = progress.local.max(Some(local));
            for (_, waiting) in self.pending.range_mut(..=local) {
                waiting.remove(&copy);
            }
        }
        self.settle()
    }

    /// A copy begins to catch up: from now on it gets every operation. Gives the highest number of those before, which it gets
    /// by itself.
    pub fn begin_catching_up(&mut self, copy: CopyId) -> i64 {
        let before = self.last;
        let counts = Counts::CatchingUp { before };
        self.copies.entry(copy).or_insert(Progress { local: None, counts });
        before
    }

    /// Whether a copy has everything that was ever acknowledged. If so, the global checkpoint waits for it from now on, and the
    /// map may be asked to call it in sync.
    pub fn may_join(&mut self, copy: CopyId) -> bool {
        let global = self.global;
        let Some(progress) = self.copies.get_mut(&copy) else { return false };
        match progress.counts {
            Counts::InSync => false,
            Counts::Joining => true,
            Counts::CatchingUp { before } => {
                let has_all = progress.local.is_some_and(|local| local >= before.max(global));
                if has_all {
                    progress.counts = Counts::Joining;
                }
                has_all
            }
        }
    }

    /// The map has changed in this term: copies that are no longer there and no longer in sync are not waited for.
    pub fn map_changed(&mut self, map: &ShardCopies) -> Settled {
        self.copies.retain(|copy, progress| {
            let is_in_sync = map.in_sync().contains(copy);
            if is_in_sync {
                progress.counts = Counts::InSync;
            }
            is_in_sync || map.present().contains_key(copy)
        });
        let copies = &self.copies;
        for waiting in self.pending.values_mut() {
            waiting.retain(|copy| copies.contains_key(copy));
        }
        self.settle()
    }

    fn settle(&mut self) -> Settled {
        let counting = self.copies.values().filter(|copy| !matches!(copy.counts, Counts::CatchingUp { .. }));
        // A copy that has not told yet holds the checkpoint where it is.
        let lowest = counting.map(|copy| copy.local.unwrap_or(NONE)).min().unwrap_or(NONE);
        self.global = self.global.max(lowest);
        let done: Vec<i64> = self
            .pending
            .iter()
            .filter(|(_, waiting)| waiting.is_empty())
            .map(|(seq_no, _)| *seq_no)
            .collect();
        for seq_no in &done {
            self.pending.remove(seq_no);
        }
        Settled { done }
    }
}
