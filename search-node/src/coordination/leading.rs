//! What the node does that leads: it looks who is there, takes out who is not, has copies placed, and chooses who votes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::allocation::{DiskSpace, Observed, plan};
use cluster::state::{ClusterState, Command, CopyId, NodeEntry, NodeId, ShardId};
use consensus::membership::Health;
use consensus::{Reign, Status};
use daemon::clock::Clock;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use transport::{CallError, Lane, Peer};

use super::agreed::Proposal;
use super::calls::{Action, Fault, read, write};
use super::coordinator::Coordinator;
use super::read_lease;
use super::voting::Voting;

/// How often whoever leads looks at everything; a change of the map makes it look at once.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long it is taken for granted that there is nothing to plan, while nothing changes but how full disks are.
const PLAN_EVERY_MILLIS: i64 = 5_000;
/// After this long without one that leads, the log says so.
const UNLED_TOLD: Duration = Duration::from_secs(5);
/// How long a decision of whoever leads may take; it is made anew then.
const LEAD_WITHIN: Duration = Duration::from_secs(3);

/// How patient whoever leads is (`cluster.fault_detection.follower_check.*`).
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
}

/// What a node tells about itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Pong {
    /// The version of the map that it follows.
    pub(crate) version: u64,
    /// The whole of its disk and what is free of it, in bytes.
    pub(crate) disk: Option<(u64, u64)>,
    /// Whether it is about to stop.
    #[serde(default)]
    pub(crate) is_stopping: bool,
    /// Its primaries that have found a file of theirs damaged.
    #[serde(default)]
    pub(crate) damaged: BTreeSet<(ShardId, CopyId)>,
    /// Copies on its disk that the map does not know on any node.
    #[serde(default)]
    pub(crate) found: Vec<(ShardId, CopyId)>,
}

