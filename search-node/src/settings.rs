//! The settings of search-node, as a table and as types.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use cluster::allocation::Watermark;
use settings::{Kind, LOGGING, Schema, Setting, Settings, SettingsError, Share, Tree, setting};
use shard::{Language, QueryLimits};

use crate::action::async_search::ASYNC_SEARCH;
use crate::action::async_search::settings::AsyncSearchSettings;
use crate::action::search::{BUCKETS, HELD, HeldLimits, MAX_BUCKETS};
use crate::cache_settings::{CACHES, CacheSettings};
use crate::cluster_settings::{CLUSTER, ClusterSettings};
use crate::indices::{AUTO_CREATE, AutoCreate};
use crate::memory::{MemorySettings, host_memory};
use crate::pool_settings::{BLOCKING_THREADS, PoolSettings, THREAD_POOLS, processors};
use crate::replication::{REPLICATION, ReplicationSettings};
use crate::script_settings::{SCRIPTS, ScriptSettings};
use crate::watermark::{Watermarks, read_watermark};

const NODE: &[Setting] = &[
    setting("cluster.name", Kind::Text, Some("weir"), "The name of the cluster that this node belongs to."),
    setting("node.name", Kind::Text, None, "The name of this node; the host's name if not set."),
    setting(
        "path.data",
        Kind::Path,
        Some("data/search-node"),
        "The folder of everything that the node stores; one process at a time may use it.",
    ),
    setting(
        "node.stop_timeout",
        Kind::Duration,
        Some("25s"),
        "How long a node that is asked to stop may take to hand over to others and to answer what it was asked; what takes longer is cut off. What it acknowledged is stored either way.",
    ),
];

const DISK: &[Setting] = &[
    setting(
        THRESHOLD_ENABLED,
        Kind::Bool,
        Some("true"),
        "Whether writes stop when the disk of path.data is nearly full.",
    ),
    setting(
        FLOOD_STAGE,
        Kind::Text,
        Some("95%"),
        "How full the disk of path.data may get: a share of it that may be used, or an amount that must be left free; beyond it whatever adds data is answered 429, and indices can only be read, deleted and made empty.",
    ),
    setting(
        HIGH,
        Kind::Text,
        Some("90%"),
        "Where writes go on again, of the same kind as the flood stage and not above it.",
    ),
];

const THRESHOLD_ENABLED: &str = "cluster.routing.allocation.disk.threshold_enabled";
const FLOOD_STAGE: &str = "cluster.routing.allocation.disk.watermark.flood_stage";
const LOW: &str = "cluster.routing.allocation.disk.watermark.low";
/// The share that may be used before a node gets no further copies.
const LOW_DEFAULT: f64 = 0.85;
const HIGH: &str = "cluster.routing.allocation.disk.watermark.high";

const PUBLISH_HOST: &str = "network.publish_host";

const NETWORK: &[Setting] = &[
    setting(
        "network.host",
        Kind::Text,
        Some("127.0.0.1"),
        "The address to listen on; any other than loopback needs security.enabled to be set to false explicitly.",
    ),
    setting(
        "network.publish_host",
        Kind::Text,
        None,
        "The address under which other nodes reach this one; if not set, network.host, and where that is 0.0.0.0 or ::, an address of this host.",
    ),
    setting(
        "http.port",
        Kind::Port,
        None,
        "The port of the REST API; if not set, the first free one from 9200 to 9299.",
    ),
    setting(
        "http.allowed_hosts",
        Kind::Names,
        Some("[]"),
        "Further names under which a node that listens on loopback may be reached, and hosts whose pages may call it; others are refused, so that no web page can reach in.",
    ),
    setting(
        "http.max_content_length",
        Kind::Bytes,
        Some("100mb"),
        "The largest request body, also after unpacking.",
    ),
    setting(
        "http.compression",
        Kind::Bool,
        Some("true"),
        "Whether answers are packed with gzip for clients that ask for it (Accept-Encoding).",
    ),
    setting(
        "security.enabled",
        Kind::Bool,
        None,
        "Whether requests must name a user; there are no users yet, so only false is possible, and only loopback goes without saying it.",
    ),
];

