//! The first copy of a shard, filled with documents of the index that its own was made of. Whoever has it filled has the folder of that
//! shard for himself: the map gives it to nobody else meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::state::{ClusterState, Command, CopyId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::turns::{Turn, Turns};
use super::unfilled::Unfilled;
use super::writer::Writer;
use crate::action::by_query::WholeShards;
use crate::coordination::Coordinator;
use crate::error::ApiError;
use crate::indices::{Index, fills_first, resize_source_of};
use crate::node::Node;

/// Pauses before a copy is begun anew.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often a copy is begun before the map is told that it has failed here: the disk of another node may be well.
const TRIES_MAX: u32 = 3;

/// The shards that are being filled here.
type UnderWay = Mutex<BTreeSet<ShardId>>;

/// Fills the copies that the map has here and that begin with documents of another index, until the node stops.
pub(crate) async fn fill_shards(node: Arc<Node>, coordinator: Arc<Coordinator>) {
    let (under_way, turns) = (Arc::<UnderWay>::default(), Arc::<Turns>::default());
    let followed = watch::Sender::new(Arc::<ClusterState>::default());
    let mut seen = 0;
    loop {
        tokio::select! {
            () = node.stopping.cancelled() => return,
            version = coordinator.wait_followed_beyond(seen) => seen = version,
        }
        let (map, own) = (coordinator.map(), coordinator.origin.process);
        followed.send_replace(Arc::clone(&map));
        for shard in map.shards().map(|(shard, _)| shard) {
            let Some(copy) = copy_to_fill(&map, &shard, own) else { continue };
            if under_way.lock().insert(shard.clone()) {
                let filling = Arc::new(Filling {
                    node: Arc::clone(&node),
                    coordinator: Arc::clone(&coordinator),
                    followed: followed.subscribe(),
                    turns: Arc::clone(&turns),
                    shard,
                });
                tokio::spawn(filling.go_on(copy, Arc::clone(&under_way)));
            }
        }
    }
}

/// The copy of a shard that is to be filled on a node, if there is one.
fn copy_to_fill(map: &ClusterState, shard: &ShardId, node: NodeId) -> Option<CopyId> {
    let (entry, copies) = (map.indices.get(&shard.index)?, map.shard(shard)?);
    copies.on(node).filter(|copy| fills_first(entry, copies, *copy))
}

/// One shard that is filled here.
struct Filling {
    node: Arc<Node>,
    coordinator: Arc<Coordinator>,
    /// The map as this node follows it.
    followed: watch::Receiver<Arc<ClusterState>>,
    turns: Arc<Turns>,
    shard: ShardId,
}

impl Filling {
    /// Fills the copies that the map has here, one after the other.
    async fn go_on(self: Arc<Self>, mut copy: CopyId, under_way: Arc<UnderWay>) {
        loop {
            self.fill(copy).await;
            if self.node.stopping.is_cancelled() {
                return;
            }
            match self.wanted() {
                Some(next) => copy = next,
                None => {
                    under_way.lock().remove(&self.shard);
                    // Whoever follows the map may have seen it filled a moment ago.
                    match self.wanted() {
                        Some(next) if under_way.lock().insert(self.shard.clone()) => copy = next,
                        _ => return,
                    }
                }
            }
        }
    }

    /// The copy that is to be filled, by the map as this node follows it.
    fn wanted(&self) -> Option<CopyId> {
        copy_to_fill(&self.followed.borrow(), &self.shard, self.coordinator.origin.process)
    }

    /// Whether a copy is to be filled still, by the newest map that this node knows of.
    fn is_wanted(&self, copy: CopyId) -> bool {
        let (map, own) = (self.coordinator.map(), self.coordinator.origin.process);
        !self.node.stopping.is_cancelled() && copy_to_fill(&map, &self.shard, own) == Some(copy)
    }

    /// Fills one copy, as long as the map has it here, and tells the map once it is whole.
    async fn fill(self: &Arc<Self>, copy: CopyId) {
        let (mut tries, mut tried) = (0, 0u32);
        while self.wanted() == Some(copy) && !self.node.stopping.is_cancelled() {
            match self.try_to_fill(copy).await {
                Ok(()) => {
                    tracing::info!(shard = %self.shard, %copy, "a shard has the documents of the index that it was made of");
                    (tries, tried) = (0, 0);
                }
                // It was deleted meanwhile, or is elsewhere: what was in the way is of no interest.
                Err(_) if !self.is_wanted(copy) => {
                    tracing::debug!(shard = %self.shard, %copy, "a shard is not filled here any more");
                }
                Err(fault) => {
                    tries = fault.tries(tries, TRIES_MAX);
                    tried = tried.saturating_add(1);
                    let reason = fault.into_error().reason;
                    tracing::warn!(shard = %self.shard, %copy, tried, reason, "a shard could not be filled");
                    if tries >= TRIES_MAX {
                        self.fail(copy, reason).await;
                    }
                }
            }
            self.pause(copy, tried).await;
        }
    }

