//! The nodes that vote, as whoever leads chooses them (`consensus::membership` decides). One change at a time, beside everything else:
//! it waits for other nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cluster::state::{ClusterState, NodeEntry, Role};
use consensus::Status;
use consensus::membership::{Candidate, DEPARTED_AFTER, Health, next_voters};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::coordinator::Coordinator;

/// How long a change of the voters may take.
const VOTERS_WITHIN: Duration = Duration::from_secs(10);

/// Pause between two changes: one that is refused would be refused again at once.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What a leader knows of those who vote.
#[derive(Default)]
pub(super) struct Voting {
    /// The nodes that were in the map when it was looked at last, and whether they may vote.
    there: BTreeMap<u64, bool>,
    /// Nodes that have left the map since, or were not in it when this reign began; since when, and whether they may vote.
    departed: BTreeMap<u64, (Instant, bool)>,
    changing: Option<JoinHandle<()>>,
    /// When a change was begun last.
    tried: Option<Instant>,
}

impl Voting {
    /// Changes the voters if it is time. `health` is what was heard of each node that is there.
    pub(super) fn look(
        &mut self,
        coordinator: &Arc<Coordinator>,
        map: &ClusterState,
        health: &BTreeMap<u64, Health>,
    ) {
        let status = coordinator.consensus.status();
        self.note(map, &status.voters);
        let is_busy = self.changing.as_ref().is_some_and(|changing| !changing.is_finished())
            || self.tried.is_some_and(|tried| tried.elapsed() < TRY_AGAIN);
        if is_busy || !status.is_leader {
            return;
        }
        // What another leader has begun, and did not come to finish, is finished first.
        let next = status.changing_to.clone().or_else(|| {
            let candidates = self.candidates(health, &status, coordinator.is_leaving());
            next_voters(status.node, &status.voters, &candidates)
        });
        let Some(voters) = next else { return };
        self.tried = Some(Instant::now());
        self.changing = Some(tokio::spawn(change(Arc::clone(coordinator), voters)));
    }

    /// Notes who has gone, and who is back.
    fn note(&mut self, map: &ClusterState, voters: &BTreeSet<u64>) {
        let there = map.nodes.values().filter_map(|entry| Some((entry.consensus_id()?, may_vote(entry))));
        let there: BTreeMap<u64, bool> = there.collect();
        let before = std::mem::replace(&mut self.there, there);
        let gone = before.into_iter().chain(voters.iter().map(|voter| (*voter, true)));
        for (node, is_eligible) in gone.filter(|(node, _)| !self.there.contains_key(node)) {
            self.departed.entry(node).or_insert_with(|| (Instant::now(), is_eligible));
        }
        self.departed.retain(|node, (since, _)| {
            // Who votes and does not come back is told of until another one votes instead.
            !self.there.contains_key(node) && (voters.contains(node) || since.elapsed() < DEPARTED_AFTER)
        });
    }

    fn candidates(
        &self,
        health: &BTreeMap<u64, Health>,
        status: &Status,
        is_leaving: bool,
    ) -> Vec<Candidate> {
        let there = self.there.iter().filter_map(|(node, is_eligible)| {
            let is_own = *node == status.node;
            let health = if is_own { Health::Up(Duration::MAX) } else { *health.get(node)? };
            let lag = if is_own { Some(0) } else { status.lags.get(node).copied().flatten() };
            let is_leaving = is_own && is_leaving;
            Some(Candidate { node: *node, health, lag, is_eligible: *is_eligible, is_leaving })
        });
        let departed = self.departed.iter().map(|(node, (since, is_eligible))| Candidate {
            node: *node,
            health: Health::Down(since.elapsed()),
            lag: None,
            is_eligible: *is_eligible,
            is_leaving: false,
        });
        there.chain(departed).collect()
    }
}

fn may_vote(entry: &NodeEntry) -> bool {
    entry.roles.contains(&Role::Master)
}

async fn change(coordinator: Arc<Coordinator>, voters: BTreeSet<u64>) {
    let consensus = &coordinator.consensus;
    let changed = if voters.contains(&consensus.status().node) {
        consensus.change_voters(voters.clone(), VOTERS_WITHIN).await
    } else {
        consensus.hand_over(voters.clone(), VOTERS_WITHIN).await
    };
    match changed {
        Ok(()) => tracing::info!(?voters, "the nodes that vote changed"),
        Err(error) => tracing::warn!(?voters, %error, "the nodes that vote did not change"),
    }
}
