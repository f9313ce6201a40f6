//! The façade of a shard: what a node calls.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Map, Value};
use tantivy::DocAddress;

use crate::copying::check_finished;
use crate::engine::{
    Activity, CacheFigures, Engine, EngineError, EngineOptions, FieldBytes, Flushed, ForceMerge, KeptAnswer,
    SegmentFigures, ShardActivity, Shared, StoredDocument, View, WriteOutcome, WriteRequest, WriteRun,
    Written,
};
use crate::highlight::{Highlight, Highlighter};
use crate::mapping::Mapping;
use crate::query::{Asked, Lucene, Prepared, Query, QueryContext, can_match};
use crate::search::{
    AskStop, DocValueAsked, Ending, Explainer, Explanation, Helpers, Hit, InnerSearch, NamedSearch, Scan,
    ScriptField, ScriptFields, SearchAnswer, SearchError, SearchRequest, Slice, TermVectorsAsked,
    TermsEnumAsked, doc_values, join_query, scores, search_helped, term_vectors, terms_enum,
};
use crate::store::Manifest;
use crate::suggest::{SuggestRequest, Suggested, suggest};
use crate::translog::has_operations;

/// A document's unique id in its shard: the id alone for type `_doc`, else type and id. Ids have no zero bytes.
pub fn uid<'a>(doc_type: &str, id: &'a str) -> Cow<'a, str> {
    if doc_type == "_doc" { Cow::Borrowed(id) } else { Cow::Owned(format!("{doc_type}\0{id}")) }
}

/// Type and id of a unique id.
pub fn uid_parts(uid: &str) -> (&str, &str) {
    uid.split_once('\0').unwrap_or(("_doc", uid))
}

/// One shard on one disk.
pub struct Shard {
    pub(crate) engine: Arc<Engine>,
}

/// What a shard holds and has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShardStats {
    /// Documents that a search sees.
    pub documents: u64,
    /// Copies that are replaced or deleted and not merged away yet.
    pub deleted: u64,
    /// Segments that a search sees.
    pub segments: usize,
    /// Bytes on disk, without the translog.
    pub bytes: u64,
    /// Documents written since the shard was opened.
    pub indexed: u64,
    /// Documents deleted since the shard was opened.
    pub removed: u64,
    /// Refreshes since the shard was opened.
    pub refreshes: u64,
    /// Flushes since the shard was opened.
    pub flushes: u64,
    /// Merges since the shard was opened.
    pub merges: u64,
    /// Merges that failed: their inputs stay as they are.
    pub merges_failed: u64,
    /// Whether writers wait for merges that have fallen behind.
    pub is_throttled: bool,
    /// How long writers have waited for merges, all of them together.
    pub throttle_time: Duration,
    /// The highest sequence number; -1 when there is none.
    pub max_seq_no: i64,
    /// Whether opening the shard has operations to replay.
    pub has_uncommitted: bool,
    /// Versions kept in memory until a refresh shows them.
    pub live_versions: usize,
    /// Bytes of memory that those versions hold.
    pub version_bytes: usize,
    /// Bytes of memory that documents hold which no refresh has shown.
    pub buffered_bytes: usize,
    /// Bytes of memory of what was computed of its segments and is kept.
    pub fielddata_bytes: usize,
    /// How often some of it had to go for something else, counted over the segments that are there.
    pub fielddata_evictions: u64,
    /// What is kept of filters, and what was done with them since the shard was opened.
    pub queries: CacheFigures,
    /// What is kept of answers, and how often that was of use since the shard was opened.
    pub requests: CacheFigures,
    /// What was done since the shard was opened, with the time it took.
    pub activity: ShardActivity,
}

/// One point in time of a shard: searches and fetches on it agree with each other.
#[derive(Clone)]
pub struct Reader {
    view: Arc<View>,
    activity: Arc<Activity>,
    helpers: Arc<Helpers>,
}

impl Shard {
    /// Opens or creates a shard, with everything that was acknowledged.
    pub fn open(
        folder: &Path,
        mapping: Arc<Mapping>,
        options: EngineOptions,
        shared: Shared,
    ) -> Result<Self, EngineError> {
        Ok(Self { engine: Engine::open(folder, mapping, options, shared)? })
    }

