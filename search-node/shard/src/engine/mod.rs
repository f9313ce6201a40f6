//! The engine: one shard's writes, from the translog to visible and to committed.
//!
//! ```text
//!  write ──▶ translog ──▶ segment in memory ──refresh──▶ visible ──flush──▶ committed, translog trimmed
//!               └─sync──▶ acknowledged
//! ```
//!
//! Segments are built by our own `SegmentWriter`s, one for each thread that writes; tantivy's `IndexWriter` only keeps
//! the list of segments, applies deletes and merges. So a refresh holds writers only while it swaps a few pointers.
//!
//! # Invariants
//!
//! - A document and its version become known to readers of `versions` before the write returns.
//! - A newer copy never becomes visible without the older one going away in the same refresh.
//! - A translog generation is trimmed only after the manifest that covers it is durable.
//! - The schema only grows, and only between two commits, with no open segment of the old one.

mod error;
mod grow;
mod layout;
mod open;
mod read;
mod refresh;
mod superseded;
mod versions;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex, RwLock};
use tantivy::index::{Index, Segment};
use tantivy::indexer::SegmentWriter;
use tantivy::{IndexReader, IndexWriter, Searcher};

use crate::store::ShardDirectory;
use crate::translog::{Location, Translog};

pub use error::EngineError;
pub(crate) use layout::{Layout, SEQ_NO, TERM, VERSION};
pub use read::StoredDocument;
use superseded::Superseded;
use versions::LiveVersions;
pub use write::{Condition, WriteOutcome, WriteRequest, Written};

/// Bounds and habits of an engine; settings of the index and the node.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Threads that may build segments at the same time.
    pub writers: usize,
    /// Memory that one segment in memory may take before it is written out.
    pub segment_buffer_bytes: usize,
    /// Size of the translog that asks for a flush (`index.translog.flush_threshold_size`).
    pub flush_threshold_bytes: u64,
    /// How long the version of a deleted document is kept (`index.gc_deletes`).
    pub gc_deletes: Duration,
    /// The primary term under which this copy accepts writes.
    pub term: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            writers: std::thread::available_parallelism().map_or(2, usize::from),
            segment_buffer_bytes: 96 << 20,
            flush_threshold_bytes: 512 << 20,
            gc_deletes: Duration::from_secs(60),
            term: 1,
        }
    }
}

/// One shard's engine.
pub(crate) struct Engine {
    directory: ShardDirectory,
    options: EngineOptions,
    translog: Translog,
    versions: LiveVersions,
    /// Writers hold it to read; whoever takes the open segments away holds it to write, for a moment.
    gate: RwLock<()>,
    slots: Vec<Mutex<Option<OpenSegment>>>,
    next_slot: AtomicUsize,
    superseded: Mutex<Superseded>,
    spills: Mutex<Spills>,
    spilled: Condvar,
    /// Counts the times the open segments were taken; tells which refresh a spilled segment belongs to.
    epoch: AtomicU64,
    /// The lock of refresh, flush and growth, which never run together.
    manager: Mutex<Manager>,
    layout: ArcSwap<Layout>,
    view: ArcSwap<View>,
    dirty: AtomicBool,
    pub(crate) counters: Counters,
    folder: PathBuf,
}

/// What an engine has done, for statistics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) indexed: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) refreshes: AtomicU64,
    pub(crate) flushes: AtomicU64,
}

/// A segment that is being filled.
struct OpenSegment {
    segment: Segment,
    writer: SegmentWriter,
    /// Bytes of sources added since the writer's memory was last looked at, which costs a walk over all its fields.
    unweighed: usize,
}

/// A segment on disk that the index does not list yet.
struct FinishedSegment {
    /// Held so that tantivy's garbage collection leaves the files alone.
    segment: Segment,
    documents: u32,
}

/// Segments written out because they had grown large, and those still being written.
#[derive(Default)]
struct Spills {
    finished: Vec<(u64, FinishedSegment)>,
    under_way: Vec<u64>,
}

struct Manager {
    index: Index,
    writer: IndexWriter,
    reader: IndexReader,
}

/// One point in time of a shard: what a search or a get sees.
pub(crate) struct View {
    pub(crate) searcher: Searcher,
    pub(crate) layout: Arc<Layout>,
}

impl Engine {
    /// The newest point in time.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The layout under which documents are read now.
    pub(crate) fn layout(&self) -> Arc<Layout> {
        self.layout.load_full()
    }

    /// Makes every operation up to `location` durable.
    pub(crate) fn sync(&self, location: Location) -> Result<(), EngineError> {
        Ok(self.translog.sync(location)?)
    }

    /// Makes every operation so far durable.
    pub(crate) fn sync_all(&self) -> Result<(), EngineError> {
        Ok(self.translog.sync_all()?)
    }

    /// Whether the translog has grown so large that a flush is due.
    pub(crate) fn wants_flush(&self) -> bool {
        self.translog.generation_bytes() >= self.options.flush_threshold_bytes
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.directory.bytes()
    }

    /// The highest sequence number so far; -1 when there is none.
    pub(crate) fn max_seq_no(&self) -> i64 {
        self.translog.max_seq_no()
    }

    /// Operations that no refresh has shown yet, tombstones included.
    pub(crate) fn live_versions(&self) -> usize {
        self.versions.len()
    }
}

#[cfg(test)]
mod tests;
