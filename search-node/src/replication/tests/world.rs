//! Nodes with one copy of a shard each, the map that they agree on, and the way between them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{
    ClusterState, Command, CopyId, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas, Role,
    ShardCopies, ShardId, Stage,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{
    Condition, EngineOptions, QueryContext, QueryRules, SearchRequest, Shard, Shared, Workers, WriteOutcome,
    WriteRequest, parse_query,
};
use tempfile::TempDir;
use testkit::Chance;
use tokio::runtime::Handle;
use tokio::sync::watch;
use transport::{CallError, Lane};

use crate::coordination::{Action, unpack, write};
use crate::error::ApiError;
use crate::indices::Disagreement;
use crate::replication::following::Following;
use crate::replication::message::{Operations, read_operations};
use crate::replication::outside::{Outside, Stored};
use crate::replication::settings::ReplicationSettings;
use crate::replication::{Batch, Leading};

const NOW: i64 = 1_795_515_630_123;
/// How long a condition may take to hold, on a busy host.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a primary waits for a copy.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn wait_until(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it does not become so");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn request<'a>(id: &'a str, source: &'a [u8]) -> WriteRequest<'a> {
    WriteRequest {
        uid: id,
        doc_type: None,
        id,
        routing: None,
        source: Some(source),
        condition: Condition::None,
        is_new_id: false,
        now_millis: NOW,
    }
}

/// A write that the engine has numbered and nobody waits for.
pub(super) fn numbered(leading: &Arc<Leading>, id: &str) -> Batch {
    let shard = leading.stored.shard().expect("open");
    let mut batch = Batch::default();
    let request = request(id, b"{\"n\":0}");
    let admitted = leading.admit_one(&batch).expect("primary").expect("open for writes");
    let WriteOutcome::Written(written) = shard.run().write(&request).expect("written") else {
        panic!("the field is mapped")
    };
    batch.push(admitted, &request, &written);
    batch
}

#[derive(Clone)]
pub(super) struct World(Arc<Inner>);

struct Inner {
    map: Mutex<Arc<ClusterState>>,
    nodes: Mutex<BTreeMap<u64, Node>>,
    chance: Mutex<Chance>,
    is_faulty: AtomicBool,
    /// Nodes to which nothing gets. Meanwhile nobody agrees on anything.
    cut: Mutex<BTreeSet<u64>>,
    /// What the map says of fields.
    mapping: Mutex<Arc<Mapping>>,
    runtime: Handle,
}

struct Node {
    copy: CopyId,
    disk: Arc<CopyDisk>,
    following: Option<Arc<Following>>,
    leading: Option<Arc<Leading>>,
}

/// What the way does with a message.
enum Fate {
    Arrives,
    Lost,
    AnswerLost,
    Doubled,
    Late,
}

/// A node as its copies see it.
struct Seen {
    world: World,
    own: u64,
}

