//! The engine: one shard's writes, from the translog to visible and to committed.
//!
//! ```text
//!  write ──▶ translog ──▶ segment in memory ──refresh──▶ visible ──flush──▶ committed, translog trimmed
//!               └─sync──▶ acknowledged
//! ```
//!
//! Segments are built by our own `SegmentWriter`s, one for each thread that writes, and listed in `segments`. A refresh
//! holds writers only while it swaps a few pointers. Merges run in the background and hold nobody.
//!
//! # Invariants
//!
//! - A document and its version become known to readers of `versions` before the write returns.
//! - A newer copy never becomes visible without the older one going away in the same refresh.
//! - A translog generation is trimmed only after the manifest that covers it is durable.
//! - A manifest holds no operation above the global checkpoint: what is in it is never taken back.
//! - An operation of a primary that was replaced, and a write of one, is refused from the moment the new term is known.
//! - The schema only grows, and a document goes only into a segment whose schema has all its fields.

mod activity;
mod apply;
mod buffers;
mod cache_figures;
mod codec;
mod deletes;
mod digest;
mod error;
mod field_counts;
mod fielddata;
mod flush;
mod folder_lock;
mod grow;
mod history;
mod identities;
mod layout;
mod levels;
mod merge;
mod merge_policy;
mod open;
mod query_cache;
mod read;
mod refresh;
mod replay;
mod replication;
mod request_cache;
mod runtime;
mod runtime_layouts;
mod segments;
mod setbacks;
mod snapshot;
mod space;
mod throttle;
mod tombstones;
mod uid_table;
mod upgrade;
mod versions;
mod workers;
mod write;
mod writers;
mod zones;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};
use tantivy::Searcher;
use tantivy::index::{Index, Segment};
use tantivy::indexer::SegmentWriter;

use crate::analysis::Analysis;
use crate::search::Helpers;
use crate::store::{IntegrityError, ShardDirectory};
use crate::translog::{Location, Translog};
use crate::uids::PendingUids;
use disk::{Disk, HostDisk};

pub(crate) use activity::Activity;
pub use activity::{ShardActivity, Timed};
pub use apply::{Applied, ApplyRun};
pub use buffers::Buffers;
use buffers::Held;
pub use cache_figures::CacheFigures;
pub use codec::Codec;
use deletes::Superseded;
pub use digest::CopyDigest;
pub use error::EngineError;
pub(crate) use field_counts::FieldCounts;
pub use fielddata::{Aside, Fielddata};
pub(crate) use fielddata::{Charge, NoRoom};
pub(crate) use fielddata::{Keepable, SegmentFielddata};
pub use flush::Flushed;
pub(crate) use folder_lock::FolderLock;
pub use history::History;
pub(crate) use identities::{AllIdentities, Identities, identities_in, level_in};
pub use layout::IndexSort;
pub(crate) use layout::{FIRST, Keyed, Layout, SEQ_NO, TERM, VERSION};
pub(crate) use levels::Level;
pub use merge_policy::{ForceMerge, MergeOptions};
pub use open::LARGE_DOCUMENT_BYTES;
pub(crate) use query_cache::{Kept, Matches, ShardQueries};
pub use query_cache::{QueryCache, QueryCacheOptions};
pub use read::StoredDocument;
pub(crate) use replication::roll_back;
pub(crate) use request_cache::ViewRequests;
pub use request_cache::{KeptAnswer, RequestCache, RequestCacheOptions};
pub(crate) use runtime::RuntimeSegment;
pub use segments::SegmentFigures;
use segments::Segments;
pub use snapshot::FilesSnapshot;
pub use space::FieldBytes;
use throttle::Throttle;
pub use tombstones::TombstoneBudget;
use versions::LiveVersions;
pub use workers::Workers;
pub use write::{Condition, WriteOutcome, WriteRequest, WriteRun, Written};
use writers::Writers;
pub(crate) use zones::{Lies, Zone, Zones};

/// Versions kept between two refreshes before one is due: some fifty megabytes.
const LIVE_VERSIONS_MAX: usize = 250_000;

