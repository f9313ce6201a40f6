//! What nodes ask one another about points in time that they hold.

use bytes::Bytes;
use cluster::state::IndexId;
use daemon::CancellationToken;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::query::{ShardAsked, unreadable, written};
use super::{HeldLimits, HeldShard, Kind};
use crate::error::ApiError;
use crate::node::Node;

/// What a node is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::action::search) enum Ask {
    /// To hold shards as they are now.
    Open(OpenAsked),
    /// What a scroll looks for.
    Scroll(u64),
    /// To let go of what it holds under these numbers; it answers of how many shards for each.
    Close(Vec<u64>),
    /// To let go of some shards, by their places, of what it holds under a number.
    LetGo(u64, Vec<usize>),
    /// To let go of all that it holds of one kind.
    CloseAll(Kind),
    /// What it holds for clients that have opened points in time.
    List,
}

/// Shards to hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::action::search) struct OpenAsked {
    pub number: u64,
    pub kind: Kind,
    pub keep_millis: i64,
    pub scroll: Option<ScrollAsked>,
    pub shards: Vec<ShardAsked>,
}

/// What a scroll looks for, as it was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::action::search) struct ScrollAsked {
    /// The body of the search, as JSON.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    pub doc_type: Option<String>,
    pub now_millis: i64,
}

impl ScrollAsked {
    /// How much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        (self.body.len() + self.doc_type.as_ref().map_or(0, String::len)) as u64
    }
}

/// What a node holds now of what it was to hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::action::search) struct Opened {
    pub places: Vec<usize>,
    /// The shards that it cannot hold, and why, as JSON.
    pub failures: Vec<(usize, Vec<u8>)>,
}

/// A point in time that a node holds a part of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::action::search) struct Part {
    pub number: u64,
    pub opened_millis: i64,
    pub keep_millis: i64,
    /// Place, index by id and name, and number of each shard.
    pub shards: Vec<(usize, (String, String), usize)>,
}

/// Answers what another node asks.
pub(crate) fn answer_held(
    node: &Node,
    message: &[u8],
    cancelled: &CancellationToken,
) -> Result<Bytes, ApiError> {
    answer(node, postcard::from_bytes(message).map_err(|error| unreadable(&error))?, cancelled)
}

/// Answers what this node or another one asks. `cancelled` says that nobody waits for the answer any more.
pub(super) fn answer(node: &Node, ask: Ask, cancelled: &CancellationToken) -> Result<Bytes, ApiError> {
    let now = node.clock.now_millis();
    match ask {
        Ask::Open(asked) => packed(&open(node, &asked, now, cancelled)?),
        Ask::Scroll(number) => {
            let held = node.held.get(number)?;
            let scroll = held.scroll.as_ref().ok_or_else(|| ApiError::no_search_context(number))?;
            packed(&scroll.asked)
        }
        Ask::Close(numbers) => packed(&node.held.close(&numbers, now)),
        Ask::LetGo(number, places) => packed(&node.held.let_go(number, &places, now)),
        Ask::CloseAll(kind) => {
            let closed = node.held.close(&node.held.numbers(kind), now);
            packed(&closed.into_iter().sum::<usize>())
        }
        Ask::List => packed(&list(node)),
    }
}

fn open(
    node: &Node,
    asked: &OpenAsked,
    now_millis: i64,
    cancelled: &CancellationToken,
) -> Result<Opened, ApiError> {
    let limits = HeldLimits::of(node);
    let mut opened = Opened::default();
    for shard in asked.shards.iter().take_while(|_| !cancelled.is_cancelled()) {
        match open_one(node, asked, shard, &limits, now_millis) {
            Ok(()) => opened.places.push(shard.place),
            Err(error) => opened.failures.push((shard.place, written(&error))),
        }
    }
    // Whoever wanted it has given it up, and nobody else knows of it.
    if cancelled.is_cancelled() {
        node.held.let_go(asked.number, &opened.places, now_millis);
        return Err(ApiError::task_cancelled("nobody waits for it"));
    }
    Ok(opened)
}

fn open_one(
    node: &Node,
    asked: &OpenAsked,
    shard: &ShardAsked,
    limits: &HeldLimits,
    now_millis: i64,
) -> Result<(), ApiError> {
    limits.check_keep(asked.keep_millis)?;
    let index = node.indices.of_id(&IndexId(shard.index.clone()));
    let index = index.ok_or_else(|| ApiError::no_index(&shard.index))?;
    index.check_copy(shard.number, shard.copy)?;
    let reader = index.shard_to_search(shard.number)?.reader();
    let (place, number, filter) = (shard.place, shard.number, shard.filter.clone());
    let shard = HeldShard { place, number, index, filter, reader };
    let times = (now_millis, asked.keep_millis);
    node.held.hold((asked.number, asked.kind), shard, asked.scroll.as_ref(), times, limits)
}

fn list(node: &Node) -> Vec<Part> {
    node.held.numbers(Kind::PointInTime).into_iter().filter_map(|number| node.held.part(number)).collect()
}

fn packed(answer: &impl Serialize) -> Result<Bytes, ApiError> {
    Ok(postcard::to_allocvec(answer).map_err(|error| unreadable(&error))?.into())
}

/// What a node has answered.
pub(in crate::action::search) fn read_answer<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ApiError> {
    postcard::from_bytes(answer).map_err(|error| unreadable(&error))
}