struct CopyDisk {
    /// The version of the index by which it reads documents.
    version: watch::Sender<u64>,
    _folder: TempDir,
    shard: Mutex<Option<Arc<Shard>>>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut map = ClusterState::default();
        for node in 1..=3 {
            let entry = NodeEntry {
                name: format!("n{node}"),
                data_id: format!("{node:016x}"),
                transport_address: String::new(),
                http_address: String::new(),
                roles: [Role::Data].into(),
                attributes: BTreeMap::new(),
            };
            map.apply(Command::Join { node: NodeId(node), entry }).expect("joins");
        }
        let entry = IndexEntry {
            name: "i".to_owned(),
            version: 1,
            parts: BTreeMap::new(),
            replicas: Replicas::Number(2),
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards: vec![ShardCopies::created(CopyId(1), NodeId(1))],
        };
        map.apply(Command::CreateIndex { id: IndexId("i".to_owned()), entry }).expect("made");
        let first = Node { copy: CopyId(1), disk: CopyDisk::empty(), following: None, leading: None };
        Self(Arc::new(Inner {
            map: Mutex::new(Arc::new(map)),
            nodes: Mutex::new(BTreeMap::from([(1, first)])),
            chance: Mutex::new(Chance::new(seed)),
            is_faulty: AtomicBool::new(false),
            cut: Mutex::default(),
            mapping: Mutex::new(mapping(&first_mapping())),
            runtime: Handle::current(),
        }))
    }

    fn id() -> ShardId {
        ShardId { index: IndexId("i".to_owned()), number: 0 }
    }

    pub(super) fn map(&self) -> Arc<ClusterState> {
        Arc::clone(&self.0.map.lock())
    }

    fn copies(&self) -> ShardCopies {
        self.map().shard(&Self::id()).cloned().expect("the shard")
    }

    fn outside(&self, own: u64) -> Arc<dyn Outside> {
        Arc::new(Seen { world: self.clone(), own })
    }

    fn apply(&self, command: Command) -> Result<(), Disagreement> {
        let mut map = self.0.map.lock();
        let mut next = ClusterState::clone(&map);
        next.apply(command).map_err(Disagreement::Refused)?;
        *map = Arc::new(next);
        Ok(())
    }

    /// The copy of a node becomes primary, of the next term if there was another one.
    pub(super) fn lead(&self, node: u64) -> Arc<Leading> {
        let (copy, disk) = {
            let mut nodes = self.0.nodes.lock();
            let node = nodes.get_mut(&node).expect("the node");
            if let Some(following) = node.following.take() {
                following.end();
            }
            (node.copy, Arc::clone(&node.disk))
        };
        if self.copies().primary().is_none() {
            let seen_term = self.copies().term();
            self.apply(Command::Promote { shard: Self::id(), copy, seen_term }).expect("promoted");
        }
        let settings = ReplicationSettings { timeout: TIMEOUT, bytes_per_second: None, concurrent_pieces: 1 };
        let runtime = self.0.runtime.clone();
        let begun =
            Leading::begin(&Self::id(), copy, &self.map(), disk, self.outside(node), settings, runtime);
        let leading = begun.unwrap_or_else(|_| panic!("node {node} does not begin to lead"));
        self.0.nodes.lock().get_mut(&node).expect("the node").leading = Some(Arc::clone(&leading));
        leading
    }

    /// A node gets an empty copy, which catches up with the primary.
    pub(super) fn add(&self, node: u64) {
        let copy = CopyId(self.map().last_copy + 1);
        let command = Command::AddCopy { shard: Self::id(), copy, node: NodeId(node), replaces: None };
        self.apply(command).expect("added");
        let disk = CopyDisk::empty();
        let stored = Arc::clone(&disk) as Arc<dyn Stored>;
        let following = Following::begin(&Self::id(), copy, stored).expect("begins");
        let added = Node { copy, disk, following: Some(following), leading: None };
        self.0.nodes.lock().insert(node, added);
        let leading = self.leading();
        leading.map_changed(&self.map()).expect("the map is taken");
        leading.begin_catching_up(copy, -1).expect("it may catch up");
    }

    /// The copy on a node.
    pub(super) fn copy(&self, node: u64) -> CopyId {
        self.0.nodes.lock().get(&node).expect("the node").copy
    }

    /// The replica on a node.
    pub(super) fn following(&self, node: u64) -> Arc<Following> {
        self.0.nodes.lock()[&node].following.clone().expect("it follows")
    }

    /// What the primary says to a replica when there is nothing to say.
    pub(super) fn message(&self, to: &Following) -> Operations {
        Operations {
            shard: Self::id(),
            to: to.copy,
            term: self.copies().term(),
            global: -1,
            resynced: -1,
            map_version: self.map().version,
            index_version: 0,
            count: 0,
        }
    }

    /// Whether operations wait for a node to follow what the map says of fields.
    pub(super) fn waits_for_mapping(&self, node: u64) -> bool {
        self.0.nodes.lock()[&node].disk.version.receiver_count() > 0
    }

    fn leading(&self) -> Arc<Leading> {
        let primary = self.copies().primary().expect("a primary");
        let nodes = self.0.nodes.lock();
        let of_primary = nodes.values().find(|node| node.copy == primary);
        of_primary.and_then(|node| node.leading.clone()).expect("it leads")
    }

    /// A node's process is gone, and its copy with it.
    pub(super) fn fail(&self, node: u64) {
        self.apply(Command::Leave { node: NodeId(node) }).expect("left");
        let gone = self.0.nodes.lock().remove(&node).expect("the node");
        if let Some(leading) = gone.leading {
            leading.map_changed(&self.map()).expect("it ends");
        }
    }

    pub(super) fn set_faulty(&self, is_faulty: bool) {
        self.0.is_faulty.store(is_faulty, Ordering::Release);
    }

    /// The mapping changes, and so far these nodes alone follow.
    pub(super) fn change_mapping(&self, changed: &Value, followed_by: &[u64]) {
        let id = IndexId("i".to_owned());
        let seen = self.map().indices[&id].version;
        let change = Command::ChangeIndex {
            id,
            seen,
            parts: BTreeMap::from([("mapping".to_owned(), changed.to_string())]),
            replicas: None,
            filters: None,
            allocation: None,
        };
        self.apply(change).expect("agreed on");
        *self.0.mapping.lock() = mapping(changed);
        followed_by.iter().for_each(|node| self.follow_mapping(*node));
    }

    /// A node follows what the map says of fields.
    pub(super) fn follow_mapping(&self, node: u64) {
        let version = self.map().indices[&IndexId("i".to_owned())].version;
        let disk = Arc::clone(&self.0.nodes.lock()[&node].disk);
        let mapping = Arc::clone(&self.0.mapping.lock());
        disk.shard().expect("open").set_mapping(mapping, NOW).expect("taken");
        disk.version.send_replace(version);
    }

    pub(super) fn cut(&self, node: u64) {
        self.0.cut.lock().insert(node);
    }

    pub(super) fn mend_way(&self, node: u64) {
        self.0.cut.lock().remove(&node);
    }

    /// How many documents a node finds by a query, as it shows them now.
    pub(super) fn count(&self, node: u64, query: &Value) -> u64 {
        let shard = self.shard(node);
        shard.refresh(NOW).expect("refreshed");
        let request = SearchRequest::of(parse_query(query).expect("a query"), 0);
        let context =
            QueryContext { index: "i", doc_type: "_doc", now_millis: NOW, rules: QueryRules::usual() };
        shard.reader().search(&request, &context).expect("answered").total
    }

    pub(super) fn shard(&self, node: u64) -> Arc<Shard> {
        let disk = Arc::clone(&self.0.nodes.lock()[&node].disk);
        disk.shard().expect("open")
    }

    /// The nodes that are there with copies in sync.
    pub(super) fn in_sync(&self) -> Vec<u64> {
        let copies = self.copies();
        let in_sync = copies.present().iter().filter(|(copy, _)| copies.in_sync().contains(copy));
        in_sync.map(|(_, copy)| copy.node.0).collect()
    }

    pub(super) fn stages(&self) -> Vec<Stage> {
        self.copies().present().values().map(|copy| copy.stage).collect()
    }

    pub(super) fn is_present(&self, node: u64) -> bool {
        self.copies().on(NodeId(node)).is_some()
    }

    /// Whether a copy was let go of.
    pub(super) fn was_let_go(&self) -> bool {
        self.map().last_copy > 3
    }

    /// Whether all copies in sync hold the same.
    pub(super) fn all_equal(&self) -> bool {
        let digests: Vec<_> = self
            .in_sync()
            .into_iter()
            .map(|node| (self.shard(node).digest(NOW).expect("read"), self.shard(node).global()))
            .collect();
        digests.windows(2).all(|pair| pair[0] == pair[1])
            && digests.iter().all(|(digest, global)| digest.max_seq_no == *global)
    }

    fn fate(&self, to: u64) -> Fate {
        if self.0.cut.lock().contains(&to) {
            return Fate::Lost;
        }
        let mut chance = self.0.chance.lock();
        match chance.below(40) {
            _ if !self.0.is_faulty.load(Ordering::Acquire) => Fate::Arrives,
            0 => Fate::Lost,
            1 => Fate::AnswerLost,
            2..10 => Fate::Doubled,
            10..20 => Fate::Late,
            _ => Fate::Arrives,
        }
    }

    async fn carry(&self, to: u64, body: Bytes) -> Result<Bytes, CallError> {
        let lost = |reason: &str| CallError::Unknown { to: to.to_string(), reason: reason.to_owned() };
        let times = match self.fate(to) {
            Fate::Lost => return Err(lost("the message was lost")),
            Fate::Doubled => 2,
            Fate::Late => {
                let millis = self.0.chance.lock().below(30) as u64;
                tokio::time::sleep(Duration::from_millis(millis)).await;
                1
            }
            Fate::AnswerLost => {
                self.take(to, &body).await?;
                return Err(lost("the answer was lost"));
            }
            Fate::Arrives => 1,
        };
        for _ in 1..times {
            self.take(to, &body).await?;
        }
        self.take(to, &body).await
    }

    async fn take(&self, to: u64, body: &Bytes) -> Result<Bytes, CallError> {
        let (message, bytes) = unpack::<Operations>(body).expect("a message");
        let following = self.0.nodes.lock().get(&to).and_then(|node| node.following.clone());
        let following = following.filter(|following| following.copy == message.to);
        let Some(following) = following else {
            return Err(CallError::Failed(write(&crate::coordination::Fault::NotLeader(None))));
        };
        let runtime = self.0.runtime.clone();
        let taken = match following.wait_mapping(&message, Instant::now() + TIMEOUT).await {
            Ok(()) => {
                let taken = tokio::task::spawn_blocking(move || {
                    let operations = read_operations(&bytes, message.count).expect("operations");
                    following.take(&message, &operations, &runtime)
                });
                taken.await.expect("it ended")
            }
            Err(error) => Err(error),
        };
        taken
            .map(|taken| write(&taken))
            .map_err(|error| CallError::Failed(write(&crate::coordination::Fault::Failed(error))))
    }
}

