//! What is answered to who asks why a copy is where it is, or nowhere.

use super::deciders::{Decision, Opinion};
use crate::health::CopyState;
use crate::state::{CopyId, NodeId, ShardId, Unassigned};

/// Which copy of a shard is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Primary,
    /// One that is on no node, if there is one that should be, or the first that is.
    Replica,
    /// The one on a node.
    On(NodeId),
}

/// Why nothing can be explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotExplained {
    /// There is no such shard.
    #[error("there is no shard {0}")]
    NoShard(ShardId),
    /// There is no such copy.
    #[error("shard {0} has no replica, and should have none")]
    NoReplica(ShardId),
    /// The node has no copy of it.
    #[error("no copy of shard {0} is on node {1}; ask without a node to learn where they are")]
    NotThere(ShardId, NodeId),
}

/// What comes of all opinions, in Elasticsearch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationDecision {
    Yes,
    No,
    Throttled,
    /// It could be there, and is not better off.
    WorseBalance,
    /// A copy whose node is gone is waited for.
    Delayed,
    /// No node has a copy that could be primary.
    NoValidShardCopy,
}

/// Why a copy is where it is, or nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The name of the index.
    pub index: String,
    pub shard: ShardId,
    pub is_primary: bool,
    pub state: CopyState,
    pub placed: Placed,
    /// Every node that holds data, but for the one that has the copy; the best first.
    pub nodes: Vec<NodeExplanation>,
}

/// Where it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Placed {
    /// It is on no node.
    Nowhere {
        unassigned: Unassigned,
        since_millis: Option<i64>,
        can_allocate: AllocationDecision,
        explanation: &'static str,
        /// `index.unassigned.node_left.delayed_timeout`, and what is left of it, where a copy is waited for.
        delay_millis: Option<(i64, i64)>,
    },
    /// It is on a node.
    On {
        copy: CopyId,
        node: NodeId,
        /// How good a place that is among all nodes, 1 for the best.
        weight_ranking: usize,
        can_remain: Decision,
        can_remain_decisions: Vec<Opinion>,
        can_rebalance_cluster: Decision,
        can_rebalance_cluster_decisions: Vec<Opinion>,
        /// Whether it is moved: for the sake of balance, or because it may not stay.
        can_move: AllocationDecision,
        explanation: &'static str,
    },
}

/// What is said about a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeExplanation {
    pub node: NodeId,
    pub decision: AllocationDecision,
    /// How good a place it is among all nodes, 1 for the best.
    pub weight_ranking: usize,
    /// What the node has of the shard on its disk, and whether that is in sync.
    pub found: Option<(CopyId, bool)>,
    pub deciders: Vec<Opinion>,
}

impl AllocationDecision {
    /// As REST answers show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Throttled => "throttled",
            Self::WorseBalance => "worse_balance",
            Self::Delayed => "allocation_delayed",
            Self::NoValidShardCopy => "no_valid_shard_copy",
        }
    }

    pub(super) fn of(decision: Decision) -> Self {
        match decision {
            Decision::Yes => Self::Yes,
            Decision::Throttle => Self::Throttled,
            Decision::No => Self::No,
        }
    }
}
