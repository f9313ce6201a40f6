//! A machine with one process at a time: it holds at most one copy of the shard, as primary or replica.

use std::collections::BTreeMap;

use cluster::replication::{Heard, Primary, Replica, Settled, Take};
use cluster::state::{CopyId, NodeId, ShardCopies, Stage};
use testkit::Chance;

use crate::client::Acknowledged;
use crate::disk::{Content, Disk, Stored};
use crate::network::{Message, Place};
use crate::planted::Bug;

/// How many operations are sent again at once.
const BATCH: usize = 8;
/// A write that waits so long for a copy has it taken out.
const PATIENCE: u64 = 90;
/// A hand-over that takes so long is given up.
const HAND_OVER_PATIENCE: u64 = 40;

pub(crate) struct Machine {
    pub(crate) number: usize,
    pub(crate) node: NodeId,
    pub(crate) is_up: bool,
    pub(crate) frozen_until: u64,
    pub(crate) disk: Disk,
    pub(crate) role: Role,
    pub(crate) acknowledged: Vec<Acknowledged>,
    outbox: Vec<(Place, Message)>,
    version: u64,
    map: ShardCopies,
    starts: u64,
    bug: Option<Bug>,
}

pub(crate) enum Role {
    Idle,
    Primary(Box<Leading>),
    Replica(Box<Following>),
}

pub(crate) struct Leading {
    pub(crate) primary: Primary,
    /// The highest number when the term began.
    resynced_last: i64,
    writes: BTreeMap<i64, (u64, u64)>,
    /// The highest number that the engine has given.
    last: i64,
    /// Numbered by the engine, and its writer has not come back yet.
    unregistered: Vec<i64>,
    unsynced: Vec<i64>,
    hands_over_since: Option<u64>,
}

impl Leading {
    /// Writes that were begun and not answered.
    pub(crate) fn unanswered(&self) -> Vec<i64> {
        self.writes.keys().copied().collect()
    }
}

pub(crate) struct Following {
    replica: Replica,
    /// Numbers of operations, and the term of the primary that named them.
    unsynced: Vec<(i64, u64)>,
}

fn machine_of(node: NodeId) -> usize {
    (node.0 % 16) as usize
}

impl Machine {
    pub(crate) fn new(number: usize, bug: Option<Bug>) -> Self {
        let mut machine = Self {
            number,
            node: NodeId(0),
            is_up: false,
            frozen_until: 0,
            disk: Disk::default(),
            role: Role::Idle,
            acknowledged: Vec::new(),
            outbox: Vec::new(),
            version: 0,
            map: ShardCopies::default(),
            starts: 0,
            bug,
        };
        machine.start();
        machine
    }

    pub(crate) fn start(&mut self) {
        self.starts += 1;
        self.node = NodeId(self.starts * 16 + self.number as u64);
        self.is_up = true;
        self.version = 0;
        self.map = ShardCopies::default();
    }

    pub(crate) fn crash(&mut self) {
        self.is_up = false;
        self.role = Role::Idle;
        self.outbox.clear();
        self.disk.crash();
    }

    pub(crate) fn take_outbox(&mut self) -> Vec<(Place, Message)> {
        std::mem::take(&mut self.outbox)
    }

    pub(crate) fn hear(&mut self, message: Message) {
        match message {
            Message::Map { version, copies } if version > self.version => self.map_changed(version, copies),
            Message::Operation { to, term, global, seq_no, numbered_in, value } => {
                self.operation(to, term, global, seq_no, Stored { term: numbered_in, value });
            }
            Message::Resynced { to, term, global, last } => self.resynced(to, term, global, last),
            Message::Progress { from, term, local, synced } => self.progress(from, term, local, &synced),
            Message::CatchUp { from, local } => self.catch_up(from, local),
            _ => {}
        }
    }

    fn content(&mut self) -> &mut Content {
        self.disk.written.get_or_insert_with(|| Content::empty(CopyId(0)))
    }

    fn own(&self) -> Option<CopyId> {
        self.map.present().iter().find(|(_, copy)| copy.node == self.node).map(|(id, _)| *id)
    }

    fn map_changed(&mut self, version: u64, copies: ShardCopies) {
        self.version = version;
        self.map = copies;
        let Some(own) = self.own() else {
            self.role = Role::Idle;
            return;
        };
        if self.map.primary() == Some(own) {
            match &mut self.role {
                Role::Primary(leading) if leading.primary.term() == self.map.term() => {
                    let settled = leading.primary.map_changed(&self.map);
                    self.settle(settled);
                }
                _ => {
                    self.begin_forced(own);
                    self.lead(own);
                }
            }
        } else if self.disk.written.as_ref().is_none_or(|content| content.copy != own) {
            self.begin_anew(own);
        } else if !matches!(self.role, Role::Replica(_)) {
            self.role = self.following();
        }
    }

