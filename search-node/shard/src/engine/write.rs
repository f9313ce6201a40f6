//! One write: versions checked, logged, put into a segment in memory, known to the next reader.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use serde_json_borrow::Value as Json;
use tantivy::Directory;
use tantivy::index::SegmentComponent;
use tantivy::indexer::{AddOperation, SegmentWriter};
use tantivy::schema::document::Document;

use super::buffers::Held;
use super::layout::Layout;
use super::refresh::FenceOnDrop;
use super::versions::{LiveVersion, LockedUid};
use super::writers::Seat;
use super::{Engine, EngineError, FIRST, FinishedSegment, OpenSegment};
use crate::mapping::{Mapping, SharedValues, Strictness, check_repeats};
use crate::search::SortMode;
use crate::store::ShardDirectory;
use crate::translog::{Draft, Location, Operation, OperationKind, TranslogError};

/// How many bytes of sources are added between two looks at a segment's memory.
const WEIGH_EVERY_BYTES: usize = 64 << 10;

/// tantivy takes a third of this for the first table of terms, which doubles as it fills. A node has many shards that get a
/// few documents a second each: a table for the largest segment in every one of them would be most of its memory.
const TABLE_BUDGET_BYTES: usize = 4 << 20;

/// What must hold of the document as it is, for the write to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// It does not exist.
    Absent,
    /// Its newest operation is this one.
    SeqNo {
        /// `if_seq_no`
        seq_no: u64,
        /// `if_primary_term`
        term: u64,
    },
    /// Its version is lower than this one, which it takes (`version_type=external`), or not higher.
    External {
        /// The version that the caller keeps.
        version: u64,
        /// Whether the same version is accepted too (`external_gte`).
        or_equal: bool,
    },
}

/// A write of one document.
#[derive(Debug, Clone, Copy)]
pub struct WriteRequest<'a> {
    /// The document's type and id in one.
    pub uid: &'a str,
    /// Its type, if it is not `_doc`.
    pub doc_type: Option<&'a str>,
    /// Its id, for messages.
    pub id: &'a str,
    /// Its routing value.
    pub routing: Option<&'a str>,
    /// Its JSON; none deletes it.
    pub source: Option<&'a [u8]>,
    /// What must hold before.
    pub condition: Condition,
    /// Whether the id was made for this write, so that no document can have it.
    pub is_new_id: bool,
    /// Milliseconds since 1970.
    pub now_millis: i64,
}

impl WriteRequest<'_> {
    /// Appends the operation that this write has become to a message, as [`Operation::decode`] reads it.
    pub fn encode(&self, written: &Written, buffer: &mut Vec<u8>) -> Result<(), EngineError> {
        let draft = self.draft(written.term, written.version);
        Ok(draft.encode_message(buffer, written.seq_no)?)
    }

    fn draft(&self, term: u64, version: u64) -> Draft<'_> {
        Draft {
            kind: if self.source.is_some() { OperationKind::Index } else { OperationKind::Delete },
            term,
            version,
            uid: self.uid,
            routing: self.routing.unwrap_or_default(),
            source: self.source.unwrap_or_default(),
        }
    }
}

/// What became of a write.
pub enum WriteOutcome {
    /// It is done; it is acknowledged once [`Written::ticket`] is synced.
    Written(Written),
    /// The document has fields that the mapping lacks: add them, then write again.
    NeedsMapping(Box<Mapping>),
}

/// A write that was done.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Its place in the shard's order.
    pub seq_no: u64,
    /// The primary term under which it was done.
    pub term: u64,
    /// The document's version now.
    pub version: u64,
    /// Whether a document was there before.
    pub existed: bool,
    pub(crate) location: Option<Location>,
}

/// The document as the engine knows it before a write.
#[derive(Debug, Clone, Copy)]
pub(super) struct Current {
    pub(super) seq_no: u64,
    pub(super) term: u64,
    pub(super) version: u64,
    pub(super) deleted: bool,
}

/// Writes of one request, one after the other: they share buffers and go into the same segment where they can.
pub struct WriteRun {
    engine: Arc<Engine>,
    /// The primary term in which it began: writes of it are no other's.
    term: u64,
    seat: Seat,
    values: SharedValues,
    indexed: u64,
    deleted: u64,
    bytes: u64,
}

