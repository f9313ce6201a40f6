//! Why a shard has fewer copies than it should have.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::CopyId;

/// Why the copy that was lost last, or was never begun, is on no node; and how often it was tried in vain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    pub reason: UnassignedReason,
    pub details: Option<String>,
    /// Copies of the shard that failed in a row. Counted by the map, so that a change of who leads does not begin it anew.
    pub failures: u32,
    /// The copies in sync among them: another one is tried first.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub failed: BTreeSet<CopyId>,
    /// The copies whose nodes have left, and with which they may come back. What never had a place is not waited for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub left: BTreeSet<CopyId>,
    /// Why there were too few copies before nodes left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<UnassignedReason>,
}

/// What happened to a copy, in Elasticsearch's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UnassignedReason {
    #[default]
    IndexCreated,
    ReplicaAdded,
    NodeLeft,
    /// It failed, or its primary went on without it.
    AllocationFailed,
    /// Its primary failed while it was filled from there.
    PrimaryFailed,
    /// Somebody asked to take it away.
    RerouteCancelled,
    /// A new, empty primary was asked for, and what there was is given up.
    ForcedEmptyPrimary,
}

impl UnassignedReason {
    /// As REST answers show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IndexCreated => "INDEX_CREATED",
            Self::ReplicaAdded => "REPLICA_ADDED",
            Self::NodeLeft => "NODE_LEFT",
            Self::AllocationFailed => "ALLOCATION_FAILED",
            Self::PrimaryFailed => "PRIMARY_FAILED",
            Self::RerouteCancelled => "REROUTE_CANCELLED",
            Self::ForcedEmptyPrimary => "FORCED_EMPTY_PRIMARY",
        }
    }
}

impl Unassigned {
    /// Copies have gone with their nodes.
    pub(super) fn node_left(&mut self, gone: BTreeSet<CopyId>, details: String) {
        if self.reason != UnassignedReason::NodeLeft {
            self.before = Some(self.reason);
        }
        self.left.extend(gone);
        self.because(UnassignedReason::NodeLeft, Some(details));
    }

    /// So many copies are lacking now; `back` is one that has come back. What was lacking before is, once nobody is waited for.
    pub(super) fn settle(&mut self, lacking: Option<usize>, back: Option<CopyId>) {
        self.left.retain(|copy| Some(*copy) != back);
        while lacking.is_some_and(|lacking| self.left.len() > lacking) {
            self.left.pop_first();
        }
        if let (true, UnassignedReason::NodeLeft, Some(before)) =
            (self.left.is_empty(), self.reason, self.before)
        {
            self.before = None;
            self.because(before, None);
        }
    }

    /// Another reason; what failed in a row goes on counting.
    pub(super) fn because(&mut self, reason: UnassignedReason, details: Option<String>) {
        self.reason = reason;
        self.details = details;
    }
}
