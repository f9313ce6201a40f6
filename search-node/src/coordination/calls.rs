//! What nodes ask one another: an action, and a body in JSON for what is small, or in postcard where there is much of it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transport::{CallError, Handler, Incoming};

use crate::error::ApiError;

/// What is asked of a node. The numbers are for good: another build may be on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub(crate) enum Action {
    /// A message of the consensus.
    Consensus = 1,
    /// A change of the map, for whoever leads.
    Propose = 2,
    /// A process wants to take part.
    Join = 3,
    /// Whether the process is there, and how far it follows the map.
    Ping = 4,
    /// To answer once the map is followed up to a version.
    Follow = 5,
    /// How a node stands that shall found a cluster with others.
    Founding = 6,
    /// A request of the REST API about what this node holds.
    Rest = 20,
    /// Actions of a bulk request.
    Bulk = 21,
    /// To wait until writes to indices are visible in the copies here.
    Visible = 22,
    /// A search in copies here.
    Query = 23,
    /// The documents of hits that a search here found.
    Fetch = 24,
    /// What a node tells about itself: its disk, its memory, its copies.
    Figures = 25,
    /// Documents by their ids.
    MultiGet = 26,
    /// What whoever leads has seen of the nodes.
    Observed = 27,
    /// To let a process tell for a while what its primaries have.
    ReadLease = 28,
    /// How much the copies here take.
    Sizes = 29,
    /// Which threads of the process work, looked at for a while.
    HotThreads = 35,
    /// Operations of a primary for a copy here.
    Operations = 30,
    /// How a copy is filled from the primary here.
    CopyPlan = 31,
    /// A part of a file, for a copy that is filled.
    CopyPiece = 32,
    /// A copy is to get every operation from the primary here.
    CopyCatchUp = 33,
    /// To look at a file of the primary here, which a copy got and found damaged.
    CopyVerify = 34,
    /// What an operation by query matches in copies here.
    Scan = 40,
    /// Writes of an operation by query.
    ByQueryWrites = 41,
    /// Points in time that are held for clients.
    Held = 45,
}

impl Action {
    const ALL: [Self; 25] = [
        Self::Consensus,
        Self::Propose,
        Self::Join,
        Self::Ping,
        Self::Follow,
        Self::Founding,
        Self::Rest,
        Self::Bulk,
        Self::Visible,
        Self::Query,
        Self::Fetch,
        Self::MultiGet,
        Self::Operations,
        Self::CopyPlan,
        Self::CopyPiece,
        Self::CopyCatchUp,
        Self::CopyVerify,
        Self::Figures,
        Self::Observed,
        Self::ReadLease,
        Self::Sizes,
        Self::HotThreads,
        Self::Scan,
        Self::ByQueryWrites,
        Self::Held,
    ];

    fn of(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|action| *action as u16 == number)
    }
}

/// Why a node could not do what it was asked, as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Fault {
    /// It does not lead; who does, and where, if it knows.
    NotLeader(Option<(u64, String)>),
    /// It failed.
    Failed(ApiError),
}

impl Fault {
    /// What nobody here answers.
    pub(crate) fn unknown(action: Action) -> Self {
        Self::Failed(unavailable(&format!("nobody answers [{action:?}] here")))
    }
}

/// Whoever answers the calls of other nodes, once the node is there.
pub(crate) trait Answers: Send + Sync + 'static {
    /// Answers a call.
    fn answer(&self, action: Action, call: Incoming) -> BoxFuture<'_, Result<Bytes, Fault>>;
}

/// Hands calls to the node, which is made after the transport listens.
#[derive(Default)]
pub(crate) struct Switchboard {
    answers: OnceLock<Arc<dyn Answers>>,
}

impl Switchboard {
    /// From now on calls are answered.
    pub(crate) fn connect(&self, answers: Arc<dyn Answers>) {
        // Only the start of a node does so, once.
        drop(self.answers.set(answers));
    }
}

impl Handler for Switchboard {
    fn handle(&self, call: Incoming) -> BoxFuture<'_, Result<Bytes, Bytes>> {
        async move {
            let outcome = match (self.answers.get(), Action::of(call.action)) {
                (Some(answers), Some(action)) => answers.answer(action, call).await,
                (None, _) => Err(Fault::Failed(unavailable("the node is starting; ask again"))),
                (_, None) => Err(Fault::Failed(unavailable(&format!(
                    "this node does not know the action [{}]; upgrade it",
                    call.action
                )))),
            };
            outcome.map_err(|fault| write(&fault))
        }
        .boxed()
    }
}

pub(super) fn unavailable(reason: &str) -> ApiError {
    ApiError::new(503, "node_not_connected_exception", reason)
}

/// A message as bytes.
pub(crate) fn write(message: &impl Serialize) -> Bytes {
    // Plain values always can be written.
    serde_json::to_vec(message).unwrap_or_default().into()
}

/// The message that bytes hold.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        unavailable(&format!(
            "a message of another node cannot be read: {error}; do both run the same build?"
        ))
    })
}

/// A head in JSON with its length before it, then a body as it is.
pub(crate) fn pack(head: &impl Serialize, body: &[u8]) -> Bytes {
    let head = write(head);
    let mut packed = Vec::with_capacity(4 + head.len() + body.len());
    packed.extend_from_slice(&(head.len() as u32).to_le_bytes());
    packed.extend_from_slice(&head);
    packed.extend_from_slice(body);
    packed.into()
}

/// Head and body of what was packed.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &Bytes) -> Result<(T, Bytes), ApiError> {
    let cut_off = || ApiError::internal("a message of another node is cut off");
    let (length, rest) = packed.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let length = u32::from_le_bytes(*length) as usize;
    let head = rest.get(..length).ok_or_else(cut_off)?;
    Ok((read(head)?, packed.slice(4 + length..)))
}

/// The fault that a call ended with.
pub(crate) fn fault_of(error: CallError) -> Fault {
    match error {
        CallError::Failed(bytes) => read(&bytes).unwrap_or_else(Fault::Failed),
        error => Fault::Failed(unavailable(&error.to_string())),
    }
}