impl WriteRun {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        Self {
            engine: Arc::clone(engine),
            term: engine.translog.term(),
            seat: engine.writers.sit(),
            values: SharedValues::default(),
            indexed: 0,
            deleted: 0,
            bytes: 0,
        }
    }

    /// Does one write. It is not durable yet. It is refused once the shard has heard of a newer primary than when the run began.
    pub fn write(&mut self, request: &WriteRequest<'_>) -> Result<WriteOutcome, EngineError> {
        let activity = Arc::clone(&self.engine.activity);
        let timer = if request.source.is_some() { &activity.index } else { &activity.delete };
        let (engine, seat, values) = (&self.engine, &mut self.seat, &mut self.values);
        let write = || engine.write(request, self.term, seat, values);
        let outcome = timer.run(write, |outcome| matches!(outcome, Ok(WriteOutcome::Written(_))));
        self.bytes += request.source.map_or(0, |source| source.len() as u64);
        if outcome.is_err() && request.source.is_some() {
            activity.index_failed.fetch_add(1, Ordering::Relaxed);
        }
        let outcome = outcome?;
        if let WriteOutcome::Written(written) = &outcome {
            self.indexed += u64::from(request.source.is_some());
            self.deleted += u64::from(request.source.is_none() && written.existed);
        }
        Ok(outcome)
    }
}

impl Drop for WriteRun {
    fn drop(&mut self) {
        self.engine.activity.bulks.fetch_add(1, Ordering::Relaxed);
        self.engine.activity.bulk_bytes.fetch_add(self.bytes, Ordering::Relaxed);
        self.engine.counters.indexed.fetch_add(self.indexed, Ordering::Relaxed);
        self.engine.counters.deleted.fetch_add(self.deleted, Ordering::Relaxed);
    }
}

impl Engine {
    fn write(
        &self,
        request: &WriteRequest<'_>,
        term: u64,
        seat: &mut Seat,
        values: &mut SharedValues,
    ) -> Result<WriteOutcome, EngineError> {
        self.throttle.wait(self.options.merge.throttle_max);
        let writing = self.writing.load();
        let layout = &writing.layout;
        let strictness = Strictness::New { is_routed: request.routing.is_some() };
        if let Some(source) = request.source
            && let Some(added) = read_document(layout, request.id, source, values, strictness)?
        {
            return Ok(WriteOutcome::NeedsMapping(added));
        }
        let (written, spill) = {
            let mut segment = self.writers.take(seat);
            // While the segment is held the term cannot change.
            self.check_primary(term)?;
            let (versions, current) = if request.is_new_id {
                (self.versions.lock_new(request.uid), None)
            } else {
                let versions = self.versions.lock(request.uid);
                let current = self.current(&versions, request.uid)?;
                (versions, current)
            };
            let version = next_version(request, current)?;
            let existed = current.is_some_and(|current| !current.deleted);
            let (seq_no, location) = self.log(request, term, version)?;
            let mut spill = None;
            if request.source.is_some() {
                let place = Place { uid: request.uid, doc_type: request.doc_type, routing: request.routing };
                let numbers = Numbers { seq_no, version, term };
                let added = self.add(&mut segment, layout, values, place, numbers);
                spill = added.map_err(|error| EngineError::Unsettled(error.to_string()))?;
            }
            if existed {
                self.superseded.lock().push(request.uid, seq_no);
            }
            // A delete of what is not there is an operation too: it takes a number, as replicas will see it.
            let source = request.source.map(|_| location);
            versions.record(LiveVersion { seq_no, term, version, source }, request.now_millis);
            // Its version is kept until a refresh, so one must come.
            self.mark_dirty();
            (Written { seq_no, term, version, existed, location: Some(location) }, spill)
        };
        self.finish_spill(spill).map_err(|error| EngineError::Unsettled(error.to_string()))?;
        Ok(WriteOutcome::Written(written))
    }

    /// Something was written that no refresh has shown.
    pub(super) fn mark_dirty(&self) {
        // Read first: writers would pass the line from core to core for nothing.
        if !self.dirty.load(Ordering::Relaxed) {
            self.dirty.store(true, Ordering::Release);
        }
    }

    /// Whether a primary of this term may write here.
    fn check_primary(&self, term: u64) -> Result<(), EngineError> {
        let known = self.translog.term();
        if term != known {
            return Err(TranslogError::OldTerm { given: term, known }.into());
        }
        if self.has_to_roll_back() { Err(EngineError::MustRollBack) } else { Ok(()) }
    }

    pub(super) fn current(
        &self,
        versions: &LockedUid<'_>,
        uid: &str,
    ) -> Result<Option<Current>, EngineError> {
        if let Some(live) = versions.get() {
            return Ok(Some(Current {
                seq_no: live.seq_no,
                term: live.term,
                version: live.version,
                deleted: live.source.is_none(),
            }));
        }
        let found = self.view().find(uid)?;
        Ok(found.map(|(_, numbers)| Current {
            seq_no: numbers.seq_no,
            term: numbers.term,
            version: numbers.version,
            deleted: false,
        }))
    }

    fn log(
        &self,
        request: &WriteRequest<'_>,
        term: u64,
        version: u64,
    ) -> Result<(u64, Location), EngineError> {
        Ok(self.translog.append(&request.draft(term, version))?)
    }