impl Outside for Seen {
    fn own(&self) -> NodeId {
        NodeId(self.own)
    }

    fn map(&self) -> Arc<ClusterState> {
        self.world.map()
    }

    fn call(
        &self,
        to: NodeId,
        _: Lane,
        action: Action,
        body: Bytes,
        _: Duration,
    ) -> BoxFuture<'_, Result<Bytes, CallError>> {
        assert_eq!(action, Action::Operations);
        self.world.carry(to.0, body).boxed()
    }

    fn agree(&self, command: Command) -> BoxFuture<'_, Result<(), Disagreement>> {
        let is_cut = !self.world.0.cut.lock().is_empty();
        let away = || Disagreement::Failed(ApiError::new(503, "unavailable", "no majority is there"));
        let agreed = if is_cut { Err(away()) } else { self.world.apply(command) };
        futures::future::ready(agreed).boxed()
    }

    fn note_damage(&self, _: &ShardId, _: CopyId, _: bool) -> bool {
        false
    }

    fn wait_may_tell(&self, _: Instant) -> BoxFuture<'_, Result<(), ApiError>> {
        futures::future::ready(Ok(())).boxed()
    }

    fn may_tell(&self) -> bool {
        true
    }
}

fn first_mapping() -> Value {
    json!({"dynamic": false, "properties": {"n": {"type": "long"}}})
}

