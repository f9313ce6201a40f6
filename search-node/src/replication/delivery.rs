//! Operations of a request on their way to the other copies. One that does not take them is let go of: the map is asked to, and
//! nothing is done without its word.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::{Command, CopyError, CopyId, Refusal};
use transport::{CallError, Lane};

use super::leading::{Leading, State};
use super::message::{Operations, Taken};
use crate::coordination::{Action, Fault, fault_of, pack, read};
use crate::indices::Disagreement;

/// Pause before the map is asked again to let go of a copy: nobody leads just now.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Why a copy did not take operations.
#[derive(Debug)]
pub(super) enum NotTaken {
    /// It was not asked; nothing is known of it.
    NotAsked(String),
    /// It knows a newer primary.
    OldTerm {
        known: u64,
    },
    Failed(String),
}

impl Leading {
    /// Sends operations to other copies, to each by itself.
    pub(super) fn deliver(
        self: &Arc<Self>,
        others: &[CopyId],
        seq_nos: &Arc<[i64]>,
        operations: Bytes,
        count: u32,
    ) {
        for copy in others {
            *self.state().under_way.entry(*copy).or_default() += 1;
            let (leading, copy) = (Arc::clone(self), *copy);
            let (seq_nos, operations) = (Arc::clone(seq_nos), operations.clone());
            self.runtime.spawn(async move {
                let sent = leading.send(copy, &operations, count).await;
                {
                    let mut state = leading.state();
                    if let Some(under_way) = state.under_way.get_mut(&copy) {
                        *under_way = under_way.saturating_sub(1);
                    }
                }
                match sent {
                    Ok(local) => leading.told(copy, &seq_nos, local),
                    Err(NotTaken::OldTerm { known }) => leading.is_overtaken(copy, known),
                    Err(NotTaken::NotAsked(reason) | NotTaken::Failed(reason)) => {
                        leading.lose(copy, &reason, &mut leading.state());
                    }
                }
            });
        }
    }

    /// Sends operations to one copy; gives up to where it has everything. One that cannot be reached is tried once more.
    pub(super) async fn send(&self, copy: CopyId, operations: &[u8], count: u32) -> Result<i64, NotTaken> {
        match self.send_once(copy, operations, count).await {
            Err(NotTaken::NotAsked(_)) => self.send_once(copy, operations, count).await,
            sent => sent,
        }
    }

    async fn send_once(&self, copy: CopyId, operations: &[u8], count: u32) -> Result<i64, NotTaken> {
        let Some(node) = self.node_of(copy) else {
            return Err(NotTaken::NotAsked("its node is gone".to_owned()));
        };
        let map = self.outside.map();
        let message = Operations {
            shard: self.shard.clone(),
            to: copy,
            term: self.term,
            global: self.global(),
            resynced: self.resynced,
            map_version: map.version,
            index_version: map.indices.get(&self.shard.index).map_or(0, |entry| entry.version),
            count,
        };
        let body = pack(&message, operations);
        let answer =
            self.outside.call(node, Lane::Replication, Action::Operations, body, self.settings.timeout).await;
        let answer = answer.map_err(|error| match error {
            CallError::NotSent { .. } | CallError::Refused { .. } => NotTaken::NotAsked(error.to_string()),
            CallError::Unknown { .. } => NotTaken::Failed(error.to_string()),
            error => match fault_of(error) {
                Fault::Failed(error) => NotTaken::Failed(error.reason),
                Fault::NotLeader(_) => NotTaken::Failed("its node has no such copy".to_owned()),
            },
        })?;
        match read(&answer).map_err(|error| NotTaken::Failed(error.reason))? {
            Taken::Done { local } => Ok(local),
            Taken::OldTerm { known } => Err(NotTaken::OldTerm { known }),
        }
    }

    /// Another copy knows a newer primary.
    pub(super) fn is_overtaken(&self, copy: CopyId, known: u64) {
        tracing::info!(shard = %self.shard, %copy, term = self.term, known, "a primary hears of a newer one");
        self.end();
    }

    /// Asks the map to let go of a copy, until it has, or until this primary is over.
    pub(super) fn lose(self: &Arc<Self>, copy: CopyId, reason: &str, state: &mut State) {
        let is_known = state.primary.others().any(|other| other == copy);
        if self.is_over() || !is_known || !state.losing.insert(copy) {
            return;
        }
        tracing::warn!(shard = %self.shard, %copy, reason, "the primary goes on without a copy");
        let leading = Arc::clone(self);
        self.runtime.spawn(async move {
            leading.drop_copy(copy).await;
            leading.state().losing.remove(&copy);
        });
    }

    async fn drop_copy(self: &Arc<Self>, copy: CopyId) {
        while !self.is_over() {
            let command = Command::DropCopy { shard: self.shard.clone(), copy, term: self.term };
            match self.outside.agree(command).await {
                Ok(()) => {}
                Err(Disagreement::Refused(Refusal::Copy { reason: CopyError::OldTerm { .. }, .. })) => {
                    return self.end();
                }
                Err(Disagreement::Refused(refusal)) => {
                    tracing::debug!(shard = %self.shard, %copy, %refusal, "the map has let go of the copy by itself");
                }
                Err(Disagreement::Failed(error)) => {
                    tracing::warn!(shard = %self.shard, %copy, reason = error.reason, "the map does not let go of a copy yet");
                    tokio::time::sleep(ASK_AGAIN).await;
                    continue;
                }
            }
            return self.take_map().await;
        }
    }

    /// Goes on as the map is now.
    pub(super) async fn take_map(self: &Arc<Self>) {
        let leading = Arc::clone(self);
        let taken = tokio::task::spawn_blocking(move || leading.map_changed(&leading.outside.map()));
        if let Ok(Err(error)) = taken.await {
            tracing::error!(shard = %self.shard, reason = error.reason, "the primary cannot do as the map says");
            self.end();
        }
    }
}
