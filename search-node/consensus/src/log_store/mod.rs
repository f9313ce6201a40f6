//! The log of the consensus on the disk: what was promised to the other nodes, and must outlive a power cut.
//!
//! It holds a vote, entries and how many of the first of them were given up for a snapshot. It knows positions and bytes,
//! and nothing of who leads or what the bytes mean; `raft` fits it to the library.
//!
//! # Invariants
//!
//! - Whatever a call has returned is on the disk: entries, cuts, votes, what was given up.
//! - Entries follow one another without a gap, and a vote never goes back.
//! - Once a write or a sync failed, nothing more is written until the store is opened again: what of the failed one is on
//!   the disk is unknown, and a second sync would not tell.
//!
//! The byte layout is in `docs/formats/raft-log.md`.

mod error;
mod mark;
mod open;
mod position;
mod record;
mod segment;
mod slots;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use disk::Disk;
use serde::{Deserialize, Serialize};

pub use error::StoreError;
pub use open::holds_promises;
pub(crate) use position::{Ballot, Position};
use record::PAYLOAD_BYTES_MAX;
pub(crate) use record::Record;
use segment::Segment;
use slots::SlotFile;

/// What is proposed stands in a record with a few bytes of its own.
pub(crate) const PROPOSAL_BYTES_MAX: usize = PAYLOAD_BYTES_MAX - 64;
/// A segment is closed beyond this size. Segments are what is deleted after a snapshot, and read as a whole at a start.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 8 << 20;

/// The store.
pub(crate) struct LogStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    segment_bytes_max: u64,
    vote_file: SlotFile,
    vote: Option<Ballot>,
    extent_file: SlotFile,
    extent: Extent,
    segments: Vec<Segment>,
    /// The failure since which nothing is written.
    fence: Option<String>,
}

/// Where the log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Extent {
    /// The first index, of a log of which nothing was given up yet.
    begin: u64,
    /// Everything up to here was given up: a snapshot holds it.
    purged: Option<Position>,
    /// Whether there was a segment; from then on there always is one.
    has_segments: bool,
}

impl Extent {
    /// The first index that is there, or would be.
    fn first(&self) -> u64 {
        self.purged.map_or(self.begin, |purged| purged.index.saturating_add(1))
    }
}

impl LogStore {
    /// The vote that was given last.
    pub(crate) fn vote(&self) -> Option<Ballot> {
        self.vote
    }

    /// Up to where entries were given up.
    pub(crate) fn purged(&self) -> Option<Position> {
        self.extent.purged
    }

    /// The last entry, or the last one that was given up if there is none.
    pub(crate) fn last(&self) -> Option<Position> {
        let last = self.segments.iter().rev().find_map(Segment::last);
        last.filter(|last| last.index >= self.extent.first()).or(self.extent.purged)
    }

    /// Gives a vote, durably.
    pub(crate) fn save_vote(&mut self, vote: Ballot) -> Result<(), StoreError> {
        if let Some(held) = self.vote.filter(|held| *held > vote) {
            return Err(StoreError::OldVote { held: held.term, got: vote.term });
        }
        self.guarded(|store| {
            store.vote_file.write(&Some(vote))?;
            store.vote = Some(vote);
            Ok(())
        })
    }

