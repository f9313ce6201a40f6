//! Who keeps the map. In the product it is a group that agrees; here it is one that never fails, but is far away.

use std::collections::BTreeMap;

use cluster::state::{CopyId, NodeId, ShardCopies, Stage};
use testkit::Chance;

use crate::network::Message;
use crate::planted::Bug;
use crate::world::Figures;

/// A machine that was not heard of for so long is taken for gone.
const GONE_AFTER: u64 = 120;

pub(crate) struct MapKeeper {
    pub(crate) copies: ShardCopies,
    pub(crate) version: u64,
    /// The newest process of each machine and when it was last heard of.
    heard: BTreeMap<usize, (NodeId, u64)>,
    /// What each machine has told to have on its disk.
    disks: BTreeMap<usize, Option<CopyId>>,
    next_copy: u64,
    /// The term with which this history begins: what was acknowledged before was given up.
    pub(crate) history_term: u64,
    /// The process and the term that were handed over from just now.
    pub(crate) handed_over: Option<(NodeId, u64)>,
    bug: Option<Bug>,
    pub(crate) figures: Figures,
}

impl MapKeeper {
    pub(crate) fn new(first: NodeId, bug: Option<Bug>) -> Self {
        let copies = ShardCopies::created(CopyId(1), first);
        let heard = BTreeMap::from([(0, (first, 0))]);
        Self {
            copies,
            version: 1,
            heard,
            next_copy: 2,
            handed_over: None,
            disks: BTreeMap::new(),
            history_term: 0,
            bug,
            figures: Figures::default(),
        }
    }

    pub(crate) fn message(&mut self) -> Message {
        Message::Map { version: self.version, copies: self.copies.clone() }
    }

    pub(crate) fn hear(&mut self, now: u64, message: Message) {
        let before = self.copies.clone();
        match message {
            Message::Here { machine, node, disk } => self.here(now, machine, node, disk),
            Message::MarkInSync { copy, term } => {
                let marked = self.copies.mark_in_sync(copy, term).is_ok();
                self.figures.joined += u64::from(marked && !before.in_sync().contains(&copy));
            }
            Message::DropCopy { copy, term } => {
                let dropped = self.copies.drop_copy(copy, term).is_ok();
                self.figures.dropped += u64::from(dropped && before.in_sync().contains(&copy));
            }
            Message::HandOver { to, term, attempt } => self.hand_over(to, term, attempt),
            Message::AbortHandOver { term, attempt } => {
                self.figures.aborted += u64::from(self.copies.abort_hand_over(term, attempt).is_ok());
            }
            _ => {}
        }
        self.version += u64::from(before != self.copies);
    }

    fn hand_over(&mut self, to: CopyId, term: u64, attempt: u64) {
        let under_way = self.copies.hand_over_under_way();
        let attempt = match under_way.filter(|_| self.bug == Some(Bug::AnyAttempt)) {
            Some(under_way) => under_way.attempt,
            None => attempt,
        };
        let from = self.copies.primary().and_then(|primary| self.copies.present().get(&primary));
        let from = from.map(|copy| copy.node);
        if self.copies.hand_over(to, term, attempt).is_ok() {
            self.figures.handed_over += 1;
            self.handed_over = from.map(|node| (node, term));
        }
    }

    /// Has the primary hand over to any other copy that may follow.
    pub(crate) fn begin_hand_over(&mut self, chance: &mut Chance) {
        let is_stale_fit = self.bug == Some(Bug::HandOverToStale);
        let present = self.copies.present().iter();
        let fit: Vec<CopyId> = present
            .filter(|(copy, found)| {
                self.copies.primary() != Some(**copy) && (is_stale_fit || found.stage == Stage::Started)
            })
            .map(|(copy, _)| *copy)
            .collect();
        if fit.is_empty() {
            return;
        }
        let (to, term) = (*chance.pick(&fit), self.copies.term());
        if is_stale_fit {
            let _is_marked = self.copies.mark_in_sync(to, term);
        }
        self.version += u64::from(self.copies.begin_hand_over(to, term).is_ok());
    }

    /// Somebody who has no patience has a machine begin another history, with what it has or with nothing.
    pub(crate) fn force_primary(&mut self, chance: &mut Chance) {
        if self.copies.primary().is_some() || !self.copies.candidates().is_empty() {
            return;
        }
        let known: Vec<(NodeId, Option<CopyId>)> = self
            .disks
            .iter()
            .filter_map(|(machine, disk)| Some((self.heard.get(machine)?.0, *disk)))
            .collect();
        if known.is_empty() {
            return;
        }
        let (node, disk) = *chance.pick(&known);
        let made_of = disk.filter(|_| chance.one_in(2));
        if self.copies.force_primary(CopyId(self.next_copy), node, made_of).is_ok() {
            self.next_copy += 1;
            self.version += 1;
            self.figures.forced += 1;
            self.history_term = self.copies.term();
        }
    }

    fn here(&mut self, now: u64, machine: usize, node: NodeId, disk: Option<CopyId>) {
        let before = self.heard.get(&machine).copied();
        // A late word of an older process.
        if before.is_some_and(|(newest, _)| newest > node) {
            return;
        }
        self.heard.insert(machine, (node, now));
        self.disks.insert(machine, disk);
        if let Some((older, _)) = before.filter(|(older, _)| *older != node) {
            self.copies.node_left(older, "a node");
        }
        if let Some(disk) = disk.filter(|disk| !self.copies.present().contains_key(disk)) {
            if self.copies.primary().is_none() {
                // One that is no longer in sync waits until there is a primary.
                let _is_fit = self.copies.returned(disk, node);
                return;
            }
            // It begins anew, as another copy, and is taken apart for that: it must not be counted on any more.
            if self.copies.in_sync().contains(&disk) {
                let _is_over = self.copies.drop_copy(disk, self.copies.term());
            }
        }
        let is_known = self.copies.present().values().any(|copy| copy.node == node);
        if !is_known
            && self.copies.primary().is_some()
            && self.copies.add(CopyId(self.next_copy), node, None).is_ok()
        {
            self.next_copy += 1;
        }
    }

    /// Looks who is gone, and makes a primary where there is none.
    pub(crate) fn tick(&mut self, now: u64) {
        let before = self.copies.clone();
        for (node, last) in self.heard.values() {
            if now > last + GONE_AFTER {
                self.copies.node_left(*node, "a node");
            }
        }
        if self.bug == Some(Bug::PromoteStale) {
            self.promote_any();
        }
        let promoted = self.copies.candidates().first().map(|copy| self.copies.promote(*copy));
        self.figures.promotions += u64::from(promoted.is_some_and(|promoted| promoted.is_ok()));
        self.version += u64::from(before != self.copies);
    }

    /// Takes whatever is there for a copy in sync.
    fn promote_any(&mut self) {
        if self.copies.primary().is_none()
            && let Some((copy, found)) = self.copies.present().iter().next()
        {
            let mut any = ShardCopies::created(*copy, found.node);
            while any.term() <= self.copies.term() {
                let node = found.node;
                any.node_left(node, "a node");
                let _is_there = any.returned(*copy, node);
                let _is_promoted = any.promote(*copy);
            }
            self.copies = any;
        }
    }
}
