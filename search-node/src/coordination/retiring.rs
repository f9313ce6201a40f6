//! How a node leaves in order: its primaries go to other copies, its vote to other nodes, and the map knows that it is gone before
//! it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::allocation::{Observed, to_hand_over};
use cluster::state::Command;
use tokio::time::{Instant, timeout_at};

use super::coordinator::Coordinator;

/// How long primaries may take to be handed over; those that take longer are promoted elsewhere once this node has left.
const PRIMARIES_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take until another node leads.
const LEADER_WITHIN: Duration = Duration::from_secs(10);
/// How long the others may take to agree that this node has left; if they do not, they find out.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

impl Coordinator {
    /// Whether this node is about to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Leaves the cluster, as far as there are others; the node may stop then.
    pub(crate) async fn retire(self: &Arc<Self>) {
        self.leaving.store(true, Ordering::Release);
        if self.map().nodes.len() < 2 {
            return;
        }
        self.hand_primaries_over(Instant::now() + PRIMARIES_WITHIN).await;
        // Whoever leads does not wait for it: this node says itself that it is gone.
        self.read_lease.give_up();
        let own = self.origin.node;
        let is_led_by_another =
            |status: &consensus::Status| status.leader.as_ref().is_some_and(|leader| leader.node != own);
        let mut changes = self.changes();
        let deadline = Instant::now() + LEADER_WITHIN;
        tokio::select! {
            led = timeout_at(deadline, self.consensus.wait_status(is_led_by_another)) => if led.is_err() {
                tracing::warn!(
                    "no other node leads yet, so the others have to choose one once this node is gone"
                );
            },
            // All of them stop: nobody is left who could lead.
            _ = changes.wait_for(|map| map.nodes.len() < 2) => return,
        }
        let leave = self.propose(vec![Command::Leave { node: self.origin.process }]);
        match timeout_at(Instant::now() + LEAVE_WITHIN, leave).await {
            Ok(Ok(_)) => tracing::info!("this node has left the cluster"),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the others do not know that this node leaves; they will find out");
            }
        }
    }

    /// Whoever leads hands them over once it knows that this node is about to stop.
    async fn hand_primaries_over(&self, deadline: Instant) {
        let own = self.origin.process;
        let observed = Observed { stopping: [own].into(), ..Observed::default() };
        let mut changes = self.changes();
        let is_done = changes.wait_for(|map| to_hand_over(map, own, &observed).is_empty());
        match timeout_at(deadline, is_done).await {
            Ok(_) => tracing::info!("no primary is here any more that could be elsewhere"),
            Err(_) => tracing::warn!("not all primaries of this node were handed over in time"),
        }
    }
}
