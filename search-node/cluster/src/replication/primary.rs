//! The primary: which copies an operation waits for, and how far all copies are equal.
//!
//! The engine numbers operations, and many writers may do so at once: they are registered here in whatever order the writers come
//! back. Three things keep that right.
//!
//! - A writer is [admitted](Primary::admit) before the engine numbers anything for it. So it is known here that there may be numbers
//!   which nobody has registered yet, and a hand-over waits for them.
//! - An operation is registered once it can be read from the engine's history, and is sent to the copies that are known then. So a
//!   copy that begins to catch up gets everything: what was registered before it reads from the history, up to the highest such
//!   number; what is registered later is sent to it, also under a lower number.
//! - A copy may have an operation, and say so, before that is registered: what it has told is remembered.

use std::collections::{BTreeMap, BTreeSet};

use super::hand_over::Gate;
use super::progress::{Counts, Progress};
use super::{HandingOver, NONE};
use crate::state::{CopyId, HandOver, ShardCopies};

/// The primary of one term.
#[derive(Debug)]
pub struct Primary {
    own: CopyId,
    term: u64,
    copies: BTreeMap<CopyId, Progress>,
    global: i64,
    /// The highest number that was registered.
    last: i64,
    /// What was registered and is not done.
    pending: BTreeSet<i64>,
    gate: Gate,
    /// Whether the map calls this copy in sync. A first copy that is not yet may be given up by the map, and what it has with it.
    is_confirmed: bool,
}

/// What became of operations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "somebody waits for what is done"]
pub struct Settled {
    /// Those that every copy has which counts, in their order.
    pub done: Vec<i64>,
}

impl Primary {
    /// The primary `own` of the term that the map has. It has `last` as its highest number and no gap below it, and knows that all
    /// copies in sync are equal up to `global`.
    pub fn new(own: CopyId, map: &ShardCopies, last: i64, global: i64) -> Self {
        let in_sync = |copy: &CopyId| {
            // What the others told an older primary may have been rolled back since.
            let local = (*copy == own).then_some(last);
            (*copy, Progress::new(local, Counts::InSync))
        };
        let copies = map.in_sync().iter().chain([&own]).map(in_sync).collect();
        Self {
            own,
            term: map.term(),
            copies,
            global,
            last,
            pending: BTreeSet::new(),
            gate: Gate::default(),
            is_confirmed: map.in_sync().contains(&own),
        }
    }

    pub fn term(&self) -> u64 {
        self.term
    }

    /// Up to where all copies in sync are equal.
    pub fn global(&self) -> i64 {
        self.global
    }

    /// Lets a writer have so many operations numbered. Refused while this primary hands over: the writer waits until the map says
    /// who is primary. Each one admitted is [registered](Self::begun) or [withdrawn](Self::withdrawn), whatever happens.
    pub fn admit(&mut self, operations: usize) -> Result<(), HandingOver> {
        self.gate.admit(operations)
    }

    /// The same for a writer whose operations were admitted and have not been registered: a hand-over waits for it anyway.
    pub fn admit_more(&mut self, operations: usize) -> Result<(), HandingOver> {
        self.gate.admit_more(operations)
    }

    /// Operations that were admitted got no number.
    pub fn withdrawn(&mut self, operations: usize) {
        self.gate.left(operations);
    }

    /// The engine has numbered operations that were admitted, and has them in its history. Each is done once every copy that
    /// counts has it, this one too; it is sent to [the others](Self::others) that there are now.
    pub fn begun(&mut self, seq_nos: impl IntoIterator<Item = i64>) -> Settled {
        let mut begun = Vec::new();
        for seq_no in seq_nos {
            self.last = self.last.max(seq_no);
            self.pending.insert(seq_no);
            begun.push(seq_no);
        }
        self.gate.left(begun.len());
        self.settle(&begun)
    }

    /// How far a copy is, if it has told.
    pub fn local(&self, copy: CopyId) -> Option<i64> {
        self.copies.get(&copy).and_then(|progress| progress.local)
    }

