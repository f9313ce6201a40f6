//! What a node tells about itself: its process, its host, its disk, and each copy that it has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use cluster::state::{CopyId, IndexId, ShardId};
use serde::{Deserialize, Serialize};
use shard::{CacheFigures, EngineError, FieldBytes, SegmentFigures, Shard, ShardActivity};

use crate::action::search::{HeldBytes, HeldFigures, HeldLimits};
use crate::coordination::{read, write};
use crate::cpu_meter::CpuFigures;
use crate::disk_watch::space_of;
use crate::indices::{CopyState, Index};
use crate::memory::host_memory;
use crate::node::Node;
use crate::pool::PoolFigures;
use crate::replication::Recovery;

/// The figures of a node. What cannot be told is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NodeFigures {
    /// The build.
    pub(crate) version: String,
    pub(crate) process: u32,
    pub(crate) now_millis: i64,
    pub(crate) started_millis: i64,
    /// The disk of its data, in bytes: the whole of it, and what is free.
    pub(crate) disk: Option<(u64, u64)>,
    pub(crate) path_data: String,
    /// The folder in which the process works.
    pub(crate) path_home: Option<String>,
    /// What the process holds in memory, and what it may hold.
    pub(crate) memory: (u64, u64),
    /// Requests that were refused because it would not have been enough.
    pub(crate) refused_memory: u64,
    /// What scrolls take that are held there.
    pub(crate) scrolls: HeldBytes,
    /// The memory of the host, or of the control group if that is less, and what is free of the host's.
    pub(crate) host_memory: (u64, Option<u64>),
    /// The load of the host over 1, 5 and 15 minutes.
    pub(crate) load: Option<[f64; 3]>,
    pub(crate) cores: usize,
    /// How many of them it works on.
    pub(crate) processors: usize,
    /// What the processor does: for the process, and in all.
    pub(crate) cpu: CpuFigures,
    pub(crate) pools: Vec<PoolFigures>,
    pub(crate) open_files: Option<u64>,
    /// How many there may be; none without a bound.
    pub(crate) open_files_max: Option<u64>,
    pub(crate) threads: Option<u64>,
    pub(crate) requests: u64,
    /// How often each route was asked for, and since when.
    pub(crate) usage: BTreeMap<String, u64>,
    /// Copies that were searched there, as Elasticsearch counts its searches.
    pub(crate) searches: u64,
    /// How soon other nodes answer its searches, and it itself.
    pub(crate) seen: Vec<SeenFigures>,
    pub(crate) copies: Vec<CopyFigures>,
    /// How the copies stand that are filled there, or were.
    pub(crate) recoveries: Vec<Recovery>,
    /// The copies on its disk, whether they serve or not.
    pub(crate) held: Vec<(ShardId, CopyId)>,
}

/// How soon a node answers the searches of another one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SeenFigures {
    /// Its id as clients know it.
    pub(crate) node: String,
    pub(crate) under_way: usize,
    pub(crate) queue: f64,
    pub(crate) service_millis: f64,
    pub(crate) response_millis: f64,
    pub(crate) rank: f64,
}

/// The figures of a copy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CopyFigures {
    pub(crate) index: String,
    pub(crate) number: u32,
    pub(crate) copy: Option<CopyId>,
    /// Whether it cannot be opened.
    pub(crate) is_failed: bool,
    pub(crate) documents: u64,
    pub(crate) deleted: u64,
    pub(crate) segments: usize,
    pub(crate) bytes: u64,
    pub(crate) indexed: u64,
    pub(crate) removed: u64,
    pub(crate) refreshes: u64,
    pub(crate) flushes: u64,
    pub(crate) merges: u64,
    pub(crate) version_bytes: u64,
    pub(crate) buffered_bytes: u64,
    /// Memory of what was computed of its segments and is kept.
    pub(crate) fielddata_bytes: u64,
    /// How much of it had to go for something else.
    pub(crate) fielddata_evictions: u64,
    /// How much of it is for each field, by its path; told only to who asks.
    pub(crate) fielddata: BTreeMap<String, u64>,
    /// What is kept of filters.
    pub(crate) queries: CacheFigures,
    /// What is kept of answers.
    pub(crate) requests: CacheFigures,
    pub(crate) is_throttled: bool,
    pub(crate) throttle_millis: u64,
    /// Writers that wait for a refresh.
    pub(crate) listeners: usize,
    /// The highest sequence number; -1 when there is none.
    pub(crate) max_seq_no: i64,
    pub(crate) activity: ShardActivity,
    /// What is held of it for clients, as it was when they began.
    pub(crate) held: HeldFigures,
    /// Told only to who asks for them; none of a copy that is closed.
    pub(crate) file_segments: Vec<SegmentFigures>,
    /// What each field takes, by its path; the same.
    pub(crate) fields: BTreeMap<String, FieldBytes>,
}

