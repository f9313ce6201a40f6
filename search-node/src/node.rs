//! The node: builds its parts and joins them; the only file that knows them all.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, bail};
use cluster::state::{Command, CopyId, IndexId, ShardCopies, ShardId};
use daemon::CancellationToken;
use daemon::clock::Clock;
use daemon::metrics::{Counter, Metrics};
use serde::{Deserialize, Serialize};
use shard::{
    Fielddata, Helpers, HostDisk, QueryCache, RequestCache, Shared, TombstoneBudget, Workers,
    create_folder_durably,
};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::action::async_search::AsyncSearches;
use crate::action::by_query::Scans;
use crate::action::cluster::follow_sizes;
use crate::action::resize::fill_shards;
use crate::action::search::{Contexts, HeldContexts, Soonest};
use crate::coordination::{Coordinator, Patience, begin, follow, lead};
use crate::cpu_meter::CpuMeter;
use crate::disk_marks::follow_marks;
use crate::disk_watch::DiskWatch;
use crate::expiring::expire_loop;
use crate::indices::{Agreement, Indices, Resources, new_id};
use crate::memory::{Heap, Memory};
use crate::pool::{Pool, StandAside};
use crate::publish::published_host;
use crate::replication::{Replication, Roles};
use crate::rest::KnownMappings;
use crate::serving::Serving;
use crate::settings::{MEND_TICK, NodeSettings, REFRESH_TICK};
use crate::tasks::Tasks;
use crate::usage::Usage;
use crate::{disk_watch, relief, rest, state_file};

/// Ports tried in turn when none was asked for.
const PORTS: std::ops::RangeInclusive<u16> = 9200..=9299;

/// How long a node that starts waits for its own shards before it answers requests.
const OWN_COPIES_WITHIN: Duration = Duration::from_secs(10);

/// Of the time that a node may take to stop: until when it leaves its cluster.
const LEAVE_BY: f64 = 0.6;
/// Until when searches may go on.
const SEARCH_BY: f64 = 0.75;
/// Until when it answers what it was asked; what is left is for what other nodes have asked.
const ANSWER_BY: f64 = 0.8;

/// What requests work with.
pub struct Node {
    pub settings: NodeSettings,
    pub indices: Arc<Indices>,
    pub clock: Clock,
    pub memory: Memory,
    /// Whether the disk has room for more.
    pub disk_watch: Arc<DiskWatch>,
    /// What the shards share.
    pub shared: Shared,
    pub write_pool: Pool,
    /// What other nodes have carried here. A pool of its own: whoever waits for another node must not keep that one from being
    /// waited for.
    pub carried_pool: Pool,
    /// The same for searches.
    pub carried_search_pool: Pool,
    /// The same for reads by id, and for what is quickly told.
    pub carried_get_pool: Pool,
    /// Points in time that other nodes will ask for.
    pub(crate) contexts: Contexts,
    /// Points in time that are held for clients.
    pub(crate) held: HeldContexts,
    /// The same for operations by query.
    pub(crate) scans: Scans,
    /// Searches whose answers are asked for later.
    pub(crate) async_searches: AsyncSearches,
    /// What the indices of the cluster are made with.
    pub(crate) known_mappings: KnownMappings,
    /// Rises with each search, so that they go to the copies in turn that are as good as one another.
    pub(crate) search_turn: AtomicU64,
    /// How soon other nodes answer searches.
    pub(crate) soonest: Arc<Soonest>,
    pub search_pool: Pool,
    /// Reads by id: they stand behind no search.
    pub get_pool: Pool,
    /// The batches of operations by query.
    pub by_query_pool: Pool,
    pub force_merge_pool: Pool,
    /// How many operations by query may be under way.
    pub by_query_places: Arc<Semaphore>,
    pub tasks: Arc<Tasks>,
    /// Cancelled when the node begins to stop.
    pub stopping: CancellationToken,
    pub metrics: Metrics,
    pub counters: NodeCounters,
    /// How busy the processor is, from one look to the next.
    pub(crate) cpu_meter: CpuMeter,
    /// How often each route was asked for.
    pub(crate) usage: Usage,
    pub identity: Identity,
    /// The way to the other nodes; none where a node was opened for itself.
    pub(crate) coordinator: Option<Arc<Coordinator>>,
    /// What the copies here do for others; none where a node was opened for itself.
    replication: Option<Arc<Replication>>,
    pub started_millis: i64,
}

