//! What pages of the API ask the coordinator: who leads, what that node has seen, what is set about allocation.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::allocation::{AllocationSettings, Observed};
use cluster::state::{ClusterState, NodeId};
use tokio::time::{Instant, timeout, timeout_at};
use transport::Lane;

use super::calls::{Action, Fault, unavailable};
use super::coordinator::{Coordinator, LOOK_AGAIN, Leads};
use super::dynamic_settings::DynamicSettings;
use crate::error::ApiError;

/// How long whoever leads may take to say what it has seen: it has it at hand.
const OBSERVED_WITHIN: Duration = Duration::from_secs(5);

/// How long the others may take to confirm that this node leads: shorter, so that whoever asked is told.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(3);

impl Coordinator {
    /// The process that leads, as far as this node knows.
    pub(crate) fn leading_process(&self, map: &ClusterState) -> Option<NodeId> {
        let leader = self.consensus.status().leader?.node;
        let mut nodes = map.nodes.iter().filter(|(_, entry)| entry.consensus_id() == Some(leader));
        nodes.next().map(|(node, _)| *node)
    }

    /// The term of whoever leads.
    pub(crate) fn leading_term(&self) -> u64 {
        self.consensus.status().term
    }

    /// The nodes that vote; while that changes, those before.
    pub(crate) fn settled_voters(&self) -> std::collections::BTreeSet<u64> {
        self.consensus.status().settled_voters
    }

    /// Waits until somebody leads and says so. A node that has heard nothing for a while may still take somebody for the leader
    /// who is gone.
    pub(crate) async fn wait_led(&self, within: Duration) -> Result<(), ApiError> {
        let deadline = Instant::now() + within;
        let mut last = "nobody is known to lead".to_owned();
        loop {
            match timeout_at(deadline, self.observed()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => last = error.reason,
                Err(_) => {}
            }
            if Instant::now() >= deadline || self.stopping.is_cancelled() {
                return Err(ApiError::new(
                    503,
                    "master_not_discovered_exception",
                    format!("{last}; see that most of the nodes that vote are there"),
                ));
            }
            let known = self.consensus.status().leader;
            let look = deadline.min(Instant::now() + LOOK_AGAIN);
            let changed = self.consensus.wait_status(|status| status.leader != known);
            let _looked = timeout_at(look, changed).await;
        }
    }

    /// What is set about allocation: in the map, or else for this node. The log tells once what is left out of that.
    pub(crate) fn allocation_settings(&self, map: &ClusterState) -> AllocationSettings {
        let (settings, left_out) = DynamicSettings::of(map).allocation(&self.rules.allocation);
        for reason in left_out.iter().map(ToString::to_string) {
            if self.left_out.lock().insert(reason.clone()) {
                tracing::warn!(
                    reason,
                    "a stored setting of the cluster is left out; set it anew, or to null"
                );
            }
        }
        settings
    }

    /// What this node's own settings say about allocation.
    pub(crate) fn own_allocation(&self) -> &std::collections::BTreeMap<String, String> {
        &self.rules.allocation
    }

    /// What whoever leads has seen of the nodes.
    pub(crate) async fn observed(&self) -> Result<Arc<Observed>, ApiError> {
        let here = self.observed.lock().clone();
        let peer = match (here, self.leader()) {
            (Some(observed), _) => {
                self.confirm_that_it_leads().await?;
                return Ok(observed);
            }
            (None, Some(Leads::Other(peer))) => peer,
            // It has just begun to lead.
            (None, Some(Leads::This)) => return Ok(Arc::default()),
            (None, None) => {
                return Err(ApiError::new(503, "master_not_discovered_exception", "no node leads"));
            }
        };
        let asked = self.call(&peer, Lane::State, Action::Observed, Bytes::new(), OBSERVED_WITHIN);
        let answer = asked.await.map_err(|error| unavailable(&error.to_string()))?;
        postcard::from_bytes(&answer).map(Arc::new).map_err(|error| {
            unavailable(&format!(
                "what the node at {} has seen cannot be read: {error}; do both run the same build?",
                peer.address
            ))
        })
    }

    /// Whoever leads and is cut off does not know that another node leads by now, unless it asks.
    async fn confirm_that_it_leads(&self) -> Result<(), ApiError> {
        match timeout(CONFIRMED_WITHIN, self.consensus.read_index()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ApiError::new(
                503,
                "master_not_discovered_exception",
                "most of the nodes that vote do not answer the one that leads",
            )),
        }
    }

    pub(super) async fn answer_observed(&self) -> Result<Bytes, Fault> {
        self.confirm_that_it_leads().await.map_err(Fault::Failed)?;
        let observed = self.observed.lock().clone().ok_or(Fault::NotLeader(None))?;
        let bytes = postcard::to_allocvec(&*observed);
        bytes.map(Bytes::from).map_err(|error| Fault::Failed(unavailable(&error.to_string())))
    }
}
