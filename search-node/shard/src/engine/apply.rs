//! Applying: operations that another copy has numbered, in whatever order they come.
//!
//! An operation is written down under its own number, once. It goes into a segment unless a newer one on the same document is
//! known. So copies that have the same operations show the same documents.

use std::sync::Arc;

use super::versions::LiveVersion;
use super::write::{Numbers, Place, read_document};
use super::writers::Seat;
use super::{Engine, EngineError, Written};
use crate::mapping::{Mapping, SharedValues, Strictness};
use crate::translog::{Foreign, Location, Operation, OperationKind, TranslogError};

/// What became of an operation of another copy.
#[derive(Debug)]
pub enum Applied {
    /// It is there, now or from before. It counts once [`Shard::sync`](crate::Shard::sync) has returned for it.
    Done(Written),
    /// Nothing was done: the mapping lacks these fields. It is to be applied again once the mapping has come.
    NeedsMapping(Box<Mapping>),
}

/// Operations of one primary, one after the other.
pub struct ApplyRun {
    engine: Arc<Engine>,
    origin: Origin,
    seat: Seat,
    values: SharedValues,
}

/// Where the operations of a run come from.
#[derive(Debug, Clone, Copy)]
struct Origin {
    /// The term of the primary.
    term: u64,
    now_millis: i64,
}

impl ApplyRun {
    pub(crate) fn new(engine: &Arc<Engine>, term: u64, now_millis: i64) -> Self {
        let (seat, values) = (engine.writers.sit(), SharedValues::default());
        Self { engine: Arc::clone(engine), origin: Origin { term, now_millis }, seat, values }
    }

    /// Applies one operation that the primary of this run's term has sent. Twice the same does no harm. It is refused once the shard
    /// has heard of a newer primary.
    pub fn apply(&mut self, operation: &Operation) -> Result<Applied, EngineError> {
        let Self { engine, origin, seat, values } = self;
        engine.apply(operation, *origin, seat, values)
    }
}

impl Engine {
    fn apply(
        &self,
        operation: &Operation,
        origin: Origin,
        seat: &mut Seat,
        values: &mut SharedValues,
    ) -> Result<Applied, EngineError> {
        check(operation, origin.term)?;
        self.throttle.wait(self.options.merge.throttle_max);
        let writing = self.writing.load();
        let layout = &writing.layout;
        if operation.kind == OperationKind::Index {
            let (uid, source) = (&operation.uid, &operation.source);
            match read_document(layout, uid, source, values, Strictness::Accepted) {
                Ok(None) => {}
                Ok(Some(lacking)) => return Ok(Applied::NeedsMapping(lacking)),
                Err(error @ EngineError::NotJson(_)) => return Err(error),
                // The primary took it, which this build would not: it has no fields.
                Err(error) => self.keep_unread(operation, values, &error.to_string()),
            }
        }
        let (written, spill) = {
            let mut segment = self.writers.take(seat);
            // While the segment is held the term cannot change: this and what was noted of an older primary are never mixed up.
            let known = self.translog.term();
            if origin.term != known {
                return Err(TranslogError::OldTerm { given: origin.term, known }.into());
            }
            if operation.kind == OperationKind::NoOp {
                return Ok(Applied::Done(written(operation, self.note(operation)?.0, false)));
            }
            let versions = self.versions.lock(&operation.uid);
            let current = self.current(&versions, &operation.uid)?;
            let existed = current.is_some_and(|current| !current.deleted);
            let (location, is_new) = self.note(operation)?;
            let is_newest = current.is_none_or(|current| current.seq_no < operation.seq_no);
            let mut spill = None;
            if is_new && is_newest {
                let is_index = operation.kind == OperationKind::Index;
                if is_index {
                    let added =
                        self.add(&mut segment, layout, values, Place::of(operation), Numbers::of(operation));
                    spill = added.map_err(|error| EngineError::Unsettled(error.to_string()))?;
                }
                if existed {
                    self.superseded.lock().push(&operation.uid, operation.seq_no);
                }
                let Operation { seq_no, term, version, .. } = *operation;
                let source = is_index.then_some(location);
                versions.record(LiveVersion { seq_no, term, version, source }, origin.now_millis);
                self.mark_dirty();
            }
            (written(operation, location, existed), spill)
        };
        self.finish_spill(spill).map_err(|error| EngineError::Unsettled(error.to_string()))?;
        Ok(Applied::Done(written))
    }

    /// Writes the operation down, unless it is there. Gives where, and whether it is for a segment too: one that takes the place of
    /// another is not, since that one may be in a segment already, and only opening the shard again takes it out.
    fn note(&self, operation: &Operation) -> Result<(Location, bool), EngineError> {
        match self.translog.append_as(operation.seq_no, &operation.draft())? {
            Foreign::New(location) => Ok((location, true)),
            Foreign::Known(location) => Ok((location, false)),
            Foreign::Instead(location) => {
                self.must_roll_back();
                Ok((location, false))
            }
        }
    }
}

fn written(operation: &Operation, location: Location, existed: bool) -> Written {
    let Operation { seq_no, term, version, .. } = *operation;
    Written { seq_no, term, version, existed, location: Some(location) }
}

/// Whether the primary of a term can have sent it.
fn check(operation: &Operation, term: u64) -> Result<(), EngineError> {
    let refuse = |reason: String| Err(EngineError::Foreign { seq_no: operation.seq_no, reason });
    match operation.kind {
        OperationKind::Void => refuse("it says that another is dropped, which no primary sends".to_owned()),
        _ if operation.term > term => refuse(format!(
            "it was numbered in term [{}], and the primary is of term [{term}]",
            operation.term
        )),
        OperationKind::Index | OperationKind::Delete if operation.uid.is_empty() => {
            refuse("it names no document".to_owned())
        }
        _ => Ok(()),
    }
}
