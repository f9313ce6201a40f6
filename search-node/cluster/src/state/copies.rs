//! The copies of one shard: who is primary, in which term, and which copies have every acknowledged operation.
//!
//! - A copy is *in sync* if it has every operation that was ever acknowledged. The set only loses a copy before an operation is
//!   acknowledged that the copy may lack, and only gains one that has caught up.
//! - A copy whose node is gone stays in sync: nothing may have been acknowledged since. The primary has it taken out once it wants
//!   to acknowledge something without it.
//! - Only a copy in sync becomes primary, and with it the term rises; what an older primary still asks for is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CopyId, HandOver, NodeId, Unassigned, UnassignedReason};

/// The copies of one shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardCopies {
    pub(super) term: u64,
    pub(super) primary: Option<CopyId>,
    pub(super) in_sync: BTreeSet<CopyId>,
    /// Copies on nodes that are there.
    pub(super) present: BTreeMap<CopyId, Copy>,
    pub(super) hand_over: Option<HandOver>,
    /// How many hand-overs were begun.
    pub(super) hand_overs: u64,
    /// The copy with which this history of operations begins.
    pub(super) history: CopyId,
    pub(super) unassigned: Unassigned,
    /// The last term whose primary has said that it serves.
    #[serde(default)]
    pub(super) served: u64,
}

/// A copy on a node that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    pub node: NodeId,
    pub stage: Stage,
    /// The copy that is to be dropped once this one is in sync: it moves here.
    pub replaces: Option<CopyId>,
    /// A copy that its node had before, which becomes this one with all that it has.
    pub made_of: Option<CopyId>,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It gets what it lacks from the primary.
    Recovering,
    /// It has everything and serves.
    Started,
}

/// Why a change is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum CopyError {
    /// Who asks is no longer primary.
    #[error("the term {asked} is over, the shard is in term {current}")]
    OldTerm {
        /// The term of who asks.
        asked: u64,
        /// The term of the shard.
        current: u64,
    },
    /// There is no such copy on a node that is there.
    #[error("the shard has no copy {0} on a node that is there")]
    Absent(CopyId),
    /// The primary cannot be taken out by itself.
    #[error("the copy {0} is the primary of its shard")]
    IsPrimary(CopyId),
    /// A node has one copy of a shard at most.
    #[error("node {0} has another copy of the shard")]
    OnNode(NodeId),
    /// The primary was told to hand over, and has neither done it nor given up.
    #[error("the primary hands over already, so it cannot to {0}; abort that first")]
    HandsOver(CopyId),
    /// It was given up, or another one has begun.
    #[error("the primary is not asked to hand over to {to} in attempt {attempt}")]
    NoHandOver {
        /// The copy that was to be primary.
        to: CopyId,
        /// The number of the hand-over.
        attempt: u64,
    },
    /// It was given up, or another one has begun.
    #[error("no hand-over {0} is under way")]
    NoAttempt(u64),
    /// The primary may turn out not to serve, and then this copy is what there is.
    #[error("the primary does not serve yet, and the copy {0} is in sync: it may be needed")]
    Needed(CopyId),
    /// There is a copy of this name already, or it was there before.
    #[error("the shard has a copy {0} already")]
    Taken(CopyId),
}

impl ShardCopies {
    /// A new shard whose first copy is empty and primary.
    pub fn created(copy: CopyId, node: NodeId) -> Self {
        let mut copies = Self::unplaced();
        copies.begins_with(copy, node, None);
        copies
    }

    /// A new shard for whose first copy there is no place yet.
    pub fn unplaced() -> Self {
        Self::default()
    }

    /// Gives a new shard its first copy, empty and primary. It is in sync once its node says that it is there.
    pub fn place_first(&mut self, copy: CopyId, node: NodeId) -> Result<(), CopyError> {
        // A copy in sync has what was acknowledged, wherever it is; nothing was acknowledged by a shard that never had one.
        if let Some(other) = self.in_sync.first() {
            return Err(CopyError::Taken(*other));
        }
        self.begins_empty(copy, node);
        Ok(())
    }

    /// All that there is from now on is this copy, which its node has to make first. Should that go before it has, nothing is lost.
    pub(super) fn begins_empty(&mut self, copy: CopyId, node: NodeId) {
        self.begins_with(copy, node, None);
        self.in_sync.clear();
        if let Some(first) = self.present.get_mut(&copy) {
            first.stage = Stage::Recovering;
        }
    }

