//! The way to the other nodes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::{BasicNode, RaftNetwork, RaftNetworkFactory};

use crate::message::{Answer, Question, Request, decode, encode};
use crate::types::Types;

/// Carries a question to another node and its answer back. What is in them is opaque.
pub trait Peers: Send + Sync + 'static {
    /// Asks a node at an address. The caller ends the wait when it takes too long.
    fn call(
        &self,
        node: u64,
        address: &str,
        request: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, PeerError>> + Send;
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PeerError {
    /// There is no connection; asking again at once is of no use.
    #[error("node {node} at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Which node.
        node: u64,
        /// Where it should be.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// The connection broke, or the answer did not come in time.
    #[error("node {node} did not answer: {reason}")]
    NoAnswer {
        /// Which node.
        node: u64,
        /// What went wrong.
        reason: String,
    },
    /// The node answered that it cannot, or with something else.
    #[error("node {node} refused: {reason}")]
    Refused {
        /// Which node.
        node: u64,
        /// What it said.
        reason: String,
    },
}

/// Makes the ways.
pub(crate) struct Network<P> {
    pub(crate) peers: Arc<P>,
    pub(crate) retry_pause: Duration,
}

/// The way to one node.
pub(crate) struct Way<P> {
    peers: Arc<P>,
    node: u64,
    address: String,
    retry_pause: Duration,
}

impl<P: Peers> RaftNetworkFactory<Types> for Network<P> {
    type Network = Way<P>;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> Way<P> {
        let (peers, retry_pause) = (Arc::clone(&self.peers), self.retry_pause);
        Way { peers, node: target, address: node.addr.clone(), retry_pause }
    }
}

/// Asks a node at an address to try to lead.
pub(crate) type Urge =
    dyn Fn(u64, String) -> Pin<Box<dyn Future<Output = Result<(), PeerError>> + Send>> + Send + Sync;

/// Asks others by these ways.
pub(crate) fn urge(peers: &Arc<impl Peers>) -> Box<Urge> {
    let peers = Arc::clone(peers);
    Box::new(move |node, address| {
        let way = Way { peers: Arc::clone(&peers), node, address, retry_pause: Duration::ZERO };
        Box::pin(async move {
            match way.ask(Question::Campaign).await? {
                Answer::Campaigns => Ok(()),
                _ => Err(way.astray()),
            }
        })
    })
}

type Failure<E> = RPCError<u64, BasicNode, RaftError<u64, E>>;

impl<P: Peers> Way<P> {
    async fn ask(&self, question: Question) -> Result<Answer, PeerError> {
        let refused = |reason: String| PeerError::Refused { node: self.node, reason };
        let request = Request { to: self.node, question };
        let bytes = encode(&request).map_err(|error| refused(error.to_string()))?;
        let answer = self.peers.call(self.node, &self.address, bytes).await?;
        match decode(&answer).map_err(|error| refused(error.to_string()))? {
            Answer::Refused(reason) => Err(refused(reason)),
            answer => Ok(answer),
        }
    }

    /// An answer to another question.
    fn astray(&self) -> PeerError {
        PeerError::Refused { node: self.node, reason: "it answered another question".to_owned() }
    }
}

/// Whoever cannot answer is asked again after a pause; one whose answer was lost at once.
fn failure<E: std::error::Error>(error: PeerError) -> Failure<E> {
    match error {
        PeerError::NoAnswer { .. } => RPCError::Network(NetworkError::new(&error)),
        _ => RPCError::Unreachable(Unreachable::new(&error)),
    }
}

impl<P: Peers> RaftNetwork<Types> for Way<P> {
    async fn append_entries(
        &mut self,
        question: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        match self.ask(Question::Append(question)).await.map_err(failure)? {
            Answer::Append(answer) => Ok(answer),
            _ => Err(failure(self.astray())),
        }
    }

    async fn install_snapshot(
        &mut self,
        question: InstallSnapshotRequest<Types>,
        _: RPCOption,
    ) -> Result<InstallSnapshotResponse<u64>, Failure<InstallSnapshotError>> {
        match self.ask(Question::Snapshot(question)).await.map_err(failure)? {
            Answer::Snapshot(Ok(answer)) => Ok(answer),
            Answer::Snapshot(Err(mismatch)) => {
                let error = RaftError::APIError(InstallSnapshotError::SnapshotMismatch(mismatch));
                Err(RPCError::RemoteError(RemoteError::new(self.node, error)))
            }
            _ => Err(failure(self.astray())),
        }
    }

    async fn vote(
        &mut self,
        question: VoteRequest<u64>,
        _: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, BasicNode, RaftError<u64>>> {
        match self.ask(Question::Vote(question)).await.map_err(failure)? {
            Answer::Vote(answer) => Ok(answer),
            _ => Err(failure(self.astray())),
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(self.retry_pause))
    }
}
