//! Where nodes are, and the way of the consensus to them.
//!
//! A node keeps its id and may come back under another address: whoever was met last under an id is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use consensus::{PeerError, Peers};
use parking_lot::Mutex;
use transport::{CallError, Lane, NodeIdentity, Peer, Transport};

use super::calls::Action;

/// How long a message of the consensus may take. A part of a snapshot is the longest.
const CONSENSUS_WITHIN: Duration = Duration::from_secs(10);

/// The addresses at which nodes were met, by their ids.
#[derive(Clone)]
pub(crate) struct Ways {
    transport: Transport,
    met: Arc<Mutex<HashMap<u64, String>>>,
}

impl Ways {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport, met: Arc::default() }
    }

    /// Meets whoever listens at an address.
    pub(super) async fn meet(&self, address: &str, within: Duration) -> Result<Arc<NodeIdentity>, CallError> {
        let identity = self.transport.meet(address, within).await?;
        self.met.lock().insert(identity.node_id, address.to_owned());
        Ok(identity)
    }

    /// Where a node is: where it was met last, or else where others say that it is.
    pub(super) fn address(&self, node: u64, said: &str) -> String {
        self.met.lock().get(&node).cloned().unwrap_or_else(|| said.to_owned())
    }

    fn lost(&self, node: u64) {
        self.met.lock().remove(&node);
    }
}

impl Peers for Ways {
    async fn call(&self, node: u64, address: &str, request: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        let address = self.address(node, address);
        let body = Bytes::from(request);
        let peer = Peer::at(&address);
        let action = Action::Consensus as u16;
        let answer = self.transport.call(&peer, Lane::Consensus, action, body, CONSENSUS_WITHIN).await;
        answer.map(Vec::from).map_err(|error| {
            let reason = error.to_string();
            match error {
                CallError::NotSent { .. } | CallError::Refused { .. } => {
                    // It may be elsewhere by now.
                    self.lost(node);
                    PeerError::Unreachable { node, address, reason }
                }
                CallError::Unknown { .. } => PeerError::NoAnswer { node, reason },
                CallError::Failed(_) => PeerError::Refused { node, reason },
            }
        })
    }
}
