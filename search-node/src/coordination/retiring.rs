//! How a node leaves in order: its primaries go to other copies, its vote to other nodes, and the map knows that it is gone before
//! it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cluster::allocation::{Observed, to_hand_over};
use cluster::state::Command;
use consensus::Status;
use tokio::time::{Instant, timeout_at};

use super::coordinator::Coordinator;

/// Of the time that a node has to leave: until when somebody must lead, for else nobody is there to hand anything to.
const LED_BY: f64 = 0.7;
/// Until when primaries may be handed over; those that take longer are promoted elsewhere once this node has left.
const PRIMARIES_BY: f64 = 0.8;
/// Until when another node may come to lead. The rest is for the others to agree that this one has left; if they do not, they find
/// out.
const LEADER_BY: f64 = 0.9;

impl Coordinator {
    /// Whether this node is about to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// Leaves the cluster, as far as there are others; the node may stop then. Returns within the time that is given.
    pub(crate) async fn retire(self: &Arc<Self>, within: Duration) {
        self.leaving.store(true, Ordering::Release);
        if self.map().nodes.len() < 2 {
            return;
        }
        let began = Instant::now();
        if let Err(error) = self.wait_led(within.mul_f64(LED_BY)).await {
            tracing::warn!(
                reason = error.reason,
                "nothing can be handed over; the others find out that this node is gone"
            );
            return;
        }
        self.hand_primaries_over(began + within.mul_f64(PRIMARIES_BY)).await;
        // Whoever leads does not wait for it: this node says itself that it is gone.
        self.read_lease.give_up();
        let own = self.origin.node;
        let is_led_by_another =
            |status: &Status| status.leader.as_ref().is_some_and(|leader| leader.node != own);
        let mut changes = self.changes();
        let led = self.consensus.wait_status(is_led_by_another);
        tokio::select! {
            led = timeout_at(began + within.mul_f64(LEADER_BY), led) => if led.is_err() {
                tracing::warn!(
                    "no other node leads yet, so the others have to choose one once this node is gone"
                );
            },
            // All of them stop: nobody is left who could lead.
            _ = changes.wait_for(|map| map.nodes.len() < 2) => return,
        }
        let leave = self.propose(vec![Command::Leave { node: self.origin.process }]);
        match timeout_at(began + within, leave).await {
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
            Err(_) => {
                let left = to_hand_over(&self.map(), own, &observed);
                let left: Vec<String> = left.iter().map(ToString::to_string).collect();
                tracing::warn!(
                    shards = left.join(", "),
                    "not all primaries of this node were handed over in time"
                );
            }
        }
    }
}
