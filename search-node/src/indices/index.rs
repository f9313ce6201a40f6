//! One index: its shards under one mapping.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use cluster::state::{CopyId, IndexId, ShardId};
use daemon::clock::Clock;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use shard::mapping::{Mapping, parse_mapping};
use shard::{EngineError, EngineOptions, ForceMerge, Shard, Shared};
use tokio::sync::watch;

use super::agreement::Agreement;
use super::blocks::Level;
use super::metadata::IndexMetadata;
use super::refreshes::Refreshes;
use super::replicas::{CopySettings, NUMBER};
use super::settings::{IndexSettings, PLACES, PROVIDED_NAME, nest};
use super::shard_copy::{CopyState, ShardCopy};
use crate::disk_watch::DiskWatch;
use crate::episode::Episode;
use crate::error::ApiError;
use crate::replication::{Leading, Roles};

/// One index.
pub struct Index {
    pub(super) folder: PathBuf,
    pub(super) shared: Shared,
    segment_buffer_bytes: usize,
    pub(super) agreement: Arc<dyn Agreement>,
    /// As it is in the folder.
    pub(super) metadata: Mutex<IndexMetadata>,
    /// Held by who makes the mapping grow: who comes meanwhile often wants the same.
    pub(super) growing: Mutex<()>,
    pub(super) mapping: ArcSwap<Mapping>,
    /// The version of the map's entry that shards here were last told of, whether all of them could take it or not.
    pub(super) told: watch::Sender<u64>,
    pub(super) settings: ArcSwap<IndexSettings>,
    /// The roles of the copies on this node; none where there is only this node, for itself.
    roles: Option<Arc<Roles>>,
    /// The copies on this node, by the numbers of the shards.
    pub(super) copies: Vec<ArcSwapOption<ShardCopy>>,
    pub name: String,
    pub uuid: String,
    /// Whether it is a backing index of a data stream.
    pub(super) is_backing: AtomicBool,
    /// Whether it is closed: its copies are kept, and neither read nor written.
    pub(super) is_closed: AtomicBool,
    /// Its folder goes, or is gone: nothing is opened any more.
    is_gone: Arc<AtomicBool>,
    pub(super) refreshed_millis: AtomicI64,
    /// When its translogs were last synced by the clock.
    synced_millis: AtomicI64,
    /// When it was last searched; a new index begins as one that nobody searches.
    pub(super) searched_millis: AtomicI64,
    idle_after: Option<Duration>,
    pub(super) refreshes: Refreshes,
    disk_watch: Arc<DiskWatch>,
    /// While the mapping cannot be made to grow.
    pub(super) stunted: Episode,
    pub(super) clock: Clock,
}

/// How long a request waits for a primary that is to be here and has not begun: its shard may have to be opened.
const PRIMARY_WITHIN: Duration = Duration::from_secs(30);

/// What every index of the node works with.
#[derive(Clone)]
pub struct Resources {
    pub segment_buffer_bytes: usize,
    pub shared: Shared,
    /// Whether the disk has room for more.
    pub disk_watch: Arc<DiskWatch>,
    /// How long a shard stays open without being used; none for always.
    pub idle_after: Option<Duration>,
    pub clock: Clock,
    /// The roles of the copies on this node; none where there is only this node, for itself.
    pub(crate) roles: Option<Arc<Roles>>,
}

impl Index {
    /// An index without copies: [`Index::follow`] takes those up that the map has here. `metadata` is what the folder holds, or
    /// what it is going to.
    pub(super) fn new(
        folder: &Path,
        metadata: IndexMetadata,
        resources: &Resources,
        agreement: Arc<dyn Agreement>,
    ) -> Result<Self, ApiError> {
        let settings = IndexSettings::read_stored(&metadata.settings)?;
        for left_out in CopySettings::read_stored(&metadata.settings).1 {
            tracing::warn!(
                index = metadata.name,
                reason = left_out.reason,
                "a stored setting of the index is left out; set it anew, or to null"
            );
        }
        let mapping = Arc::new(parse_mapping(&metadata.mapping)?.lenient(settings.leniency()));
        metadata.warn_of_mapping();
        Ok(Self {
            folder: folder.to_owned(),
            shared: resources.shared.clone(),
            segment_buffer_bytes: resources.segment_buffer_bytes,
            roles: resources.roles.clone(),
            agreement,
            growing: Mutex::new(()),
            mapping: ArcSwap::new(mapping),
            told: watch::Sender::default(),
            copies: (0..settings.routing.shards()).map(|_| ArcSwapOption::empty()).collect(),
            settings: ArcSwap::from_pointee(settings),
            name: metadata.name.clone(),
            uuid: metadata.uuid.clone(),
            is_backing: AtomicBool::new(metadata.data_stream.is_some()),
            is_closed: AtomicBool::new(metadata.is_closed),
            metadata: Mutex::new(metadata),
            is_gone: Arc::default(),
            refreshed_millis: AtomicI64::new(0),
            synced_millis: AtomicI64::new(0),
            searched_millis: AtomicI64::new(0),
            refreshes: Refreshes::default(),
            idle_after: resources.idle_after,
            disk_watch: Arc::clone(&resources.disk_watch),
            stunted: Episode::default(),
            clock: resources.clock.clone(),
        })
    }