    /// What the shard in `folder` holds, read from its last durable state alone. Writes that only the translog holds are
    /// not in the figures.
    pub fn peek(folder: &Path) -> Result<ShardStats, EngineError> {
        if !folder.is_dir() {
            return Err(EngineError::Folder {
                path: folder.display().to_string(),
                reason: "the folder of the shard is missing; restore it from a copy or a snapshot".to_owned(),
            });
        }
        check_finished(folder)?;
        let index = folder.join("index");
        let Some(manifest) = Manifest::read(&index)? else {
            return Ok(ShardStats { has_uncommitted: true, ..ShardStats::default() });
        };
        let segments = manifest.segments();
        Ok(ShardStats {
            documents: segments.iter().map(|segment| segment.documents - segment.deleted).sum(),
            deleted: segments.iter().map(|segment| segment.deleted).sum(),
            segments: segments.len(),
            bytes: manifest.files.iter().map(|file| file.bytes).sum::<u64>() + Manifest::file_bytes(&index),
            max_seq_no: manifest.max_seq_no,
            has_uncommitted: has_operations(&folder.join("translog"), manifest.translog_generation),
            ..ShardStats::default()
        })
    }

    /// Does one write. It may be acknowledged once [`Shard::sync`] has returned for it.
    pub fn write(&self, request: &WriteRequest<'_>) -> Result<WriteOutcome, EngineError> {
        self.run().write(request)
    }

    /// Begins a run of writes. Each may be acknowledged once [`Shard::sync`] has returned for it or for a later one.
    pub fn run(&self) -> WriteRun {
        WriteRun::new(&self.engine)
    }

    /// Makes a write durable, and with it every write before it.
    pub fn sync(&self, written: &Written) -> Result<(), EngineError> {
        written.location.map_or(Ok(()), |location| self.engine.sync(location))
    }

    /// Makes every write so far durable.
    pub fn sync_all(&self) -> Result<(), EngineError> {
        self.engine.sync_all()
    }

    /// Whether every write so far is durable. Waits for no disk.
    pub fn is_synced(&self) -> bool {
        self.engine.is_synced()
    }

    /// The document as the newest write left it.
    pub fn get(&self, uid: &str) -> Result<Option<StoredDocument>, EngineError> {
        self.engine.activity.get(|| self.engine.get(uid))
    }

    /// The document as a search sees it.
    pub fn get_visible(&self, uid: &str) -> Result<Option<StoredDocument>, EngineError> {
        self.engine.activity.get(|| self.engine.get_visible(uid))
    }

    /// Makes every write so far visible; whether there was anything new.
    pub fn refresh(&self, now_millis: i64) -> Result<bool, EngineError> {
        self.engine.refresh(now_millis)
    }

    /// Makes every write so far visible unless somebody does just now; none then.
    pub fn refresh_unless_busy(&self, now_millis: i64) -> Result<Option<bool>, EngineError> {
        self.engine.refresh_unless_busy(now_millis)
    }

    /// Makes every write so far visible and committed, once all copies in sync have them; waits for that as long as the options say.
    pub fn flush(&self, now_millis: i64) -> Result<Flushed, EngineError> {
        self.engine.flush(now_millis)
    }

    /// The same for who has other shards to look after: waits for a moment only, and is put off then.
    pub fn flush_in_passing(&self, now_millis: i64) -> Result<Flushed, EngineError> {
        self.engine.flush_in_passing(now_millis)
    }

    /// The node stops: no other copy tells anything any more, and no flush waits for that.
    pub fn leave_alone(&self) {
        self.engine.leave_alone();
    }

    /// Merges the segments that are there now until what is asked is reached. Fails if one of them is damaged or cannot be
    /// merged.
    pub fn force_merge(&self, wish: ForceMerge) -> Result<(), EngineError> {
        self.engine.force_merge(wish)
    }

    /// Merges end soon and without a result, and none begins: whoever waits for [`Self::is_alone`] need not wait for hours.
    pub fn end_merges(&self) {
        self.engine.end_merges();
    }

    /// Merges go on after all.
    pub fn resume_merges(&self) {
        self.engine.resume_merges();
    }

    /// Closes the shard. Everything is durable, and the next opening goes on under the same primary term; after any other
    /// end one that takes its own terms takes a higher one.
    pub fn close(self) -> Result<(), EngineError> {
        self.engine.close()
    }

    /// Gives up a shard that accepts nothing more, once nobody uses it. Operations that only memory has become durable
    /// first, if the translog itself is well.
    pub fn give_up(self) -> Result<(), EngineError> {
        self.engine.rescue()
    }