    fn following(&mut self) -> Role {
        // What is counted on is on the disk.
        self.disk.sync();
        let content = self.content();
        let replica = Replica::new(content.term, content.global, content.held());
        Role::Replica(Box::new(Following { replica, unsynced: Vec::new() }))
    }

    /// Begins another copy with what is known to be right of the one before.
    fn begin_anew(&mut self, own: CopyId) {
        let before = self.content().copy;
        // The map is told what the disk has, and will say when it is free.
        if !self.map.may_take_apart(before) {
            self.role = Role::Idle;
            return;
        }
        let is_kept = self.map.is_of_this_history(before) || self.bug == Some(Bug::KeepsAnotherHistory);
        let content = self.content();
        if !is_kept {
            *content = Content::empty(own);
        }
        content.copy = own;
        let global = content.global;
        content.operations.retain(|seq_no, _| *seq_no <= global);
        self.disk.sync();
        self.role = self.following();
    }

    /// Becomes the copy with which another history begins: made of what is here, or empty.
    fn begin_forced(&mut self, own: CopyId) {
        let before = self.content().copy;
        if before == own {
            return;
        }
        let made_of = self.map.present().get(&own).and_then(|copy| copy.made_of);
        if made_of == Some(before) {
            self.content().copy = own;
        } else {
            *self.content() = Content::empty(own);
        }
        self.disk.sync();
        self.role = self.following();
    }

    fn lead(&mut self, own: CopyId) {
        if !matches!(self.role, Role::Replica(_)) {
            self.role = self.following();
        }
        let Role::Replica(following) = &self.role else { return };
        let (last, gaps) = following.replica.last_and_gaps();
        let (term, global, bug) = (self.map.term(), following.replica.global(), self.bug);
        let content = self.content();
        content.copy = own;
        content.term = term;
        if bug != Some(Bug::GapsStayOpen) {
            content.operations.extend(gaps.iter().map(|gap| (*gap, Stored { term, value: 0 })));
        }
        self.disk.sync();
        let primary = Primary::new(own, &self.map, last, global);
        self.role = Role::Primary(Box::new(Leading {
            primary,
            resynced_last: last,
            writes: BTreeMap::new(),
            last,
            unregistered: Vec::new(),
            unsynced: Vec::new(),
            hands_over_since: None,
        }));
    }

    /// A client's write: the engine numbers it and has it. Gives whether it was begun.
    pub(crate) fn write(&mut self, now: u64, value: u64) -> bool {
        let Role::Primary(leading) = &mut self.role else { return false };
        if leading.primary.admit(1).is_err() {
            return false;
        }
        let term = leading.primary.term();
        leading.last += 1;
        let seq_no = leading.last;
        leading.writes.insert(seq_no, (value, now));
        leading.unregistered.push(seq_no);
        leading.unsynced.push(seq_no);
        self.content().operations.insert(seq_no, Stored { term, value });
        true
    }

    /// Some writers come back from the engine, in any order: what they wrote is sent to the others.
    pub(crate) fn register(&mut self, chance: &mut Chance) {
        let Role::Primary(leading) = &mut self.role else { return };
        if leading.unregistered.is_empty() {
            return;
        }
        let some = 1 + chance.below(leading.unregistered.len());
        let mut seq_nos = Vec::new();
        for _ in 0..some {
            seq_nos.push(leading.unregistered.swap_remove(chance.below(leading.unregistered.len())));
        }
        let settled = leading.primary.begun(seq_nos.iter().copied());
        let others: Vec<CopyId> = leading.primary.others().collect();
        self.settle(settled);
        for copy in others {
            for seq_no in &seq_nos {
                self.send_operation(copy, *seq_no);
            }
        }
    }

    fn send_operation(&mut self, to: CopyId, seq_no: i64) {
        let Role::Primary(leading) = &self.role else { return };
        let (term, global) = (leading.primary.term(), leading.primary.global());
        let Some(stored) = self.disk.written.as_ref().and_then(|content| content.operations.get(&seq_no))
        else {
            return;
        };
        let Some(copy) = self.map.present().get(&to) else { return };
        let message =
            Message::Operation { to, term, global, seq_no, numbered_in: stored.term, value: stored.value };
        self.outbox.push((Place::Machine(machine_of(copy.node)), message));
    }

    fn settle(&mut self, settled: Settled) {
        let bug = self.bug;
        let Role::Primary(leading) = &mut self.role else { return };
        let term = leading.primary.term();
        for seq_no in settled.done {
            if let Some((value, _)) = leading.writes.remove(&seq_no) {
                self.acknowledged.push(Acknowledged { value, seq_no, term });
            }
        }
        let global = match bug {
            Some(Bug::CheckpointOfOne) => leading.last,
            _ => leading.primary.global(),
        };
        self.content().global = global;
    }

