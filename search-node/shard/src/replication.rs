//! The façade of a shard that is one of several copies: what whoever replicates calls.

use std::collections::BTreeMap;

use crate::engine::{ApplyRun, CopyDigest, EngineError, FilesSnapshot, History};
use crate::shard::Shard;

impl Shard {
    /// The primary term under which it goes on.
    pub fn term(&self) -> u64 {
        self.engine.translog_term()
    }

    /// Goes on under a higher primary term; durable when this returns. A lower one than the translog knows is refused. Runs that began
    /// under an older term are refused from then on.
    pub fn set_term(&self, term: u64) -> Result<(), EngineError> {
        self.engine.set_term(term)
    }

    /// Begins a run of operations that the primary of `term` has sent, which is the term of the shard. Each counts once
    /// [`Shard::sync`] has returned for it or for a later one.
    pub fn apply_run(&self, term: u64, now_millis: i64) -> ApplyRun {
        ApplyRun::new(&self.engine, term, now_millis)
    }

    /// Whether it is the only copy: then whatever is on its disk counts for good, and a flush waits for nobody.
    pub fn set_only_copy(&self, is_only_copy: bool) -> Result<(), EngineError> {
        self.engine.set_only_copy(is_only_copy)
    }

    /// All copies in sync are equal up to `seq_no`. It is durable with the next sync, flush or closing. No more is believed than that
    /// this copy has everything up to there.
    pub fn raise_global(&self, seq_no: i64) {
        self.engine.raise_global(seq_no);
    }

    /// The global checkpoint: up to here all copies in sync are equal, for good; -1 when there is nothing.
    pub fn global(&self) -> i64 {
        self.engine.global()
    }

    /// The local checkpoint: the highest number up to which this copy has every operation, on the disk or not; -1 when there is none.
    pub fn local(&self) -> i64 {
        self.engine.local()
    }

    /// The highest number of an operation; -1 when there is none.
    pub fn max_seq_no(&self) -> i64 {
        self.engine.max_seq_no()
    }

    /// The term, the global checkpoint, and the operations beyond that with the terms in which they were numbered.
    pub fn held(&self) -> (u64, i64, BTreeMap<i64, u64>) {
        self.engine.held()
    }

    /// Drops operations that the primary of `term` does not have; durable when this returns. If the shard has any of them,
    /// [`Shard::must_roll_back`] is true from then on.
    pub fn drop_operations(&self, term: u64, seq_nos: &[u64]) -> Result<(), EngineError> {
        self.engine.drop_operations(term, seq_nos)
    }

    /// Whether it shows operations that were dropped or replaced. It takes operations still, but writes of its own and flushes are
    /// refused until it is opened again, by [`Shard::roll_back`] or otherwise.
    pub fn must_roll_back(&self) -> bool {
        self.engine.has_to_roll_back()
    }

    /// Opens the shard again from its last durable state and the operations that count. Nobody may use it: see [`Shard::is_alone`].
    /// If it fails, [`Shard::open`] does the same once what stood in the way is gone.
    pub fn roll_back(self) -> Result<Self, EngineError> {
        Ok(Self { engine: crate::engine::roll_back(self.engine)? })
    }

    /// Keeps operations from this number on for copies that return, as far as `index.translog.retention.size` allows; without a
    /// number none are kept for them. What is gone already does not come back.
    pub fn keep_history_from(&self, from: Option<u64>) {
        self.engine.keep_history_from(from);
    }

    /// The lowest number from which on this copy has every operation to tell.
    pub fn history_from(&self) -> u64 {
        self.engine.history_from()
    }

    /// Every operation from `from` up to `to`, or to the newest there is now. Fails if it is not kept any more.
    pub fn history(&self, from: u64, to: Option<u64>) -> Result<History, EngineError> {
        History::begin(&self.engine, from, to)
    }

    /// The files of the last durable state. They stay as long as what is given lives; the shard is in use meanwhile.
    pub fn snapshot_files(&self, now_millis: i64) -> Result<FilesSnapshot, EngineError> {
        self.engine.snapshot_files(now_millis)
    }

    /// What it holds as one number, equal to that of every copy with the same documents. It shows everything first.
    pub fn digest(&self, now_millis: i64) -> Result<CopyDigest, EngineError> {
        self.engine.digest(now_millis)
    }
}