    /// Whether the shard in `folder` could be opened as far as its files tell, without changing any of them.
    pub fn check(folder: &Path, options: &EngineOptions) -> Result<(), EngineError> {
        Engine::check(folder, options)
    }

    /// Whether the shard can be closed and opened again at no cost: everything is committed, and nothing works on it in
    /// the background, which would go on with files that are another's by then.
    pub fn can_close(&self) -> bool {
        self.is_alone() && self.engine.is_committed()
    }

    /// Whether nobody uses it, not even a merge or a run of writes.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.engine) == 1
    }

    /// Why the shard accepts nothing more, if something failed that only opening it again mends.
    pub fn fenced(&self) -> Option<String> {
        self.engine.fenced()
    }

    /// What is wrong with a file of the shard, if that was found since it was opened: by a merge, or by a copy that got the file.
    pub fn damage(&self) -> Option<String> {
        self.engine.damage().map(ToString::to_string)
    }

    /// Whether it holds writes that no search will see: it accepts nothing more, and they are not shown yet.
    pub fn hides_writes(&self) -> bool {
        self.engine.fenced().is_some() && self.engine.has_unshown()
    }

    /// Whether so much was written since the last refresh that one is due for the memory it frees.
    pub fn wants_refresh(&self) -> bool {
        self.engine.wants_refresh()
    }

    /// Frees the memory of documents that no refresh will show, if the shard accepts nothing more; whether that is so. What was
    /// acknowledged is in the translog. Waits for nobody.
    pub fn free_if_fenced(&self) -> bool {
        self.engine.free_if_fenced()
    }

    /// Forgets which documents match filters that were asked before.
    pub fn clear_queries(&self) {
        self.engine.view().identities.values().for_each(|identities| identities.filters().clear());
    }

    /// Forgets what was answered before.
    pub fn clear_requests(&self) {
        self.engine.view().requests.clear();
    }

    /// Forgets what was computed of segments and kept.
    pub fn clear_fielddata(&self) {
        self.engine.view().identities.values().for_each(|identities| identities.fielddata().clear());
    }

    /// Bytes of memory of what is kept of each field, by its path.
    pub fn fielddata_by_field(&self) -> BTreeMap<String, usize> {
        let mut bytes = BTreeMap::new();
        let view = self.engine.view();
        view.identities.values().for_each(|identities| identities.fielddata().add_fields(&mut bytes));
        bytes
    }

    /// Bytes of memory that documents hold which no refresh has shown, without their versions.
    pub fn buffered_bytes(&self) -> usize {
        self.engine.buffered_bytes()
    }

    /// Bytes of memory that the versions of these documents hold.
    pub fn version_bytes(&self) -> usize {
        self.engine.version_bytes()
    }

    /// Whether the translog has grown so large that a flush is due.
    pub fn wants_flush(&self) -> bool {
        self.engine.wants_flush()
    }

    /// Reads documents by `mapping` from now on.
    pub fn set_mapping(&self, mapping: Arc<Mapping>, now_millis: i64) -> Result<(), EngineError> {
        self.engine.set_mapping(mapping, now_millis)
    }

    /// The newest point in time.
    pub fn reader(&self) -> Reader {
        Reader {
            view: self.engine.view(),
            activity: Arc::clone(&self.engine.activity),
            helpers: Arc::clone(self.engine.helpers()),
        }
    }

    /// What can be told of each segment that a search sees, in the order of time.
    pub fn segments(&self) -> Result<Vec<SegmentFigures>, EngineError> {
        self.engine.segment_figures()
    }

    /// What each field takes on the disk, by its path.
    pub fn field_bytes(&self) -> Result<BTreeMap<String, FieldBytes>, EngineError> {
        self.engine.field_bytes()
    }

    /// An update has changed nothing, which leaves no trace but this.
    pub fn note_noop(&self) {
        self.engine.activity.noops.fetch_add(1, Ordering::Relaxed);
    }

    /// What the shard holds and has done.
    pub fn stats(&self) -> ShardStats {
        let view = self.engine.view();
        let readers = view.searcher.segment_readers();
        let counters = &self.engine.counters;
        let (is_throttled, throttle_time) = self.engine.throttled();
        ShardStats {
            documents: view.searcher.num_docs(),
            deleted: readers.iter().map(|reader| u64::from(reader.num_deleted_docs())).sum(),
            segments: readers.len(),
            bytes: self.engine.bytes(),
            indexed: counters.indexed.load(Ordering::Relaxed),
            removed: counters.deleted.load(Ordering::Relaxed),
            refreshes: counters.refreshes.load(Ordering::Relaxed),
            flushes: counters.flushes.load(Ordering::Relaxed),
            merges: counters.merges.load(Ordering::Relaxed),
            merges_failed: counters.merges_failed.load(Ordering::Relaxed),
            is_throttled,
            throttle_time,
            max_seq_no: self.engine.max_seq_no(),
            has_uncommitted: !self.engine.is_committed(),
            live_versions: self.engine.live_versions(),
            version_bytes: self.engine.version_bytes(),
            buffered_bytes: self.engine.buffered_bytes(),
            fielddata_bytes: view.identities.values().map(|identities| identities.fielddata().bytes()).sum(),
            fielddata_evictions: view.evictions.load(Ordering::Relaxed),
            queries: view.filter_figures(),
            requests: view.requests.figures(),
            activity: self.engine.activity.shown(),
        }
    }
}