fn mapping(json: &Value) -> Arc<Mapping> {
    Arc::new(parse_mapping(json).expect("valid"))
}

impl CopyDisk {
    fn empty() -> Arc<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mapping = mapping(&first_mapping());
        let options = EngineOptions { own_terms: false, is_only_copy: false, ..EngineOptions::default() };
        let shared = Shared { workers: Workers::new(0), ..Shared::default() };
        let shard = Shard::open(folder.path(), mapping, options, shared).expect("opens");
        Arc::new(Self {
            version: watch::Sender::new(1),
            _folder: folder,
            shard: Mutex::new(Some(Arc::new(shard))),
        })
    }
}

impl Stored for CopyDisk {
    fn shard(&self) -> Result<Arc<Shard>, ApiError> {
        self.opened().ok_or_else(|| ApiError::internal("the shard could not be rolled back"))
    }

    fn opened(&self) -> Option<Arc<Shard>> {
        self.shard.lock().clone()
    }

    fn mended(&self) -> u64 {
        0
    }

    fn roll_back(&self) -> Result<(), ApiError> {
        let began = Instant::now();
        loop {
            let mut place = self.shard.lock();
            let is_alone = |shard: &mut Arc<Shard>| {
                Arc::strong_count(shard) == 1 && Arc::get_mut(shard).is_some_and(|shard| shard.is_alone())
            };
            if let Some(shard) = place.take_if(is_alone).and_then(Arc::into_inner) {
                *place = Some(Arc::new(shard.roll_back()?));
                return Ok(());
            }
            drop(place);
            if began.elapsed() > PATIENCE {
                return Err(ApiError::internal("the shard is in use"));
            }
            std::thread::yield_now();
        }
    }

    fn set_only_copy(&self, is_only_copy: bool) -> Result<(), ApiError> {
        Ok(self.shard()?.set_only_copy(is_only_copy)?)
    }

    fn keep_history(&self, is_kept: bool) {
        if let Some(shard) = self.opened() {
            shard.keep_history_from(is_kept.then_some(0));
        }
    }

    fn syncs_each_request(&self) -> bool {
        true
    }

    fn file_based_threshold(&self) -> f64 {
        0.1
    }

    fn now_millis(&self) -> i64 {
        NOW
    }

    fn index_version(&self) -> u64 {
        *self.version.borrow()
    }

    fn wait_index_version(&self, version: u64) -> BoxFuture<'_, ()> {
        let mut followed = self.version.subscribe();
        async move { drop(followed.wait_for(|followed| *followed >= version).await) }.boxed()
    }

    fn index_name(&self) -> &str {
        "index"
    }
}