    /// Puts a replayed operation into a segment.
    pub(super) fn add_to_segment(
        &self,
        layout: &Layout,
        values: &mut SharedValues,
        operation: &Operation,
        seat: &mut Seat,
    ) -> Result<(), EngineError> {
        let (place, numbers) = (Place::of(operation), Numbers::of(operation));
        let spill = self.add(&mut self.writers.take(seat), layout, values, place, numbers)?;
        self.finish_spill(spill)
    }

    /// Puts a document that is in the translog into a segment. If that fails, only opening the shard again mends it.
    pub(super) fn add(
        &self,
        segment: &mut Option<Box<OpenSegment>>,
        layout: &Layout,
        values: &mut SharedValues,
        place: Place<'_>,
        numbers: Numbers,
    ) -> Result<Option<Spill>, EngineError> {
        // A segment that took a part of a document is given up: the next one would find that part under its own number.
        let broken = FenceOnDrop(&self.translog, "putting a document into a segment broke");
        let fence = |error: &EngineError| self.translog.fence(&error.to_string());
        let source_bytes = add_meta_values(layout, values, place, numbers);
        let mut open = match segment.take() {
            Some(open) => open,
            None => self.open_segment().inspect_err(fence)?,
        };
        // The nested objects come first. With the uid of the document they go when it goes.
        for at in 0..values.nested() {
            open.add(place.uid, values.nested_at(at)).inspect_err(fence)?;
        }
        // The document's buffers come back for the next one.
        open.add(place.uid, values.clone()).inspect_err(fence)?;
        std::mem::forget(broken);
        open.unweighed += source_bytes + place.uid.len();
        let is_full =
            open.unweighed >= WEIGH_EVERY_BYTES && open.weigh() >= self.options.segment_buffer_bytes;
        if !is_full {
            *segment = Some(open);
            return Ok(None);
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        self.spills.lock().under_way.push(epoch);
        open.held.leave_shard();
        Ok(Some(Spill { epoch, open }))
    }

    /// Writes out a segment that has grown large; a refresh that needs it waits.
    pub(super) fn finish_spill(&self, spill: Option<Spill>) -> Result<(), EngineError> {
        let Some(Spill { epoch, open }) = spill else {
            return Ok(());
        };
        // Should writing it out break, whoever waits for it must hear so.
        let unsettled = UnsettledSpill { engine: self, epoch };
        let finished = open.finish(&self.directory);
        std::mem::forget(unsettled);
        let outcome = finished.as_ref().map(|_| ()).map_err(ToString::to_string);
        let mut spills = self.spills.lock();
        spills.settle(epoch, outcome.err());
        self.spilled.notify_all();
        match finished {
            Ok(finished) => {
                spills.finished.push((epoch, finished));
                Ok(())
            }
            Err(error) => {
                self.translog.fence(&error.to_string());
                Err(error)
            }
        }
    }

    fn open_segment(&self) -> Result<Box<OpenSegment>, EngineError> {
        // With the slot held, this index is at least as new as the layout that any writer reads its document by.
        let segment = self.writing.load().index.new_segment();
        let writer = SegmentWriter::for_segment(TABLE_BUDGET_BYTES, segment.clone())?;
        let held = Held::new(&self.shared.buffers, self.writers.held());
        Ok(Box::new(OpenSegment::new(segment, writer, held)))
    }
}

/// Reads the values of a document; what the mapping lacks of it, if anything.
pub(super) fn read_document(
    layout: &Layout,
    id: &str,
    source: &[u8],
    values: &mut SharedValues,
    strictness: Strictness,
) -> Result<Option<Box<Mapping>>, EngineError> {
    let not_json = |error: &dyn std::fmt::Display| EngineError::NotJson(error.to_string());
    let source = std::str::from_utf8(source).map_err(|error| not_json(&error))?;
    let json: Json<'_> = serde_json::from_str(source).map_err(|error| not_json(&error))?;
    if strictness != Strictness::Accepted {
        check_repeats(&json)?;
        layout.parser.check_time(&json)?;
    }
    let values = values.edit();
    values.begin(source);
    let added = layout.parser.parse(id, &json, values, strictness)?;
    if let Some((field, mode)) = layout.leading() {
        values.put_leading(field, mode == SortMode::Max);
    }
    Ok(added)
}

/// Adds what every document has beside its own fields. Gives the size of its source.
fn add_meta_values(layout: &Layout, values: &mut SharedValues, place: Place<'_>, numbers: Numbers) -> usize {
    let meta = layout.meta;
    let values = values.edit();
    let own = values.len();
    let source_bytes = match layout.shown_source(values.source().as_bytes()) {
        None => values.add_source(meta.source),
        Some(shown) => {
            values.add_text(meta.source, &String::from_utf8_lossy(&shown));
            shown.len()
        }
    };
    if let Some(routing) = place.routing {
        values.add_text(meta.routing, routing);
    }
    if let Some(doc_type) = place.doc_type {
        values.add_text(meta.doc_type, doc_type);
    }
    values.add_u64(meta.seq_no, numbers.seq_no);
    values.add_u64_to_nested(meta.seq_no, numbers.seq_no);
    for (field, number) in [(meta.version, numbers.version), (meta.term, numbers.term)] {
        if number != FIRST {
            values.add_u64(field, number);
        }
    }
    values.put_first(own);
    source_bytes
}

/// A spill that is being written out; if that breaks, the documents in it are in the translog alone.
struct UnsettledSpill<'e> {
    engine: &'e Engine,
    epoch: u64,
}

