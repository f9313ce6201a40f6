//! Changes of the map, proposed from any node and followed by this one before it says that they are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cluster::allocation::{Observed, check_room, place_new};
use cluster::read_lease::Grants;
use cluster::state::{ClusterState, Command, CopyId, IndexEntry, IndexId, NodeId, ShardCopies, ShardId};
use consensus::{Consensus, ProposeError};
use daemon::CancellationToken;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use transport::{CallError, Incoming, Lane, Peer, Transport};

use super::agreed::{Agreed, Outcome, Proposal};
use super::calls::{Action, Answers, Fault, fault_of, read, unavailable, write};
use super::dynamic_settings::DynamicSettings;
use super::founding::Desk;
use super::leading::Pong;
use super::read_lease::ReadLease;
use super::ways::Ways;
use crate::error::ApiError;
use crate::indices::{Agreement, Disagreement};
use crate::planted::{Bug, is_planted};

/// Pause before whoever leads is looked for again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Who this process is for the others.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The name of this process in the map.
    pub(crate) process: NodeId,
    /// The name of its data folder in the consensus.
    pub(crate) node: u64,
    pub(crate) address: String,
}

/// What is set for this node about changes of the map.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// How long a change may take (`cluster.agreement.timeout`).
    pub(crate) within: Duration,
    /// What the node's own settings say about allocation, where the map says nothing.
    pub(crate) allocation: BTreeMap<String, String>,
}

/// How far a node follows the map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Followed {
    pub(crate) version: u64,
    /// What could not be done as the map says.
    pub(super) failures: BTreeMap<IndexId, ApiError>,
    /// Copies on its disk that the map does not know on any node.
    pub(super) found: Vec<(ShardId, CopyId)>,
}

/// Agrees with the other nodes.
pub(crate) struct Coordinator {
    pub(crate) origin: Origin,
    pub(super) consensus: Consensus<Agreed>,
    pub(super) transport: Transport,
    pub(super) ways: Ways,
    map: watch::Receiver<Arc<ClusterState>>,
    followed: watch::Sender<Followed>,
    pub(super) rules: Rules,
    /// What was seen of the nodes, while this one leads.
    pub(super) observed: Mutex<Option<Arc<Observed>>>,
    /// How much a copy of a shard takes, as was told while this node led.
    pub(super) shard_bytes: Mutex<BTreeMap<ShardId, u64>>,
    pub(super) stopping: CancellationToken,
    /// The leases that it has given, while it led.
    pub(super) grants: Mutex<Grants>,
    pub(super) read_lease: ReadLease,
    /// The whole of the disk and what is free of it, as the others want to know it.
    pub(super) disk: Box<dyn Fn() -> Option<(u64, u64)> + Send + Sync>,
    /// Why stored settings were left out, as far as the log has told.
    pub(super) left_out: Mutex<BTreeSet<String>>,
    /// Primaries here that have found a file of theirs damaged.
    damaged: Mutex<BTreeSet<(ShardId, CopyId)>>,
    desk: Arc<Desk>,
    node: OnceLock<Arc<dyn Answers>>,
    /// It is about to leave.
    pub(super) leaving: AtomicBool,
    runtime: tokio::runtime::Handle,
}