    /// Waits before a copy is begun anew, or looked at again: for a while whatever changes, and longer as long as nothing does. Not at all
    /// once it is not wanted any more.
    async fn pause(&self, copy: CopyId, tried: u32) {
        let (mut changes, mut later) = (self.followed.clone(), self.followed.clone());
        later.borrow_and_update();
        let longest = PAUSE.saturating_mul(1 << tried.min(5)).min(PAUSE_MAX);
        let is_over = async { while self.wanted() == Some(copy) && changes.changed().await.is_ok() {} };
        let is_due = async {
            tokio::time::sleep(PAUSE).await;
            drop(tokio::time::timeout(longest.saturating_sub(PAUSE), later.changed()).await);
        };
        tokio::select! {
            () = self.node.stopping.cancelled() => {}
            () = is_over => {}
            () = is_due => {}
        }
    }

    async fn fail(&self, copy: CopyId, details: String) {
        let Ok(term) = self.term() else { return };
        let command = Command::FailCopy { shard: self.shard.clone(), copy, term, details };
        if let Err(reason) = self.coordinator.agree_on(command).await {
            tracing::debug!(shard = %self.shard, %copy, ?reason, "the map does not take a copy for failed");
        }
    }

    async fn try_to_fill(self: &Arc<Self>, copy: CopyId) -> Result<(), Unfilled> {
        // One that is whole and that the map has not taken for it yet is not filled twice.
        if self.index()?.held_copy(self.shard.number) != Some(copy) {
            let turn = self.take_turn(copy).await.ok_or_else(|| self.missing())?;
            self.write(copy, turn).await?;
        }
        let term = self.term()?;
        let command = Command::MarkInSync { shard: self.shard.clone(), copy, term };
        self.coordinator.agree_on(command).await.map_err(|reason| {
            Unfilled::Passing(ApiError::not_settled(format!("the map does not take it yet: {reason:?}")))
        })
    }

    /// Writes all documents that a copy begins with.
    async fn write(self: &Arc<Self>, copy: CopyId, turn: Turn) -> Result<(), Unfilled> {
        let (index, term) = (self.index()?, self.term()?);
        let source = self.source(&index)?;
        let first = index.first_documents_of(&source, self.shard.number);
        let opened = WholeShards::open(&self.node, &source, &first).await;
        let shards = Arc::new(opened.map_err(Unfilled::Passing)?);
        let (filling, read) = (Arc::clone(self), Arc::clone(&shards));
        let writing = tokio::task::spawn_blocking(move || {
            // Also where nobody waits for it any more.
            let _turn = turn;
            let is_wanted = || filling.is_wanted(copy);
            let (node, number) = (&*filling.node, filling.shard.number);
            Writer { node, index: &index, number, term, is_wanted: &is_wanted }.write(&read, copy)
        });
        let broke = |error| Unfilled::Here(ApiError::internal(format!("filling a shard broke: {error}")));
        shards.keep_while(writing).await.map_err(broke)?
    }

    fn missing(&self) -> Unfilled {
        Unfilled::Passing(ApiError::no_index(&self.shard.index.0))
    }

    fn index(&self) -> Result<Arc<Index>, Unfilled> {
        self.node.indices.of_id(&self.shard.index).ok_or_else(|| self.missing())
    }

    fn term(&self) -> Result<u64, Unfilled> {
        self.followed.borrow().shard(&self.shard).map(|copies| copies.term()).ok_or_else(|| self.missing())
    }

    /// Waits until a shard may be filled; none once this one is not wanted any more.
    async fn take_turn(&self, copy: CopyId) -> Option<Turn> {
        let mut changes = self.followed.clone();
        let is_over = async { while self.is_wanted(copy) && changes.changed().await.is_ok() {} };
        let most = |map: &Arc<ClusterState>| self.coordinator.allocation_settings(map).initial_primaries;
        tokio::select! {
            turn = self.turns.take(self.followed.clone(), most) => Some(turn),
            () = is_over => None,
            () = self.node.stopping.cancelled() => None,
        }
    }

    /// The index whose documents are wanted, if nothing more is written to it.
    fn source(&self, index: &Index) -> Result<Arc<Index>, Unfilled> {
        let map = self.coordinator.map();
        let id = map.indices.get(&self.shard.index).and_then(resize_source_of);
        let id = id.ok_or_else(|| self.missing())?;
        let gone = || {
            let reason = format!("resize source index [{id}] of [{}] does not exist any more", index.name);
            let error = ApiError::new(404, "index_not_found_exception", reason);
            // A map that this node follows before long may have it.
            if map.indices.contains_key(&id) { Unfilled::Passing(error) } else { Unfilled::Documents(error) }
        };
        let source = self.node.indices.of_id(&id).ok_or_else(gone)?;
        source.check_takes_no_writes().map_err(Unfilled::Passing)?;
        Ok(source)
    }
}