    /// All that there is from now on is this copy, primary in the next term.
    pub(super) fn begins_with(&mut self, copy: CopyId, node: NodeId, made_of: Option<CopyId>) {
        self.term += 1;
        self.primary = Some(copy);
        self.history = copy;
        self.hand_over = None;
        self.in_sync = BTreeSet::from([copy]);
        self.present =
            BTreeMap::from([(copy, Copy { node, stage: Stage::Started, replaces: None, made_of })]);
    }

    /// Whether a copy is the first of its shard and has yet to be made: nothing was ever acknowledged.
    pub fn is_begun_by(&self, copy: CopyId) -> bool {
        self.in_sync.is_empty() && self.primary == Some(copy)
    }

    /// The copy on a node, if it is there.
    pub fn on(&self, node: NodeId) -> Option<CopyId> {
        self.present.iter().find(|(_, copy)| copy.node == node).map(|(copy, _)| *copy)
    }

    /// The term of the primary; it rises with each new one.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// Whether there is a primary, and its node has made it.
    pub fn is_active(&self) -> bool {
        let primary = self.primary.and_then(|primary| self.present.get(&primary));
        primary.is_some_and(|primary| primary.stage == Stage::Started)
    }

    /// The primary, if its node is there.
    pub fn primary(&self) -> Option<CopyId> {
        self.primary
    }

    /// The copies that have every acknowledged operation, also those that are not there.
    pub fn in_sync(&self) -> &BTreeSet<CopyId> {
        &self.in_sync
    }

    /// The copies on nodes that are there.
    pub fn present(&self) -> &BTreeMap<CopyId, Copy> {
        &self.present
    }

    /// Why there are fewer copies than there should be, if there are.
    pub fn unassigned(&self) -> &Unassigned {
        &self.unassigned
    }

    /// Begins a further copy, which gets what it lacks from the primary; in place of another one, if it moves.
    pub fn add(&mut self, copy: CopyId, node: NodeId, replaces: Option<CopyId>) -> Result<(), CopyError> {
        if self.present.contains_key(&copy) || self.in_sync.contains(&copy) {
            return Err(CopyError::Taken(copy));
        }
        if let Some(other) = replaces.filter(|other| !self.present.contains_key(other)) {
            return Err(CopyError::Absent(other));
        }
        self.check_no_copy_on(node)?;
        self.present.insert(copy, Copy { node, stage: Stage::Recovering, replaces, made_of: None });
        Ok(())
    }

    /// A copy has caught up, says the primary of `term`; of itself it says so once it serves, so that what failed before is over.
    pub fn mark_in_sync(&mut self, copy: CopyId, term: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        let present = self.present.get_mut(&copy).ok_or(CopyError::Absent(copy))?;
        present.stage = Stage::Started;
        self.in_sync.insert(copy);
        self.unassigned.failures = 0;
        self.unassigned.failed.remove(&copy);
        // Only a primary that serves says so.
        self.served = term;
        Ok(())
    }

    /// Whether the primary has said that it serves. Until then it may turn out not to: no other copy that is in sync is let go of.
    pub fn is_served(&self) -> bool {
        self.primary.is_some() && self.served == self.term
    }

    /// The primary of `term` goes on without a copy, which may lack what is acknowledged from now on.
    pub fn drop_copy(&mut self, copy: CopyId, term: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        if self.primary == Some(copy) {
            return Err(CopyError::IsPrimary(copy));
        }
        self.in_sync.remove(&copy);
        if self.remove(|id, _| id == copy) {
            let details = "the primary went on without it".to_owned();
            self.unassigned.because(UnassignedReason::AllocationFailed, Some(details));
        }
        Ok(())
    }

    /// Takes a copy away because somebody asked for it.
    pub fn cancel(&mut self, copy: CopyId, term: u64) -> Result<(), CopyError> {
        if self.in_sync.contains(&copy) && !self.is_served() {
            return Err(CopyError::Needed(copy));
        }
        self.drop_copy(copy, term)?;
        self.unassigned.because(UnassignedReason::RerouteCancelled, None);
        Ok(())
    }

    /// A copy has failed on its node. It stays in sync if it was, as if its node had left: only the primary may go on without it.
    pub fn failed(&mut self, copy: CopyId, details: String) -> Result<(), CopyError> {
        if !self.remove(|id, _| id == copy) {
            return Err(CopyError::Absent(copy));
        }
        self.unassigned.failures = self.unassigned.failures.saturating_add(1);
        self.unassigned.failed.insert(copy);
        self.unassigned.failed.retain(|failed| self.in_sync.contains(failed));
        self.unassigned.because(UnassignedReason::AllocationFailed, Some(details));
        Ok(())
    }

