//! Whoever answers the calls of other nodes.

use std::sync::Arc;

use bytes::Bytes;
use daemon::CancellationToken;
use futures::future::BoxFuture;

use crate::identity::NodeIdentity;
use crate::lane::Lane;

/// A call of another node.
#[derive(Debug)]
pub struct Incoming {
    /// Who calls, as it said when it connected.
    pub from: Arc<NodeIdentity>,
    /// Over which lane.
    pub lane: Lane,
    /// What is asked.
    pub action: u16,
    /// With what; opaque here.
    pub body: Bytes,
    /// Cancelled once nobody waits for the answer: the caller gave up or is gone.
    pub cancelled: CancellationToken,
}

/// Whoever answers the calls of other nodes.
pub trait Handler: Send + Sync + 'static {
    /// Answers a call; an error is as opaque as an answer. The future is always run to its end: when nobody waits any
    /// more, the token of the call says so.
    fn handle(&self, call: Incoming) -> BoxFuture<'_, Result<Bytes, Bytes>>;
}