impl Reader {
    /// Searches this point in time.
    pub fn search(
        &self,
        request: &SearchRequest,
        context: &QueryContext<'_>,
    ) -> Result<SearchAnswer, SearchError> {
        self.search_until(request, context, &Ending::never())
    }

    /// The same; `stop` is asked now and then whether it ends early.
    pub fn search_until(
        &self,
        request: &SearchRequest,
        context: &QueryContext<'_>,
        stop: AskStop<'_>,
    ) -> Result<SearchAnswer, SearchError> {
        let _busy = self.helpers.begin();
        self.activity
            .query
            .run(|| search_helped(&self.view, request, context, stop, &self.helpers), Result::is_ok)
    }

    /// What this point in time has answered under a name, if that is kept.
    pub fn kept_answer(&self, name: &str, now_millis: i64) -> Option<Arc<KeptAnswer>> {
        let found = self.view.requests.get(name, now_millis)?;
        // It counts with what was asked.
        self.activity.query.run(|| (), |()| true);
        Some(found)
    }

    /// Does the work for an answer under a name, and keeps what that says shall be kept.
    pub fn keep_answer<E>(
        &self,
        name: &str,
        now_millis: i64,
        work: impl FnMut() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        self.view.requests.make(name, now_millis, work)
    }

    /// How many documents there are at this point in time.
    pub fn documents(&self) -> u64 {
        self.view.searcher.num_docs()
    }

    /// What this point in time suggests; `stop` may end it early.
    pub fn suggest(
        &self,
        request: &SuggestRequest,
        context: &QueryContext<'_>,
        stop: AskStop<'_>,
    ) -> Result<Suggested, SearchError> {
        suggest(&self.view, request, context, stop)
    }

    /// Whether any document of this point in time can match, told without a look at one: it may be yes where none does.
    pub fn can_match(&self, query: &Query, context: &QueryContext<'_>) -> bool {
        can_match(query, &self.view, context)
    }

    /// Starts a walk over every match in this point in time, or over one slice of them.
    pub fn scan(&self, query: &Query, context: &QueryContext<'_>, slice: Slice) -> Result<Scan, SearchError> {
        Scan::open(Arc::clone(&self.view), query, context, slice)
    }

