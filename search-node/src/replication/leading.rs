//! The primary of one term here: who writes is admitted, what was written is registered and sent, and whoever wrote waits until every
//! copy that counts has it.
//!
//! ```text
//!  admit ──▶ engine numbers it ──▶ register: sent to the others ──▶ own disk ──▶ wait: done everywhere, or the outcome is unknown
//! ```
//!
//! It ends when the map names another primary or term, or when the shard failed: nobody is told then that something is done.

mod confirming;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster::replication::{Primary, Replica, Settled};
use cluster::state::{ClusterState, CopyId, HandOver, NodeId, ShardCopies, ShardId};
use parking_lot::{Condvar, Mutex, MutexGuard};
use shard::{Applied, Operation, OperationKind, Shard};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::active_copies::ActiveWait;
use super::batch::{Admitted, Batch, Waiting};
use super::outside::{Outside, Stored};
use super::settings::ReplicationSettings;
use crate::error::ApiError;
use crate::planted::{Bug, is_planted};

/// How long a writer waits, beyond its patience with copies, for the map to let go of one that does not answer. As long as an
/// agreement takes that has to find another leader first.
const LOSS_WITHIN: Duration = Duration::from_secs(30);

/// The primary of one term.
pub(crate) struct Leading {
    pub(super) shard: ShardId,
    pub(super) copy: CopyId,
    pub(super) term: u64,
    /// The highest number when the term began.
    pub(super) resynced: i64,
    /// How often the shard had been mended then.
    mended: u64,
    pub(super) outside: Arc<dyn Outside>,
    pub(super) stored: Arc<dyn Stored>,
    pub(super) settings: ReplicationSettings,
    pub(super) runtime: Handle,
    state: Mutex<State>,
    settled: Condvar,
    /// Rises with every change, for those who feed other copies.
    pulse: watch::Sender<u64>,
    has_others: AtomicBool,
    is_over: AtomicBool,
    /// Whether the shard knows that it is the only copy. Held while that changes.
    is_only_copy: Mutex<bool>,
}

pub(super) struct State {
    pub(super) primary: Primary,
    /// The map as this primary was told, and its version.
    pub(super) copies: ShardCopies,
    map_version: u64,
    /// How many copies are wanted beside the primary.
    wanted: u32,
    /// Copies that somebody feeds.
    pub(super) fed: BTreeSet<CopyId>,
    /// Messages with operations of writers that are under way.
    pub(super) under_way: BTreeMap<CopyId, usize>,
    /// Copies that the map is asked to let go of.
    pub(super) losing: BTreeSet<CopyId>,
    hands_over_since: Option<Instant>,
}

/// How many copies there should be, and how many have what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) total: u32,
    pub(crate) successful: u32,
}

/// Why a copy does not begin to be primary.
pub(super) enum NotBegun {
    /// Its disk knows a later term than the map has; with another one it may be primary.
    LaterTerm(u64),
    Failed(ApiError),
}

impl From<ApiError> for NotBegun {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<shard::EngineError> for NotBegun {
    fn from(error: shard::EngineError) -> Self {
        Self::Failed(error.into())
    }
}

impl Leading {
    /// Begins to be primary of the term that the map has: nothing is missing below what the shard has, and it is all on the disk.
    pub(super) fn begin(
        shard: &ShardId,
        copy: CopyId,
        map: &ClusterState,
        stored: Arc<dyn Stored>,
        outside: Arc<dyn Outside>,
        settings: ReplicationSettings,
        runtime: Handle,
    ) -> Result<Arc<Self>, NotBegun> {
        let copies = map.shard(shard).cloned().unwrap_or_default();
        let term = copies.term();
        let mended = stored.mended();
        if stored.shard()?.must_roll_back() {
            stored.roll_back()?;
        }
        let open = stored.shard()?;
        let known = open.term();
        if known > term {
            return Err(NotBegun::LaterTerm(known));
        }
        open.set_term(term)?;
        // Whatever it was before: the map says below whether there are others.
        stored.set_only_copy(false)?;
        let (_, global, held) = open.held();
        let (last, gaps) = Replica::new(term, global, held).last_and_gaps();
        fill(&open, term, &gaps, stored.now_millis())?;
        open.sync_all()?;
        let primary = Primary::new(copy, &copies, last, global);
        let wanted = wanted(map, shard);
        let leading = Arc::new(Self {
            shard: shard.clone(),
            copy,
            term,
            resynced: last,
            mended,
            outside,
            stored,
            settings,
            runtime,
            state: Mutex::new(State {
                primary,
                copies,
                map_version: 0,
                wanted,
                fed: BTreeSet::new(),
                under_way: BTreeMap::new(),
                losing: BTreeSet::new(),
                hands_over_since: None,
            }),
            settled: Condvar::new(),
            pulse: watch::Sender::new(0),
            has_others: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            is_only_copy: Mutex::new(false),
        });
        leading.map_changed(map)?;
        Ok(leading)
    }

