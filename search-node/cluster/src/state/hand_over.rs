//! A primary hands over to another copy without a break in what it acknowledges.
//!
//! ```text
//!  begin_hand_over(to)          the primary lets nobody begin, until all that was begun is done
//!        │ attempt n             (see `replication::Primary`), and says so:
//!        ├─ hand_over(n) ──────► `to` is primary in the next term
//!        └─ abort(n) ──────────► the primary goes on
//! ```
//!
//! Safety rests on nothing of this: only a copy in sync is handed to, and with the term the old primary is over. What the attempt's
//! number adds is that no write is broken off: a primary that goes on after an abort cannot be overtaken by what it asked before.

use serde::{Deserialize, Serialize};

use super::{CopyError, CopyId, ShardCopies, Stage};

/// The primary is to hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    pub to: CopyId,
    /// No other hand-over of this shard ever has this number.
    pub attempt: u64,
}

impl ShardCopies {
    /// The hand-over that is under way.
    pub fn hand_over_under_way(&self) -> Option<HandOver> {
        self.hand_over
    }

    /// The primary of `term` is to hand over to a copy, which has to be in sync and there.
    pub fn begin_hand_over(&mut self, to: CopyId, term: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        self.check_successor(to)?;
        if self.hand_over.is_some() {
            return Err(CopyError::HandsOver(to));
        }
        self.hand_overs += 1;
        self.hand_over = Some(HandOver { to, attempt: self.hand_overs });
        Ok(())
    }

    /// The primary of `term` has finished what was begun: the other copy is primary from now on. The old one is a copy in sync
    /// like others.
    pub fn hand_over(&mut self, to: CopyId, term: u64, attempt: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        if self.hand_over != Some(HandOver { to, attempt }) {
            return Err(CopyError::NoHandOver { to, attempt });
        }
        self.check_successor(to)?;
        self.becomes_primary(to);
        Ok(())
    }

    /// The primary of `term` goes on.
    pub fn abort_hand_over(&mut self, term: u64, attempt: u64) -> Result<(), CopyError> {
        self.check_term(term)?;
        if self.hand_over.is_none_or(|under_way| under_way.attempt != attempt) {
            return Err(CopyError::NoAttempt(attempt));
        }
        self.hand_over = None;
        Ok(())
    }

    fn check_successor(&self, to: CopyId) -> Result<(), CopyError> {
        if self.primary == Some(to) {
            return Err(CopyError::IsPrimary(to));
        }
        let is_started = self.present.get(&to).is_some_and(|copy| copy.stage == Stage::Started);
        if is_started && self.in_sync.contains(&to) { Ok(()) } else { Err(CopyError::Absent(to)) }
    }
}