    /// What failed so often that it is not tried any more is tried again.
    pub fn retry(&mut self) {
        self.unassigned.failures = 0;
        self.unassigned.failed.clear();
    }

    /// More copies are wanted than before.
    pub(super) fn replica_added(&mut self) {
        self.unassigned.because(UnassignedReason::ReplicaAdded, None);
    }

    /// The copies on a node are gone for now.
    pub fn node_left(&mut self, node: NodeId, called: &str) {
        let standing = self.present.iter().filter(|(_, copy)| copy.replaces.is_none());
        let gone = standing.filter(|(_, copy)| copy.node == node).map(|(id, _)| *id).collect();
        if self.remove(|_, copy| copy.node == node) {
            self.unassigned.node_left(gone, format!("node_left [{called}]"));
        }
    }

    /// Takes copies off their nodes, and lets go of what named them; gives whether there were any.
    fn remove(&mut self, is_gone: impl Fn(CopyId, &Copy) -> bool) -> bool {
        let before = self.present.len();
        self.present.retain(|id, copy| !is_gone(*id, copy));
        if before == self.present.len() {
            return false;
        }
        let there: BTreeSet<CopyId> = self.present.keys().copied().collect();
        for copy in self.present.values_mut() {
            copy.replaces = copy.replaces.filter(|other| there.contains(other));
        }
        self.primary = self.primary.filter(|primary| there.contains(primary));
        let is_possible = self.primary.is_some();
        self.hand_over = self.hand_over.filter(|under_way| is_possible && there.contains(&under_way.to));
        true
    }

    /// A copy in sync was found again on a node while there is no primary: it may become that. Once there is one, it has to begin
    /// anew, as another copy, for the primary may have gone on without it.
    pub fn returned(&mut self, copy: CopyId, node: NodeId) -> Result<(), CopyError> {
        if !self.in_sync.contains(&copy) {
            return Err(CopyError::Absent(copy));
        }
        if self.primary.is_some() || self.present.contains_key(&copy) {
            return Err(CopyError::Taken(copy));
        }
        // What was to be made of it there has nobody to be filled from.
        self.remove(|_, other| other.node == node && other.stage == Stage::Recovering);
        self.check_no_copy_on(node)?;
        self.present.insert(copy, Copy { node, stage: Stage::Started, replaces: None, made_of: None });
        self.unassigned.settle(None, Some(copy));
        Ok(())
    }

    /// So many copies are wanted: no more of those that left are waited for than are lacking.
    pub(super) fn settle(&mut self, wanted: usize) {
        self.unassigned.settle(Some(wanted.saturating_sub(self.standing())), None);
    }

    /// Whether a node may make another copy out of what it has of this one. Not while it is in sync: it may be all that is left of
    /// what was acknowledged.
    pub fn may_take_apart(&self, copy: CopyId) -> bool {
        !self.in_sync.contains(&copy)
    }

    /// The copies that may become primary: those in sync on nodes that are there. None while there is a primary.
    pub fn candidates(&self) -> Vec<CopyId> {
        if self.primary.is_some() {
            return Vec::new();
        }
        self.present.keys().filter(|copy| self.in_sync.contains(copy)).copied().collect()
    }

    /// Makes a copy primary where there is none. It has to be in sync and there.
    pub fn promote(&mut self, copy: CopyId) -> Result<(), CopyError> {
        if let Some(primary) = self.primary {
            return Err(CopyError::Taken(primary));
        }
        if !self.in_sync.contains(&copy) || !self.present.contains_key(&copy) {
            return Err(CopyError::Absent(copy));
        }
        self.becomes_primary(copy);
        Ok(())
    }

    /// A copy in sync is primary in the next term.
    pub(super) fn becomes_primary(&mut self, copy: CopyId) {
        self.term += 1;
        self.primary = Some(copy);
        self.hand_over = None;
        // What was recovering did so from a primary that is gone.
        let in_sync = std::mem::take(&mut self.in_sync);
        if self.remove(|copy, _| !in_sync.contains(&copy)) {
            self.unassigned.because(UnassignedReason::PrimaryFailed, None);
        }
        self.in_sync = in_sync;
    }

    fn check_no_copy_on(&self, node: NodeId) -> Result<(), CopyError> {
        let is_there = self.present.values().any(|copy| copy.node == node);
        if is_there { Err(CopyError::OnNode(node)) } else { Ok(()) }
    }

    pub(super) fn check_term(&self, asked: u64) -> Result<(), CopyError> {
        if asked == self.term && self.primary.is_some() {
            return Ok(());
        }
        Err(CopyError::OldTerm { asked, current: self.term })
    }
}