const LIMITS: &[Setting] = &[
    setting(
        "tasks.results_max",
        Kind::Integer(0, 1_000_000),
        Some("1000"),
        "How many outcomes of tasks that nobody waited for are kept; the oldest go first.",
    ),
    setting(
        "bulk.chunk_size",
        Kind::Bytes,
        Some("4mb"),
        "How much of a bulk body is gathered before its actions are done; the rest may still be on its way.",
    ),
    setting(
        "memory.limit",
        Kind::BytesOrShare,
        Some("50%"),
        "The memory that the node may take, as an amount or as a share of the memory of its host or control group; requests that would not fit wait, or are answered 429.",
    ),
    setting(
        "memory.wait",
        Kind::Duration,
        Some("30s"),
        "How long a request may wait for memory that others give back before it is answered 429; 0 to refuse at once.",
    ),
    setting(
        "memory.queue_size",
        Kind::Integer(0, 100_000),
        Some("200"),
        "How many requests may wait for memory; more are answered 429.",
    ),
    setting(
        "indices.memory.index_buffer_size",
        Kind::BytesOrShare,
        Some("10%"),
        "The memory of documents that are not searchable yet, over all shards, as an amount or as a share of memory.limit; beyond it the largest shard is refreshed early.",
    ),
    setting(
        "indices.memory.tombstones_size",
        Kind::BytesOrShare,
        Some("1%"),
        "The memory of the versions of deleted documents, which are kept for index.gc_deletes, over all shards, as an amount or as a share of memory.limit; beyond it those of the documents that were deleted longest ago are forgotten first.",
    ),
    setting(
        "indices.shards.idle_after",
        Kind::Duration,
        Some("5m"),
        "How long a shard stays open without a write or a search; -1 for always. It opens again when it is needed.",
    ),
    setting(
        "indices.merge.threads",
        Kind::Integer(1, 64),
        Some("1"),
        "How many merges of segments run at the same time, over all shards.",
    ),
    setting(
        "search.max_result_window",
        Kind::Integer(1, 10_000_000),
        Some("10000"),
        "The greatest from + size of a search in indices that do not say otherwise.",
    ),
    setting(
        "indices.query.bool.max_clause_count",
        Kind::Integer(1, 1_000_000),
        Some("1024"),
        "How many clauses a bool query may have, and how many terms a pattern, a word that goes on or one with edits may come to.",
    ),
    setting(
        "indices.query.bool.max_nested_depth",
        Kind::Integer(1, 1_000),
        Some("30"),
        "How deep queries may stand in queries.",
    ),
    setting(
        "search.max_open_contexts",
        Kind::Integer(1, 100_000),
        Some("500"),
        "How many searches of other nodes may have found hits here that they have not read yet; more are answered 429. Each may keep files that were merged away meanwhile.",
    ),
    setting(
        AUTO_CREATE,
        Kind::Names,
        Some("[true]"),
        "Whether a write makes an index that does not exist: true, false, or patterns of names, of which the first that means the name decides, e.g. `+logs-*,-*`. The cluster's setting of this name counts more.",
    ),
];

const ANALYSIS: &[Setting] = &[
    setting(
        "analysis.dictionaries.ja",
        Kind::Path,
        None,
        "The folder of a dictionary of Japanese, for `kuromoji`: the sources of IPADIC, e.g. /usr/share/mecab/dic/ipadic of Debian's package mecab-ipadic, or what lindera built of them. Sources are built once into a folder below path.data. Only for builds with --features japanese-korean.",
    ),
    setting(
        "analysis.dictionaries.ko",
        Kind::Path,
        None,
        "The folder of a dictionary of Korean, for `nori`: the sources of mecab-ko-dic, or what lindera built of them without renumbering. Only for builds with --features japanese-korean.",
    ),
];