/// What the shards of a node share.
#[derive(Clone)]
pub struct Shared {
    /// Where every change goes.
    pub disk: Arc<dyn Disk>,
    /// The threads that merge.
    pub workers: Arc<Workers>,
    /// The memory of open segments.
    pub buffers: Arc<Buffers>,
    /// The memory of the versions of deleted documents.
    pub tombstones: Arc<TombstoneBudget>,
    /// What is computed of segments and kept.
    pub fielddata: Arc<Fielddata>,
    /// Which documents match filters that were asked before.
    pub queries: Arc<QueryCache>,
    /// The threads that help large searches.
    pub helpers: Arc<Helpers>,
    /// What was answered before.
    pub requests: Arc<RequestCache>,
    /// Held by the shard that reads a large document from its translog again.
    pub large_replays: Arc<Mutex<()>>,
}

/// Some hundred thousand deletes, where nobody says how many.
const TOMBSTONE_BYTES_MAX: usize = 32 << 20;

/// Some million values, where nobody says how many.
const FIELDDATA_BYTES_MAX: usize = 64 << 20;

/// Some hundred filters of a million documents, where nobody says how many.
const QUERIES_BYTES_MAX: usize = 16 << 20;

/// Some thousand answers, where nobody says how many.
const REQUESTS_BYTES_MAX: usize = 4 << 20;

impl Default for Shared {
    fn default() -> Self {
        Self {
            disk: HostDisk::shared(),
            workers: Workers::new(1),
            buffers: Arc::default(),
            tombstones: TombstoneBudget::new(TOMBSTONE_BYTES_MAX),
            fielddata: Fielddata::new(FIELDDATA_BYTES_MAX),
            queries: QueryCache::new(QueryCacheOptions { bytes_max: QUERIES_BYTES_MAX, all_segments: false }),
            helpers: Helpers::new(0),
            requests: RequestCache::new(RequestCacheOptions {
                bytes_max: REQUESTS_BYTES_MAX,
                expire_millis: None,
            }),
            large_replays: Arc::default(),
        }
    }
}

/// Bounds and habits of an engine; settings of the index and the node.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Threads that may build segments at the same time.
    pub writers: usize,
    /// Memory that one segment in memory may take before it is written out.
    pub segment_buffer_bytes: usize,
    /// Size of the translog that asks for a flush (`index.translog.flush_threshold_size`).
    pub flush_threshold_bytes: u64,
    /// How long the version of a deleted document is kept (`index.gc_deletes`).
    pub gc_deletes: Duration,
    /// The primary term under which this copy goes on, if its translog does not know a higher one.
    pub term: u64,
    /// Whether this copy takes a higher term by itself when it was not closed in order, as one does that no cluster gives terms to.
    /// Elsewhere whoever makes a copy primary gives it a term that none had before, also after it was only opened again.
    pub own_terms: bool,
    /// Whether it is the only copy: then whatever is on its disk counts for good.
    pub is_only_copy: bool,
    /// How long a flush waits for the other copies to have what it would commit.
    pub flush_wait: Duration,
    /// What operations may take that are kept for copies that return (`index.translog.retention.size`).
    pub retention_bytes: u64,
    /// Operations replayed between two refreshes when the shard is opened, so that what that needs does not grow with the translog.
    pub replay_batch: u64,
    /// The order of documents in a segment (`index.sort.*`); it never changes.
    pub sort: Option<IndexSort>,
    /// The analyzers of the index. Those that change do so while nothing is read or written.
    pub analysis: Arc<Analysis>,
    /// How sources are packed (`index.codec`); it never changes.
    pub codec: Codec,
    /// Bounds of merging.
    pub merge: MergeOptions,
    /// Up to how many bytes the content of segment files is checked when the shard is opened, beside their lengths.
    pub check_bytes_max: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            writers: std::thread::available_parallelism().map_or(2, usize::from),
            segment_buffer_bytes: 96 << 20,
            flush_threshold_bytes: 512 << 20,
            gc_deletes: Duration::from_secs(60),
            term: 1,
            own_terms: true,
            is_only_copy: true,
            // Copies in sync have an operation within moments, or the map lets go of them.
            flush_wait: Duration::from_secs(5),
            retention_bytes: 512 << 20,
            replay_batch: 100_000,
            sort: None,
            analysis: Analysis::plain(),
            codec: Codec::Default,
            merge: MergeOptions::default(),
            check_bytes_max: 1 << 30,
        }
    }
}

