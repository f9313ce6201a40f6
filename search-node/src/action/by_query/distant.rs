//! The matches in shards of another node, as it hands them out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::NodeId;
use daemon::CancellationToken;
use serde_json::{Value, json};
use shard::{SearchError, Slice};
use tokio::runtime::Handle;
use transport::{CallError, Lane};

use super::message::{Page, Question, pack, unpack};
use super::plan::Wish;
use super::walk::Found;
use crate::action::home::peer_of;
use crate::coordination::{Action, Coordinator, Fault, fault_of};
use crate::error::ApiError;
use crate::indices::Index;

/// How long a node may take: as long as anybody waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// Shards that another node keeps as they were. It is told when they are needed no more.
pub(super) struct Distant {
    pub coordinator: Arc<Coordinator>,
    pub node: NodeId,
    pub scan: u64,
    /// The shards, in the order in which that node knows them.
    pub shards: Vec<(Arc<Index>, usize)>,
}

/// Asks a node about matches. No error means that it could not be asked, so that another copy is as good.
pub(super) async fn ask(
    coordinator: &Arc<Coordinator>,
    node: NodeId,
    question: &Question,
) -> Result<Bytes, Option<ApiError>> {
    let peer = peer_of(&coordinator.map(), node).ok_or(None)?;
    let answer = coordinator.call(&peer, Lane::Data, Action::Scan, pack(question), ANSWER_WITHIN).await;
    answer.map_err(|error| match error {
        CallError::Failed(_) => match fault_of(error) {
            Fault::NotLeader(_) => None,
            Fault::Failed(error) => Some(error),
        },
        _ => None,
    })
}

impl Distant {
    /// The same for as long as anybody wants to know; whoever works on the answer is told when nobody does.
    async fn ask_until(&self, question: Question, cancel: &CancellationToken) -> Result<Bytes, ApiError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ApiError::from(SearchError::Cancelled)),
            answer = self.ask(question) => answer,
        }
    }

    async fn ask(&self, question: Question) -> Result<Bytes, ApiError> {
        ask(&self.coordinator, self.node, &question).await.map_err(|error| {
            error.unwrap_or_else(|| {
                let reason = format!("node [{}] does not answer any more", self.name());
                ApiError::new(503, "node_disconnected_exception", reason)
            })
        })
    }

    /// The id by which clients know the node.
    fn name(&self) -> String {
        let map = self.coordinator.map();
        map.nodes.get(&self.node).map_or_else(|| self.node.to_string(), |entry| entry.data_id.clone())
    }

    /// Begins a slice; how many documents it has.
    pub(super) async fn begin(&self, wish: &Wish, slice: Slice) -> Result<u64, ApiError> {
        let (slice, of) = (slice.number, slice.of);
        let question = Question::Begin { scan: self.scan, slice, of, wish: wish.pack() };
        unpack(&self.ask_until(question, &wish.cancel).await?)
    }

    /// Has the shards kept for longer. One that is lost is told when its documents are wanted.
    pub(super) async fn keep(&self) {
        drop(self.ask(Question::Keep { scan: self.scan }).await);
    }

    async fn next(
        &self,
        slice: Slice,
        most: usize,
        cancel: &CancellationToken,
    ) -> Result<(VecDeque<Found>, bool), ApiError> {
        let question = Question::Next { scan: self.scan, slice: slice.number, most };
        let answer = self.ask_until(question, cancel).await?;
        let page: Page<'_> = unpack(&answer)?;
        let found: VecDeque<Found> = page.documents.into_iter().map(|document| document.found()).collect();
        if let Some(wrong) = found.iter().find(|found| found.hit.shard >= self.shards.len()) {
            let reason = format!("another node has found something in shard [{}]", wrong.hit.shard);
            return Err(ApiError::internal(format!(
                "{reason} of [{}] that it was asked for",
                self.shards.len()
            )));
        }
        Ok((found, page.is_over))
    }

    /// Each of its shards as one in which nobody can look any more.
    pub(super) fn failures(&self, error: &ApiError) -> impl Iterator<Item = Value> {
        let node = self.name();
        self.shards.iter().map(move |(index, number)| {
            json!({
                "shard": number, "index": index.name, "node": node, "reason": error.to_item(),
                "status": error.status
            })
        })
    }
}

impl Drop for Distant {
    fn drop(&mut self) {
        let (coordinator, node, scan) = (Arc::clone(&self.coordinator), self.node, self.scan);
        // Should that node not hear of it, it lets go by itself.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { ask(&coordinator, node, &Question::Close { scan }).await });
        }
    }
}

/// One slice of what another node keeps, a page at a time.
pub(super) struct DistantFeed {
    pub distant: Arc<Distant>,
    slice: Slice,
    waiting: VecDeque<Found>,
    is_over: bool,
    pub cancel: CancellationToken,
}

impl DistantFeed {
    pub(super) fn new(distant: Arc<Distant>, slice: Slice, cancel: CancellationToken) -> Self {
        Self { distant, slice, waiting: VecDeque::new(), is_over: false, cancel }
    }

    /// The next match; none at the end. Blocks while the other node is asked for up to `most`.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Found>, ApiError> {
        while self.waiting.is_empty() && !self.is_over {
            let asked = Handle::current().block_on(self.distant.next(self.slice, most.max(1), &self.cancel));
            (self.waiting, self.is_over) = asked.inspect_err(|_| self.is_over = true)?;
        }
        Ok(self.waiting.pop_front())
    }

    /// The index of a match.
    pub(super) fn index(&self, found: &Found) -> &Arc<Index> {
        &self.distant.shards[found.hit.shard].0
    }
}
