//! A node that takes part: the façade.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::error::{
    CheckIsLeaderError, ClientWriteError, Fatal, ForwardToLeader, InitializeError, RaftError,
};
use openraft::{BasicNode, ChangeMembers, Raft};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::blocking::blocking;
use crate::error::{ChangeError, ProposeError, ReadError, StartError};
use crate::log_store::{LogStore, PROPOSAL_BYTES_MAX, SEGMENT_BYTES_MAX, StoreError};
use crate::message::{Answer, Question, Request, decode, encode};
use crate::network::{Network, Peers, Urge, urge};
use crate::options::{Options, config};
use crate::raft_log::RaftLog;
use crate::snapshot::SnapshotFile;
use crate::state_machine::{Applied, StateMachine};
use crate::status::{Leader, Status};
use crate::types::{Bytes, Types};

/// A node that takes part in the consensus. It goes on until it is stopped, or its disk fails.
pub struct Consensus<S: StateMachine> {
    node: u64,
    address: String,
    raft: Raft<Types>,
    log: RaftLog,
    applied: Applied<S>,
    resumed: Option<Resumed>,
    /// It hands over: a proposal would keep the others from choosing another leader.
    is_silent: AtomicBool,
    urge: Box<Urge>,
}

/// How long a node that was asked to try to lead may take for it, before the next one is asked.
const CAMPAIGN_WITHIN: Duration = Duration::from_millis(250);

/// A leader is silent until this is dropped.
struct Silence<'a, S: StateMachine>(&'a Consensus<S>);

impl<'a, S: StateMachine> Silence<'a, S> {
    fn of(consensus: &'a Consensus<S>) -> Self {
        consensus.set_silent(true);
        Self(consensus)
    }
}

impl<S: StateMachine> Drop for Silence<'_, S> {
    fn drop(&mut self) {
        self.0.set_silent(false);
    }
}

/// A node that led when it stopped goes on leading in the same term, and has forgotten how far its log was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resumed {
    term: u64,
    /// The end of its log: whatever it has acknowledged lies before.
    last: u64,
}

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Its place: everything with a smaller one was applied before.
    pub index: u64,
    /// What [`StateMachine::apply`] gave.
    pub answer: Vec<u8>,
}

type WriteError = RaftError<u64, ClientWriteError<u64, BasicNode>>;

impl<S: StateMachine> Consensus<S> {
    /// Takes part with what the folder holds: nothing at first, and then the node waits until it is added or bootstrapped.
    pub async fn start(options: Options, state: S, peers: impl Peers) -> Result<Self, StartError> {
        let config = Arc::new(config(&options)?);
        let Options { node, address, folder, disk, timing, .. } = options;
        let opened = || {
            let store = LogStore::open(Arc::clone(&disk), &folder, SEGMENT_BYTES_MAX)?;
            let (file, snapshot) = SnapshotFile::open(disk, &folder)?;
            check_covered(&store, &file)?;
            let resumed = resumed(node, &store);
            let log = RaftLog::new(store, Some(file.covered()));
            Ok::<_, StoreError>((log, Applied::new(node, state, file, snapshot)?, resumed))
        };
        let (log, applied, resumed) = blocking(opened)?;
        let peers = Arc::new(peers);
        let urge = urge(&peers);
        let network = Network { peers, retry_pause: timing.heartbeat };
        let raft = Raft::new(node, config, network, log.clone(), applied.clone()).await;
        let raft = raft.map_err(|error| StartError::Stopped(error.to_string()))?;
        Ok(Self { node, address, raft, log, applied, resumed, is_silent: AtomicBool::new(false), urge })
    }

    /// Makes a cluster of this node alone. Only one node of a cluster may ever do so: two make two clusters.
    pub async fn bootstrap(&self) -> Result<(), ChangeError> {
        let alone = BTreeMap::from([(self.node, BasicNode::new(&self.address))]);
        self.raft.initialize(alone).await.map_err(|error| match error {
            RaftError::APIError(InitializeError::NotAllowed(_)) => {
                ChangeError::Refused("this node already belongs to a cluster".to_owned())
            }
            RaftError::APIError(error) => ChangeError::Refused(error.to_string()),
            RaftError::Fatal(fatal) => ChangeError::Stopped(fatal.to_string()),
        })
    }