/// What is told beside the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FiguresWish {
    /// The segments of every copy, for which copies that are closed are opened.
    pub(crate) segments: bool,
    /// The fields of these indices, by their ids; the same.
    pub(crate) fields_of: BTreeSet<String>,
    /// What is kept in memory of each field that one of these patterns means, with commas between them; copies that are closed have
    /// nothing.
    pub(crate) fielddata_of: Option<String>,
}

impl FiguresWish {
    pub(crate) fn segments(is_wanted: bool) -> Self {
        Self { segments: is_wanted, ..Self::default() }
    }
}

impl CopyFigures {
    pub(crate) fn shard(&self) -> ShardId {
        ShardId { index: IndexId(self.index.clone()), number: self.number }
    }

    /// Adds the figures of another copy. Whose they are is not told any more.
    pub(crate) fn add(&mut self, other: &Self) {
        self.documents += other.documents;
        self.deleted += other.deleted;
        self.segments += other.segments;
        self.bytes += other.bytes;
        self.indexed += other.indexed;
        self.removed += other.removed;
        self.refreshes += other.refreshes;
        self.flushes += other.flushes;
        self.merges += other.merges;
        self.version_bytes += other.version_bytes;
        self.buffered_bytes += other.buffered_bytes;
        self.fielddata_bytes += other.fielddata_bytes;
        self.fielddata_evictions += other.fielddata_evictions;
        self.queries = self.queries.and(other.queries);
        self.requests = self.requests.and(other.requests);
        other
            .fielddata
            .iter()
            .for_each(|(path, bytes)| *self.fielddata.entry(path.clone()).or_default() += bytes);
        self.is_throttled |= other.is_throttled;
        self.throttle_millis += other.throttle_millis;
        self.listeners += other.listeners;
        self.max_seq_no = self.max_seq_no.max(other.max_seq_no);
        self.activity += other.activity;
        self.held += other.held;
        self.file_segments.extend(other.file_segments.iter().cloned());
        other.fields.iter().for_each(|(path, bytes)| *self.fields.entry(path.clone()).or_default() += *bytes);
    }
}