    /// Whether it is primary no longer.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Whether other copies get what is written.
    pub(crate) fn has_others(&self) -> bool {
        self.has_others.load(Ordering::Acquire)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Something has changed that others wait for.
    pub(super) fn tell(&self) {
        self.settled.notify_all();
        self.pulse.send_modify(|pulse| *pulse = pulse.wrapping_add(1));
    }

    pub(super) fn pulse(&self) -> watch::Receiver<u64> {
        self.pulse.subscribe()
    }

    /// It is primary no longer: of what is not done nobody knows what becomes.
    pub(super) fn end(&self) {
        if !self.is_over.swap(true, Ordering::AcqRel) {
            tracing::debug!(shard = %self.shard, copy = %self.copy, term = self.term, "a primary is over");
        }
        // Behind the lock, so that nobody who has just looked waits for what does not come.
        drop(self.state.lock());
        self.tell();
    }

    /// Lets a writer have one operation numbered, if no other copy is to be primary. One that has operations in `batch` is let in
    /// for as long as they have not been registered.
    pub(crate) fn admit_one(self: &Arc<Self>, batch: &Batch) -> Result<Option<Admitted>, ApiError> {
        let mut state = self.state.lock();
        if self.is_over() {
            return Err(self.moved("it is primary no longer"));
        }
        let admitted = if batch.is_waiting() { state.primary.admit_more(1) } else { state.primary.admit(1) };
        Ok(admitted.is_ok().then(|| Admitted::to(self)))
    }

    /// An operation that was let in got no number.
    pub(super) fn withdraw(&self) {
        self.state.lock().primary.withdrawn(1);
        self.tell();
    }

    /// Waits until writers may be let in again. Whoever waits has registered what was numbered for it: that is waited for.
    pub(crate) fn wait_open(&self) -> Result<(), ApiError> {
        let deadline = Instant::now() + self.settings.timeout;
        let mut state = self.state.lock();
        while state.primary.is_handing_over() {
            if self.is_over() {
                return Err(self.moved("it is primary no longer"));
            }
            if self.settled.wait_until(&mut state, deadline).timed_out() {
                return Err(self.moved("it hands over, and that takes long"));
            }
        }
        Ok(())
    }

    /// Whether the shard is the one that it was when the term began. One that was opened again because it had failed may lack
    /// numbers that were given out.
    pub(crate) fn check(&self) -> bool {
        if self.stored.mended() != self.mended {
            self.end();
        }
        !self.is_over()
    }

    /// Registers what was written and sends it to the other copies.
    pub(crate) fn register(self: &Arc<Self>, batch: &mut Batch) {
        let Waiting { seq_nos, bytes, count } = batch.take_waiting();
        let others: Vec<CopyId> = {
            let mut state = self.state.lock();
            // Where other copies count, nothing is done before this one has it on its disk.
            let settled = state.primary.begun(seq_nos.iter().copied());
            self.settle(&mut state, &settled);
            state.primary.others().collect()
        };
        if others.is_empty() {
            return;
        }
        if count as usize == seq_nos.len() {
            self.deliver(&others, &seq_nos, bytes.into(), count);
        } else {
            // There was no other copy when they were written: whoever feeds it finds them in the history.
            self.tell();
        }
    }

    /// Everything up to what was written last is on the disk here.
    pub(crate) fn is_on_own_disk(&self, batch: &Batch) {
        if let Some(newest) = batch.newest() {
            self.told(self.copy, &[], newest);
        }
    }

    /// What was written and nobody will wait for gets everywhere all the same.
    pub(crate) fn abandon(self: &Arc<Self>, mut batch: Batch) {
        if batch.is_empty() {
            return;
        }
        if batch.is_waiting() {
            self.register(&mut batch);
        }
        let leading = Arc::clone(self);
        self.runtime.spawn_blocking(move || {
            let synced = leading.stored.shard().and_then(|shard| Ok(shard.sync_all()?));
            match synced {
                Ok(()) => leading.is_on_own_disk(&batch),
                Err(error) => {
                    tracing::error!(shard = %leading.shard, reason = error.reason, "writes could not be synced")
                }
            }
        });
    }

    /// Waits until nothing is under way that was let in: what got a number is on every copy that counts. Whoever waits sees to it that
    /// nothing more is let in.
    pub(crate) fn wait_drained(&self) -> Result<(), ApiError> {
        let deadline = Instant::now() + self.settings.timeout;
        let mut state = self.state.lock();
        while !state.primary.is_drained() {
            if self.is_over() {
                return Err(self.moved("it is primary no longer"));
            }
            if self.settled.wait_until(&mut state, deadline).timed_out() {
                return Err(self.unavailable("writes that were let in before are still under way"));
            }
        }
        Ok(())
    }

    /// Waits until what was registered is on every copy that counts; `least` of them have to be there.
    pub(crate) fn wait(self: &Arc<Self>, batch: &Batch, least: u32) -> Result<Acknowledged, ApiError> {
        let (seq_nos, mut at) = (batch.seq_nos(), 0);
        let mut deadline = Instant::now() + self.settings.timeout;
        let mut is_late = false;
        let mut state = self.state.lock();
        loop {
            while seq_nos.get(at).is_some_and(|seq_no| !state.primary.is_pending(*seq_no)) {
                at += 1;
            }
            if at == seq_nos.len() || is_planted(Bug::AcknowledgeAlone) {
                break;
            }
            if self.is_over() {
                if is_planted(Bug::UnknownIsDone) {
                    break;
                }
                return Err(self.unknown("another copy has become primary, or the shard has failed"));
            }
            if self.settled.wait_until(&mut state, deadline).timed_out() {
                if is_late {
                    return Err(
                        self.unknown("other copies do not have it, and the map does not let go of them")
                    );
                }
                if is_planted(Bug::LateIsDone) {
                    break;
                }
                (is_late, deadline) = (true, Instant::now() + LOSS_WITHIN);
                let others: Vec<CopyId> = state.primary.others().collect();
                let late: Vec<CopyId> =
                    others.into_iter().filter(|copy| state.primary.waits_for(*copy)).collect();
                for copy in late {
                    self.lose(copy, "it did not answer in time", &mut state);
                }
            }
        }
        let total = state.wanted.saturating_add(1);
        let successful = u32::try_from(state.copies.in_sync().len()).unwrap_or(u32::MAX);
        if successful < least {
            return Err(self.unknown(&format!(
                "only [{successful}] copies are in sync and have it, and index.write.min_in_sync asks for [{least}]"
            )));
        }
        Ok(Acknowledged { total: total.max(successful), successful })
    }

    /// A copy has operations on its disk, and everything up to `local`.
    pub(super) fn told(&self, copy: CopyId, seq_nos: &[i64], local: i64) {
        let mut state = self.state.lock();
        let settled = state.primary.acknowledged(copy, seq_nos.iter().copied(), local);
        self.settle(&mut state, &settled);
    }

    fn settle(&self, state: &mut State, _done: &Settled) {
        let global = state.primary.global();
        if self.has_others()
            && let Some(shard) = self.stored.opened()
        {
            shard.raise_global(global);
        }
        self.tell();
    }

    /// The map has changed. Ends this primary if another one is named, or another term. Maps come from several sides: one that is
    /// older than what this primary has been told changes nothing.
    pub(super) fn map_changed(self: &Arc<Self>, map: &ClusterState) -> Result<(), ApiError> {
        if map.version < self.state.lock().map_version {
            return Ok(());
        }
        let Some(copies) = map
            .shard(&self.shard)
            .filter(|copies| copies.term() == self.term && copies.primary() == Some(self.copy))
        else {
            self.end();
            return Ok(());
        };
        if self.is_over() {
            return Ok(());
        }
        let mut is_only_copy = self.is_only_copy.lock();
        let (alone, is_last) = {
            let mut state = self.state.lock();
            if map.version < state.map_version {
                return Ok(());
            }
            state.map_version = map.version;
            let settled = state.primary.map_changed(copies);
            state.copies.clone_from(copies);
            state.wanted = wanted(map, &self.shard);
            let others: Vec<CopyId> = state.primary.others().collect();
            self.has_others.store(!others.is_empty(), Ordering::Release);
            self.settle(&mut state, &settled);
            for copy in &others {
                if state.fed.insert(*copy) {
                    self.feed(*copy);
                }
            }
            // One that is filled from files does not count before it catches up.
            (others.is_empty(), others.is_empty() && copies.present().len() == 1)
        };
        if *is_only_copy != alone {
            self.stored.set_only_copy(alone)?;
            *is_only_copy = alone;
        }
        if !is_last {
            // From now on, whoever goes: it may come back.
            self.stored.keep_history(true);
        } else if wanted(map, &self.shard) == 0 {
            self.stored.keep_history(false);
        }
        Ok(())
    }

    /// A copy that is being filled gets every operation from now on; it has everything up to `local`. Gives the number up to which
    /// it is sent what was before.
    pub(super) fn begin_catching_up(self: &Arc<Self>, copy: CopyId, local: i64) -> Result<i64, ApiError> {
        let mut is_only_copy = self.is_only_copy.lock();
        let shard = self.stored.shard()?;
        if std::mem::take(&mut *is_only_copy) {
            // Whatever is on this disk has counted for good so far; from now on it waits for the other copy.
            shard.sync_all()?;
            self.stored.set_only_copy(false)?;
            self.stored.keep_history(true);
            self.told(self.copy, &[], shard.global());
        }
        let mut state = self.state.lock();
        if self.is_over() {
            return Err(self.unavailable("it is primary no longer"));
        }
        if !state.copies.present().contains_key(&copy) {
            return Err(self.unavailable(&format!("the map has no copy {copy} on a node that is there")));
        }
        self.has_others.store(true, Ordering::Release);
        let before = state.primary.begin_catching_up(copy).max(shard.max_seq_no());
        let settled = state.primary.told(copy, local);
        self.settle(&mut state, &settled);
        if state.fed.insert(copy) {
            self.feed(copy);
        }
        Ok(before)
    }

    /// Whether a copy is sent operations, so that this primary goes by what the copy has told to have.
    pub(super) fn feeds(&self, copy: CopyId) -> bool {
        self.state.lock().primary.others().any(|other| other == copy)
    }

    /// A copy that got files cannot have been sent operations before, or what it told of them may be gone: this primary goes on
    /// without it then. It had asked before the files, and was heard late.
    pub(super) fn check_not_fed(self: &Arc<Self>, copy: CopyId) -> Result<(), ApiError> {
        if !self.feeds(copy) {
            return Ok(());
        }
        let reason = "it got files after it had been sent operations";
        self.lose(copy, reason, &mut self.state());
        Err(self.unavailable(&format!("copy {copy} has to begin as another one: {reason}")))
    }

    /// What the map is to be asked because this primary is to hand over.
    pub(super) fn hand_over_step(&self) -> Option<HandOverStep> {
        let mut state = self.state.lock();
        if !state.primary.is_handing_over() {
            state.hands_over_since = None;
            return state.primary.give_up_hand_over().map(HandOverStep::GiveUp);
        }
        let since = *state.hands_over_since.get_or_insert_with(Instant::now);
        if let Some(wanted) = state.primary.ask_to_hand_over() {
            return Some(HandOverStep::Ask(wanted));
        }
        if since.elapsed() < self.settings.timeout {
            return None;
        }
        let given_up = state.primary.give_up_hand_over().map(HandOverStep::GiveUp);
        drop(state);
        self.tell();
        given_up
    }

    /// Up to where all copies in sync are equal.
    pub(crate) fn global(&self) -> i64 {
        self.state.lock().primary.global()
    }

    /// Where a copy is, if it is there.
    pub(super) fn node_of(&self, copy: CopyId) -> Option<NodeId> {
        self.state.lock().copies.present().get(&copy).map(|copy| copy.node)
    }

    /// Waits until so many copies are started, if nobody has waited for them before.
    pub(crate) fn wait_active(&self, wait: ActiveWait) -> Result<(), ApiError> {
        let ActiveWait { copies: wanted, within, left } = wait;
        let deadline = Instant::now() + left.unwrap_or(within);
        let mut state = self.state.lock();
        loop {
            let active = state.copies.present().keys();
            let active = active.filter(|copy| state.copies.in_sync().contains(copy)).count() as u32;
            let asked = wanted.of(state.wanted);
            if active >= asked {
                return Ok(());
            }
            if self.is_over() || self.settled.wait_until(&mut state, deadline).timed_out() {
                return Err(self.unavailable(&format!(
                    "Not enough active copies to meet shard count of [{asked}] (have {active}, needed {asked}). Timeout: [{}ms]",
                    within.as_millis()
                )));
            }
        }
    }

    /// Whether so many copies are in sync that a write can be acknowledged. Looked at before anything is written; whether it still is
    /// so then, [`Self::wait`] tells.
    pub(crate) fn check_in_sync(&self, least: u32) -> Result<(), ApiError> {
        if least <= 1 {
            return Ok(());
        }
        let in_sync = self.state.lock().copies.in_sync().len();
        if in_sync >= least as usize {
            return Ok(());
        }
        Err(self.unavailable(&format!(
            "only [{in_sync}] copies are in sync, and index.write.min_in_sync asks for [{least}]; nothing was written"
        )))
    }

    /// Nothing was done, and another primary may do it.
    fn moved(&self, reason: &str) -> ApiError {
        ApiError::not_primary(&format!("shard {}: {reason}", self.shard))
    }

    pub(super) fn unavailable(&self, reason: &str) -> ApiError {
        let (index, number) = (self.stored.index_name(), self.shard.number);
        ApiError::new(503, "unavailable_shards_exception", format!("[{index}][{number}] {reason}"))
            .with("shard", number.to_string())
            .with("index", index)
            .with("index_uuid", self.shard.index.0.as_str())
    }

    fn unknown(&self, reason: &str) -> ApiError {
        tracing::warn!(shard = %self.shard, reason, "the outcome of writes is unknown");
        self.unavailable(&format!(
            "it is not known what became of the write: {reason}; read the document before writing it again"
        ))
        .with("outcome", "unknown")
    }
}

/// What the map is to be asked about a hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HandOverStep {
    /// All is done: the other copy is to be primary.
    Ask(HandOver),
    /// It took too long: this one goes on.
    GiveUp(HandOver),
}

/// Puts nothing where operations are missing: nobody was told that they were done.
fn fill(shard: &Shard, term: u64, gaps: &[i64], now_millis: i64) -> Result<(), ApiError> {
    let mut run = shard.apply_run(term, now_millis);
    for gap in gaps {
        let nothing = Operation {
            kind: OperationKind::NoOp,
            seq_no: *gap as u64,
            term,
            version: 0,
            uid: String::new(),
            routing: String::new(),
            source: Vec::new(),
        };
        if let Applied::NeedsMapping(_) = run.apply(&nothing)? {
            return Err(ApiError::internal(format!("operation [{gap}] that does nothing asks for fields")));
        }
    }
    Ok(())
}

fn wanted(map: &ClusterState, shard: &ShardId) -> u32 {
    let entry = map.indices.get(&shard.index);
    entry.map_or(0, |entry| map.wanted_replicas(entry))
}