    /// Whether this node belongs to a cluster, by what is on its disk.
    pub async fn is_bootstrapped(&self) -> Result<bool, ReadError> {
        self.raft.is_initialized().await.map_err(|fatal| ReadError::Stopped(fatal.to_string()))
    }

    /// Answers another node's question: what [`Peers::call`] carries.
    pub async fn answer(&self, request: &[u8]) -> Vec<u8> {
        let answer = match decode::<Request>(request) {
            Ok(Request { to, .. }) if to != self.node => Answer::Refused(format!(
                "this is node {}, not {to}; its address belongs to another now",
                self.node
            )),
            Ok(Request { question, .. }) => self.think(question).await,
            Err(error) => Answer::Refused(error.to_string()),
        };
        encode(&answer).unwrap_or_default()
    }

    async fn think(&self, question: Question) -> Answer {
        let refused = |error: &dyn std::error::Error| Answer::Refused(error.to_string());
        match question {
            Question::Append(append) => match self.raft.append_entries(append).await {
                Ok(answer) => Answer::Append(answer),
                Err(error) => refused(&error),
            },
            Question::Vote(vote) => match self.raft.vote(vote).await {
                Ok(answer) => Answer::Vote(answer),
                Err(error) => refused(&error),
            },
            Question::Snapshot(part) => match self.raft.install_snapshot(part).await {
                Ok(answer) => Answer::Snapshot(Ok(answer)),
                Err(RaftError::APIError(openraft::error::InstallSnapshotError::SnapshotMismatch(
                    mismatch,
                ))) => Answer::Snapshot(Err(mismatch)),
                Err(error) => refused(&error),
            },
            Question::Campaign if self.status().is_leader => {
                Answer::Refused("this node leads already".to_owned())
            }
            Question::Campaign => match self.campaign().await {
                Ok(()) => Answer::Campaigns,
                Err(error) => refused(&error),
            },
        }
    }

