//! What the agreed entries make: the state, the same on every node.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openraft::storage::{RaftSnapshotBuilder, RaftStateMachine, Snapshot as RaftSnapshot};
use openraft::{
    AnyError, BasicNode, Entry, EntryPayload, LogId, OptionalSend, SnapshotMeta, StorageError,
    StorageIOError, StoredMembership,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io::Cursor;
use tokio::sync::watch;

use crate::blocking::blocking;
use crate::log_store::StoreError;
use crate::payload::Members;
use crate::snapshot::{Manifest, Snapshot, SnapshotFile};
use crate::types::{Bytes, Types};

/// What the nodes agree on. Every node applies the same proposals in the same order, so nothing but the proposals may
/// decide what they make: no clock, no chance, no order of a hash map.
pub trait StateMachine: Send + 'static {
    /// Applies a proposal that a majority has on its disks; the answer goes to whoever proposed it.
    fn apply(&mut self, place: Place, proposal: &[u8]) -> Vec<u8>;
    /// The whole state. One that cannot be written takes the place of none that was.
    fn snapshot(&self) -> Result<Vec<u8>, SnapshotError>;
    /// Replaces the state by one that [`StateMachine::snapshot`] gave, here or on another node.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError>;
}

/// Where a proposal stands among all that were agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Everything with a smaller one was applied before.
    pub index: u64,
    /// The reign in which it was proposed.
    pub reign: Reign,
}

/// The time from when a node begins to lead until another does, or the same one is chosen anew. One that goes on leading after it
/// was started again does so in the same reign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reign {
    /// The term.
    pub term: u64,
    /// The node that leads.
    pub node: u64,
}

/// Why a state could not be written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SnapshotError(pub String);

/// Why a state could not be restored.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct RestoreError(pub String);

/// The state of this node; clones are the same.
pub(crate) struct Applied<S> {
    shared: Arc<Shared<S>>,
}

pub(crate) struct Shared<S> {
    node: u64,
    machine: Mutex<Machine<S>>,
    file: Mutex<SnapshotFile>,
    /// Snapshots that this process has begun: part of their names.
    begun: AtomicU64,
    index: watch::Sender<u64>,
}

struct Machine<S> {
    state: S,
    last: Option<LogId<u64>>,
    members: StoredMembership<u64, BasicNode>,
}

impl<S> Clone for Applied<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> Deref for Applied<S> {
    type Target = Shared<S>;

    fn deref(&self) -> &Shared<S> {
        &self.shared
    }
}

impl<S: StateMachine> Applied<S> {
    /// The state as the snapshot on the disk has it; the entries that follow are applied once they are known to be
    /// agreed on.
    pub(crate) fn new(
        node: u64,
        state: S,
        file: SnapshotFile,
        snapshot: Option<Snapshot>,
    ) -> Result<Self, StoreError> {
        let machine = Machine { state, last: None, members: StoredMembership::default() };
        let shared = Shared {
            node,
            machine: Mutex::new(machine),
            file: Mutex::new(file),
            begun: AtomicU64::new(0),
            index: watch::Sender::default(),
        };
        let applied = Self { shared: Arc::new(shared) };
        if let Some(snapshot) = snapshot {
            applied.restore(&snapshot)?;
        }
        Ok(applied)
    }

