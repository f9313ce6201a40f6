//! The first copy of a shard, filled with documents of the index that its own was made of. Whoever has it filled has the folder of that
//! shard for himself: the map gives it to nobody else meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::state::{ClusterState, Command, CopyId, NodeId, ShardId};
use parking_lot::Mutex;
use shard::{Applied, Flushed, Operation, OperationKind, Shard, StoredDocument};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::action::by_query::WholeShards;
use crate::action::weight::Weight;
use crate::coordination::Coordinator;
use crate::error::ApiError;
use crate::indices::{Index, Portion, fills_first, resize_source_of};
use crate::node::Node;

/// What memory is reserved for.
const WHAT: &str = "resize";
/// How many documents are written before it is looked whether the copy is still wanted, and whether memory and log grow.
const STEP: u64 = 1000;
/// The same in bytes: no more than this is held up by the bound on what comes from other nodes.
const STEP_BYTES: u64 = 512 << 10;
/// How often a copy that waits for its turn looks whether it is still wanted.
const LOOK_WANTED: Duration = Duration::from_millis(200);
/// Pauses before a copy is begun anew.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often a copy is begun before the map is told that it has failed here: the disk of another node may be well.
const TRIES_MAX: u32 = 3;
/// A document can ask for fields again while others add some; more rounds than this are no race.
const MAPPING_ROUNDS_MAX: u32 = 16;
/// How often it is looked whether background work on a shard has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The shards that are being filled here.
type UnderWay = Mutex<BTreeSet<ShardId>>;