/// Looks at this node. It reads files and may refresh: nothing for a thread that others wait for.
pub(super) fn figures_of(node: &Node, wish: &FiguresWish) -> NodeFigures {
    let disk = space_of(&node.settings.path_data).ok().map(|space| (space.total, space.free));
    let meminfo = fs_err::read_to_string("/proc/meminfo").unwrap_or_default();
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    NodeFigures {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        process: std::process::id(),
        now_millis: node.clock.now_millis(),
        started_millis: node.started_millis,
        disk,
        path_data: node.settings.path_data.display().to_string(),
        path_home: std::env::current_dir().ok().map(|folder| folder.display().to_string()),
        memory: (node.memory.held(), node.memory.limit()),
        refused_memory: node.memory.refused(),
        scrolls: node.held.bytes(&HeldLimits::of(node)),
        host_memory: (host_memory(), field(&meminfo, "MemAvailable:").map(|kilobytes| kilobytes << 10)),
        load: load_of(&fs_err::read_to_string("/proc/loadavg").unwrap_or_default()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        processors: node.settings.processors,
        cpu: node.cpu_meter.look(node.clock.now_millis()),
        pools: pools_of(node),
        open_files_max: rustix::process::getrlimit(rustix::process::Resource::Nofile).current,
        open_files: fs_err::read_dir(Path::new("/proc/self/fd")).ok().map(|files| files.count() as u64),
        threads: field(&status, "Threads:"),
        requests: node.counters.requests.get(),
        usage: node.usage.counts(),
        searches: node.counters.copies_searched.get(),
        seen: seen_by(node),
        copies: copies_of(node, wish),
        recoveries: node.replication().map(|replication| replication.recoveries()).unwrap_or_default(),
        held: held_by(node),
    }
}

fn pools_of(node: &Node) -> Vec<PoolFigures> {
    let pools =
        [&node.write_pool, &node.search_pool, &node.get_pool, &node.by_query_pool, &node.force_merge_pool];
    pools.into_iter().map(crate::pool::Pool::figures).chain([helpers_of(node)]).collect()
}

/// The threads that help large searches, as a pool.
fn helpers_of(node: &Node) -> PoolFigures {
    let helpers = &node.shared.helpers;
    PoolFigures {
        name: "search_worker".to_owned(),
        // One processor is that of the search itself.
        size: node.settings.processors.saturating_sub(1),
        active: helpers.helping(),
        largest: helpers.most(),
        completed: helpers.helped(),
        ..PoolFigures::default()
    }
}

fn seen_by(node: &Node) -> Vec<SeenFigures> {
    let Some(coordinator) = &node.coordinator else { return Vec::new() };
    let map = coordinator.map();
    let shown = node.soonest.seen().into_iter().filter_map(|seen| {
        Some(SeenFigures {
            node: map.nodes.get(&seen.node)?.data_id.clone(),
            under_way: seen.under_way,
            queue: seen.queue,
            service_millis: seen.service_millis,
            response_millis: seen.response_millis,
            rank: seen.rank,
        })
    });
    shown.collect()
}

fn held_by(node: &Node) -> Vec<(ShardId, CopyId)> {
    let of_index = |index: Arc<Index>| {
        let id = IndexId(index.uuid.clone());
        let held = index.held().into_iter();
        held.map(move |(number, copy)| (ShardId { index: id.clone(), number }, copy))
    };
    node.indices.all().into_iter().flat_map(of_index).collect()
}

fn copies_of(node: &Node, wish: &FiguresWish) -> Vec<CopyFigures> {
    let mut copies = Vec::new();
    let held = node.held.figures();
    for index in node.indices.all().iter().filter(|index| index.has_copies()) {
        // A shard that cannot be refreshed is told by its state; its last figures are better than none.
        if let Err(error) = index.refresh_if_idle() {
            tracing::warn!(
                index = index.name,
                reason = error.reason,
                "index could not be refreshed for its figures"
            );
        }
        let with_fields = wish.fields_of.contains(&index.uuid);
        let mut segments = told_if(wish.segments, index, Shard::segments);
        let mut fields = told_if(with_fields, index, Shard::field_bytes);
        let fielddata = wish.fielddata_of.as_deref().map(|patterns| index.fielddata_of(patterns));
        let mut fielddata = fielddata.unwrap_or_default();
        copies.extend(index.copy_figures().into_iter().map(|(number, copy, state, stats)| CopyFigures {
            index: index.uuid.clone(),
            number,
            copy,
            is_failed: state == CopyState::Failed,
            documents: stats.documents,
            deleted: stats.deleted,
            segments: stats.segments,
            bytes: stats.bytes,
            indexed: stats.indexed,
            removed: stats.removed,
            refreshes: stats.refreshes,
            flushes: stats.flushes,
            merges: stats.merges,
            version_bytes: stats.version_bytes as u64,
            buffered_bytes: stats.buffered_bytes as u64,
            fielddata_bytes: stats.fielddata_bytes as u64,
            fielddata_evictions: stats.fielddata_evictions,
            queries: stats.queries,
            requests: stats.requests,
            fielddata: fielddata.remove(&number).unwrap_or_default(),
            is_throttled: stats.is_throttled,
            throttle_millis: u64::try_from(stats.throttle_time.as_millis()).unwrap_or(u64::MAX),
            listeners: index.refresh_listeners(),
            max_seq_no: stats.max_seq_no,
            activity: stats.activity,
            held: held.get(&(index.uuid.clone(), number as usize)).copied().unwrap_or_default(),
            file_segments: segments.remove(&number).unwrap_or_default(),
            fields: fields.remove(&number).unwrap_or_default(),
        }));
    }
    copies
}

/// What the copies of an index tell only to who asks, by the numbers of their shards; copies that are closed are opened for it.
fn told_if<T>(
    is_wanted: bool,
    index: &Index,
    tell: fn(&Shard) -> Result<T, EngineError>,
) -> BTreeMap<u32, T> {
    if !is_wanted {
        return BTreeMap::new();
    }
    let mut opened = (0..index.number_of_shards()).map(|number| index.shard_here(number as u32).map(drop));
    let told = opened.try_for_each(|opened| opened).and_then(|()| index.told_by_open(tell));
    told.unwrap_or_else(|error| {
        tracing::warn!(index = index.name, reason = error.reason, "files of shards could not be told");
        BTreeMap::new()
    })
}

/// Answers another node that wants to know.
pub(crate) fn answer_figures(node: &Arc<Node>, body: &Bytes) -> Bytes {
    // One of an older build asks with nothing.
    let wish = if body.is_empty() { FiguresWish::default() } else { read(body).unwrap_or_default() };
    write(&figures_of(node, &wish))
}

/// The number of a line such as `Threads: 17` or `MemAvailable:   123 kB`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn load_of(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_read() {
        assert_eq!(load_of("0.52 1.04 2.5 3/812 4711\n"), Some([0.52, 1.04, 2.5]));
        assert_eq!(load_of("0.52 much"), None);
        assert_eq!(field("VmRSS:\t 12 kB\nThreads:\t17\n", "Threads:"), Some(17));
        assert_eq!(field("", "Threads:"), None);
    }
}
