//! The copies of one shard: who is primary, in which term, and which copies have every acknowledged operation.
//!
//! - A copy is *in sync* if it has every operation that was ever acknowledged. The set only loses a copy before an operation is
//!   acknowledged that the copy may lack, and only gains one that has caught up.
//! - A copy whose node is gone stays in sync: nothing may have been acknowledged since. The primary has it taken out once it wants
//!   to acknowledge something without it.
//! - Only a copy in sync becomes primary, and with it the term rises; what an older primary still asks for is refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CopyId, NodeId};

/// The copies of one shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardCopies {
    term: u64,
    primary: Option<CopyId>,
    in_sync: BTreeSet<CopyId>,
    /// Copies on nodes that are there.
    present: BTreeMap<CopyId, Copy>,
}

/// A copy on a node that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    pub node: NodeId,
    pub stage: Stage,
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
    /// There is a copy of this name already, or it was there before.
    #[error("the shard has a copy {0} already")]
    Taken(CopyId),
}

impl ShardCopies {
    /// A new shard whose first copy is empty and primary.
    pub fn created(copy: CopyId, node: NodeId) -> Self {
        Self {
            term: 1,
            primary: Some(copy),
            in_sync: BTreeSet::from([copy]),
            present: BTreeMap::from([(copy, Copy { node, stage: Stage::Started })]),
        }
    }

    /// A new shard whose first copy has yet to be made, empty. It is in sync once its node says that it is there.
    pub fn begun(copy: CopyId, node: NodeId) -> Self {
        Self {
            term: 1,
            primary: Some(copy),
            in_sync: BTreeSet::new(),
            present: BTreeMap::from([(copy, Copy { node, stage: Stage::Recovering })]),
        }
    }

    /// Whether a copy is the first of its shard and has yet to be made: nothing was ever acknowledged.
    pub fn begins_with(&self, copy: CopyId) -> bool {
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

    /// Begins a further copy, which gets what it lacks from the primary.
    pub fn add(&mut self, copy: CopyId, node: NodeId) -> Result<(), CopyError> {
        if self.present.contains_key(&copy) || self.in_sync.contains(&copy) {
            return Err(CopyError::Taken(copy));
        }
        self.present.insert(copy, Copy { node, stage: Stage::Recovering });
        Ok(())
    }

    /// A copy has caught up, says the primary of `term`.
    pub fn mark_in_sync(&mut self, copy: CopyId, term: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        let present = self.present.get_mut(&copy).ok_or(CopyError::Absent(copy))?;
        present.stage = Stage::Started;
        self.in_sync.insert(copy);
        Ok(())
    }

    /// The primary of `term` goes on without a copy, which may lack what is acknowledged from now on.
    pub fn drop_copy(&mut self, copy: CopyId, term: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        if self.primary == Some(copy) {
            return Err(CopyError::IsPrimary(copy));
        }
        self.present.remove(&copy);
        self.in_sync.remove(&copy);
        Ok(())
    }

    /// The copies on a node are gone for now.
    pub fn node_left(&mut self, node: NodeId) {
        self.present.retain(|_, copy| copy.node != node);
        self.primary = self.primary.filter(|primary| self.present.contains_key(primary));
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
        self.present.insert(copy, Copy { node, stage: Stage::Started });
        Ok(())
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
        self.term += 1;
        self.primary = Some(copy);
        // What was recovering did so from a primary that is gone.
        self.present.retain(|copy, _| self.in_sync.contains(copy));
        Ok(())
    }

    fn check_term(&self, asked: u64) -> Result<(), CopyError> {
        if asked == self.term && self.primary.is_some() {
            return Ok(());
        }
        Err(CopyError::OldTerm { asked, current: self.term })
    }
}
