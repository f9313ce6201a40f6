//! Why a copy is where it is, or nowhere: what every decider says about every node (`_cluster/allocation/explain`).

use super::deciders::{Activity, Board, Decision, MAX_RETRY, Subject, verdict};
use super::explanation::{AllocationDecision, Explanation, NodeExplanation, NotExplained, Placed, Which};
use super::tally::Tally;
use super::{AllocationSettings, Observed};
use crate::health::CopyState;
use crate::state::{ClusterState, CopyId, NodeId, ShardCopies, ShardId};

/// The first copy that is on no node, primaries first.
pub fn first_unassigned(state: &ClusterState) -> Option<(ShardId, Which)> {
    let primary = state.shards().find(|(_, copies)| copies.primary().is_none());
    let replica = || state.shards().find(|(shard, copies)| copies.standing() < state.wanted_copies(shard));
    primary
        .map(|(shard, _)| (shard, Which::Primary))
        .or_else(|| replica().map(|(shard, _)| (shard, Which::Replica)))
}

/// Why a copy is where it is, or nowhere.
pub fn explain(
    state: &ClusterState,
    shard: &ShardId,
    which: Which,
    settings: &AllocationSettings,
    observed: &Observed,
) -> Result<Explanation, NotExplained> {
    let (Some(copies), Some(index)) = (state.shard(shard), state.indices.get(&shard.index)) else {
        return Err(NotExplained::NoShard(shard.clone()));
    };
    let tally = Tally::of(state, observed);
    let asked = Asked { board: Board { state, tally: &tally, settings, observed }, shard, copies };
    let copy = asked.copy(which)?;
    let (placed, nodes) = match copy {
        Some(copy) => asked.on_a_node(copy)?,
        None => asked.nowhere(which),
    };
    Ok(Explanation {
        index: index.name.clone(),
        shard: shard.clone(),
        is_primary: copy.map_or(which == Which::Primary, |copy| copies.primary() == Some(copy)),
        state: copy.map_or(CopyState::Unassigned, |copy| {
            // One that takes another's place is being filled.
            copies.state_of(copy).unwrap_or(CopyState::Initializing)
        }),
        placed,
        nodes,
    })
}

struct Asked<'a> {
    board: Board<'a>,
    shard: &'a ShardId,
    copies: &'a ShardCopies,
}