    /// The disk has finished what was written so far.
    pub(crate) fn synced(&mut self) {
        self.disk.sync();
        match &mut self.role {
            Role::Idle => {}
            Role::Primary(leading) => {
                let own = self.disk.synced.as_ref().map_or(CopyId(0), |content| content.copy);
                let (unsynced, last) = (std::mem::take(&mut leading.unsynced), leading.last);
                let mut settled = leading.primary.told(own, last);
                if self.bug == Some(Bug::AckBeforeReplica) {
                    settled.done = unsynced;
                }
                self.settle(settled);
            }
            Role::Replica(_) => self.report(),
        }
    }

    /// Tells the primary how far this copy is.
    fn report(&mut self) {
        let Some(own) = self.own() else { return };
        let Role::Replica(following) = &mut self.role else { return };
        let synced = std::mem::take(&mut following.unsynced);
        for (seq_no, named_in) in &synced {
            let is_late = self.bug == Some(Bug::LateDisk);
            following.replica.on_disk(*seq_no, if is_late { following.replica.term() } else { *named_in });
        }
        let synced = synced.into_iter().filter(|(_, named_in)| *named_in == following.replica.term());
        let synced = synced.map(|(seq_no, _)| seq_no).collect();
        let (term, local) = (following.replica.term(), following.replica.local());
        self.send_to_primary(Message::Progress { from: own, term, local, synced });
    }

    fn send_to_primary(&mut self, message: Message) {
        let primary = self.map.primary().and_then(|primary| self.map.present().get(&primary));
        if let Some(primary) = primary {
            self.outbox.push((Place::Machine(machine_of(primary.node)), message));
        }
    }

    /// A replica hears the primary of a term; gives whether it is to be listened to.
    fn listen(&mut self, to: CopyId, term: u64, global: i64) -> bool {
        let (own, bug) = (self.own(), self.bug);
        let Role::Replica(following) = &mut self.role else { return false };
        if own != Some(to) {
            return false;
        }
        let heard = following.replica.hear(term, global);
        if heard == Heard::OldTerm {
            return bug == Some(Bug::NoTermCheck);
        }
        let (term, global) = (following.replica.term(), following.replica.global());
        let content = self.content();
        content.term = term;
        content.global = global;
        if heard == Heard::NewTerm && bug == Some(Bug::DropAtNewTerm) {
            content.operations.retain(|seq_no, _| *seq_no <= global);
            self.role = self.following();
        }
        true
    }

    fn operation(&mut self, to: CopyId, term: u64, global: i64, seq_no: i64, stored: Stored) {
        if !self.listen(to, term, global) {
            return;
        }
        let Role::Replica(following) = &mut self.role else { return };
        let take = following.replica.take(seq_no, stored.term);
        following.replica.rebuilt();
        following.unsynced.push((seq_no, following.replica.term()));
        if take != Take::Known {
            self.content().operations.insert(seq_no, stored);
        }
        if self.bug == Some(Bug::AckBeforeSync) {
            self.report();
        }
    }

    fn resynced(&mut self, to: CopyId, term: u64, global: i64, last: i64) {
        if !self.listen(to, term, global) {
            return;
        }
        let Role::Replica(following) = &mut self.role else { return };
        let left_over = following.replica.resynced(last).unwrap_or_default();
        following.replica.rebuilt();
        for seq_no in left_over {
            self.content().operations.remove(&seq_no);
        }
    }

    fn progress(&mut self, from: CopyId, term: u64, local: i64, synced: &[i64]) {
        let Role::Primary(leading) = &mut self.role else { return };
        if leading.primary.term() != term {
            return;
        }
        let settled = leading.primary.acknowledged(from, synced.iter().copied(), local);
        self.settle(settled);
    }

    fn catch_up(&mut self, from: CopyId, local: i64) {
        let is_there = self.map.present().get(&from).is_some_and(|copy| copy.stage == Stage::Recovering);
        let Role::Primary(leading) = &mut self.role else { return };
        if is_there {
            leading.primary.begin_catching_up(from);
            let settled = leading.primary.told(from, local);
            self.settle(settled);
        }
    }