/// One shard's engine.
pub(crate) struct Engine {
    directory: ShardDirectory,
    options: EngineOptions,
    shared: Shared,
    translog: Translog,
    versions: LiveVersions,
    writers: Writers,
    superseded: Mutex<Superseded>,
    spills: Mutex<Spills>,
    spilled: Condvar,
    /// Counts the times the open segments were taken; tells which refresh a spilled segment belongs to.
    epoch: AtomicU64,
    /// Held by who flushes, also while it waits for other copies. Locked before `segments`.
    flushing: Mutex<()>,
    /// When a flush in passing was put off last.
    put_off: Mutex<Option<Instant>>,
    /// Whether it may show operations that were replaced or dropped; only opening it again mends that.
    shows_dropped: AtomicBool,
    /// The lock of refresh, growth, the end of a merge, and both steps of a flush, which never run together.
    segments: Mutex<Segments>,
    /// Told whenever a merge has ended, whatever came of it.
    merged: Condvar,
    throttle: Throttle,
    /// Set while merges are to end, without a result.
    are_merges_ended: Arc<AtomicBool>,
    /// Whether it was reported that merges fail; one that succeeds takes it back.
    merges_fail: AtomicBool,
    /// The first file that was found not to be what was written, since the shard was opened.
    damage: OnceLock<IntegrityError>,
    writing: ArcSwap<Writing>,
    view: ArcSwap<View>,
    dirty: AtomicBool,
    pub(crate) counters: Counters,
    /// Shared with readers, which live on while the engine is closed.
    pub(crate) activity: Arc<Activity>,
    folder: PathBuf,
    /// The last to go: what else goes may write yet.
    _lock: FolderLock,
}

/// What an engine has done, for statistics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) indexed: AtomicU64,
    pub(crate) deleted: AtomicU64,
    pub(crate) refreshes: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) merges: AtomicU64,
    pub(crate) merges_failed: AtomicU64,
}

/// What documents are read and written by.
struct Writing {
    layout: Arc<Layout>,
    /// The index whose schema is the layout's.
    index: Index,
}

/// A segment that is being filled.
struct OpenSegment {
    segment: Segment,
    writer: SegmentWriter,
    uids: PendingUids,
    /// What the writer says it holds before it has any document: tables and pages that the system gives it as it fills them.
    reserved: usize,
    /// Bytes of sources and ids added up to when the writer's memory was last looked at.
    added: usize,
    /// Those added since then; looking costs a walk over all its fields.
    unweighed: usize,
    held: Held,
}

/// What an open segment holds with its first document: measured, 1.1 MB, most of it the first table of terms.
const OPEN_SEGMENT_BYTES: usize = 1_100_000;

impl OpenSegment {
    fn new(segment: Segment, writer: SegmentWriter, mut held: Held) -> Self {
        held.set(OPEN_SEGMENT_BYTES);
        let (reserved, uids) = (writer.mem_usage(), PendingUids::default());
        Self { segment, writer, uids, reserved, added: 0, unweighed: 0, held }
    }

    /// Looks at what the writer holds; gives that with all that it has reserved.
    fn weigh(&mut self) -> usize {
        self.added += std::mem::take(&mut self.unweighed);
        let bytes = self.writer.mem_usage() + self.uids.bytes();
        // What is added fills what was reserved before the writer asks for more.
        let filled = self.added.min(self.reserved);
        self.held.set(OPEN_SEGMENT_BYTES + filled + bytes.saturating_sub(self.reserved));
        bytes
    }
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
    /// Why one of them is not on disk. Nothing is shown after that.
    failed: Option<String>,
}

impl Spills {
    /// A spill is no longer under way.
    fn settle(&mut self, epoch: u64, failed: Option<String>) {
        if let Some(at) = self.under_way.iter().position(|under_way| *under_way == epoch) {
            self.under_way.swap_remove(at);
        }
        if self.failed.is_none() {
            self.failed = failed;
        }
    }
}