    /// The copies that get every operation, beside this one.
    pub fn others(&self) -> impl Iterator<Item = CopyId> + '_ {
        self.copies.keys().copied().filter(|copy| *copy != self.own)
    }

    /// Whether an operation was registered and is not done.
    pub fn is_pending(&self, seq_no: i64) -> bool {
        self.pending.contains(&seq_no)
    }

    /// The highest number that was registered.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Whether a copy has told that it lacks something that was there before it got every operation: what was there up to
    /// `resynced`, when the term began, or before it began to catch up. Nobody else sends it that.
    pub fn lacks_before(&self, copy: CopyId, resynced: i64) -> bool {
        let Some(Progress { local: Some(local), counts, .. }) = self.copies.get(&copy) else { return false };
        match counts {
            Counts::InSync | Counts::Joining => *local < resynced,
            Counts::CatchingUp { before } => local < before,
        }
    }

    /// Whether operations wait for a copy.
    pub fn waits_for(&self, copy: CopyId) -> bool {
        let Some(progress) = self.copies.get(&copy) else { return false };
        let beyond = self.pending.range(progress.all_up_to() + 1..);
        beyond.into_iter().any(|seq_no| !progress.has(*seq_no))
    }

    /// A copy has these operations on its disk, and everything up to `local`. One call for all that a copy tells at once.
    pub fn acknowledged(
        &mut self,
        copy: CopyId,
        seq_nos: impl IntoIterator<Item = i64>,
        local: i64,
    ) -> Settled {
        let Some(progress) = self.copies.get_mut(&copy) else { return Settled::default() };
        let new = progress.acknowledged(seq_nos, local);
        self.settle(&new)
    }

    /// A copy has everything up to `local`.
    pub fn told(&mut self, copy: CopyId, local: i64) -> Settled {
        self.acknowledged(copy, [], local)
    }

    /// A copy begins to catch up: from now on it gets every operation that is registered. Gives the highest number of those before,
    /// which it gets by itself.
    pub fn begin_catching_up(&mut self, copy: CopyId) -> i64 {
        let before = self.last;
        self.copies.entry(copy).or_insert(Progress::new(None, Counts::CatchingUp { before }));
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

    /// The map has changed in this term, and is newer than the one before: copies that are no longer there and no longer in sync are not waited for. Also the map's
    /// word whether this primary hands over.
    pub fn map_changed(&mut self, map: &ShardCopies) -> Settled {
        self.gate.map_says(map.hand_over_under_way());
        let own = self.own;
        for copy in map.in_sync() {
            // One that counts is never passed over, whatever this primary knows of it.
            self.copies.entry(*copy).or_insert(Progress::new(None, Counts::InSync));
        }
        self.is_confirmed = map.in_sync().contains(&own);
        self.copies.retain(|copy, progress| {
            let is_in_sync = map.in_sync().contains(copy);
            if is_in_sync {
                progress.counts = Counts::InSync;
            }
            is_in_sync || *copy == own || map.present().contains_key(copy)
        });
        // What waited for a copy that is gone lies anywhere.
        let all: Vec<i64> = self.pending.iter().copied().collect();
        self.settle(&all)
    }

    /// Whether everything is done that was ever admitted.
    pub fn is_drained(&self) -> bool {
        self.gate.is_empty() && self.pending.is_empty()
    }

    /// What the map is to be asked once this primary hands over and all is done; again and again, until it says who is primary.
    pub fn ask_to_hand_over(&mut self) -> Option<HandOver> {
        let is_drained = self.is_drained();
        self.gate.ask(is_drained)
    }

    /// It takes too long. Gives the attempt that the map is to be told is over, until the map knows; writers are let in again now,
    /// or, if the map was asked to hand over, once it says that it has not.
    pub fn give_up_hand_over(&mut self) -> Option<HandOver> {
        self.gate.give_up()
    }

    /// Whether this primary hands over, so that nobody is admitted.
    pub fn is_handing_over(&self) -> bool {
        !self.gate.is_open()
    }

    /// Whether another copy may be primary already: the map was asked to hand over, and has not said that it does not.
    pub fn has_asked_to_hand_over(&self) -> bool {
        self.gate.has_asked()
    }

    /// Finds what is done: everything up to where all copies that count are, and what was `touched` beyond.
    fn settle(&mut self, touched: &[i64]) -> Settled {
        if !self.is_confirmed {
            return Settled::default();
        }
        let counting = self.copies.values().filter(|copy| !matches!(copy.counts, Counts::CatchingUp { .. }));
        // A copy that has not told yet holds the checkpoint where it is.
        let lowest = counting.map(|copy| copy.local.unwrap_or(NONE)).min().unwrap_or(NONE);
        self.global = self.global.max(lowest);
        let all_up_to = self.copies.values().map(Progress::all_up_to).min().unwrap_or(NONE);
        let mut done = Vec::new();
        while let Some(first) = self.pending.first().copied().filter(|first| *first <= all_up_to) {
            self.pending.remove(&first);
            done.push(first);
        }
        for seq_no in touched {
            let is_everywhere = self.copies.values().all(|copy| copy.has(*seq_no));
            if is_everywhere && self.pending.remove(seq_no) {
                done.push(*seq_no);
            }
        }
        done.sort_unstable();
        Settled { done }
    }
}