/// Every setting of search-node.
pub const SCHEMA: Schema = Schema {
    tables: &[
        ("Node", NODE),
        ("Cluster", CLUSTER),
        ("Copies", REPLICATION),
        ("Disk", DISK),
        ("Network", NETWORK),
        ("Thread pools", THREAD_POOLS),
        ("Limits", LIMITS),
        ("Caches", CACHES),
        ("Points in time", HELD),
        ("Buckets", BUCKETS),
        ("Scripts", SCRIPTS),
        ("Asynchronous searches", ASYNC_SEARCH),
        ("Analysis", ANALYSIS),
        ("Logging", LOGGING),
    ],
};

/// The settings of a node, checked.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    pub cluster_name: String,
    pub node_name: String,
    pub path_data: PathBuf,
    /// How long the node may take to hand over and to answer when it stops.
    pub stop_timeout: Duration,
    pub host: IpAddr,
    /// The address that others are told, if it is set.
    pub publish_host: Option<IpAddr>,
    /// A port that was asked for; none to take the first free one.
    pub port: Option<u16>,
    /// Names under which a loopback node may be reached besides loopback's own.
    pub allowed_hosts: Vec<String>,
    pub body_bytes_max: usize,
    /// Whether answers are packed for who asks for it.
    pub is_http_compressed: bool,
    pub processors: usize,
    pub write: PoolSettings,
    pub search: PoolSettings,
    pub get: PoolSettings,
    pub by_query: PoolSettings,
    pub force_merge: PoolSettings,
    pub task_results_max: usize,
    pub bulk_chunk_bytes: usize,
    pub memory: MemorySettings,
    pub index_buffer_bytes: usize,
    pub tombstone_bytes: usize,
    pub caches: CacheSettings,
    /// How long a shard stays open without use; none for always.
    pub idle_after: Option<Duration>,
    pub merge_threads: usize,
    pub result_window_max: usize,
    /// How large a query may be.
    pub query_limits: QueryLimits,
    /// How many points in time are kept for other nodes.
    pub search_contexts_max: usize,
    pub scripts: ScriptSettings,
    pub async_search: AsyncSearchSettings,
    /// How many points in time are held for clients, and for how long.
    pub(crate) held: HeldLimits,
    /// How many buckets an answer may have.
    pub(crate) buckets_max: usize,
    pub auto_create_index: AutoCreate,
    /// The folders of dictionaries by language.
    pub dictionaries: Vec<(Language, PathBuf)>,
    /// How full the disk may get; none if nobody shall watch.
    pub watermarks: Option<Watermarks>,
    /// What is said about allocation, by the full names of the cluster's settings.
    pub allocation: BTreeMap<String, String>,
    pub cluster: ClusterSettings,
    pub replication: ReplicationSettings,
}

/// With less than this no request of some size would ever fit.
const MEMORY_LEAST: u64 = 16 << 20;

/// Who waits for longer waits for ever.
const STOP_LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The time that an idle refresh loop waits between two looks.
pub(crate) const REFRESH_TICK: Duration = Duration::from_millis(100);
/// How often it is looked for shards that had to stop.
pub(crate) const MEND_TICK: Duration = Duration::from_secs(1);

