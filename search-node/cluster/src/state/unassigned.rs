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
    /// Another reason; what failed in a row goes on counting.
    pub(super) fn because(&mut self, reason: UnassignedReason, details: Option<String>) {
        self.reason = reason;
        self.details = details;
    }
}
