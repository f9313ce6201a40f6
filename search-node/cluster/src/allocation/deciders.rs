//! Whether a copy of a shard may be on a node: one opinion for each reason, each in words, as `_cluster/allocation/explain` shows them.

use super::{AllocationSettings, Observed};
use crate::state::{ClusterState, IndexEntry, NodeEntry, NodeId, ShardCopies, ShardId, Stage};

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

struct Question<'a> {
    state: &'a ClusterState,
    index: &'a IndexEntry,
    copies: &'a ShardCopies,
    node: NodeId,
    entry: &'a NodeEntry,
    settings: &'a AllocationSettings,
    observed: &'a Observed,
}

/// What every decider says about a further copy of a shard on a node. None if there is no such shard or node.
pub fn opinions(
    state: &ClusterState,
    shard: &ShardId,
    node: NodeId,
    settings: &AllocationSettings,
    observed: &Observed,
) -> Option<Vec<Opinion>> {
    let index = state.indices.get(&shard.index)?;
    let copies = state.shard(shard)?;
    let entry = state.nodes.get(&node)?;
    let question = Question { state, index, copies, node, entry, settings, observed };
    Some(vec![
        role(&question),
        same_shard(&question),
        filter(&question),
        disk(&question),
        throttling(&question),
    ])
}

fn say(decider: &'static str, is_fit: bool, otherwise: Decision, explanation: String) -> Opinion {
    Opinion { decider, decision: if is_fit { Decision::Yes } else { otherwise }, explanation }
}

fn role(question: &Question<'_>) -> Opinion {
    let holds = question.entry.holds_data();
    let explanation = if holds { "the node holds data" } else { "the node's roles do not include [data]" };
    say("node_role", holds, Decision::No, explanation.to_owned())
}

fn same_shard(question: &Question<'_>) -> Opinion {
    let is_there = question.copies.present().values().any(|copy| copy.node == question.node);
    let explanation = if is_there {
        "a copy of this shard is on this node already"
    } else {
        "no copy of this shard is on this node"
    };
    say("same_shard", !is_there, Decision::No, explanation.to_owned())
}

/// `index.routing.allocation.require.rack: a,b` and its like; `_name` stands for the node's name.
fn filter(question: &Question<'_>) -> Opinion {
    for (rule, wanted) in &question.index.filters {
        let Some((kind, attribute)) = rule.split_once('.') else { continue };
        let value = match attribute {
            "_name" => Some(&question.entry.name),
            _ => question.entry.attributes.get(attribute),
        };
        let matches = |wanted: &str| value.is_some_and(|value| value == wanted.trim());
        let is_fit = match kind {
            "require" => wanted.split(',').all(matches),
            "include" => wanted.split(',').any(matches),
            "exclude" => !wanted.split(',').any(matches),
            _ => true,
        };
        if !is_fit {
            let explanation =
                format!("node does not match index setting [index.routing.allocation.{rule}: {wanted}]");
            return say("filter", false, Decision::No, explanation);
        }
    }
    say("filter", true, Decision::No, "node passes the filters of the index".to_owned())
}

fn disk(question: &Question<'_>) -> Opinion {
    let low = question.settings.low_watermark;
    match question.observed.disk_used.get(&question.node) {
        Some(used) if *used > low => {
            let explanation = format!(
                "the node's disk is used to {:.1}%, above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low={:.0}%]",
                used * 100.0,
                low * 100.0
            );
            say("disk_threshold", false, Decision::No, explanation)
        }
        Some(used) => say(
            "disk_threshold",
            true,
            Decision::No,
            format!("the node's disk is used to {:.1}%", used * 100.0),
        ),
        None => {
            say("disk_threshold", true, Decision::No, "the node has not told about its disk yet".to_owned())
        }
    }
}

fn throttling(question: &Question<'_>) -> Opinion {
    let most = question.settings.recoveries_per_node;
    let recovering = recoveries(question.state, question.node);
    let explanation = format!(
        "{recovering} copies are being filled on the node; cluster setting [cluster.routing.allocation.node_concurrent_recoveries={most}]"
    );
    say("throttling", recovering < most, Decision::Throttle, explanation)
}

/// Copies that are being filled on a node.
pub(super) fn recoveries(state: &ClusterState, node: NodeId) -> usize {
    let copies = state.shards().flat_map(|(_, shard)| shard.present().values());
    copies.filter(|copy| copy.node == node && copy.stage == Stage::Recovering).count()
}