impl NodeSettings {
    /// Reads and checks what only a program can check.
    pub fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let host = address_of(settings, "network.host", &settings.text("network.host"))?;
        let publish_host = settings.maybe_text(PUBLISH_HOST);
        let publish_host = publish_host.map(|text| publishable(settings, &text)).transpose()?;
        check_security(settings, host)?;
        let processors = processors(settings);
        let pool = |name: &str, usual: usize| PoolSettings::read(settings, name, usual);
        let share_of = |key: &str, whole: u64| match settings.share(key) {
            Share::Bytes(bytes) => bytes,
            Share::Of(share) => (whole as f64 * share) as u64,
        };
        check_names(settings)?;
        let memory_limit = share_of("memory.limit", host_memory());
        if memory_limit < MEMORY_LEAST {
            let reason = format!(
                "[memory.limit] comes to {memory_limit} bytes, which is too little to serve requests; give at least {} MB, or leave it out for 50% of the host's memory",
                MEMORY_LEAST >> 20
            );
            return Err(settings.fault("memory.limit", reason));
        }
        let part = |key: &str| usize::try_from(share_of(key, memory_limit)).unwrap_or(usize::MAX);
        Ok(Self {
            cluster_name: settings.text("cluster.name"),
            node_name: settings.maybe_text("node.name").unwrap_or_else(host_name),
            path_data: settings.path("path.data"),
            stop_timeout: settings.span("node.stop_timeout").min(STOP_LONGEST),
            host,
            publish_host,
            port: settings.is_set("http.port").then(|| settings.port("http.port")),
            allowed_hosts: settings.list("http.allowed_hosts"),
            body_bytes_max: bytes(settings, "http.max_content_length"),
            is_http_compressed: settings.bool("http.compression"),
            processors,
            write: pool("write", processors),
            search: pool("search", processors * 3 / 2 + 1),
            get: pool("get", processors * 3 / 2 + 1),
            by_query: pool("by_query", (processors / 2).max(1)),
            force_merge: pool("force_merge", 1),
            task_results_max: settings.count("tasks.results_max"),
            bulk_chunk_bytes: bytes(settings, "bulk.chunk_size"),
            memory: MemorySettings {
                limit: memory_limit,
                wait: settings.span("memory.wait"),
                queue: settings.count("memory.queue_size"),
            },
            index_buffer_bytes: part("indices.memory.index_buffer_size"),
            tombstone_bytes: part("indices.memory.tombstones_size"),
            caches: CacheSettings::read(settings, part),
            idle_after: settings.duration("indices.shards.idle_after"),
            merge_threads: settings.count("indices.merge.threads"),
            result_window_max: settings.count("search.max_result_window"),
            query_limits: QueryLimits {
                clauses: settings.count("indices.query.bool.max_clause_count"),
                depth: settings.count("indices.query.bool.max_nested_depth"),
            },
            search_contexts_max: settings.count("search.max_open_contexts"),
            scripts: ScriptSettings::read(settings),
            async_search: AsyncSearchSettings::read(settings),
            held: HeldLimits::read(settings),
            buckets_max: settings.count(MAX_BUCKETS),
            auto_create_index: AutoCreate::read(&settings.list(AUTO_CREATE).join(","))
                .map_err(|reason| settings.fault(AUTO_CREATE, reason))?,
            dictionaries: Language::ALL
                .into_iter()
                .filter(|language| settings.is_set(language.setting()))
                .map(|language| (language, settings.path(language.setting())))
                .collect(),
            watermarks: settings.bool(THRESHOLD_ENABLED).then(|| read_watermarks(settings)).transpose()?,
            allocation: read_allocation(settings),
            cluster: ClusterSettings::read(settings)?,
            replication: ReplicationSettings::read(settings),
        })
    }
}

/// The least and the most memory of one segment before it is written out: smaller ones make too many segments, larger
/// ones are no faster.
const SEGMENT_BUFFER: std::ops::RangeInclusive<usize> = 16 << 20..=96 << 20;

impl NodeSettings {
    /// How many threads there may be for work that blocks: as many as usual, and one for each that stands aside.
    pub fn blocking_threads_max(&self) -> usize {
        // Searches of other nodes have a pool of their own.
        let aside = [self.search.aside, self.search.aside, self.by_query.aside];
        aside.into_iter().fold(BLOCKING_THREADS, usize::saturating_add)
    }

    /// The memory that one segment may take: so much that a shard that is written to by every thread fits twice.
    pub fn segment_buffer_bytes(&self) -> usize {
        (self.index_buffer_bytes / (2 * self.processors))
            .clamp(*SEGMENT_BUFFER.start(), *SEGMENT_BUFFER.end())
    }
}