impl Coordinator {
    /// Takes part with what the folder holds. `map` is where its state machine shows the map.
    pub(super) async fn start(
        origin: Origin,
        options: consensus::Options,
        transport: Transport,
        rules: Rules,
        stopping: CancellationToken,
        disk: Box<dyn Fn() -> Option<(u64, u64)> + Send + Sync>,
        desk: Arc<Desk>,
    ) -> anyhow::Result<Arc<Self>> {
        let (agreed, map) = Agreed::new();
        let ways = Ways::new(transport.clone());
        let consensus = Consensus::start(options, agreed, ways.clone()).await?;
        Ok(Arc::new(Self {
            origin,
            consensus,
            transport,
            ways,
            map,
            followed: watch::Sender::new(Followed::default()),
            rules,
            observed: Mutex::default(),
            shard_bytes: Mutex::default(),
            grants: Mutex::default(),
            read_lease: ReadLease::default(),
            stopping,
            disk,
            left_out: Mutex::default(),
            damaged: Mutex::default(),
            desk,
            node: OnceLock::new(),
            leaving: AtomicBool::new(false),
            runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// The map as this node knows it, which may be ahead of what it follows.
    pub(crate) fn map(&self) -> Arc<ClusterState> {
        Arc::clone(&self.map.borrow())
    }

    /// The map as it changes.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<ClusterState>> {
        self.map.clone()
    }

    /// How far this node follows it.
    pub(super) fn followed(&self) -> &watch::Sender<Followed> {
        &self.followed
    }

    /// Waits until this node follows the map up to a version.
    pub(crate) async fn wait_followed(&self, version: u64) -> Followed {
        let mut followed = self.followed.subscribe();
        let reached = followed.wait_for(|followed| followed.version >= version).await;
        // The sender lives as long as this does.
        reached.map(|followed| followed.clone()).unwrap_or_default()
    }

    /// Waits until this node follows the map beyond a version; gives the one that it follows.
    pub(crate) async fn wait_followed_beyond(&self, version: u64) -> u64 {
        self.wait_followed(version.saturating_add(1)).await.version
    }

    /// Waits until this node leads.
    pub(crate) async fn wait_leads(&self) {
        self.consensus.wait_status(|status| status.is_leader).await;
    }

    /// Takes notice of how much the copies of shards take.
    pub(crate) fn change_shard_bytes(&self, change: impl FnOnce(&mut BTreeMap<ShardId, u64>)) {
        change(&mut self.shard_bytes.lock());
    }

    /// Cancelled when the node stops.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Asks another node.
    pub(crate) async fn call(
        &self,
        peer: &Peer,
        lane: Lane,
        action: Action,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, CallError> {
        self.transport.call(peer, lane, action as u16, body, within).await
    }

    /// From now on the node answers what is not about the map.
    pub(crate) fn serve(&self, node: Arc<dyn Answers>) {
        // Only the start of a node does so, once.
        drop(self.node.set(node));
    }

    /// Waits until this node follows a map in which it is, and that satisfies a condition.
    pub(crate) async fn wait_own_copies(&self, is_met: impl Fn(&ClusterState, NodeId) -> bool) {
        let own = self.origin.process;
        let mut followed = self.followed.subscribe();
        let reached = followed.wait_for(|followed| {
            let map = self.map();
            followed.version >= map.version && map.nodes.contains_key(&own) && is_met(&map, own)
        });
        drop(reached.await);
    }

    /// Returns once this node can take part no longer, and why: its disk did not keep what it had promised to the others.
    pub(crate) async fn failed(&self) -> String {
        let status = self.consensus.wait_status(|status| status.failure.is_some()).await;
        status.failure.unwrap_or_else(|| "the consensus has ended".to_owned())
    }

    /// Ends taking part: what is asked of others and of this node comes to its end first.
    pub(crate) async fn stop(&self) {
        self.transport.stop().await;
        if let Err(error) = self.consensus.stop().await {
            tracing::error!(%error, "the log of the consensus could not be closed; it is read again when the node starts");
        }
    }

    /// Waits until every other node follows the map up to where this one does; whether all of them did in time.
    pub(crate) async fn wait_all_follow(&self, within: Duration) -> bool {
        if is_planted(Bug::ChangesAreAcknowledgedEarly) {
            return true;
        }
        let version = self.followed.borrow().version;
        let map = self.map();
        let others = map.nodes.iter().filter(|(node, _)| **node != self.origin.process);
        let asked = others.map(|(node, entry)| {
            let peer = Peer::process(&entry.transport_address, node.0);
            let node = *node;
            async move {
                let answer = self.call(&peer, Lane::State, Action::Follow, write(&version), within).await;
                // One that has left follows nothing any more, and nobody asks it.
                answer.is_ok() || !self.map().nodes.contains_key(&node)
            }
        });
        join_all(asked).await.into_iter().all(|has_followed| has_followed)
    }

    /// Has commands agreed on, wherever the node is that leads; what came of each.
    pub(super) async fn propose(&self, commands: Vec<Command>) -> Result<Outcome, ApiError> {
        let proposal = write(&Proposal::of(commands));
        let deadline = Instant::now() + self.rules.within;
        let mut last = "no node leads yet".to_owned();
        while Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let fault = match self.leader() {
                None => Fault::NotLeader(None),
                Some(Leads::This) => match self.propose_here(proposal.clone(), left).await {
                    Ok(outcome) => return Ok(outcome),
                    Err(fault) => fault,
                },
                Some(Leads::Other(peer)) => {
                    let action = Action::Propose as u16;
                    match self.transport.call(&peer, Lane::State, action, proposal.clone(), left).await {
                        Ok(answer) => return read(&answer),
                        Err(error @ CallError::Unknown { .. }) => {
                            return Err(ApiError::unknown_outcome(error.to_string()));
                        }
                        Err(error @ (CallError::NotSent { .. } | CallError::Refused { .. })) => {
                            last = error.to_string();
                            Fault::NotLeader(None)
                        }
                        Err(error) => fault_of(error),
                    }
                }
            };
            match fault {
                Fault::Failed(error) => return Err(error),
                Fault::NotLeader(_) => {
                    let look = deadline.min(Instant::now() + LOOK_AGAIN);
                    let _looked = timeout_at(look, self.consensus.wait_status(|_| false)).await;
                }
            }
            if self.stopping.is_cancelled() {
                return Err(unavailable("the node is stopping"));
            }
        }
        Err(ApiError::new(
            503,
            "master_not_discovered_exception",
            format!(
                "nobody agreed within {} ms: {last}; see that most of the nodes that vote are there",
                self.rules.within.as_millis()
            ),
        ))
    }

    /// Has agreed on what this node wishes for its copies. What is refused was overtaken: the map that follows says what is next.
    pub(super) async fn wish(&self, commands: Vec<Command>) {
        if commands.is_empty() {
            return;
        }
        if let Err(error) = self.propose(commands).await {
            tracing::warn!(
                reason = error.reason,
                "the copies of this node are not in the map as they are; it is tried again"
            );
        }
    }

    /// Has a proposal agreed on where this node leads.
    pub(super) async fn propose_here(&self, proposal: Bytes, within: Duration) -> Result<Outcome, Fault> {
        match self.consensus.propose(proposal.into(), within).await {
            Ok(agreed) => {
                let outcome: Outcome = read(&agreed.answer).map_err(Fault::Failed)?;
                match outcome.unread {
                    None => Ok(outcome),
                    Some(reason) => Err(Fault::Failed(unavailable(&format!(
                        "the change cannot be read by all nodes: {reason}; upgrade the older ones first"
                    )))),
                }
            }
            Err(ProposeError::NotLeader { leader }) => {
                Err(Fault::NotLeader(leader.and_then(|leader| Some((leader.node, leader.address?)))))
            }
            Err(error @ (ProposeError::Unknown { .. } | ProposeError::Stopped(_))) => {
                Err(Fault::Failed(ApiError::unknown_outcome(error.to_string())))
            }
            Err(error) => Err(Fault::Failed(unavailable(&error.to_string()))),
        }
    }

    /// What this node tells whoever leads.
    pub(super) fn pong(&self) -> Pong {
        let followed = self.followed.borrow();
        let found = followed.found.clone();
        let damaged = self.damaged.lock().clone();
        Pong {
            version: followed.version,
            disk: (self.disk)(),
            is_stopping: self.is_leaving(),
            damaged,
            found,
        }
    }

    /// Whether a primary here has found a file of its damaged, so that whoever leads has it hand over. Gives whether that is news.
    pub(crate) fn note_damage(&self, shard: &ShardId, copy: CopyId, is_damaged: bool) -> bool {
        let (mut damaged, known) = (self.damaged.lock(), (shard.clone(), copy));
        if is_damaged { damaged.insert(known) } else { damaged.remove(&known) }
    }

    /// Whether this node leads.
    pub(super) fn leads(&self) -> bool {
        self.consensus.status().is_leader
    }

    /// Where whoever leads is, if another node does.
    pub(super) fn leader_address(&self) -> Option<String> {
        match self.leader()? {
            Leads::This => None,
            Leads::Other(peer) => Some(peer.address),
        }
    }

    pub(super) fn leader(&self) -> Option<Leads> {
        let leader = self.consensus.status().leader?;
        if leader.node == self.origin.node {
            return Some(Leads::This);
        }
        let said = leader.address.unwrap_or_default();
        let address = self.ways.address(leader.node, &said);
        (!address.is_empty()).then(|| Leads::Other(Peer::at(address)))
    }

    /// None if the node stops meanwhile: it follows nothing any more.
    async fn while_running<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        self.stopping.run_until_cancelled(wait).await
    }

    /// Has a command agreed on, and returns once this node follows it.
    pub(crate) async fn agree_on(&self, command: Command) -> Result<(), Disagreement> {
        let subjects = subjects(&command);
        let outcome = self.propose(vec![command]).await.map_err(Disagreement::Failed)?;
        let deadline = Instant::now() + self.rules.within;
        let followed = self.while_running(timeout_at(deadline, self.wait_followed(outcome.version))).await;
        let followed = followed.and_then(Result::ok).ok_or_else(|| {
            Disagreement::Failed(unavailable(
                "the change was agreed on, and this node does not follow it yet",
            ))
        })?;
        if let Some((_, refusal)) = outcome.refused.into_iter().next() {
            return Err(Disagreement::Refused(refusal));
        }
        let failure = subjects.iter().find_map(|id| followed.failures.get(id).cloned());
        failure.map_or(Ok(()), |error| Err(Disagreement::Failed(error)))
    }
}

/// Answers as long as whoever asks waits for it.
async fn while_waited_for(
    cancelled: &CancellationToken,
    answer: impl Future<Output = Result<Bytes, Fault>>,
) -> Result<Bytes, Fault> {
    tokio::select! {
        answer = answer => answer,
        () = cancelled.cancelled() => Err(Fault::Failed(unavailable("nobody waits for the answer any more"))),
    }
}

/// Who leads.
pub(super) enum Leads {
    This,
    Other(Peer),
}

/// The indices that a command is about.
fn subjects(command: &Command) -> Vec<IndexId> {
    match command {
        Command::CreateIndex { id, .. } | Command::ChangeIndex { id, .. } | Command::DeleteIndex { id } => {
            vec![id.clone()]
        }
        Command::Several(commands) => commands.iter().flat_map(subjects).collect(),
        _ => Vec::new(),
    }
}

impl Agreement for Coordinator {
    fn map(&self) -> Arc<ClusterState> {
        Self::map(self)
    }

    fn set(&self, setting: &str) -> Option<String> {
        DynamicSettings::of(&self.map()).value(setting).map(str::to_owned)
    }

    fn within(&self) -> Duration {
        self.rules.within
    }

    fn place(&self, id: &IndexId, entry: &IndexEntry, shards: usize) -> Result<Vec<ShardCopies>, ApiError> {
        let map = self.map();
        let settings = self.allocation_settings(&map);
        let wanted = map.wanted_replicas(entry) as usize + 1;
        check_room(&map, &settings, shards * wanted)
            .map_err(|error| ApiError::validation(error.to_string()))?;
        let shards = u32::try_from(shards).unwrap_or(u32::MAX);
        // Who has just begun to lead has not heard yet how full disks are and who is about to stop. Rather than wait for it the index
        // is placed without, and its copies move later.
        let observed = self.runtime.block_on(self.observed()).unwrap_or_default();
        Ok(place_new(&map, id, entry, shards, &settings, &observed))
    }

    fn wait_primaries(&self, id: &IndexId) {
        let is_active = |map: &Arc<ClusterState>| {
            let shards = map.indices.get(id).into_iter().flat_map(|entry| &entry.shards);
            shards
                .into_iter()
                .all(|shard| shard.primary().is_some_and(|copy| shard.in_sync().contains(&copy)))
        };
        let mut changes = self.changes();
        let waited = self.while_running(timeout(self.rules.within, changes.wait_for(is_active)));
        if self.runtime.block_on(waited).is_some_and(|waited| waited.is_err()) {
            tracing::warn!(index = %id, "not every shard of the new index has a primary yet");
        }
    }

    fn wait_caught_up(&self, version: u64) {
        let waited = self.while_running(timeout(self.rules.within, self.wait_followed(version)));
        if self.runtime.block_on(waited).is_some_and(|waited| waited.is_err()) {
            tracing::warn!(version, "this node does not follow the map as far as it knows it yet");
        }
    }

    fn wait_followed(&self) {
        let within = self.rules.within;
        if self.runtime.block_on(self.while_running(self.wait_all_follow(within))) == Some(false) {
            tracing::warn!("not every node follows the map as far as this one yet");
        }
    }

    fn agree(&self, command: Command) -> Result<(), Disagreement> {
        self.runtime.block_on(self.agree_on(command))
    }
}

impl Answers for Coordinator {
    fn answer(&self, action: Action, call: Incoming) -> BoxFuture<'_, Result<Bytes, Fault>> {
        async move {
            match action {
                Action::Consensus => Ok(self.consensus.answer(&call.body).await.into()),
                Action::Propose => {
                    let outcome = self.propose_here(call.body, self.rules.within).await?;
                    Ok(write(&outcome))
                }
                Action::Founding => self.desk.answer(call.body).await,
                Action::Join => self.answer_join(&call.body).await,
                Action::Ping => Ok(write(&self.pong())),
                Action::Observed => self.answer_observed().await,
                Action::ReadLease => {
                    while_waited_for(&call.cancelled, self.answer_read_lease(&call.body)).await
                }
                Action::Follow => {
                    let version = read(&call.body).map_err(Fault::Failed)?;
                    let followed = async {
                        // A node that stops follows nothing any more.
                        let followed = self.while_running(self.wait_followed(version)).await;
                        let followed = followed.ok_or_else(|| Fault::Failed(ApiError::node_closed()))?;
                        Ok(write(&followed.version))
                    };
                    while_waited_for(&call.cancelled, followed).await
                }
                // What is not about the map.
                _ => match self.node.get() {
                    Some(node) => node.answer(action, call).await,
                    None => Err(Fault::Failed(unavailable("the node is starting; ask again"))),
                },
            }
        }
        .boxed()
    }
}