    /// Has a proposal agreed on, and gives what applying it made. An error may leave it open whether it will be.
    pub async fn propose(&self, proposal: Vec<u8>, within: Duration) -> Result<Agreed, ProposeError> {
        if proposal.len() > PROPOSAL_BYTES_MAX {
            return Err(ProposeError::TooLong { bytes: proposal.len(), max: PROPOSAL_BYTES_MAX });
        }
        if self.is_silent.load(Ordering::Acquire) {
            return Err(ProposeError::NotLeader { leader: None });
        }
        let written = timeout(within, self.raft.client_write(Bytes(proposal))).await;
        let written = written.map_err(|_| ProposeError::Unknown { within_ms: within.as_millis() })?;
        match written {
            Ok(agreed) => Ok(Agreed { index: agreed.log_id.index, answer: agreed.data.0 }),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(ProposeError::NotLeader { leader: leader_of(forward) })
            }
            Err(error) => Err(ProposeError::Stopped(error.to_string())),
        }
    }

    /// The index from which on a state is up to date: everything that was agreed on before this call is in it. Only the
    /// leader knows; another node asks it, and then waits with [`Consensus::wait_applied`].
    pub async fn read_index(&self) -> Result<u64, ReadError> {
        let resumed = self.resumed_until().await?;
        let confirmed = self.raft.get_read_log_id().await;
        match confirmed {
            Ok((read, _)) => Ok(read.map_or(0, |read| read.index).max(resumed)),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(forward))) => {
                Err(ReadError::NotLeader { leader: leader_of(forward) })
            }
            Err(RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_))) => Err(ReadError::NoMajority),
            Err(RaftError::Fatal(fatal)) => Err(ReadError::Stopped(fatal.to_string())),
        }
    }

    /// Up to where a state must reach if this node still leads in the term in which it led before it was started. The library
    /// would take the first entry of that term for enough, and answer with what is older than what was acknowledged.
    async fn resumed_until(&self) -> Result<u64, ReadError> {
        let Some(Resumed { term, last }) = self.resumed else { return Ok(0) };
        let now = self.raft.with_raft_state(|state| state.vote_ref().leader_id().term).await;
        let now = now.map_err(|fatal| ReadError::Stopped(fatal.to_string()))?;
        Ok(if now == term { last } else { 0 })
    }

    /// Waits until the state of this node is made of everything up to `index`.
    pub async fn wait_applied(&self, index: u64) -> Result<(), ReadError> {
        let mut metrics = self.raft.metrics();
        let mut applied = self.applied.index();
        let has_failed = metrics.wait_for(|metrics| metrics.running_state.is_err());
        tokio::select! {
            reached = applied.wait_for(|applied| *applied >= index) => {
                reached.map(|_| ()).map_err(|_| ReadError::Stopped("it was stopped".to_owned()))
            }
            _ = has_failed => Err(ReadError::Stopped("it failed or was stopped".to_owned())),
        }
    }

    /// Looks at the state once everything is in it that was agreed on before this call. Only the leader can.
    pub async fn read<T>(&self, look: impl FnOnce(&S) -> T) -> Result<T, ReadError> {
        let index = self.read_index().await?;
        self.wait_applied(index).await?;
        Ok(self.applied.with(look))
    }

    /// Looks at the state as this node has it, which may be behind.
    pub fn peek<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        self.applied.with(look)
    }

    /// The index of the last entry that the state of this node is made of, as it grows.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.applied.index()
    }

    /// What this node knows now.
    pub fn status(&self) -> Status {
        Status::of(&self.raft.metrics().borrow())
    }

    /// Waits until what this node knows satisfies a condition; gives it as it is then, or when the node has stopped.
    pub async fn wait_status(&self, mut is_met: impl FnMut(&Status) -> bool) -> Status {
        let mut metrics = self.raft.metrics();
        loop {
            let status = Status::of(&metrics.borrow_and_update());
            if is_met(&status) || status.failure.is_some() || metrics.changed().await.is_err() {
                return status;
            }
        }
    }

    /// Adds a node, which gets everything and does not vote; or tells of a new address of one.
    pub async fn add_learner(&self, node: u64, address: &str, within: Duration) -> Result<(), ChangeError> {
        let learner = BTreeMap::from([(node, BasicNode::new(address))]);
        let is_known = self.status().addresses.contains_key(&node);
        let change =
            if is_known { ChangeMembers::SetNodes(learner) } else { ChangeMembers::AddNodes(learner) };
        self.change(change, true, within).await
    }

    /// Makes these the voters; those who voted before and are not among them go on as learners.
    pub async fn change_voters(&self, voters: BTreeSet<u64>, within: Duration) -> Result<(), ChangeError> {
        self.change(ChangeMembers::ReplaceAllVoters(voters), true, within).await
    }

    /// Takes a node that does not vote out of the cluster for good. Its id must not come again.
    pub async fn remove(&self, node: u64, within: Duration) -> Result<(), ChangeError> {
        self.change(ChangeMembers::RemoveNodes(BTreeSet::from([node])), false, within).await
    }

    /// Leaves in order: the vote of this node moves to `voters`, and who leads among them is known when this returns.
    /// Meanwhile it takes no proposals. Only a node that leads can do so.
    pub async fn hand_over(&self, voters: BTreeSet<u64>, within: Duration) -> Result<(), ChangeError> {
        if voters.contains(&self.node) || voters.is_empty() {
            return Err(ChangeError::Refused(format!("node {} cannot hand over to {voters:?}", self.node)));
        }
        self.change_voters(voters.clone(), within).await?;
        // The library goes on leading without a vote as long as the others hear of it.
        let _silence = Silence::of(self);
        let unknown = |_| ChangeError::Unknown { within_ms: within.as_millis() };
        timeout(within, self.have_elected(&voters)).await.map_err(unknown)?;
        self.status().failure.map_or(Ok(()), |failure| Err(ChangeError::Stopped(failure)))
    }

    /// Returns once one of these leads. Left alone they would wait for as long as a leader may be silent, and give their votes to
    /// nobody meanwhile. Who is asked to try to lead waits for nobody, and lets the next one have its vote.
    async fn have_elected(&self, voters: &BTreeSet<u64>) {
        let is_led = |status: &Status| status.leader.as_ref().is_some_and(|leader| leader.node != self.node);
        loop {
            for voter in voters {
                let address = self.status().addresses.get(voter).cloned().unwrap_or_default();
                let campaign = async {
                    if let Err(error) = (self.urge)(*voter, address).await {
                        tracing::debug!(%error, "a node that was asked to lead does not try to");
                    }
                    self.wait_status(is_led).await
                };
                if timeout(CAMPAIGN_WITHIN, campaign).await.is_ok() {
                    return;
                }
            }
        }
    }

    async fn change(
        &self,
        change: ChangeMembers<u64, BasicNode>,
        is_retained: bool,
        within: Duration,
    ) -> Result<(), ChangeError> {
        // It goes on by itself: it has two steps, and nobody can vote alone between them.
        let raft = self.raft.clone();
        let changing = tokio::spawn(async move { raft.change_membership(change, is_retained).await });
        let changed = timeout(within, changing).await;
        let changed = changed.map_err(|_| ChangeError::Unknown { within_ms: within.as_millis() })?;
        let changed = changed.map_err(|error| ChangeError::Stopped(error.to_string()))?;
        changed.map(|_| ()).map_err(change_error)
    }

    fn set_silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Release);
        self.raft.runtime_config().heartbeat(!is_silent);
    }

    /// Has the state written as a snapshot soon.
    pub async fn take_snapshot(&self) -> Result<(), ReadError> {
        self.raft
            .trigger()
            .snapshot()
            .await
            .map_err(|fatal: Fatal<u64>| ReadError::Stopped(fatal.to_string()))
    }

    /// Tries to lead without waiting for the one who does to fall silent.
    pub async fn campaign(&self) -> Result<(), ReadError> {
        self.raft.trigger().elect().await.map_err(|fatal: Fatal<u64>| ReadError::Stopped(fatal.to_string()))
    }

    /// Stops taking part. What was promised stays on the disk.
    pub async fn stop(&self) -> Result<(), StoreError> {
        if let Err(error) = self.raft.shutdown().await {
            tracing::error!(node = self.node, %error, "the consensus did not end as it should");
        }
        self.log.with(LogStore::close)
    }
}

fn resumed(node: u64, store: &LogStore) -> Option<Resumed> {
    let vote = store.vote().filter(|vote| vote.is_committed && vote.node == node)?;
    Some(Resumed { term: vote.term, last: store.last().map_or(0, |last| last.index) })
}

/// What was given up of the log must be in the snapshot.
fn check_covered(store: &LogStore, file: &SnapshotFile) -> Result<(), StoreError> {
    let covered = file.manifest().and_then(|manifest| manifest.last);
    match store.purged() {
        Some(purged) if covered.is_none_or(|covered| covered.index < purged.index) => Err(file
            .refuse(format!("it does not reach entry {}, up to which the log was given up", purged.index))),
        _ => Ok(()),
    }
}

fn leader_of(forward: ForwardToLeader<u64, BasicNode>) -> Option<Leader> {
    let address = forward.leader_node.map(|node| node.addr);
    forward.leader_id.map(|node| Leader { node, address })
}

fn change_error(error: WriteError) -> ChangeError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            ChangeError::NotLeader { leader: leader_of(forward) }
        }
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => {
            ChangeError::Refused(error.to_string())
        }
        RaftError::Fatal(fatal) => ChangeError::Stopped(fatal.to_string()),
    }
}