impl Asked<'_> {
    /// The copy that is asked about, if it is on a node.
    fn copy(&self, which: Which) -> Result<Option<CopyId>, NotExplained> {
        let present = self.copies.present();
        match which {
            Which::Primary => Ok(self.copies.primary()),
            Which::On(node) => {
                let there = present.iter().find(|(_, copy)| copy.node == node).map(|(id, _)| *id);
                there.map(Some).ok_or_else(|| NotExplained::NotThere(self.shard.clone(), node))
            }
            Which::Replica => {
                let missing =
                    self.board.state.wanted_copies(self.shard).saturating_sub(self.copies.standing());
                if missing > usize::from(self.copies.primary().is_none()) {
                    return Ok(None);
                }
                let first = present.keys().find(|copy| self.copies.primary() != Some(**copy));
                first.copied().map(Some).ok_or_else(|| NotExplained::NoReplica(self.shard.clone()))
            }
        }
    }

    fn nowhere(&self, which: Which) -> (Placed, Vec<NodeExplanation>) {
        let is_new = self.copies.in_sync().is_empty();
        let is_primary = which == Which::Primary;
        let subject = if is_primary { Subject::Primary { is_new } } else { Subject::Replica };
        let mut nodes = self.nodes(subject, None);
        let best = |nodes: &[NodeExplanation], decision| nodes.iter().any(|node| node.decision == decision);
        let observed = self.board.observed;
        let delayed_until = observed.delayed_until(self.board.state, self.shard, self.copies);
        let (can_allocate, explanation) = if is_primary && !is_new {
            // Only what is in sync can be primary, whatever deciders say about the node; but for one that failed too often.
            let is_in_sync = |node: &NodeExplanation| node.found.is_some_and(|(_, is_in_sync)| is_in_sync);
            let has_fit = nodes.iter().any(is_in_sync);
            nodes.iter_mut().for_each(|node| {
                let is_given_up = node
                    .deciders
                    .iter()
                    .any(|said| said.decider == MAX_RETRY && said.decision == Decision::No);
                let is_fit = is_in_sync(node) && !is_given_up;
                node.decision = if is_fit { AllocationDecision::Yes } else { AllocationDecision::No };
            });
            if best(&nodes, AllocationDecision::Yes) {
                (AllocationDecision::Yes, "can allocate the shard")
            } else if has_fit {
                (
                    AllocationDecision::No,
                    "cannot allocate because allocation is not permitted to any of the nodes that hold an in-sync shard copy",
                )
            } else if nodes.iter().any(|node| node.found.is_some()) {
                let stale =
                    "cannot allocate because all found copies of the shard are either stale or corrupt";
                (AllocationDecision::NoValidShardCopy, stale)
            } else {
                (
                    AllocationDecision::NoValidShardCopy,
                    "cannot allocate because a previous copy of the primary shard existed but can no longer be found on the nodes in the cluster",
                )
            }
        } else if delayed_until.is_some() {
            (
                AllocationDecision::Delayed,
                "cannot allocate because the cluster is still waiting for the departed node holding a replica to rejoin",
            )
        } else if best(&nodes, AllocationDecision::Yes) {
            (AllocationDecision::Yes, "can allocate the shard")
        } else if best(&nodes, AllocationDecision::Throttled) {
            (AllocationDecision::Throttled, "allocation temporarily throttled")
        } else {
            (
                AllocationDecision::No,
                "cannot allocate because allocation is not permitted to any of the nodes",
            )
        };
        let delay =
            self.board.state.indices.get(&self.shard.index).map(|index| index.allocation.delay_millis);
        let placed = Placed::Nowhere {
            unassigned: self.copies.unassigned().clone(),
            since_millis: observed.lacking.get(self.shard).map(|lacking| lacking.since_millis),
            can_allocate,
            explanation,
            delay_millis: delayed_until.and_then(|until| Some((delay?, until - observed.now_millis))),
        };
        (placed, nodes)
    }

    fn on_a_node(&self, copy: CopyId) -> Result<(Placed, Vec<NodeExplanation>), NotExplained> {
        let subject = Subject::There(copy);
        let not_there = || NotExplained::NoShard(self.shard.clone());
        let node = self.copies.present().get(&copy).ok_or_else(not_there)?.node;
        let question = self.board.question(self.shard, subject, node).ok_or_else(not_there)?;
        let can_remain_decisions = question.can_remain();
        let can_rebalance_cluster_decisions = question.can_rebalance(Activity::of(self.board.state));
        let can_remain = verdict(&can_remain_decisions);
        let can_rebalance_cluster = verdict(&can_rebalance_cluster_decisions);
        let must_improve = (can_remain == Decision::Yes).then_some(node);
        let nodes = self.nodes(subject, must_improve);
        let nodes: Vec<NodeExplanation> = nodes.into_iter().filter(|other| other.node != node).collect();
        let has = |decision| nodes.iter().any(|node| node.decision == decision);
        let (can_move, explanation) = if can_remain == Decision::Yes {
            match can_rebalance_cluster {
                Decision::No => (AllocationDecision::No, "rebalancing is not allowed"),
                Decision::Throttle => (AllocationDecision::Throttled, "rebalancing is throttled"),
                Decision::Yes if has(AllocationDecision::Yes) => {
                    (AllocationDecision::Yes, "can rebalance shard")
                }
                Decision::Yes => (
                    AllocationDecision::No,
                    "cannot rebalance as no target node exists that can both allocate this shard and improve the cluster balance",
                ),
            }
        } else if has(AllocationDecision::Yes) {
            (AllocationDecision::Yes, "shard cannot remain on this node and is force-moved to another node")
        } else if has(AllocationDecision::Throttled) {
            (AllocationDecision::Throttled, "shard movement is currently throttled")
        } else {
            (
                AllocationDecision::No,
                "cannot move shard to another node, even though it is not allowed to remain on its current node",
            )
        };
        let weight_ranking =
            self.ranking().iter().position(|(other, _)| *other == node).map_or(1, |at| at + 1);
        let placed = Placed::On {
            copy,
            node,
            weight_ranking,
            can_remain,
            can_remain_decisions,
            can_rebalance_cluster,
            can_rebalance_cluster_decisions,
            can_move,
            explanation,
        };
        Ok((placed, nodes))
    }

    /// Nodes that hold data by their weight, the best place first.
    fn ranking(&self) -> Vec<(NodeId, f64)> {
        let weight = |node| self.board.tally.weight(node, &self.shard.index, self.board.settings);
        let nodes = self.board.state.data_nodes();
        let mut nodes: Vec<(NodeId, f64)> = nodes.map(|(node, _)| (node, weight(node))).collect();
        nodes.sort_by(|one, other| one.1.total_cmp(&other.1).then(one.0.cmp(&other.0)));
        nodes
    }

    /// What is said about each node; where the copy may stay, another one has to be better.
    fn nodes(&self, subject: Subject, better_than: Option<NodeId>) -> Vec<NodeExplanation> {
        let ranking = self.ranking();
        let current = better_than.and_then(|node| ranking.iter().find(|(other, _)| *other == node));
        let threshold = self.board.settings.balance.threshold;
        let said = ranking.iter().enumerate().filter_map(|(at, (node, weight))| {
            let deciders = self.board.question(self.shard, subject, *node)?.can_allocate();
            let is_better = current.is_none_or(|(_, current)| current - weight > threshold + 1e-9);
            let decision = match AllocationDecision::of(verdict(&deciders)) {
                AllocationDecision::Yes if !is_better => AllocationDecision::WorseBalance,
                decision => decision,
            };
            let found = self.board.observed.found.get(&(*node, self.shard.clone()));
            Some(NodeExplanation {
                node: *node,
                decision,
                weight_ranking: at + 1,
                found: found.map(|copy| (*copy, self.copies.in_sync().contains(copy))),
                deciders,
            })
        });
        said.collect()
    }
}