/// Leads whenever this node is the one that does, until it stops.
pub(crate) async fn lead(coordinator: Arc<Coordinator>, patience: Patience, clock: Clock) {
    let (mut changes, mut followed) = (coordinator.changes(), coordinator.followed().subscribe());
    let mut overview: Option<Overview> = None;
    let mut unled = Unled::default();
    let mut last_leader = None;
    while !coordinator.stopping.is_cancelled() {
        let status = coordinator.consensus.status();
        unled.look(&status);
        let reign = status.reign();
        if let Some(over) = overview.take_if(|overview| Some(overview.reign) != reign) {
            *coordinator.observed.lock() = None;
            tracing::info!(term = over.reign.term, "this node leads the cluster no longer");
        }
        if let Some(reign) = reign {
            let overview = overview.get_or_insert_with(|| {
                tracing::info!(term = reign.term, "this node leads the cluster");
                coordinator.grants.lock().begin(read_lease::now());
                let (watched, observed, handing_over, voting) = Default::default();
                Overview { reign, silent: last_leader, quiet: None, watched, observed, handing_over, voting }
            });
            overview.look(&coordinator, &patience, &clock).await;
            overview.silent = None;
        }
        last_leader = status.leader.map(|leader| leader.node).or(last_leader);
        tokio::select! {
            () = coordinator.stopping.cancelled() => {}
            _ = changes.changed() => {}
            _ = followed.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Since when nobody leads, as far as this node knows.
#[derive(Default)]
struct Unled {
    since: Option<Instant>,
    is_told: bool,
}

impl Unled {
    /// Says it once, where it lasts longer than an election.
    fn look(&mut self, status: &Status) {
        if let Some(leader) = &status.leader {
            if std::mem::take(self).is_told {
                tracing::info!(node = leader.node, "a node leads again");
            }
            return;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        if !self.is_told && since.elapsed() >= UNLED_TOLD {
            self.is_told = true;
            tracing::warn!(
                voters = status.voters.len(),
                "this node knows of none that leads: changes of the map, and reads by id of what has replicas, wait until most of the nodes that vote are there"
            );
        }
    }
}

/// What a node knows while it leads. None of it is agreed on, and it is forgotten with the end of its reign.
struct Overview {
    reign: Reign,
    /// Who led before, as this reign begins: it has been silent for as long as an election takes.
    silent: Option<u64>,
    quiet: Option<Quiet>,
    watched: HashMap<NodeId, Watched>,
    observed: Observed,
    /// The shards whose primary hands over, and its term.
    handing_over: BTreeMap<ShardId, u64>,
    voting: Voting,
}

/// There was nothing to plan.
struct Quiet {
    seen: Seen,
    /// When something may be due.
    until_millis: i64,
}

/// What a plan depends on; of disks, how full they are in hundredths.
#[derive(PartialEq)]
struct Seen {
    version: u64,
    stopping: BTreeSet<NodeId>,
    silent: BTreeSet<NodeId>,
    damaged: BTreeSet<(ShardId, CopyId)>,
    found: BTreeMap<(NodeId, ShardId), CopyId>,
    disks: Vec<(NodeId, u64)>,
}

impl Seen {
    fn of(map: &ClusterState, observed: &Observed) -> Self {
        let hundredths = |space: &DiskSpace| space.free.saturating_mul(100) / space.total.max(1);
        Self {
            version: map.version,
            stopping: observed.stopping.clone(),
            silent: observed.silent.clone(),
            damaged: observed.damaged.clone(),
            found: observed.found.clone(),
            disks: observed.disks.iter().map(|(node, space)| (*node, hundredths(space))).collect(),
        }
    }
}

struct Watched {
    heard: Arc<Mutex<Heard>>,
    task: AbortHandle,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What was heard of a node.
#[derive(Debug, Clone)]
struct Heard {
    /// Since when it answers, or does not.
    since: Instant,
    misses: u32,
    pong: Pong,
}

impl Overview {
    async fn look(&mut self, coordinator: &Arc<Coordinator>, patience: &Patience, clock: &Clock) {
        let map = coordinator.map();
        self.watch(coordinator, &map, patience);
        let now = clock.now_millis();
        self.observe(coordinator, &map, now);
        let gone = self.watched.iter().filter(|(_, watched)| watched.heard.lock().misses >= patience.retries);
        let gone = gone.map(|(node, _)| *node).collect();
        let gone = {
            let mut grants = coordinator.grants.lock();
            grants.forget(&map);
            grants.may_leave(gone, read_lease::now())
        };
        for node in gone.iter().filter_map(|node| map.nodes.get(node)) {
            tracing::warn!(node = node.name, "node does not answer and is taken out of the cluster");
        }
        let mut commands: Vec<Command> = gone.into_iter().map(|node| Command::Leave { node }).collect();
        if commands.is_empty() {
            commands = self.plan(coordinator, &map);
        }
        if !commands.is_empty() {
            let proposal = write(&Proposal::of_reign(commands, self.reign));
            match coordinator.propose_here(proposal, LEAD_WITHIN).await {
                Ok(_) => coordinator.grants.lock().decided(),
                Err(Fault::NotLeader(_)) => {}
                Err(Fault::Failed(error)) => tracing::warn!(
                    reason = error.reason,
                    "what the cluster needs was not agreed on; it is decided anew"
                ),
            }
        }
        let health = self.health(&map);
        self.voting.look(coordinator, &map, &health);
    }

    /// What comes next for the copies. Nothing, while nothing has changed since there was nothing.
    fn plan(&mut self, coordinator: &Coordinator, map: &ClusterState) -> Vec<Command> {
        let (seen, now) = (Seen::of(map, &self.observed), self.observed.now_millis);
        if self.quiet.as_ref().is_some_and(|quiet| quiet.seen == seen && now < quiet.until_millis) {
            return Vec::new();
        }
        let commands = plan(map, &coordinator.allocation_settings(map), &self.observed);
        let until_millis = self.observed.next_wait_ends(map).unwrap_or(i64::MAX).min(now + PLAN_EVERY_MILLIS);
        self.quiet = commands.is_empty().then_some(Quiet { seen, until_millis });
        commands
    }

    fn watch(&mut self, coordinator: &Arc<Coordinator>, map: &ClusterState, patience: &Patience) {
        self.watched.retain(|node, _| map.nodes.contains_key(node));
        for (node, entry) in &map.nodes {
            if *node != coordinator.origin.process && !self.watched.contains_key(node) {
                let is_silent = self.silent.is_some() && entry.consensus_id() == self.silent;
                let misses = u32::from(is_silent);
                let heard =
                    Arc::new(Mutex::new(Heard { since: Instant::now(), misses, pong: Pong::default() }));
                let watching = watch(
                    Arc::clone(coordinator),
                    *node,
                    entry.clone(),
                    patience.clone(),
                    Arc::clone(&heard),
                );
                let task = tokio::spawn(watching).abort_handle();
                self.watched.insert(*node, Watched { heard, task });
            }
        }
    }

    /// What was seen of the nodes, so that it can be decided what comes next.
    fn observe(&mut self, coordinator: &Coordinator, map: &ClusterState, now_millis: i64) {
        self.observed.now_millis = now_millis;
        self.observed.note_lacking(map);
        self.note_hand_overs(map);
        self.observed.shard_bytes.clone_from(&coordinator.shard_bytes.lock());
        let told = self.watched.iter().map(|(node, watched)| {
            let heard = watched.heard.lock();
            (*node, heard.misses > 0, heard.pong.clone())
        });
        let told = told.chain([(coordinator.origin.process, false, coordinator.pong())]);
        let Observed { disks, stopping, silent, damaged, found, .. } = &mut self.observed;
        (*disks, *stopping, *silent, *damaged, *found) = Default::default();
        for (node, is_silent, pong) in told {
            if is_silent {
                silent.insert(node);
            }
            if let Some((total, free)) = pong.disk {
                disks.insert(node, DiskSpace { total, free });
            }
            if pong.is_stopping {
                stopping.insert(node);
            }
            damaged.extend(pong.damaged);
            found.extend(pong.found.into_iter().map(|(shard, copy)| ((node, shard), copy)));
        }
        *coordinator.observed.lock() = Some(Arc::new(self.observed.clone()));
    }

    /// A hand-over that is over in the term in which it began was given up.
    fn note_hand_overs(&mut self, map: &ClusterState) {
        let under_way = map.shards().filter(|(_, copies)| copies.hand_over_under_way().is_some());
        let under_way: BTreeMap<ShardId, u64> =
            under_way.map(|(shard, copies)| (shard, copies.term())).collect();
        let before = std::mem::replace(&mut self.handing_over, under_way);
        for (shard, term) in before {
            let copies = map.shard(&shard).filter(|copies| copies.term() == term);
            if copies
                .is_some_and(|copies| copies.primary().is_some() && copies.hand_over_under_way().is_none())
            {
                self.observed.hand_over_aborted(shard);
            }
        }
    }

    /// How each of the other nodes is, by its name in the consensus.
    fn health(&self, map: &ClusterState) -> BTreeMap<u64, Health> {
        let of = |(process, watched): (&NodeId, &Watched)| {
            let heard = watched.heard.lock();
            let span = heard.since.elapsed();
            let health = if heard.misses == 0 { Health::Up(span) } else { Health::Down(span) };
            Some((map.nodes.get(process)?.consensus_id()?, health))
        };
        self.watched.iter().filter_map(of).collect()
    }
}

/// Asks a node again and again whether it is there.
async fn watch(
    coordinator: Arc<Coordinator>,
    process: NodeId,
    entry: NodeEntry,
    patience: Patience,
    heard: Arc<Mutex<Heard>>,
) {
    let peer = Peer::process(&entry.transport_address, process.0);
    loop {
        let ping = coordinator.transport.call(
            &peer,
            Lane::State,
            Action::Ping as u16,
            Bytes::new(),
            patience.timeout,
        );
        let answer = ping.await;
        let pause = {
            let mut heard = heard.lock();
            let before = heard.misses;
            match answer.map(|pong| read::<Pong>(&pong)) {
                Ok(Ok(pong)) => {
                    heard.misses = 0;
                    heard.pong = pong;
                }
                // Another process has its address: this one is gone.
                Err(CallError::Refused { .. }) => heard.misses = patience.retries,
                _ => heard.misses += 1,
            }
            if (before == 0) != (heard.misses == 0) {
                heard.since = Instant::now();
            }
            // One that was missed is asked again soon: it may be gone, and its shards wait for that to be known.
            if heard.misses == 0 { patience.interval } else { patience.interval / 4 }
        };
        tokio::time::sleep(pause).await;
    }
}
