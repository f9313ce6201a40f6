//! The network: messages that are late, lost, doubled and out of order, and machines that cannot hear each other.

use cluster::state::{CopyId, NodeId, ShardCopies};
use testkit::Chance;

/// Where a message goes: a machine, or who keeps the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Machine(usize),
    Map,
}

#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// The map, as it is in some version.
    Map {
        version: u64,
        copies: ShardCopies,
    },
    /// To the map: a process of a machine is there; with the copy that its disk has.
    Here {
        machine: usize,
        node: NodeId,
        disk: Option<CopyId>,
    },
    MarkInSync {
        copy: CopyId,
        term: u64,
    },
    DropCopy {
        copy: CopyId,
        term: u64,
    },
    /// To the map: the primary of a term has finished everything, and another copy may be primary.
    HandOver {
        to: CopyId,
        term: u64,
        attempt: u64,
    },
    /// To the map: the primary of a term goes on.
    AbortHandOver {
        term: u64,
        attempt: u64,
    },
    /// From a primary: an operation, numbered in `numbered_in`.
    Operation {
        to: CopyId,
        term: u64,
        global: i64,
        seq_no: i64,
        numbered_in: u64,
        value: u64,
    },
    /// From a primary: beyond `last` it had nothing when its term began.
    Resynced {
        to: CopyId,
        term: u64,
        global: i64,
        last: i64,
    },
    /// To a primary: a copy has everything up to `local`, and has just synced some.
    Progress {
        from: CopyId,
        term: u64,
        local: i64,
        synced: Vec<i64>,
    },
    /// To a primary: a copy begins to catch up.
    CatchUp {
        from: CopyId,
        local: i64,
    },
}

#[derive(Default)]
pub(crate) struct Network {
    under_way: Vec<(u64, Place, Message)>,
    /// Which places cannot hear each other.
    cut: Vec<(Place, Place)>,
    pub(crate) is_well: bool,
}

impl Network {
    pub(crate) fn send(&mut self, chance: &mut Chance, now: u64, from: Place, to: Place, message: Message) {
        let is_cut = |pair: &(Place, Place)| *pair == (from, to) || *pair == (to, from);
        if self.cut.iter().any(is_cut) || !self.is_well && chance.one_in(12) {
            return;
        }
        let late = if self.is_well || !chance.one_in(20) { 8 } else { 300 };
        self.under_way.push((now + 1 + chance.below(late) as u64, to, message.clone()));
        if !self.is_well && chance.one_in(25) {
            self.under_way.push((now + 1 + chance.below(400) as u64, to, message));
        }
    }

    /// A message whose time has come, if there is one.
    pub(crate) fn receive(&mut self, now: u64) -> Option<(Place, Message)> {
        let at = self.under_way.iter().position(|(when, ..)| *when <= now)?;
        let (_, to, message) = self.under_way.swap_remove(at);
        Some((to, message))
    }

    pub(crate) fn cut(&mut self, one: Place, other: Place) {
        self.cut.push((one, other));
    }

    pub(crate) fn join(&mut self) {
        self.cut.clear();
    }
}
