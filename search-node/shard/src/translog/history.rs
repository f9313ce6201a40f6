//! History: what a translog holds from a number on, for a copy that returns.

use super::census::Census;
use super::error::TranslogError;
use super::file::{Records, generation_path, header_of};
use super::operation::{Operation, SEQ_NO_MAX, Seed};
use super::terms::Terms;
use super::writer::{Position, Translog};

/// A history that is being read. The generations it needs stay until [`Translog::end_history`].
pub(crate) struct HistoryReader {
    from: u64,
    to: u64,
    /// The number up to which all must be there.
    complete_to: i64,
    pub(super) first: u64,
    next: u64,
    end: Position,
    /// Which records count, where not all do.
    census: Option<Census>,
    records: Option<(u64, Records)>,
    read: Terms,
}

impl Translog {
    /// The lowest number from which on there is everything.
    pub(crate) fn history_from(&self) -> u64 {
        self.state().kept.history_from
    }

    /// Begins to read operations from `from` up to `to`, or to the newest one that there is now.
    pub(crate) fn begin_history(&self, from: u64, to: Option<u64>) -> Result<HistoryReader, TranslogError> {
        // No operation has a higher number, and none is asked for then.
        let from = from.min(SEQ_NO_MAX + 1);
        self.sync_all()?;
        let (first, end, global) = {
            // While this is held no generation begins and none goes.
            let mut state = self.state();
            let (end, global) = self.hand_over()?;
            let kept_from = state.kept.history_from;
            if from < kept_from {
                return Err(TranslogError::NotRetained { from, kept_from });
            }
            (state.kept.enter(from, end.generation), end, global)
        };
        let to = to.unwrap_or(u64::MAX);
        let mut reader = HistoryReader {
            from,
            to,
            complete_to: global.min(i64::try_from(to).unwrap_or(i64::MAX)),
            first,
            next: first,
            end,
            census: None,
            records: None,
            read: Terms::default(),
        };
        let census = self.census_of(&reader);
        reader.census = census.inspect_err(|_| self.end_history(&reader))?;
        Ok(reader)
    }

    /// The generations of a history are no longer needed.
    pub(crate) fn end_history(&self, reader: &HistoryReader) {
        self.state().kept.leave(reader.first);
    }

    /// A number has several records only if they were written under several primaries.
    fn census_of(&self, reader: &HistoryReader) -> Result<Option<Census>, TranslogError> {
        let seed = |generation| Seed { translog_id: self.seed_id, generation };
        let term = |generation| header_of(&self.folder, seed(generation)).map(|header| header.term);
        let mut generations = reader.first..=reader.end.generation;
        if generations.all(|generation| term(generation).is_some_and(|own| Some(own) == term(reader.first))) {
            return Ok(None);
        }
        let mut census = Census::default();
        for generation in reader.first..=reader.end.generation {
            let mut records = self.records(generation, reader.end)?;
            let mut at = records.offset();
            while let Some(operation) = records.next()? {
                if operation.seq_no >= reader.from {
                    census.note(&operation, (generation, at));
                }
                at = records.offset();
            }
        }
        Ok(Some(census))
    }

    fn records(&self, generation: u64, end: Position) -> Result<Records, TranslogError> {
        let records = Records::open(&self.folder, Seed { translog_id: self.seed_id, generation })?;
        Ok(if generation == end.generation { records.until(end.offset) } else { records })
    }

    /// The next operation of a history; none at its end. Every one was verified by its checksum.
    pub(crate) fn next_of_history(
        &self,
        reader: &mut HistoryReader,
    ) -> Result<Option<Operation>, TranslogError> {
        loop {
            let (generation, records) = match &mut reader.records {
                Some((generation, records)) => (*generation, records),
                None if reader.next > reader.end.generation => {
                    return self.check_complete(reader).map(|()| None);
                }
                None => {
                    let generation = reader.next;
                    reader.next += 1;
                    let records = self.records(generation, reader.end)?;
                    (generation, &mut reader.records.insert((generation, records)).1)
                }
            };
            let at = records.offset();
            let Some(operation) = records.next()? else {
                if let Some(reason) = records.stopped() {
                    let path = generation_path(&self.folder, generation);
                    return Err(TranslogError::corrupt(&path, at, reason));
                }
                reader.records = None;
                continue;
            };
            let counts =
                reader.census.as_ref().is_none_or(|census| census.counts(&operation, (generation, at)));
            if counts && (reader.from..=reader.to).contains(&operation.seq_no) {
                reader.read.insert(operation.seq_no, operation.term);
                return Ok(Some(operation));
            }
        }
    }

    /// A generation that was cut between two operations is not taken for a whole one.
    fn check_complete(&self, reader: &HistoryReader) -> Result<(), TranslogError> {
        let reached = reader.read.all_after(reader.from as i64 - 1);
        if reached >= reader.complete_to {
            return Ok(());
        }
        let reason = format!("operation [{}] of the history is missing", reached + 1);
        Err(TranslogError::corrupt(&self.folder, 0, reason))
    }
}