fn read_watermarks(settings: &Settings) -> Result<Watermarks, SettingsError> {
    let mark = |key: &str| {
        let text = settings.text(key);
        read_watermark(&text).ok_or_else(|| {
            let reason = format!(
                "[{key}] is `{text}`, but must be a share of the disk or an amount that is left free, e.g. 95% or 20gb"
            );
            settings.fault(key, reason)
        })
    };
    let key = if settings.is_set(FLOOD_STAGE) { FLOOD_STAGE } else { HIGH };
    Watermarks::new(mark(HIGH)?, mark(FLOOD_STAGE)?).map_err(|reason| settings.fault(key, reason))
}

/// What the node's own settings say, as the settings of the cluster write it.
fn read_allocation(settings: &Settings) -> BTreeMap<String, String> {
    let mut allocation = BTreeMap::new();
    for key in [FLOOD_STAGE, HIGH].into_iter().filter(|key| settings.is_set(key)) {
        if let Some(mark) = read_watermark(&settings.text(key)) {
            allocation.insert(key.to_owned(), mark.to_string());
        }
    }
    // A node has no low mark of its own; its default would not do beside an amount, or above the high one.
    let is_low = |high: &String| !matches!(Watermark::read(high), Some(Watermark::Used(share)) if share >= LOW_DEFAULT);
    if let Some(high) = allocation.get(HIGH).filter(|high| is_low(high)) {
        allocation.insert(LOW.to_owned(), high.clone());
    }
    if settings.is_set(THRESHOLD_ENABLED) {
        allocation.insert(THRESHOLD_ENABLED.to_owned(), settings.bool(THRESHOLD_ENABLED).to_string());
    }
    allocation
}

/// Names by which nodes and clusters are told apart have to say something.
fn check_names(settings: &Settings) -> Result<(), SettingsError> {
    for (key, remedy) in [
        ("cluster.name", "give the name that all nodes of the cluster have, or leave it out"),
        ("node.name", "give the node a name, or leave it out for the name of its host"),
    ] {
        if settings.maybe_text(key).is_some_and(|text| text.trim().is_empty()) {
            return Err(settings.fault(key, format!("[{key}] is empty; {remedy}")));
        }
    }
    if settings.node("node.attr").is_some_and(|node| !matches!(node.tree, Tree::Map(_))) {
        let reason = "[node.attr] is one value, but each attribute has a name; write e.g. node.attr.rack=r1";
        return Err(settings.fault("node.attr", reason));
    }
    Ok(())
}

fn bytes(settings: &Settings, key: &str) -> usize {
    usize::try_from(settings.bytes(key)).unwrap_or(usize::MAX)
}

fn address_of(settings: &Settings, key: &str, text: &str) -> Result<IpAddr, SettingsError> {
    match text {
        "localhost" | "_local_" => Ok(IpAddr::from([127, 0, 0, 1])),
        text => text.parse().map_err(|_| {
            settings.fault(key, format!("[{key}] is `{text}`, but must be an address, e.g. 127.0.0.1"))
        }),
    }
}

fn publishable(settings: &Settings, text: &str) -> Result<IpAddr, SettingsError> {
    let address = address_of(settings, PUBLISH_HOST, text)?;
    if address.is_unspecified() {
        let reason = format!("[{PUBLISH_HOST}] is `{text}`, but must be one address that others reach");
        return Err(settings.fault(PUBLISH_HOST, reason));
    }
    Ok(address)
}