    pub(crate) fn tick(&mut self, now: u64) {
        let disk = self.disk.synced.as_ref().map(|content| content.copy);
        self.outbox.push((Place::Map, Message::Here { machine: self.number, node: self.node, disk }));
        match &self.role {
            Role::Idle => {}
            Role::Replica(following) => {
                let local = following.replica.global();
                let is_well = following.unsynced.is_empty();
                if let Some(own) = self.own() {
                    let is_catching_up = self.map.present()[&own].stage == Stage::Recovering;
                    if is_catching_up {
                        self.send_to_primary(Message::CatchUp { from: own, local });
                    }
                    if is_well {
                        self.report();
                    }
                }
            }
            Role::Primary(leading) => {
                let term = leading.primary.term();
                if let Some(copy) = self.own().filter(|own| !self.map.in_sync().contains(own)) {
                    self.outbox.push((Place::Map, Message::MarkInSync { copy, term }));
                }
                self.lead_on(now);
                self.hand_over(now);
            }
        }
    }

    /// Sends again what others lack, and asks the map for what it takes to go on.
    fn lead_on(&mut self, now: u64) {
        let others: Vec<CopyId> = match &self.role {
            Role::Primary(leading) => leading.primary.others().collect(),
            _ => return,
        };
        for copy in others {
            let Role::Primary(leading) = &mut self.role else { return };
            let (term, global, last) =
                (leading.primary.term(), leading.primary.global(), leading.resynced_last);
            let is_late = leading.writes.values().any(|(_, began)| now > began + PATIENCE);
            let is_asked_to_go = is_late && leading.primary.waits_for(copy);
            let may_join = leading.primary.may_join(copy)
                || self.bug == Some(Bug::JoinTooEarly) && !self.map.in_sync().contains(&copy);
            let next = leading.primary.local(copy).unwrap_or(global) + 1;
            if is_asked_to_go {
                self.ask_to_drop(copy, term);
            }
            if may_join {
                self.outbox.push((Place::Map, Message::MarkInSync { copy, term }));
            }
            let content = self.disk.written.as_ref();
            let lacking: Vec<i64> = content
                .map(|content| {
                    content.operations.range(next..).map(|(seq_no, _)| *seq_no).take(BATCH).collect()
                })
                .unwrap_or_default();
            for seq_no in lacking {
                if self.bug != Some(Bug::NoResync) || seq_no > last {
                    self.send_operation(copy, seq_no);
                }
            }
            let last = if self.bug == Some(Bug::NoResync) { global } else { last };
            if let Some(place) = self.map.present().get(&copy).map(|copy| machine_of(copy.node)) {
                let message = Message::Resynced { to: copy, term, global, last };
                self.outbox.push((Place::Machine(place), message));
            }
        }
    }

    /// Tells the map that all is done, or that it takes too long.
    fn hand_over(&mut self, now: u64) {
        let Role::Primary(leading) = &mut self.role else { return };
        let term = leading.primary.term();
        let is_late = match leading.hands_over_since {
            Some(since) if leading.primary.is_handing_over() => now > since + HAND_OVER_PATIENCE,
            _ => {
                leading.hands_over_since = leading.primary.is_handing_over().then_some(now);
                false
            }
        };
        let mut asked = leading.primary.ask_to_hand_over();
        if self.bug == Some(Bug::HandOverBeforeDone) {
            asked = self.map.hand_over_under_way();
        }
        let given_up = if is_late || !leading.primary.is_handing_over() {
            leading.primary.give_up_hand_over()
        } else {
            None
        };
        if let Some(wanted) = given_up {
            self.outbox.push((Place::Map, Message::AbortHandOver { term, attempt: wanted.attempt }));
        } else if let Some(wanted) = asked {
            let message = Message::HandOver { to: wanted.to, term, attempt: wanted.attempt };
            self.outbox.push((Place::Map, message));
        }
        let goes_on = match self.bug {
            Some(Bug::GoesOnAfterAsking) => is_late && asked.is_some(),
            Some(Bug::AcknowledgesWithoutSuccessor) => asked.is_some(),
            _ => false,
        };
        if let Some(wanted) = asked.filter(|_| goes_on) {
            self.go_on(wanted.to, wanted.attempt);
        }
    }

    /// A planted bug: goes on without the map's word.
    fn go_on(&mut self, without: CopyId, attempt: u64) {
        let mut map = self.map.clone();
        let term = map.term();
        let _is_over = map.abort_hand_over(term, attempt);
        if self.bug == Some(Bug::AcknowledgesWithoutSuccessor) {
            let _is_dropped = map.drop_copy(without, term);
        }
        let Role::Primary(leading) = &mut self.role else { return };
        let settled = leading.primary.map_changed(&map);
        self.settle(settled);
    }

    fn ask_to_drop(&mut self, copy: CopyId, term: u64) {
        if self.bug == Some(Bug::DropWithoutMap) {
            let mut map = self.map.clone();
            let _is_dropped = map.drop_copy(copy, term);
            let Role::Primary(leading) = &mut self.role else { return };
            let settled = leading.primary.map_changed(&map);
            self.settle(settled);
            return;
        }
        self.outbox.push((Place::Map, Message::DropCopy { copy, term }));
    }
}