    /// Looks at the state.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        look(&self.machine.lock().state)
    }

    /// The index of the last entry that the state is made of.
    pub(crate) fn index(&self) -> watch::Receiver<u64> {
        self.index.subscribe()
    }

    fn restore(&self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let Manifest { last, members, members_at, .. } = snapshot.manifest.clone();
        let mut machine = self.machine.lock();
        let restored = machine.state.restore(&snapshot.state);
        restored.map_err(|error| self.file.lock().refuse(error.to_string()))?;
        machine.last = last.map(Into::into);
        machine.members = members.stored(members_at);
        self.index.send_replace(last.map_or(0, |last| last.index));
        Ok(())
    }

    /// The state as it is now.
    fn take(&self) -> Result<Snapshot, StoreError> {
        let machine = self.machine.lock();
        let last = machine.last.map(Into::into);
        let members = Members::of(machine.members.membership());
        let members_at = machine.members.log_id().map(Into::into);
        // No other node and no other run of this one gives the same name: the parts of two must never be mixed.
        let run = uuid::Uuid::new_v4().simple();
        let id = format!("{}-{}-{run}", self.node, self.begun.fetch_add(1, Ordering::Relaxed));
        let state = machine.state.snapshot();
        let state = state.map_err(|error| self.file.lock().refuse(error.to_string()))?;
        Ok(Snapshot::new(last, members, members_at, id, state))
    }

    /// Writes the state as the snapshot; gives the one that is on the disk afterwards.
    fn build(&self) -> Result<RaftSnapshot<Types>, StoreError> {
        let snapshot = self.take()?;
        let bytes = snapshot.encode().map_err(|what| self.file.lock().refuse(what))?;
        self.file.lock().replace(&snapshot.manifest, &bytes)?;
        let current = self.current()?;
        current.ok_or_else(|| self.file.lock().refuse("it is missing though it was written"))
    }

    fn current(&self) -> Result<Option<RaftSnapshot<Types>>, StoreError> {
        let file = self.file.lock();
        let Some(manifest) = file.manifest() else { return Ok(None) };
        let Some(bytes) = file.read()? else { return Err(file.refuse("it is missing")) };
        Snapshot::decode(&bytes).map_err(|what| file.refuse(what))?;
        Ok(Some(RaftSnapshot { meta: meta_of(manifest), snapshot: Box::new(Cursor::new(bytes)) }))
    }

    fn install(&self, meta: &SnapshotMeta<u64, BasicNode>, bytes: &[u8]) -> Result<(), StoreError> {
        let snapshot = Snapshot::decode(bytes).map_err(|what| self.file.lock().refuse(what))?;
        if meta_of(&snapshot.manifest) != *meta {
            return Err(self.file.lock().refuse("the leader announced another one"));
        }
        self.file.lock().replace(&snapshot.manifest, bytes)?;
        self.restore(&snapshot)
    }

    /// What fails here fails for good: whoever waits for a snapshot hears of it.
    fn done<T>(&self, done: Result<T, StoreError>) -> Result<T, StorageError<u64>> {
        done.map_err(|error| {
            self.file.lock().fail(error.clone());
            StorageIOError::write_snapshot(None, AnyError::new(&error)).into()
        })
    }
}

fn meta_of(manifest: &Manifest) -> SnapshotMeta<u64, BasicNode> {
    SnapshotMeta {
        last_log_id: manifest.last.map(Into::into),
        last_membership: manifest.members.clone().stored(manifest.members_at),
        snapshot_id: manifest.id.clone(),
    }
}

impl<S: StateMachine> RaftSnapshotBuilder<Types> for Applied<S> {
    async fn build_snapshot(&mut self) -> Result<RaftSnapshot<Types>, StorageError<u64>> {
        self.done(blocking(|| self.build()))
    }
}

impl<S: StateMachine> RaftStateMachine<Types> for Applied<S> {
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<u64>>, StoredMembership<u64, BasicNode>), StorageError<u64>> {
        let machine = self.machine.lock();
        Ok((machine.last, machine.members.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Bytes>, StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut machine = self.machine.lock();
        let mut answers = Vec::new();
        for Entry { log_id, payload } in entries {
            let answer = match payload {
                EntryPayload::Blank => Vec::new(),
                EntryPayload::Normal(proposal) => {
                    let LogId { leader_id: leader, index } = log_id;
                    let reign = Reign { term: leader.term, node: leader.node_id };
                    machine.state.apply(Place { index, reign }, &proposal.0)
                }
                EntryPayload::Membership(members) => {
                    machine.members = StoredMembership::new(Some(log_id), members);
                    Vec::new()
                }
            };
            machine.last = Some(log_id);
            answers.push(Bytes(answer));
        }
        // While the state is locked, so that the index never goes back.
        self.index.send_replace(machine.last.map_or(0, |last| last.index));
        Ok(answers)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError<u64>> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<u64, BasicNode>,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError<u64>> {
        self.done(blocking(|| self.install(meta, snapshot.get_ref())))
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<RaftSnapshot<Types>>, StorageError<u64>> {
        self.done(blocking(|| self.current()))
    }
}

impl<S> fmt::Debug for Applied<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Applied({})", *self.index.borrow())
    }
}
