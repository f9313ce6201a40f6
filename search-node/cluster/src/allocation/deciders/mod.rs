//! Whether a copy of a shard may be on a node, may stay there, and may be moved for the sake of balance: one opinion for each
//! reason, each in words, as `_cluster/allocation/explain` shows them.

mod awareness;
mod disk;
mod enable;
mod filter;
mod max_retry;
mod rebalance;
mod role;
mod same_shard;
mod shards_limit;
mod throttling;

use super::tally::Tally;
use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, CopyId, IndexEntry, NodeEntry, NodeId, ShardCopies, ShardId};

pub(super) use max_retry::NAME as MAX_RETRY;
pub(super) use rebalance::Activity;

/// What a decider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Yes,
    /// Not now.
    Throttle,
    No,
}

/// What a decider says, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    pub decider: &'static str,
    pub decision: Decision,
    pub explanation: String,
}

/// Which copy it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The first copy of a shard that has none; a new one, or one that is found again.
    Primary { is_new: bool },
    /// A further copy.
    Replica,
    /// One that is there.
    There(CopyId),
}

/// What is known of the cluster, the same for all questions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Board<'a> {
    pub(super) state: &'a ClusterState,
    pub(super) tally: &'a Tally,
    pub(super) settings: &'a AllocationSettings,
    pub(super) observed: &'a Observed,
}

/// Whether a copy may be on a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    board: Board<'a>,
    shard: &'a ShardId,
    index: &'a IndexEntry,
    copies: &'a ShardCopies,
    subject: Subject,
    node: NodeId,
    entry: &'a NodeEntry,
}

impl<'a> Board<'a> {
    /// None if there is no such shard or node.
    pub(super) fn question(self, shard: &'a ShardId, subject: Subject, node: NodeId) -> Option<Question<'a>> {
        let index = self.state.indices.get(&shard.index)?;
        let copies = self.state.shard(shard)?;
        let entry = self.state.nodes.get(&node)?;
        Some(Question { board: self, shard, index, copies, subject, node, entry })
    }
}

impl Question<'_> {
    /// Whether the copy may be given a place on the node.
    pub(super) fn can_allocate(&self) -> Vec<Opinion> {
        vec![
            max_retry::max_retry(self),
            role::primary_first(self),
            enable::enable(self),
            role::node_role(self),
            role::node_shutdown(self),
            filter::filter(self),
            same_shard::same_shard(self),
            disk::can_allocate(self),
            throttling::throttling(self),
            shards_limit::can_allocate(self),
            awareness::can_allocate(self),
        ]
    }

    /// Whether the copy, which is on the node, may stay.
    pub(super) fn can_remain(&self) -> Vec<Opinion> {
        vec![
            role::node_role(self),
            filter::filter(self),
            disk::can_remain(self),
            shards_limit::can_remain(self),
            awareness::can_remain(self),
        ]
    }

    /// Whether the copy may be moved where it is better.
    pub(super) fn can_rebalance(&self, activity: Activity) -> Vec<Opinion> {
        vec![
            enable::can_rebalance(self),
            rebalance::when_active(self),
            rebalance::cluster_rebalance(self, activity),
            rebalance::concurrent_rebalance(self),
        ]
    }

    fn is_primary(&self) -> bool {
        match self.subject {
            Subject::Primary { .. } => true,
            Subject::Replica => false,
            Subject::There(copy) => self.copies.primary() == Some(copy),
        }
    }

    /// The other copies of the shard that stay where they are, with their nodes; not the one that it is about.
    fn others(&self) -> impl Iterator<Item = &NodeEntry> + '_ {
        let present = self.copies.present().iter();
        let staying = present.filter(|(id, _)| {
            self.subject != Subject::There(**id) && self.copies.replacement_of(**id).is_none()
        });
        staying.filter_map(|(_, copy)| self.board.state.nodes.get(&copy.node))
    }
}

/// All in all: no if one says no.
pub(super) fn verdict(opinions: &[Opinion]) -> Decision {
    opinions.iter().map(|opinion| opinion.decision).max().unwrap_or(Decision::Yes)
}

/// What every decider says about a further copy of a shard on a node. None if there is no such shard or node.
pub fn opinions(
    state: &ClusterState,
    shard: &ShardId,
    node: NodeId,
    settings: &AllocationSettings,
    observed: &Observed,
) -> Option<Vec<Opinion>> {
    let tally = Tally::of(state, observed);
    let board = Board { state, tally: &tally, settings, observed };
    Some(board.question(shard, Subject::Replica, node)?.can_allocate())
}

fn yes(decider: &'static str, explanation: impl Into<String>) -> Opinion {
    Opinion { decider, decision: Decision::Yes, explanation: explanation.into() }
}

fn no(decider: &'static str, explanation: impl Into<String>) -> Opinion {
    Opinion { decider, decision: Decision::No, explanation: explanation.into() }
}

fn not_now(decider: &'static str, explanation: impl Into<String>) -> Opinion {
    Opinion { decider, decision: Decision::Throttle, explanation: explanation.into() }
}