/// Fills the copies that the map has here and that begin with documents of another index, until the node stops.
pub(crate) async fn fill_shards(node: Arc<Node>, coordinator: Arc<Coordinator>) {
    let under_way: Arc<UnderWay> = Arc::default();
    let turn = watch::Sender::new(Arc::<ClusterState>::default());
    let mut seen = 0;
    loop {
        tokio::select! {
            () = node.stopping.cancelled() => return,
            version = coordinator.wait_followed_beyond(seen) => seen = version,
        }
        let (map, own) = (coordinator.map(), coordinator.origin.process);
        turn.send_replace(Arc::clone(&map));
        for shard in map.shards().map(|(shard, _)| shard) {
            let Some(copy) = copy_to_fill(&map, &shard, own) else { continue };
            if under_way.lock().insert(shard.clone()) {
                let filling = Filling {
                    node: Arc::clone(&node),
                    coordinator: Arc::clone(&coordinator),
                    turn: turn.subscribe(),
                    shard,
                };
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
    turn: watch::Receiver<Arc<ClusterState>>,
    shard: ShardId,
}

impl Filling {
    /// Fills the copies that the map has here, one after the other.
    async fn go_on(self, mut copy: CopyId, under_way: Arc<UnderWay>) {
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
        copy_to_fill(&self.turn.borrow(), &self.shard, self.coordinator.origin.process)
    }

    /// Fills one copy, as long as the map has it here, and tells the map once it is whole.
    async fn fill(&self, copy: CopyId) {
        let (mut tries, mut changes) = (0u32, self.turn.clone());
        while self.wanted() == Some(copy) {
            changes.borrow_and_update();
            match self.try_to_fill(copy).await {
                Ok(()) => {
                    tracing::info!(shard = %self.shard, %copy, "a shard has the documents of the index that it was made of");
                    tries = 0;
                }
                // Nobody can read the source now; it may come back, and no other node would do better.
                Err(error) if error.status == 503 => {
                    tracing::warn!(shard = %self.shard, %copy, reason = error.reason, "a shard cannot be filled yet; it is begun anew");
                    tries = tries.max(1);
                }
                Err(error) => {
                    tries += 1;
                    tracing::warn!(shard = %self.shard, %copy, tries, reason = error.reason, "a shard could not be filled; it is begun anew");
                    if tries >= TRIES_MAX {
                        self.fail(copy, error.reason).await;
                    }
                }
            }
            let pause = PAUSE.saturating_mul(1 << tries.min(5)).min(PAUSE_MAX);
            tokio::select! {
                () = self.node.stopping.cancelled() => return,
                _ = tokio::time::timeout(pause, changes.changed()) => {}
            }
        }
    }

    async fn fail(&self, copy: CopyId, details: String) {
        let Some(term) = self.turn.borrow().shard(&self.shard).map(|copies| copies.term()) else { return };
        let command = Command::FailCopy { shard: self.shard.clone(), copy, term, details };
        if let Err(reason) = self.coordinator.agree_on(command).await {
            tracing::debug!(shard = %self.shard, %copy, ?reason, "the map does not take a copy for failed");
        }
    }

    async fn try_to_fill(&self, copy: CopyId) -> Result<(), ApiError> {
        let map = Arc::clone(&self.turn.borrow());
        let missing = || ApiError::no_index(&self.shard.index.0);
        let index = self.node.indices.of_id(&self.shard.index).ok_or_else(missing)?;
        let term = map.shard(&self.shard).ok_or_else(missing)?.term();
        // One that is whole and that the map has not taken for it yet is not filled twice.
        if index.held_copy(self.shard.number) != Some(copy) {
            let id = map.indices.get(&self.shard.index).and_then(resize_source_of).ok_or_else(missing)?;
            let source = self.node.indices.of_id(&id).ok_or_else(|| {
                ApiError::new(
                    404,
                    "index_not_found_exception",
                    format!("resize source index [{id}] of [{}] does not exist any more", index.name),
                )
            })?;
            let portion = index.portion_of(&source, self.shard.number);
            let shards = self.open(&source, &portion).await?;
            let (turn, own) = (self.turn.clone(), self.coordinator.origin.process);
            let (node, number, name) = (Arc::clone(&self.node), self.shard.number, self.shard.clone());
            let kept = Arc::clone(&shards);
            let filled = tokio::task::spawn_blocking(move || {
                let is_wanted = || {
                    !node.stopping.is_cancelled() && copy_to_fill(&turn.borrow(), &name, own) == Some(copy)
                };
                Writer { node: &node, index: &index, number, term, is_wanted: &is_wanted }
                    .write(&shards, copy)
            });
            let filled = tokio::select! {
                filled = filled => filled,
                () = kept.keep() => return Err(ApiError::internal("documents are kept no longer")),
            };
            filled.map_err(|error| ApiError::internal(format!("filling a shard broke: {error}")))??;
        }
        let command = Command::MarkInSync { shard: self.shard.clone(), copy, term };
        match self.coordinator.agree_on(command).await {
            Ok(()) => Ok(()),
            Err(reason) => Err(ApiError::not_settled(format!("the map does not take it yet: {reason:?}"))),
        }
    }

    async fn open(&self, source: &Arc<Index>, portion: &Portion) -> Result<Arc<WholeShards>, ApiError> {
        Ok(Arc::new(WholeShards::open(&self.node, source, portion).await?))
    }
}

/// Writes documents into a shard that nobody knows yet.
struct Writer<'a> {
    node: &'a Node,
    index: &'a Index,
    number: u32,
    term: u64,
    /// Whether the map has the copy here.
    is_wanted: &'a dyn Fn() -> bool,
}

impl Writer<'_> {
    /// Writes all documents, commits them, and gives the folder its name.
    fn write(&self, shards: &WholeShards, copy: CopyId) -> Result<(), ApiError> {
        let shard = self.index.open_nameless(self.number)?;
        shard.set_term(self.term)?;
        let mut documents = shards.read()?;
        let mut next = documents.next()?;
        let mut seq_no = 0;
        while next.is_some() {
            self.check_wanted()?;
            let mut bytes = 0;
            let now = self.index.now_millis();
            let mut run = shard.apply_run(self.term, now);
            for _ in 0..STEP {
                let Some(document) = next.take() else { break };
                bytes += document.source.len() as u64;
                let _promised = self.reserve(&document)?;
                let operation = self.operation(document, seq_no);
                let mut rounds = 0;
                while let Applied::NeedsMapping(lacking) = run.apply(&operation)? {
                    rounds += 1;
                    if rounds > MAPPING_ROUNDS_MAX {
                        let reason = format!("document [{}] goes on asking for fields", operation.uid);
                        return Err(ApiError::internal(reason));
                    }
                    // It was stored when the mapping took no notice of them.
                    self.index.add_mapping(&lacking)?;
                    shard.set_mapping(self.index.mapping(), now)?;
                }
                seq_no += 1;
                next = documents.next()?;
                if bytes >= STEP_BYTES {
                    break;
                }
            }
            drop(run);
            self.take_turn(bytes);
            if shard.wants_refresh() {
                shard.refresh(now)?;
            }
            if shard.wants_flush() {
                shard.flush(now)?;
            }
        }
        self.finish(shard, copy)
    }

    /// Waits as the bound on what comes from other nodes asks for (`indices.recovery.max_bytes_per_sec`).
    fn take_turn(&self, bytes: u64) {
        if let Some(replication) = self.node.replication() {
            let is_over = async {
                while (self.is_wanted)() {
                    tokio::time::sleep(LOOK_WANTED).await;
                }
            };
            Handle::current().block_on(async {
                tokio::select! {
                    () = replication.take_turn(bytes) => {}
                    () = is_over => {}
                }
            });
        }
    }

    /// In the order in which they come they are numbered anew: those of several shards have the same numbers.
    fn operation(&self, document: StoredDocument, seq_no: u64) -> Operation {
        let StoredDocument { uid, routing, source, version, .. } = document;
        let (kind, term) = (OperationKind::Index, self.term);
        Operation { kind, seq_no, term, version, uid, routing: routing.unwrap_or_default(), source }
    }

    /// Promises what a large document takes while it is written, and waits for it: this thread is there for nothing else.
    fn reserve(&self, document: &StoredDocument) -> Result<Option<crate::memory::Reservation>, ApiError> {
        let Some(weight) = Weight::of_heavy(&document.source) else { return Ok(None) };
        Handle::current().block_on(self.node.memory.reserve(weight.to_index(), WHAT)).map(Some)
    }

    /// Everything is durable before the folder has a name: what has one is whole.
    fn finish(&self, shard: Shard, copy: CopyId) -> Result<(), ApiError> {
        match shard.flush(self.index.now_millis())? {
            Flushed::Done => {}
            other => {
                let reason = format!("a shard that nobody else has is not committed: {other:?}");
                return Err(ApiError::internal(reason));
            }
        }
        // A merge would go on with files that another opening of the shard has.
        while !shard.is_alone() {
            self.check_wanted()?;
            std::thread::sleep(LOOK_AGAIN);
        }
        shard.close()?;
        self.check_wanted()?;
        self.index.name_copy(self.number, copy)
    }

    fn check_wanted(&self) -> Result<(), ApiError> {
        if (self.is_wanted)() {
            return Ok(());
        }
        let (name, number) = (&self.index.name, self.number);
        let reason = format!("shard [{number}] of [{name}] is not to be filled here any more");
        Err(ApiError::new(503, "illegal_index_shard_state_exception", reason))
    }
}