impl Drop for UnsettledSpill<'_> {
    fn drop(&mut self) {
        let reason = "writing out a segment broke";
        self.engine.translog.fence(reason);
        self.engine.spills.lock().settle(self.epoch, Some(reason.to_owned()));
        self.engine.spilled.notify_all();
    }
}

/// A segment that has grown large, on its way to the disk.
pub(super) struct Spill {
    epoch: u64,
    open: Box<OpenSegment>,
}

/// Where a document belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    uid: &'a str,
    doc_type: Option<&'a str>,
    routing: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Where the document of an operation belongs.
    pub(super) fn of(operation: &'a Operation) -> Self {
        let doc_type = operation.uid.split_once('\0').map(|(doc_type, _)| doc_type);
        let routing = Some(operation.routing.as_str()).filter(|routing| !routing.is_empty());
        Self { uid: &operation.uid, doc_type, routing }
    }
}

/// The numbers of the operation that wrote a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) seq_no: u64,
    pub(crate) version: u64,
    pub(crate) term: u64,
}

impl Numbers {
    pub(super) fn of(operation: &Operation) -> Self {
        Self { seq_no: operation.seq_no, version: operation.version, term: operation.term }
    }
}

impl OpenSegment {
    /// Adds a document, or a part of one.
    fn add(&mut self, uid: &str, document: impl Document) -> Result<(), EngineError> {
        let opstamp = u64::from(self.uids.next());
        self.writer.add_document(AddOperation { opstamp, document })?;
        self.uids.push(uid);
        Ok(())
    }

    /// Writes the segment's files.
    pub(super) fn finish(self, directory: &ShardDirectory) -> Result<FinishedSegment, EngineError> {
        let documents = self.writer.max_doc();
        // What stands at each place of the segment now: sorting has mixed the documents.
        let order = self.writer.finalize()?;
        self.uids.write(&self.segment, &order)?;
        // Sorting writes the documents twice, and tantivy leaves the first copy to its own collection of garbage.
        let first_copy = self.segment.relative_path(SegmentComponent::TempStore);
        directory.remove(directory.exists(&first_copy).is_ok_and(|exists| exists).then_some(first_copy));
        Ok(FinishedSegment { segment: self.segment, documents })
    }
}

/// The version that the write gives, if its condition holds.
fn next_version(request: &WriteRequest<'_>, current: Option<Current>) -> Result<u64, EngineError> {
    let conflict = |reason: String| EngineError::VersionConflict { id: request.id.to_owned(), reason };
    let live = current.filter(|current| !current.deleted);
    let next = current.map_or(1, |current| current.version.saturating_add(1));
    match (request.condition, live) {
        (Condition::None, _) => Ok(next),
        (Condition::Absent, None) => Ok(next),
        (Condition::Absent, Some(live)) => {
            Err(conflict(format!("document already exists (current version [{}])", live.version)))
        }
        (Condition::SeqNo { seq_no, term }, Some(live)) if live.seq_no == seq_no && live.term == term => {
            Ok(next)
        }
        (Condition::SeqNo { seq_no, term }, Some(live)) => Err(conflict(format!(
            "required seqNo [{seq_no}], primary term [{term}]. current document has seqNo [{}] and primary term [{}]",
            live.seq_no, live.term
        ))),
        (Condition::SeqNo { seq_no, term }, None) => Err(conflict(format!(
            "required seqNo [{seq_no}], primary term [{term}]. but no document was found"
        ))),
        (Condition::External { version, or_equal }, _) => match current {
            Some(current) if version < current.version || (version == current.version && !or_equal) => {
                Err(conflict(format!(
                    "current version [{}] is higher {}than the one provided [{version}]",
                    current.version,
                    if or_equal { "" } else { "or equal " }
                )))
            }
            _ => Ok(version),
        },
    }
}

impl Written {
    /// What a write that changed nothing reports: the document as it is.
    pub fn unchanged(seq_no: u64, term: u64, version: u64) -> Self {
        Self { seq_no, term, version, existed: true, location: None }
    }

    /// Whether the write is in the translog, so that it can be synced.
    pub fn is_logged(&self) -> bool {
        self.location.is_some()
    }
}