    /// A search among the objects at a nested path, of hits that are documents or, with a path, objects there. None where nothing is nested
    /// at the path.
    pub fn inner_search<'a>(
        &'a self,
        path: &'a str,
        outer: Option<&'a str>,
        request: &'a SearchRequest,
        context: QueryContext<'a>,
    ) -> Result<Option<InnerSearch<'a>>, SearchError> {
        InnerSearch::new(&self.view, (path, outer), request, context)
    }

    /// The mapping at this point in time.
    pub fn mapping(&self) -> &Mapping {
        &self.view.layout.mapping
    }

    /// The values of a hit in columns.
    pub fn doc_values(
        &self,
        hit: &Hit,
        asked: &[DocValueAsked],
        stop: AskStop<'_>,
    ) -> Result<Map<String, Value>, SearchError> {
        match self.view.searcher.segment_readers().get(hit.segment as usize) {
            Some(reader) => doc_values(&self.view, reader, hit.document, asked, stop),
            None => Ok(Map::new()),
        }
    }

    /// What shows what scripts compute of the hits of this point in time.
    pub fn script_fields<'a>(
        &'a self,
        fields: &'a [ScriptField],
        context: QueryContext<'a>,
    ) -> ScriptFields<'a> {
        ScriptFields::new(&self.view, context, fields)
    }

    /// What highlights the hits of this point in time; `offset_max` letters of a text are looked through at most.
    pub fn highlighter<'a>(
        &'a self,
        asked: &'a Highlight,
        query: &Query,
        context: &QueryContext<'a>,
        offset_max: usize,
    ) -> Result<Highlighter<'a>, SearchError> {
        Ok(Highlighter::new(&self.view, asked, query, context, offset_max)?)
    }

    /// The words of a document by field, with what this point in time counts of them.
    pub fn term_vectors(
        &self,
        source: &Value,
        asked: &TermVectorsAsked,
    ) -> Result<Map<String, Value>, SearchError> {
        term_vectors(&self.view, source, asked)
    }

    /// The terms of a field that begin with a text, and whether there was time to look for all; `stop` is asked now and then.
    pub fn terms_enum(
        &self,
        asked: &TermsEnumAsked,
        stop: AskStop<'_>,
    ) -> Result<(Vec<String>, bool), SearchError> {
        terms_enum(&self.view, asked, stop)
    }

    /// Refuses a query that cannot be asked here, and tells another one in Lucene's words.
    pub fn validated(&self, query: &Query, context: &QueryContext<'_>) -> Result<String, SearchError> {
        Prepared::new(Asked::new(query, &self.view, context))?;
        Ok(Lucene { layout: &self.view.layout, context }.tell(query))
    }

    /// Why a hit has its score under a query.
    pub fn explain(
        &self,
        hit: &Hit,
        query: &Query,
        context: &QueryContext<'_>,
        stop: AskStop<'_>,
    ) -> Result<Option<Explanation>, SearchError> {
        self.explain_at(hit, query, Explainer { view: &self.view, context, stop, nested_in: None })
    }

    /// The same for a hit that is a nested object at a path.
    pub fn explain_nested(
        &self,
        hit: &Hit,
        path: &str,
        query: &Query,
        context: &QueryContext<'_>,
        stop: AskStop<'_>,
    ) -> Result<Option<Explanation>, SearchError> {
        self.explain_at(hit, query, Explainer { view: &self.view, context, stop, nested_in: Some(path) })
    }

    fn explain_at(
        &self,
        hit: &Hit,
        query: &Query,
        explainer: Explainer<'_>,
    ) -> Result<Option<Explanation>, SearchError> {
        let Some(reader) = self.view.searcher.segment_readers().get(hit.segment as usize) else {
            return Ok(None);
        };
        explainer.explain(query, reader, hit.document).map(Some)
    }

    /// What hits score under another query; none for those that do not match it.
    pub fn scores(
        &self,
        hits: &[Hit],
        query: &Query,
        context: &QueryContext<'_>,
        stop: AskStop<'_>,
    ) -> Result<Option<Vec<Option<f32>>>, SearchError> {
        scores(&self.view, hits, query, context, stop)
    }

    /// Which of some queries with names match hits that are documents or, with a path, objects there.
    pub fn named_search<'a>(
        &'a self,
        path: Option<&'a str>,
        queries: Vec<(&'a str, &'a Query)>,
        context: QueryContext<'a>,
    ) -> NamedSearch<'a> {
        NamedSearch::new(&self.view, path, queries, context)
    }

    /// What finds the children of a hit, or its parent, by the name that the join field gives them; none where it has none.
    pub fn join_query(
        &self,
        hit: &Hit,
        stored: &StoredDocument,
        (name, of_children): (&str, bool),
        query: &Query,
    ) -> Result<Option<Query>, SearchError> {
        join_query(&self.view, hit, uid_parts(&stored.uid).1, (name, of_children), query)
    }

    /// Reads the document of a hit.
    pub fn fetch(&self, hit: &Hit) -> Result<StoredDocument, SearchError> {
        let read = || {
            let address = DocAddress::new(hit.segment, hit.document);
            let numbers = self.view.numbers(address)?;
            Ok(self.view.document(address, numbers)?)
        };
        self.activity.fetch.run(read, Result::is_ok)
    }
}