/// What indices work with.
fn resources_of(
    settings: &NodeSettings,
    clock: &Clock,
    disk_watch: Arc<DiskWatch>,
    roles: Option<Arc<Roles>>,
) -> Resources {
    let shared = Shared {
        workers: Workers::new(settings.merge_threads),
        tombstones: TombstoneBudget::new(settings.tombstone_bytes),
        fielddata: Fielddata::with_aside(settings.caches.fielddata_bytes, Arc::new(StandAside)),
        queries: QueryCache::new(settings.caches.queries),
        requests: RequestCache::new(settings.caches.requests),
        helpers: Helpers::new(settings.processors),
        ..Shared::default()
    };
    let segment_buffer_bytes = settings.segment_buffer_bytes();
    let (idle_after, clock) = (settings.idle_after, clock.clone());
    Resources { segment_buffer_bytes, shared, disk_watch, idle_after, clock, roles }
}

/// What the node counts.
pub struct NodeCounters {
    pub requests: Counter,
    pub documents_written: Counter,
    pub bulk_items_failed: Counter,
    pub searches: Counter,
    /// Copies that were searched here, for whomever.
    pub copies_searched: Counter,
}

/// Who this node is, kept with its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub node_id: String,
    pub cluster_uuid: String,
}

/// The folder of data belongs to this process as long as this is held.
pub struct FolderLock(#[expect(dead_code, reason = "held, not read")] fs_err::File);

/// A node that listens.
pub struct Running {
    pub node: Arc<Node>,
    pub address: SocketAddr,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    /// Ends once the host is told that the node has stopped.
    registered: tokio::task::JoinHandle<()>,
    /// The threads that refresh, relieve, mend, let go of what is held, watch the disk, and follow the map.
    threads: [std::thread::JoinHandle<()>; 6],
    /// Held while the node lives: a second process on the same folder is refused.
    lock: FolderLock,
}

impl Node {
    /// Opens everything that is stored, finds the other nodes, and starts to listen.
    pub async fn start(settings: NodeSettings, clock: Clock, heap: Arc<dyn Heap>) -> anyhow::Result<Running> {
        make_folder(&settings.path_data)?;
        let lock = lock_folder(&settings.path_data)?;
        install_dictionaries(&settings).await?;
        let listener = listen(&settings).await?;
        let address = listener.local_addr()?;
        let published = SocketAddr::new(published_host(&settings)?, address.port());
        let stop = CancellationToken::new();
        // What was begun ends with a start that fails.
        let unless_started = stop.clone().drop_guard();
        let (entrance, asked) = (rest::Entrance::default(), stop.clone());
        let app = rest::app(entrance.clone(), settings.is_http_compressed);
        let server = tokio::spawn(async move {
            axum::serve(listener, app).with_graceful_shutdown(asked.cancelled_owned()).await
        });
        let disk_watch = Arc::new(DiskWatch::new(settings.watermarks));
        let path: Arc<Path> = settings.path_data.as_path().into();
        // Known before the first request is accepted.
        disk_watch.note(&path, disk_watch::space_of(&path));
        let disk_space = disk_watch::space_below(Arc::clone(&path));
        let beginning = begin(&settings, published, stop.clone(), Box::new(disk_space)).await?;
        let coordinator = Arc::clone(&beginning.coordinator);
        let roles = Arc::new(Roles::default());
        let resources = resources_of(&settings, &clock, disk_watch, Some(Arc::clone(&roles)));
        let agreement = Arc::clone(&coordinator) as Arc<dyn Agreement>;
        let folder = settings.path_data.join("indices");
        let indices =
            Indices::clustered(&folder, settings.auto_create_index.clone(), resources.clone(), agreement)?;
        let indices = Arc::new(indices);
        let (found, own) = (Arc::clone(&indices), Arc::clone(&coordinator));
        let registered =
            beginning.take_part(move || Ok(found.found(&own.map(), own.origin.process)?)).await?;
        let identity = Identity {
            node_id: format!("{:016x}", coordinator.origin.node),
            cluster_uuid: coordinator.map().cluster_uuid.clone(),
        };
        let replication =
            Replication::start(&coordinator, Arc::clone(&indices), roles, settings.replication.clone());
        let node = Self::made(
            settings,
            clock,
            heap,
            resources,
            indices,
            identity,
            stop.clone(),
            Some((Arc::clone(&coordinator), replication)),
        );
        let patience = Patience {
            interval: node.settings.cluster.check_interval,
            timeout: node.settings.cluster.check_timeout,
            retries: node.settings.cluster.check_retries,
        };
        tokio::spawn(lead(Arc::clone(&coordinator), patience, node.clock.clone()));
        tokio::spawn(follow_marks(Arc::clone(&coordinator), Arc::clone(&node.disk_watch)));
        let interval = node.settings.cluster.info_interval;
        tokio::spawn(fill_shards(Arc::clone(&node), Arc::clone(&coordinator)));
        tokio::spawn(follow_sizes(Arc::clone(&node), Arc::clone(&coordinator), interval));
        coordinator.serve(Arc::new(Serving(Arc::clone(&node))));
        let follower = follow(coordinator, Arc::clone(&node.indices))?;
        let refresher = refresh_loop(Arc::clone(&node), stop.clone())?;
        let reliever = relief::start(Arc::clone(&node), stop.clone())?;
        let mender = mend_loop(Arc::clone(&node), stop.clone())?;
        let expirer = expire_loop(Arc::clone(&node), stop.clone())?;
        let watcher = disk_watch::start(Arc::clone(&node.disk_watch), path, stop.clone())?;
        node.wait_own_copies().await;
        recover(Arc::clone(&node), stop.clone())?;
        entrance.open(Arc::clone(&node));
        unless_started.disarm();
        Ok(Running {
            node,
            address,
            stop,
            server,
            registered,
            threads: [refresher, reliever, mender, expirer, watcher, follower],
            lock: FolderLock(lock),
        })
    }

    /// Opens everything that is stored, for who holds the folder and agrees with nobody. Nothing listens, and nothing runs in the
    /// background.
    pub fn open(settings: NodeSettings, clock: Clock, heap: Arc<dyn Heap>) -> anyhow::Result<Arc<Self>> {
        let data = settings.path_data.clone();
        make_folder(&data)?;
        let identity = identity_of(&data, &clock)?;
        let disk_watch = Arc::new(DiskWatch::new(settings.watermarks));
        let resources = resources_of(&settings, &clock, disk_watch, None);
        let indices =
            Indices::open(&data.join("indices"), settings.auto_create_index.clone(), resources.clone())?;
        let stop = CancellationToken::new();
        Ok(Self::made(settings, clock, heap, resources, Arc::new(indices), identity, stop, None))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a node, each of them once")]
    fn made(
        settings: NodeSettings,
        clock: Clock,
        heap: Arc<dyn Heap>,
        resources: Resources,
        indices: Arc<Indices>,
        identity: Identity,
        stopping: CancellationToken,
        others: Option<(Arc<Coordinator>, Arc<Replication>)>,
    ) -> Arc<Self> {
        let metrics = Metrics::default();
        let (coordinator, replication) = others.unzip();
        Arc::new(Node {
            write_pool: Pool::new("write", settings.write),
            carried_pool: Pool::new("write", settings.write),
            carried_search_pool: Pool::new("search", settings.search),
            carried_get_pool: Pool::new("get", settings.get),
            contexts: Contexts::new(settings.search_contexts_max),
            held: HeldContexts::default(),
            scans: Scans::default(),
            async_searches: AsyncSearches::new(settings.async_search),
            known_mappings: KnownMappings::default(),
            search_turn: AtomicU64::new(0),
            soonest: Arc::default(),
            search_pool: Pool::new("search", settings.search),
            get_pool: Pool::new("get", settings.get),
            by_query_pool: Pool::new("by_query", settings.by_query),
            force_merge_pool: Pool::new("force_merge", settings.force_merge),
            by_query_places: Arc::new(Semaphore::new(settings.by_query.size + settings.by_query.queue)),
            tasks: Arc::new(Tasks::new(clock.clone(), settings.task_results_max)),
            stopping,
            counters: NodeCounters::of(&metrics),
            cpu_meter: CpuMeter::default(),
            usage: Usage::default(),
            indices,
            disk_watch: resources.disk_watch,
            memory: Memory::new(settings.memory, heap),
            shared: resources.shared,
            started_millis: clock.now_millis(),
            settings,
            clock,
            metrics,
            identity,
            coordinator,
            replication,
        })
    }

    /// Whether the index of an id is there, and open.
    pub(crate) fn has_open(&self, uuid: &str) -> bool {
        self.indices.of_id(&IndexId(uuid.to_owned())).is_some_and(|index| !index.is_closed())
    }

    /// What the copies here do for others.
    pub(crate) fn replication(&self) -> Option<&Arc<Replication>> {
        self.replication.as_ref()
    }

    /// Waits until the copies that were in sync when this node stopped serve again, as far as this node can do something about it.
    async fn wait_own_copies(&self) {
        if let Some(coordinator) = &self.coordinator {
            let indices = Arc::clone(&self.indices);
            let is_waited_for = |shard: &ShardCopies| match shard.primary() {
                Some(primary) => !shard.in_sync().contains(&primary),
                // Of others, the copies that have everything are on nodes that are not there.
                None => shard.in_sync().is_empty() || !shard.candidates().is_empty(),
            };
            let known = OnceLock::new();
            let are_back = coordinator.wait_own_copies(move |map, _| {
                // Those that are made meanwhile are nothing that was there before.
                let known: &BTreeSet<ShardId> =
                    known.get_or_init(|| map.shards().map(|(shard, _)| shard).collect());
                let is_known_wish = |wish: &Command| match wish {
                    Command::MarkInSync { shard, .. } => known.contains(shard),
                    _ => true,
                };
                let may_return = |(shard, copy): &(ShardId, CopyId)| {
                    let copies = map.shard(shard).filter(|copies| copies.primary().is_none());
                    copies.is_some_and(|copies| {
                        copies.in_sync().contains(copy) && copies.unassigned().failures == 0
                    })
                };
                !indices.wishes(map).iter().any(is_known_wish)
                    && !indices.found_copies(map).iter().any(may_return)
                    && !map.shards().any(|(id, shard)| known.contains(&id) && is_waited_for(shard))
            });
            if tokio::time::timeout(OWN_COPIES_WITHIN, are_back).await.is_err() {
                tracing::warn!("not all shards of this node serve yet");
            }
        }
    }

    /// The REST API over this node.
    pub fn api(self: &Arc<Self>) -> axum::Router {
        let entrance = rest::Entrance::default();
        entrance.open(Arc::clone(self));
        rest::app(entrance, self.settings.is_http_compressed)
    }
}

impl Running {
    /// Returns once the node can take part in its cluster no longer, and why. What it would answer from then on is old.
    pub async fn failed(&self) -> String {
        match &self.node.coordinator {
            Some(coordinator) => coordinator.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Finishes what was accepted, and commits every index. What takes longer than the node may take to stop may go on until the
    /// runtime ends; the folder is free once what is returned is dropped.
    pub async fn stop(self) -> anyhow::Result<FolderLock> {
        let (began, within) = (Instant::now(), self.node.settings.stop_timeout);
        if let Some(coordinator) = &self.node.coordinator {
            coordinator.retire(within.mul_f64(LEAVE_BY)).await;
        }
        self.stop.cancel();
        self.node.shared.workers.stop();
        // Searches are answered, as far as there is time; what takes minutes anyway is not waited for.
        self.node.tasks.stop(|kind| !kind.is_search());
        let mut server = self.server;
        let mut answered = timeout_at(began + within.mul_f64(SEARCH_BY), &mut server).await;
        if answered.is_err() {
            self.node.tasks.stop(|_| true);
            answered = timeout_at(began + within.mul_f64(ANSWER_BY), &mut server).await;
        }
        match answered {
            Ok(ended) => {
                ended.context("the HTTP server broke")??;
                tracing::info!("every request is answered");
            }
            Err(_) => tracing::warn!("some requests are not answered before this node stops"),
        }
        if let Some(coordinator) = &self.node.coordinator {
            coordinator.stop().await;
            tracing::info!("no other node is asked or answered any more");
        }
        self.registered.await.context("telling the host that the node stops broke")?;
        let node = self.node;
        node.scans.clear();
        node.held.clear();
        node.indices.all().iter().for_each(|index| index.leave_alone());
        let threads = self.threads;
        tokio::task::spawn_blocking(move || {
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the node had broken");
                }
            }
            for index in node.indices.all() {
                if let Err(error) = index.flush() {
                    tracing::error!(
                        index = index.name,
                        reason = error.reason,
                        "index could not be flushed; the translog has it all"
                    );
                }
                index.close();
            }
        })
        .await?;
        Ok(self.lock)
    }
}

impl NodeCounters {
    fn of(metrics: &Metrics) -> Self {
        Self {
            requests: metrics.counter("search_node_http_requests", "HTTP requests"),
            documents_written: metrics
                .counter("search_node_documents_written", "Documents written or deleted"),
            bulk_items_failed: metrics.counter("search_node_bulk_items_failed", "Bulk items that failed"),
            searches: metrics.counter("search_node_searches", "Searches"),
            copies_searched: metrics
                .counter("search_node_copies_searched", "Copies of shards that were searched on this node"),
        }
    }
}

/// Makes the data folder if there is none. Once it is there, the folder above it is none of our business: it may not even be
/// readable.
fn make_folder(data: &Path) -> anyhow::Result<()> {
    if data.is_dir() {
        return Ok(());
    }
    create_folder_durably(&HostDisk, data)
        .with_context(|| format!("path.data {} cannot be made", data.display()))
}

/// Locks the data folder for this process, or names the one that holds it.
fn lock_folder(data: &Path) -> anyhow::Result<fs_err::File> {
    use std::io::{Read, Seek, Write};
    let path = data.join("node.lock");
    let mut file =
        fs_err::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    if rustix::fs::flock(file.file(), rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        bail!(
            "the data folder is in use: {} is held by process {}; stop that process, or give this node its own folder with -E path.data=FOLDER",
            path.display(),
            holder.trim()
        );
    }
    file.rewind()?;
    file.file().set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Reads the dictionaries that are set, before any index asks for them; what has to be built of sources is, which takes seconds.
async fn install_dictionaries(settings: &NodeSettings) -> anyhow::Result<()> {
    let (dictionaries, data) = (settings.dictionaries.clone(), settings.path_data.clone());
    if dictionaries.is_empty() {
        return Ok(());
    }
    let install = move || -> Result<(), shard::DictionaryError> {
        for (language, folder) in dictionaries {
            shard::install_dictionary(language, &folder, &data)?;
            tracing::info!(language = language.code(), folder = %folder.display(), "read a dictionary");
        }
        Ok(())
    };
    Ok(tokio::task::spawn_blocking(install).await??)
}

async fn listen(settings: &NodeSettings) -> anyhow::Result<TcpListener> {
    let ports = settings.port.map_or(PORTS, |port| port..=port);
    for port in ports {
        let address = SocketAddr::new(settings.host, port);
        match TcpListener::bind(address).await {
            Ok(listener) => {
                if settings.port.is_none() && port != *PORTS.start() {
                    tracing::info!(
                        port,
                        "port {} is taken, so the next free one is used; http.port chooses",
                        PORTS.start()
                    );
                }
                return Ok(listener);
            }
            Err(error) if daemon::is_listening_taken(&error) && settings.port.is_none() => {}
            Err(error) if daemon::is_listening_taken(&error) => {
                bail!("{}", daemon::port_taken(&address.to_string(), "http.port"))
            }
            Err(error) => bail!("cannot listen on {address}: {error}; check network.host and http.port"),
        }
    }
    bail!(
        "every port from {} to {} is taken; free one, or choose another with -E http.port=PORT",
        PORTS.start(),
        PORTS.end()
    )
}

fn identity_of(data: &Path, clock: &Clock) -> anyhow::Result<Identity> {
    let path = data.join("node.state");
    if let Some(identity) = state_file::read(&path)? {
        return Ok(identity);
    }
    let identity = Identity { node_id: new_id(clock.now_millis()), cluster_uuid: new_id(clock.now_millis()) };
    state_file::write(&HostDisk, &path, &identity)?;
    Ok(identity)
}

/// Shows new documents as their indices' intervals ask. A thread of its own: refreshing is work, not waiting.
fn refresh_loop(node: Arc<Node>, stop: CancellationToken) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name("refresh".to_owned()).spawn(move || {
        while !stop.is_cancelled() {
            for index in node.indices.all() {
                let tended = || index.refresh_if_due().map(drop).and(index.tend());
                // One index that breaks must not end the refreshes of all others.
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(tended)) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(
                        index = index.name,
                        reason = error.reason,
                        "index could not be refreshed"
                    ),
                    Err(_) => tracing::error!(index = index.name, "refreshing the index broke"),
                }
            }
            std::thread::sleep(REFRESH_TICK);
        }
    })
}

/// Opens shards again that had to stop. A thread of its own: reading a shard's files again takes long, and the other indices
/// are refreshed meanwhile.
fn mend_loop(node: Arc<Node>, stop: CancellationToken) -> std::io::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("mend".to_owned()).spawn(move || {
        while !stop.is_cancelled() {
            for index in node.indices.all() {
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| index.mend())) {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::error!(
                            index = index.name,
                            reason = error.reason,
                            "index could not be mended"
                        );
                    }
                    Err(_) => tracing::error!(index = index.name, "mending the index broke"),
                }
            }
            let _is_over =
                runtime.block_on(async { tokio::time::timeout(MEND_TICK, stop.cancelled()).await });
        }
    })
}

/// Opens the shards that have operations to replay, while the others serve already.
fn recover(node: Arc<Node>, stop: CancellationToken) -> std::io::Result<()> {
    std::thread::Builder::new().name("recover".to_owned()).spawn(move || {
        for index in node.indices.all() {
            if stop.is_cancelled() {
                return;
            }
            if let Err(error) = index.recover() {
                tracing::error!(index = index.name, reason = error.reason, "index could not be recovered");
            }
        }
    })?;
    Ok(())
}
