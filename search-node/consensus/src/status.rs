//! What a node knows of itself and the others.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{BasicNode, RaftMetrics};

use crate::state_machine::Reign;

/// Who leads, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// Its id.
    pub node: u64,
    /// Its address, if it is known.
    pub address: Option<String>,
}

impl Leader {
    /// What to do for whoever asked another node.
    pub(crate) fn advice(leader: &Option<Self>) -> String {
        match leader {
            Some(Self { node, address: Some(address) }) => format!("ask node {node} at {address}"),
            Some(Self { node, address: None }) => format!("ask node {node}"),
            None => "no leader is known, ask again after an election".to_owned(),
        }
    }
}

/// A node's view of the consensus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its id.
    pub node: u64,
    /// The term it is in.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<Leader>,
    /// Whether that is itself.
    pub is_leader: bool,
    /// The last entry of its log.
    pub last_index: u64,
    /// The last entry that its state is made of.
    pub applied_index: u64,
    /// The last entry that its snapshot holds, if it has one.
    pub snapshot_index: Option<u64>,
    /// Who votes. While that changes: whoever votes before or after.
    pub voters: BTreeSet<u64>,
    /// Who votes, without whoever is only going to: while that changes, those before.
    pub settled_voters: BTreeSet<u64>,
    /// Who is going to vote, while that changes: until then most of both must agree. A change whose leader went in between stays as
    /// it is until another leader goes on with it.
    pub changing_to: Option<BTreeSet<u64>>,
    /// Where each node is, voters among them.
    pub addresses: BTreeMap<u64, String>,
    /// For the leader: how many entries each other node has to catch up with, if that is known.
    pub lags: BTreeMap<u64, Option<u64>>,
    /// For the leader: how long ago a majority last said that it leads.
    pub majority_ms_ago: Option<u64>,
    /// Why it no longer takes part, if so.
    pub failure: Option<String>,
}

impl Status {
    /// The reign of this node, if it leads.
    pub fn reign(&self) -> Option<Reign> {
        self.is_leader.then_some(Reign { term: self.term, node: self.node })
    }

    pub(crate) fn of(metrics: &RaftMetrics<u64, BasicNode>) -> Self {
        let members = metrics.membership_config.membership();
        let last_index = metrics.last_log_index.unwrap_or(0);
        let addresses: BTreeMap<u64, String> =
            members.nodes().map(|(node, basic)| (*node, basic.addr.clone())).collect();
        let leader =
            metrics.current_leader.map(|node| Leader { node, address: addresses.get(&node).cloned() });
        let lags = metrics.replication.iter().flatten().filter(|(node, _)| **node != metrics.id);
        Self {
            node: metrics.id,
            term: metrics.current_term,
            is_leader: metrics.state.is_leader(),
            leader,
            last_index,
            applied_index: metrics.last_applied.map_or(0, |last| last.index),
            snapshot_index: metrics.snapshot.map(|last| last.index),
            voters: members.voter_ids().collect(),
            settled_voters: members.get_joint_config().first().cloned().unwrap_or_default(),
            changing_to: members.get_joint_config().get(1..).and_then(<[_]>::last).cloned(),
            addresses,
            lags: lags
                .map(|(node, matched)| (*node, matched.map(|at| last_index.saturating_sub(at.index))))
                .collect(),
            majority_ms_ago: metrics.millis_since_quorum_ack,
            failure: metrics.running_state.as_ref().err().map(ToString::to_string),
        }
    }
}
