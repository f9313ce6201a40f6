//! What a copy needs to be one of several: terms, the global checkpoint, and letting go of what the primary does not have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Engine, EngineError, EngineOptions};
use crate::translog::TranslogError;

impl Engine {
    /// Goes on under a higher term; durable when this returns. Writes and operations of older terms are refused from then on.
    pub(crate) fn set_term(&self, term: u64) -> Result<(), EngineError> {
        let _closed = self.writers.close();
        Ok(self.translog.set_term(term)?)
    }

    /// Writes down that operations do not count, for the primary of `term` does not have them; durable when this returns. What shows
    /// them has to be opened again.
    pub(crate) fn drop_operations(&self, term: u64, seq_nos: &[u64]) -> Result<(), EngineError> {
        let _closed = self.writers.close();
        let known = self.translog.term();
        if term != known {
            return Err(TranslogError::OldTerm { given: term, known }.into());
        }
        if self.translog.void(seq_nos)? {
            self.must_roll_back();
        }
        Ok(())
    }

    /// Whether there is no other copy.
    pub(crate) fn set_only_copy(&self, is_only_copy: bool) -> Result<(), EngineError> {
        Ok(self.translog.set_only_copy(is_only_copy)?)
    }

    pub(crate) fn translog_term(&self) -> u64 {
        self.translog.term()
    }

    pub(crate) fn raise_global(&self, seq_no: i64) {
        self.translog.raise_global(seq_no);
    }

    pub(crate) fn leave_alone(&self) {
        self.translog.leave_alone();
    }

    pub(crate) fn global(&self) -> i64 {
        self.translog.global()
    }

    pub(crate) fn local(&self) -> i64 {
        self.translog.local()
    }

    pub(crate) fn keep_history_from(&self, from: Option<u64>) {
        self.translog.keep_from(from);
    }

    pub(crate) fn history_from(&self) -> u64 {
        self.translog.history_from()
    }

    /// The shard shows what does not count any more.
    pub(super) fn must_roll_back(&self) {
        self.shows_dropped.store(true, Ordering::Release);
    }

    pub(crate) fn has_to_roll_back(&self) -> bool {
        self.shows_dropped.load(Ordering::Acquire)
    }

    /// Term, global checkpoint, and what is held beyond that.
    pub(crate) fn held(&self) -> (u64, i64, BTreeMap<i64, u64>) {
        let (global, held) = self.translog.held();
        let held = held.iter().map(|(seq_no, term)| (seq_no as i64, term)).collect();
        (self.translog.term(), global, held)
    }
}

/// Opens an engine again, so that it shows what counts and nothing else.
pub(crate) fn roll_back(engine: Arc<Engine>) -> Result<Arc<Engine>, EngineError> {
    let path = engine.folder.display().to_string();
    let engine = Arc::into_inner(engine).ok_or(EngineError::InUse { path })?;
    // What was taken and not synced was acknowledged by nobody, but there is no reason to lose it.
    engine.translog.sync_all()?;
    let (folder, options, shared) = (engine.folder.clone(), engine.options.clone(), engine.shared.clone());
    let (mapping, term) = (Arc::clone(&engine.layout().mapping), engine.translog.term());
    let is_only_copy = engine.translog.is_only_copy();
    drop(engine);
    Engine::open(&folder, mapping, EngineOptions { term, is_only_copy, ..options }, shared)
}