fn check_security(settings: &Settings, host: IpAddr) -> Result<(), SettingsError> {
    let said = settings.maybe_text("security.enabled");
    if said.as_deref() == Some("true") {
        return Err(settings.fault(
            "security.enabled",
            "[security.enabled] cannot be true yet: there are no users; leave it out on loopback, or protect the port yourself and set it to false",
        ));
    }
    if !host.is_loopback() && said.as_deref() != Some("false") {
        return Err(settings.fault(
            "network.host",
            format!("[network.host] {host} can be reached from other hosts, and requests need no password; set [security.enabled] to false to do so all the same"),
        ));
    }
    if !host.is_loopback() {
        tracing::warn!(%host, "anybody who reaches this address can read and delete everything: security.enabled is false");
    }
    Ok(())
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../config/search-node.yml");

    fn read(yaml: &str) -> Result<NodeSettings, SettingsError> {
        NodeSettings::read(&settings::load_text(SCHEMA, "search-node.yml", yaml, &[])?)
    }

    #[test]
    fn the_shipped_file_shows_every_setting() {
        assert_eq!(settings::reference::missing_from_yaml(SCHEMA, SHIPPED), Vec::<String>::new());
        read(SHIPPED).expect("loads");
    }

    #[test]
    fn the_reference_page_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/settings/search-node.md");
        let page = settings::reference::markdown("search-node", SCHEMA);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs_err::write(path, &page).expect("written");
        }
        assert_eq!(fs_err::read_to_string(path).expect("the page"), page, "run with UPDATE_GOLDEN=1");
    }

    #[test]
    fn what_would_silently_mean_nothing_is_refused() {
        for (yaml, expected) in [
            ("memory.limit: 0%\n", "[memory.limit] comes to 0 bytes"),
            ("memory.limit: 1mb\n", "give at least 16 MB"),
            ("node.attr: 5\n", "node.attr.rack=r1"),
            ("cluster.name: ''\n", "[cluster.name] is empty"),
            ("node.name: ' '\n", "[node.name] is empty"),
        ] {
            let error = read(yaml).expect_err(yaml).to_string();
            assert!(error.contains(expected), "{yaml}: {error}");
        }
        read("memory.limit: 16mb\nnode.attr.rack: r1\n").expect("read");
    }

    #[test]
    fn watermarks_of_the_disk_are_checked_together() {
        let watermarks = |yaml: &str| read(yaml).map(|settings| settings.watermarks);
        let marks = |high, flood| Watermarks::new(high, flood).ok();
        assert_eq!(watermarks("").ok(), Some(marks(Watermark::Used(0.9), Watermark::Used(0.95))));
        assert_eq!(watermarks("cluster.routing.allocation.disk.threshold_enabled: false\n").ok(), Some(None));
        let amounts = "cluster.routing.allocation.disk.watermark:\n  high: 2gb\n  flood_stage: 1gb\n";
        assert_eq!(watermarks(amounts).ok(), Some(marks(Watermark::Free(2 << 30), Watermark::Free(1 << 30))));
        for (yaml, reason) in [
            ("flood_stage: 1gb", "must both be shares or both be amounts"),
            ("flood_stage: 80%", "high disk watermark [90%] more than flood stage disk watermark [80%]"),
            ("flood_stage: 101%", "is `101%`, but must be a share of the disk"),
            ("high: full", "is `full`, but must be"),
        ] {
            let error = read(&format!("cluster.routing.allocation.disk.watermark.{yaml}\n"));
            let error = error.expect_err("refused").to_string();
            assert!(error.starts_with("search-node.yml:1:") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn what_is_set_about_disks_fits_the_settings_of_the_cluster() {
        for (yaml, low) in [
            ("", "85%"),
            ("cluster.routing.allocation.disk.threshold_enabled: false\n", "85%"),
            ("cluster.routing.allocation.disk.watermark:\n  high: 2gb\n  flood_stage: 1gb\n", "2147483648b"),
            ("cluster.routing.allocation.disk.watermark:\n  high: 0.5\n", "50%"),
            ("cluster.routing.allocation.disk.watermark:\n  high: 92%\n  flood_stage: 97%\n", "85%"),
        ] {
            let own = read(yaml).expect("valid").allocation;
            let pairs = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));

            let allocation = cluster::allocation::AllocationSettings::read(pairs);

            assert_eq!(allocation.expect("fits").disk.low.to_string(), low, "{yaml}");
        }
    }

    #[test]
    fn an_address_that_others_reach_must_be_meant() {
        let error = read("network.host: 0.0.0.0\n").expect_err("refused").to_string();
        assert!(error.starts_with("search-node.yml:1:") && error.contains("security.enabled"), "{error}");

        assert!(read("network.host: 0.0.0.0\nsecurity.enabled: false\n").is_ok());
    }
}