    /// Appends entries, durably.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let Some(first) = records.first().map(|record| record.at.index) else { return Ok(()) };
        if let Some(bytes) =
            records.iter().map(|record| record.payload.len()).find(|n| *n > PAYLOAD_BYTES_MAX)
        {
            return Err(StoreError::TooLong { bytes, max: PAYLOAD_BYTES_MAX });
        }
        // An empty log of which nothing was given up may begin anywhere.
        let expected = self.last().map_or(first, |last| last.index + 1);
        let gap = records.iter().zip(expected..).find(|(record, next)| record.at.index != *next);
        if let Some((record, expected)) = gap {
            return Err(StoreError::Gap { expected, got: record.at.index });
        }
        self.guarded(|store| store.segment_for(first)?.append(records))
    }

    /// Removes the entries from `index` on, durably.
    pub(crate) fn truncate(&mut self, index: u64) -> Result<(), StoreError> {
        // What a snapshot holds was agreed on, and is never taken back.
        let index = index.max(self.extent.first());
        if self.last().is_none_or(|last| last.index < index) {
            return Ok(());
        }
        self.guarded(|store| store.cut_from(index))
    }

    /// Gives up the entries up to a position: the disk may have their room.
    pub(crate) fn purge(&mut self, upto: Position) -> Result<(), StoreError> {
        if self.extent.purged.is_some_and(|purged| purged.index >= upto.index) {
            return Ok(());
        }
        self.guarded(|store| {
            store.set_extent(Extent { purged: Some(upto), ..store.extent })?;
            store.drop_purged_segments()
        })
    }

    /// Reads entries in a range, as many as have so many bytes together, and one at least.
    pub(crate) fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Record>, StoreError> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        let end = range.end.min(self.last().map_or(0, |last| last.index.saturating_add(1)));
        for index in range.start.max(self.extent.first())..end {
            let behind = self.segments.partition_point(|segment| segment.first() <= index);
            let Some(segment) = behind.checked_sub(1).and_then(|at| self.segments.get(at)) else { break };
            let Some(more) = segment.bytes_of(index) else { break };
            bytes += more;
            if bytes > bytes_max && !records.is_empty() {
                break;
            }
            records.extend(segment.read(index)?);
        }
        Ok(records)
    }

    /// Makes durable how far everything was synced, so that damage of the last entries is told from a torn write.
    pub(crate) fn close(&mut self) -> Result<(), StoreError> {
        self.guarded(|store| store.segments.last().map_or(Ok(()), Segment::sync))
    }

    /// Does something that writes, unless something failed before.
    fn guarded<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(first) = &self.fence {
            return Err(StoreError::Fenced { first: first.clone() });
        }
        let done = act(self);
        if let Err(error) = &done {
            tracing::error!(folder = %self.folder.display(), %error, "the log of the consensus accepts nothing more");
            self.fence = Some(error.to_string());
        }
        done
    }

    fn set_extent(&mut self, extent: Extent) -> Result<(), StoreError> {
        self.extent_file.write(&extent)?;
        self.extent = extent;
        Ok(())
    }

    /// The segment that takes the entry with this index, a new one if there is none or it is full.
    fn segment_for(&mut self, index: u64) -> Result<&mut Segment, StoreError> {
        let fits = |segment: &Segment| segment.next() == index;
        let is_full = self.segments.last().is_some_and(|last| last.bytes() >= self.segment_bytes_max);
        match self.segments.last_mut() {
            Some(last) if fits(last) && is_full => {
                let next = Segment::create(self.disk.as_ref(), &self.folder, index)?;
                last.seal()?;
                self.segments.push(next);
            }
            Some(last) if fits(last) => {}
            // There is no entry: the log begins here.
            _ => {
                self.begin_segments_at(index)?;
                self.set_extent(Extent { begin: index, has_segments: true, ..self.extent })?;
            }
        }
        let folder = &self.folder;
        self.segments.last_mut().ok_or_else(|| StoreError::damaged(folder, "no segment"))
    }

    /// Makes an empty segment the only one.
    fn begin_segments_at(&mut self, index: u64) -> Result<(), StoreError> {
        let next = Segment::create(self.disk.as_ref(), &self.folder, index)?;
        let before = std::mem::take(&mut self.segments);
        let old = before.iter().filter(|segment| segment.path() != next.path()).map(Segment::path);
        let removed = old.map(|path| self.remove(path)).collect::<Result<Vec<()>, _>>();
        self.segments.push(next);
        removed.map(|_| ())
    }

    /// Removes a segment, durably: the next may only go once this one has.
    fn remove(&self, path: &std::path::Path) -> Result<(), StoreError> {
        self.disk.remove(path).map_err(StoreError::disk(path))?;
        self.disk.sync_folder(&self.folder).map_err(StoreError::disk(&self.folder))
    }

    fn cut_from(&mut self, index: u64) -> Result<(), StoreError> {
        let keep = self.segments.partition_point(|segment| segment.first() <= index).max(1);
        for segment in self.segments.iter_mut().skip(keep - 1) {
            segment.give_up_from(index)?;
        }
        // The newest first, so that a power cut in between leaves no gap.
        while self.segments.len() > keep {
            if let Some(newest) = self.segments.pop() {
                self.remove(newest.path())?;
            }
        }
        self.segments.last_mut().map_or(Ok(()), |last| last.cut(index))
    }

    /// Removes the segments of which every entry was given up, the oldest first, but for one.
    fn drop_purged_segments(&mut self) -> Result<(), StoreError> {
        let first = self.extent.first();
        let is_behind = self.segments.last().is_some_and(|last| last.next() < first);
        if is_behind {
            return self.begin_segments_at(first);
        }
        while self.segments.len() > 1 && self.segments[0].next() <= first {
            let oldest = self.segments.remove(0);
            self.remove(oldest.path())?;
        }
        Ok(())
    }
}
