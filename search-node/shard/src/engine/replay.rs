//! Replay: what the translog holds beyond the durable state goes into segments again when a shard is opened.
//!
//! Operations may stand there in another order than that of their numbers. Within one refresh that does not matter: the newest
//! supersedes the others. Beyond it, one that comes late is held against what is shown already, and against those
//! that overtook it.

use std::sync::Arc;

use hashbrown::HashMap;

use super::versions::LiveVersion;
use super::write::read_document;
use super::writers::Seat;
use super::{Engine, EngineError, LARGE_DOCUMENT_BYTES, Layout};
use crate::mapping::{SharedValues, Strictness};
use crate::store::Manifest;
use crate::translog::{Operation, OperationKind, Recovered, Terms};

/// What the durable state holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Durable {
    /// Every operation up to this number; -1 when there is none.
    pub(super) all_up_to: i64,
    /// Some operations up to this one.
    pub(super) some_up_to: i64,
}

impl Durable {
    pub(super) fn of(manifest: Option<&Manifest>) -> Self {
        let all_up_to = manifest.map_or(-1, |manifest| manifest.max_seq_no);
        let some_up_to = manifest.map_or(-1, |manifest| manifest.some_up_to.max(all_up_to));
        Self { all_up_to, some_up_to }
    }
}

struct Replay<'e> {
    engine: &'e Arc<Engine>,
    durable: Durable,
    seat: Seat,
    values: SharedValues,
    count: u64,
    /// What is shown has no number above this one.
    shown_up_to: i64,
    /// The highest number so far.
    highest: i64,
    /// What was replayed.
    replayed: Terms,
    /// The newest operation on each document of those that came before one of a lower number.
    early: HashMap<String, Early>,
}

/// An operation that came before one of a lower number.
#[derive(Debug, Clone, Copy)]
struct Early {
    seq_no: u64,
    term: u64,
    version: u64,
    is_delete: bool,
}

impl Engine {
    pub(super) fn replay(
        self: &Arc<Self>,
        recovered: &Recovered,
        durable: Durable,
    ) -> Result<(), EngineError> {
        let mut replay = Replay {
            engine: self,
            durable,
            seat: self.writers.sit(),
            values: SharedValues::default(),
            count: 0,
            shown_up_to: durable.some_up_to,
            highest: durable.some_up_to,
            replayed: Terms::default(),
            early: HashMap::new(),
        };
        recovered.for_each(|operation| replay.take(&operation))?;
        replay.end()?;
        if replay.count > 0 {
            let held = recovered.operations();
            tracing::info!(folder = %self.folder.display(), operations = replay.count, held, "recovered shard from translog");
        }
        Ok(())
    }

    /// Reads a document that was accepted once. What the mapping does not take of it any more, or lacks, is left out and noted; one
    /// document must not keep its whole shard shut.
    fn read_again(&self, layout: &Layout, operation: &Operation, values: &mut SharedValues) {
        let read = read_document(layout, &operation.uid, &operation.source, values, Strictness::Accepted);
        match read {
            Ok(None) => {}
            Ok(Some(lacking)) => layout.parser.note_lacking(&lacking, values.edit()),
            Err(error) => self.keep_unread(operation, values, &error.to_string()),
        }
    }

    /// Keeps a document that cannot be read at all by its id alone: no search finds it by its fields.
    pub(super) fn keep_unread(&self, operation: &Operation, values: &mut SharedValues, reason: &str) {
        let seq_no = operation.seq_no;
        tracing::warn!(folder = %self.folder.display(), seq_no, reason, "a document cannot be read and is kept by its id alone");
        values.edit().begin_unread(&operation.source);
    }
}

impl Replay<'_> {
    fn take(&mut self, operation: &Operation) -> Result<(), EngineError> {
        let seq_no = operation.seq_no as i64;
        if seq_no <= self.durable.all_up_to {
            return Ok(());
        }
        self.replayed.insert(operation.seq_no, operation.term);
        self.highest = self.highest.max(seq_no);
        match operation.kind {
            OperationKind::NoOp | OperationKind::Void => {}
            OperationKind::Delete => self.supersede(operation),
            OperationKind::Index => self.index(operation)?,
        }
        self.count += 1;
        if self.count.is_multiple_of(self.engine.options.replay_batch.max(1)) {
            self.show()?;
        }
        Ok(())
    }

    fn index(&mut self, operation: &Operation) -> Result<(), EngineError> {
        if self.is_overtaken(operation) {
            return Ok(());
        }
        let is_late = operation.seq_no as i64 <= self.shown_up_to;
        if is_late
            && let Some((_, numbers)) = self.engine.view().find(&operation.uid)?
            && numbers.seq_no >= operation.seq_no
        {
            return Ok(());
        }
        let is_large = operation.source.len() > LARGE_DOCUMENT_BYTES;
        let _alone = is_large.then(|| self.engine.shared.large_replays.lock());
        let layout = self.engine.layout();
        self.engine.read_again(&layout, operation, &mut self.values);
        self.engine.add_to_segment(&layout, &mut self.values, operation, &mut self.seat)?;
        self.supersede(operation);
        Ok(())
    }

    fn supersede(&mut self, operation: &Operation) {
        self.engine.superseded.lock().push(&operation.uid, operation.seq_no);
        self.engine.mark_dirty();
        let is_early = self.all_up_to() < operation.seq_no as i64;
        if is_early && !self.is_overtaken(operation) {
            let Operation { seq_no, term, version, .. } = *operation;
            let is_delete = operation.kind == OperationKind::Delete;
            self.early.insert(operation.uid.clone(), Early { seq_no, term, version, is_delete });
        }
    }

    /// Whether a newer operation on the same document was here before it.
    fn is_overtaken(&self, operation: &Operation) -> bool {
        self.early.get(&operation.uid).is_some_and(|early| early.seq_no > operation.seq_no)
    }

    /// Nothing comes any more that has a number up to this one.
    fn all_up_to(&self) -> i64 {
        self.replayed.all_after(self.durable.all_up_to)
    }

    fn show(&mut self) -> Result<(), EngineError> {
        self.engine.refresh(0)?;
        self.shown_up_to = self.highest;
        let all_up_to = self.all_up_to();
        self.early.retain(|_, early| early.seq_no as i64 > all_up_to);
        Ok(())
    }

    /// Shows the rest. What is missing still may come from the primary, and must find the deletes after it.
    fn end(&mut self) -> Result<(), EngineError> {
        if self.count == 0 {
            return Ok(());
        }
        self.show()?;
        for (uid, early) in self.early.iter().filter(|(_, early)| early.is_delete) {
            let Early { seq_no, term, version, .. } = *early;
            let deleted = LiveVersion { seq_no, term, version, source: None };
            self.engine.versions.lock(uid).record(deleted, 0);
            self.engine.mark_dirty();
        }
        Ok(())
    }
}