    /// The copies in this folder, whether they serve or not, by the numbers of their shards.
    pub(crate) fn held(&self) -> BTreeMap<u32, CopyId> {
        self.metadata.lock().copies.clone().unwrap_or_default()
    }

    pub(super) fn engine_options(&self) -> EngineOptions {
        let settings = self.settings();
        // Elsewhere the map gives terms, and says whether there are other copies.
        let is_by_itself = self.roles.is_none();
        EngineOptions {
            own_terms: is_by_itself,
            is_only_copy: is_by_itself,
            segment_buffer_bytes: self.segment_buffer_bytes,
            flush_threshold_bytes: settings.flush_threshold_bytes,
            gc_deletes: settings.gc_deletes,
            analysis: Arc::clone(&settings.analysis),
            sort: settings.sort.clone(),
            codec: settings.codec,
            check_bytes_max: settings.check_bytes_max,
            merge: settings.merge,
            ..EngineOptions::default()
        }
    }

    /// What is set for the index.
    pub fn settings(&self) -> Guard<Arc<IndexSettings>> {
        self.settings.load()
    }

    /// The copies on this node.
    pub(super) fn copies(&self) -> impl Iterator<Item = Arc<ShardCopy>> + '_ {
        self.copies.iter().filter_map(|copy| copy.load_full())
    }

    /// The copy of a shard, which must be on this node.
    pub(super) fn copy(&self, number: usize) -> Result<Arc<ShardCopy>, ApiError> {
        self.copies[number].load_full().ok_or_else(|| {
            let reason = format!("this node has no copy of shard [{number}] of [{}]", self.name);
            ApiError::new(503, "no_shard_available_action_exception", reason)
                .with("index", self.name.as_str())
                .with("index_uuid", self.uuid.as_str())
                .with("shard", number.to_string())
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many shards it has.
    pub fn number_of_shards(&self) -> usize {
        self.copies.len()
    }

    /// Every shard, opened if need be.
    pub fn shards(&self) -> Result<Vec<Arc<Shard>>, ApiError> {
        (0..self.copies.len()).map(|number| self.opened(self.copy(number)?.as_ref())).collect()
    }

    /// The shards that are open now.
    pub fn open_shards(&self) -> impl Iterator<Item = Arc<Shard>> + '_ {
        self.copies().filter_map(|copy| copy.opened())
    }

    /// Whether this node has copies of it.
    pub(crate) fn has_copies(&self) -> bool {
        self.copies().next().is_some()
    }

    /// The state of each copy on this node.
    pub(crate) fn copy_states(&self) -> impl Iterator<Item = CopyState> + '_ {
        self.copies().map(|copy| copy.state())
    }

    /// What an error of a folder means to who wanted something of it: where the index was deleted meanwhile, only that.
    pub(crate) fn folder_fault(&self, error: EngineError) -> ApiError {
        if self.is_gone.load(Ordering::Acquire) { ApiError::no_index(&self.name) } else { error.into() }
    }

    /// What is in the folder of a shard, as a copy that nobody has opened yet; it will be by this version of the index. The caller holds
    /// the metadata.
    pub(super) fn closed_copy(&self, copy: CopyId, folder: &Path, version: u64) -> ShardCopy {
        let is_gone = Arc::clone(&self.is_gone);
        ShardCopy::closed(copy, folder, self.engine_options(), self.shared.clone(), is_gone)
            .reading_by(version)
    }

    /// Its folder goes; or stays after all, since it cannot be removed.
    pub(super) fn set_gone(&self, is_gone: bool) {
        self.is_gone.store(is_gone, Ordering::Release);
    }

    fn opened(&self, copy: &ShardCopy) -> Result<Arc<Shard>, ApiError> {
        self.opened_by(|mapping, now| copy.shard(mapping, now))
    }

    fn opened_by(
        &self,
        open: impl Fn(&Arc<Mapping>, i64) -> Result<Arc<Shard>, ApiError>,
    ) -> Result<Arc<Shard>, ApiError> {
        if self.is_gone.load(Ordering::Acquire) {
            return Err(ApiError::no_index(&self.name));
        }
        // The mapping is read before the shard is opened and set again afterwards: one that grew in between must not be missed.
        let mapping = self.mapping();
        let now = self.clock.now_millis();
        let shard = open(&mapping, now).map_err(|error| {
            error.with("index", self.name.as_str()).with("index_uuid", self.uuid.as_str())
        })?;
        self.catch_up(&shard, &mapping, now)?;
        Ok(shard)
    }

    /// Gives a shard that was opened under `mapping` the one that has come since.
    fn catch_up(&self, shard: &Shard, mapping: &Arc<Mapping>, now_millis: i64) -> Result<(), ApiError> {
        if Arc::ptr_eq(mapping, &self.mapping()) {
            return Ok(());
        }
        // Behind the lock of whoever grows the mapping, so that an older one never comes after a newer one.
        let _growing = self.metadata.lock();
        Ok(shard.set_mapping(self.mapping(), now_millis)?)
    }

    pub fn mapping(&self) -> Arc<Mapping> {
        self.mapping.load_full()
    }

    /// The number of a document's shard.
    pub(super) fn shard_of(&self, id: &str, routing: Option<&str>) -> usize {
        self.settings.load().routing.shard_of(id, routing)
    }

    /// Whether documents with a routing value may be in a shard.
    pub(crate) fn leads_to(&self, routing: &str, number: usize) -> bool {
        self.settings.load().routing.leads_to(routing, number)
    }

    /// How many places there are for routing values.
    pub(crate) fn routing_places(&self) -> usize {
        self.settings.load().routing.places()
    }

    /// The number of a document's shard, as the map has it.
    pub(crate) fn shard_number(&self, id: &str, routing: Option<&str>) -> u32 {
        self.shard_of(id, routing) as u32
    }

    /// The shard of a document: by its routing value, or by its id if it has none. As its primary has it, which is given with it;
    /// if it may be old, as whatever copy is here.
    pub(crate) fn shard_to_read(
        &self,
        id: &str,
        routing: Option<&str>,
        may_be_old: bool,
    ) -> Result<(Arc<Shard>, Option<Arc<Leading>>), ApiError> {
        self.check_block(Level::Read)?;
        let number = self.shard_of(id, routing);
        let leading = if may_be_old { None } else { self.leading(number)? };
        Ok((self.opened(self.copy_of_primary(number)?.as_ref())?, leading))
    }

    /// The shard of a document, as its primary has it.
    #[cfg(test)]
    pub(crate) fn shard(&self, id: &str, routing: Option<&str>) -> Result<Arc<Shard>, ApiError> {
        self.shard_to_read(id, routing, false).map(|(shard, _)| shard)
    }

    /// The same for a write, and the primary that it is registered with.
    pub(crate) fn shard_to_write(
        &self,
        id: &str,
        routing: Option<&str>,
    ) -> Result<(Arc<Shard>, Option<Arc<Leading>>), ApiError> {
        let number = self.shard_of(id, routing);
        let copy = self.copy_of_primary(number)?;
        // Asked first: a shard that accepts nothing more says why.
        let open = || self.opened_by(|mapping, now| copy.shard_to_write(mapping, now));
        drop(open()?);
        let leading = self.leading(number)?;
        Ok((open()?, leading))
    }

    /// The copy of a shard of which this node was asked as its primary; where there is none, that has moved.
    fn copy_of_primary(&self, number: usize) -> Result<Arc<ShardCopy>, ApiError> {
        self.copy(number).map_err(|error| match &self.roles {
            Some(_) => ApiError::not_primary(&error.reason),
            None => error,
        })
    }

    /// The primary of a shard, which must be here; none where nobody says who is.
    pub(crate) fn leading(&self, number: usize) -> Result<Option<Arc<Leading>>, ApiError> {
        let Some(roles) = &self.roles else { return Ok(None) };
        let shard = ShardId { index: IndexId(self.uuid.clone()), number: number as u32 };
        roles.wait_leading(&shard, PRIMARY_WITHIN).map(Some)
    }

    /// A copy on this node, opened if it is not.
    pub(super) fn open_copy(&self, number: usize) -> Result<Arc<Shard>, ApiError> {
        self.opened(self.copy(number)?.as_ref())
    }

    /// The same, where there may be none.
    pub(crate) fn shard_here(&self, number: u32) -> Result<Option<Arc<Shard>>, ApiError> {
        match self.copies.get(number as usize).and_then(|copy| copy.load_full()) {
            Some(copy) => self.opened(&copy).map(Some),
            None => Ok(None),
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_millis(&self) -> i64 {
        self.clock.now_millis()
    }

    /// Closes the shards that nobody uses: the node stops.
    pub fn close(&self) {
        self.copies().for_each(|copy| copy.close());
    }

    /// Whether documents of this index must say their routing value.
    pub fn requires_routing(&self) -> bool {
        self.mapping.load().requires_routing()
    }

    /// Whether it is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// The answer to whoever wants to read or write it while it is closed.
    pub(crate) fn closed(&self) -> ApiError {
        ApiError::closed(&self.name, &self.uuid)
    }

    /// Refuses what a block of the index is against; a closed one has a block of its own.
    pub(crate) fn check_block(&self, level: Level) -> Result<(), ApiError> {
        if self.is_closed() && matches!(level, Level::Read | Level::Write) {
            return Err(self.closed());
        }
        self.settings.load().blocks.check(&self.name, level)
    }

    /// Refuses to hand out the documents for another index while more may be written.
    pub(crate) fn check_takes_no_writes(&self) -> Result<(), ApiError> {
        match self.check_block(Level::Write) {
            Err(_) => Ok(()),
            Ok(()) => Err(ApiError::new(
                500,
                "illegal_state_exception",
                format!(
                    "index {} must be read-only until what is made of it has its documents. use \"index.blocks.write=true\"",
                    self.name
                ),
            )),
        }
    }

    /// Refuses what would add data while the disk is too full for it.
    pub fn check_room(&self) -> Result<(), ApiError> {
        self.disk_watch.check(&self.name)
    }

    /// Names the index and the shard in a fault, as clients look for them there.
    pub fn name_in(&self, error: ApiError, id: &str, routing: Option<&str>) -> ApiError {
        let shard = self.shard_of(id, routing);
        error
            .with("index_uuid", self.uuid.as_str())
            .with("shard", shard.to_string())
            .with("index", self.name.as_str())
    }

    /// What came of work on a shard; none where that failed because the copy was taken away meanwhile, which is no fault.
    pub(super) fn unless_gone<T>(
        &self,
        shard: &Arc<Shard>,
        done: Result<T, shard::EngineError>,
    ) -> Result<Option<T>, ApiError> {
        match done {
            Ok(done) => Ok(Some(done)),
            Err(_) if !self.open_shards().any(|open| Arc::ptr_eq(&open, shard)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Every shard for a search, all of which must be here.
    pub fn shards_to_search(&self) -> Result<Vec<Arc<Shard>>, ApiError> {
        (0..self.copies.len()).map(|number| self.shard_to_search(number)).collect()
    }

    /// A shard for a search. An index that nobody has searched for a while is not refreshed every second; the first search after
    /// that waits until it is.
    pub(crate) fn shard_to_search(&self, number: usize) -> Result<Arc<Shard>, ApiError> {
        if self.is_closed() {
            return Err(self.closed());
        }
        let shard = self.opened(self.copy(number)?.as_ref())?;
        if shard.must_roll_back() {
            let reason = format!(
                "a copy of [{}] shows what its new primary does not have, until it is rolled back",
                self.name
            );
            return Err(ApiError::new(503, "illegal_index_shard_state_exception", reason));
        }
        // An answer without what was acknowledged looks like any other.
        if shard.hides_writes() {
            let reason = format!(
                "a shard of [{}] accepts nothing more and holds documents that cannot be shown until its disk is well",
                self.name
            );
            return Err(ApiError::new(503, "search_phase_execution_exception", reason));
        }
        let now = self.clock.now_millis();
        let was_idle = self.is_search_idle(now);
        self.searched_millis.store(now, Ordering::Release);
        if was_idle && self.settings.load().refresh_interval.is_some() {
            self.refresh()?;
        }
        Ok(shard)
    }

    /// Makes every write so far visible and committed.
    pub fn flush(&self) -> Result<(), ApiError> {
        let now = self.clock.now_millis();
        for shard in self.open_shards() {
            self.unless_gone(&shard, shard.flush(now))?;
        }
        Ok(())
    }

    /// The node stops: flushes wait for no other copy any more.
    pub(crate) fn leave_alone(&self) {
        self.open_shards().for_each(|shard| shard.leave_alone());
    }

    /// Merges the segments of each shard, those in memory included; what came of it, shard by shard.
    pub fn force_merge(&self, wish: ForceMerge, is_flushed: bool) -> Vec<Result<(), ApiError>> {
        let merge = |copy: Arc<ShardCopy>| {
            let shard = self.opened(&copy)?;
            shard.refresh(self.clock.now_millis())?;
            shard.force_merge(wish)?;
            if is_flushed {
                shard.flush(self.clock.now_millis())?;
            }
            Ok(())
        };
        self.copies().map(merge).collect()
    }

    /// Opens shards again that had to stop, if they can go on.
    pub fn mend(&self) -> Result<(), ApiError> {
        self.mend_at(self.clock.now_millis())
    }

    /// Whether requests wait for a shard that is opened again.
    #[cfg(test)]
    pub(super) fn is_draining(&self) -> bool {
        self.copies().any(|copy| copy.is_draining())
    }

    pub(super) fn mend_at(&self, now_millis: i64) -> Result<(), ApiError> {
        first_fault(self.copies().map(|copy| {
            let mapping = self.mapping();
            let mended = copy.mend(&mapping, now_millis);
            mended.map_or(Ok(()), |shard| self.catch_up(&shard, &mapping, now_millis))
        }))
    }

    /// What the clock asks for: flushes of long translogs, syncs where durability is `async`, the end of idle shards.
    pub fn tend(&self) -> Result<(), ApiError> {
        let now = self.clock.now_millis();
        let is_sync_due = self.is_sync_due(now);
        first_fault(self.open_shards().filter(|shard| shard.fenced().is_none()).map(|shard| {
            if shard.wants_flush() {
                shard.flush_in_passing(now)?;
            }
            if is_sync_due {
                shard.sync_all()?;
            }
            Ok(())
        }))?;
        let before = match self.idle_after {
            // Whoever has begun before it was closed is waited for, and nobody else comes.
            _ if self.is_closed() => i64::MAX,
            Some(idle) => now.saturating_sub(i64::try_from(idle.as_millis()).unwrap_or(i64::MAX)),
            None => return Ok(()),
        };
        for copy in self.copies() {
            if copy.close_if_idle(before)
                && let Some(shard) = copy.opened()
            {
                shard.flush_in_passing(now)?;
            }
        }
        Ok(())
    }

    /// Whether an index that does not sync each write has waited long enough; it waits again from now on then.
    fn is_sync_due(&self, now_millis: i64) -> bool {
        let settings = self.settings.load();
        if settings.durability_request {
            return false;
        }
        let interval = i64::try_from(settings.sync_interval.as_millis()).unwrap_or(i64::MAX);
        let since = now_millis.saturating_sub(self.synced_millis.load(Ordering::Acquire));
        // A clock that was set back must not put off what is due.
        let is_due = since >= interval || since < 0;
        if is_due {
            self.synced_millis.store(now_millis, Ordering::Release);
        }
        is_due
    }

    /// Opens the shards that have operations to replay, so that no search has to wait for that.
    pub fn recover(&self) -> Result<(), ApiError> {
        let waiting = self.copies().filter(|copy| copy.stats().has_uncommitted);
        first_fault(waiting.map(|copy| self.opened(&copy).map(drop)))
    }

    pub fn aliases(&self) -> Map<String, Value> {
        self.metadata.lock().aliases.clone()
    }

    /// Whether it is a backing index of a data stream.
    pub(crate) fn is_backing(&self) -> bool {
        self.is_backing.load(Ordering::Acquire)
    }

    /// Whether wildcards pass it over (`index.hidden`).
    pub(super) fn is_hidden(&self) -> bool {
        self.metadata.lock().settings.get("hidden").and_then(Value::as_str) == Some("true")
    }

    /// The settings as the API shows them.
    pub fn settings_json(&self) -> Value {
        json!({"index": nest(&self.settings_shown())})
    }

    /// The same, flat and without `index.`.
    pub(crate) fn settings_shown(&self) -> Map<String, Value> {
        let metadata = self.metadata.lock();
        let mut flat = metadata.settings.clone();
        flat.remove(PLACES);
        flat.entry("number_of_shards").or_insert_with(|| json!(self.copies.len().to_string()));
        flat.entry(NUMBER).or_insert_with(|| json!("1"));
        flat.entry("creation_date").or_insert_with(|| json!(metadata.created_millis.to_string()));
        flat.insert("uuid".to_owned(), json!(metadata.uuid));
        flat.entry(PROVIDED_NAME).or_insert_with(|| json!(metadata.name));
        flat.insert("version.created".to_owned(), json!("7100299"));
        flat
    }
}

/// Does everything, and reports the first fault at the end: one broken shard must not keep the others from their due.
pub(super) fn first_fault(outcomes: impl Iterator<Item = Result<(), ApiError>>) -> Result<(), ApiError> {
    let mut first = Ok(());
    for outcome in outcomes {
        first = first.and(outcome);
    }
    first
}