/// One point in time of a shard: what a search or a get sees.
pub(crate) struct View {
    pub(crate) searcher: Searcher,
    pub(crate) identities: Arc<AllIdentities>,
    pub(crate) queries: Arc<ShardQueries>,
    pub(crate) requests: Arc<ViewRequests>,
    /// How often field data of the shard had to go for others.
    pub(crate) evictions: Arc<AtomicU64>,
    pub(crate) layout: Arc<Layout>,
}

impl View {
    /// What is kept of filters in the segments, and what was done with them since the shard was opened.
    pub(crate) fn filter_figures(&self) -> CacheFigures {
        self.queries.figures(self.identities.values().map(|identities| identities.filters()))
    }
}

impl Engine {
    /// The threads that may help its searches.
    pub(crate) fn helpers(&self) -> &Arc<Helpers> {
        &self.shared.helpers
    }

    /// The newest point in time.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// The layout under which documents are read now.
    pub(crate) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.writing.load().layout)
    }

    /// Makes every operation up to `location` durable.
    pub(crate) fn sync(&self, location: Location) -> Result<(), EngineError> {
        Ok(self.translog.sync(location)?)
    }

    /// Writes down that everything is durable and that nothing more comes.
    pub(crate) fn close(&self) -> Result<(), EngineError> {
        Ok(self.translog.close()?)
    }

    /// Makes durable what only memory has, where the translog is well.
    pub(crate) fn rescue(&self) -> Result<(), EngineError> {
        Ok(self.translog.rescue()?)
    }

    /// Makes every operation so far durable.
    pub(crate) fn sync_all(&self) -> Result<(), EngineError> {
        Ok(self.translog.sync_all()?)
    }

    /// Whether every operation so far is durable.
    pub(crate) fn is_synced(&self) -> bool {
        self.translog.is_synced()
    }

    /// Whether the translog has grown so large that a flush is due.
    pub(crate) fn wants_flush(&self) -> bool {
        self.translog.unread_bytes() >= self.options.flush_threshold_bytes
            || self.directory.doomed_bytes() >= self.options.flush_threshold_bytes
    }

    /// Why the shard accepts nothing more, if something failed that only opening it again mends.
    pub(crate) fn fenced(&self) -> Option<String> {
        self.translog.fenced()
    }

    /// What is wrong with a file of the shard, if that was found while it is open.
    pub(crate) fn damage(&self) -> Option<&IntegrityError> {
        self.damage.get()
    }

    /// Keeps in mind that a file is damaged.
    fn note_damage(&self, damage: &IntegrityError) {
        tracing::error!(folder = %self.folder.display(), error = %damage, "a file of the shard is damaged");
        // The first one is reason enough.
        let _is_first = self.damage.set(damage.clone()).is_ok();
    }

    /// Whether everything is committed.
    pub(crate) fn is_committed(&self) -> bool {
        self.translog.is_trimmed() && !self.segments.lock().has_changed()
    }

    /// Whether a refresh is due for the memory it frees: versions are kept until one shows their documents.
    pub(crate) fn wants_refresh(&self) -> bool {
        !self.spills.lock().finished.is_empty() || self.versions.unshown() > LIVE_VERSIONS_MAX
    }

    /// Whether writers wait for merges, and how long they have waited so far, all together.
    pub(crate) fn throttled(&self) -> (bool, Duration) {
        (self.throttle.is_on(), self.throttle.waited())
    }

    /// Whether something was written that no refresh has shown.
    pub(crate) fn has_unshown(&self) -> bool {
        self.versions.unshown() > 0
    }

    /// Bytes that the open segments hold. Waits for nobody, whatever the disk does.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.writers.held().bytes()
    }

    /// Bytes that the versions hold which a refresh would forget. Waits for nobody either.
    pub(crate) fn version_bytes(&self) -> usize {
        self.versions.bytes()
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.directory.bytes()
    }

    /// The segments that a search sees.
    pub(crate) fn segment_figures(&self) -> Result<Vec<SegmentFigures>, EngineError> {
        self.segments.lock().figures()
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
