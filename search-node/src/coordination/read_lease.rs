//! The lease of this node for reads, and the leases that it gives while it leads (`cluster::read_lease` has the rules).
//!
//! A lease is asked for when somebody reads and there is none, or it is soon over: a node that nobody reads from asks for none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cluster::read_lease::LEASE;
use cluster::state::NodeId;
use consensus::ReadError;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout, timeout_at};
use transport::Lane;

use super::calls::{Action, Fault, fault_of, read, unavailable, write};
use super::coordinator::{Coordinator, LOOK_AGAIN, Leads};
use crate::error::ApiError;
use crate::planted::{Bug, is_planted};

/// How long whoever leads may take to answer. Longer than a lease would be of no use.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// A lease that lasts no longer than this is asked for anew.
const RENEWED_BEFORE: Duration = Duration::from_millis(500);

/// The lease of this node.
#[derive(Default)]
pub(crate) struct ReadLease {
    /// In nanoseconds, as [`now`] counts.
    until: AtomicU64,
    /// This node is about to leave.
    is_given_up: AtomicBool,
    /// Held by whoever asks for a new one: why there was none last.
    asking: tokio::sync::Mutex<Option<String>>,
}

/// What whoever leads answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Granted {
    /// The version of the map from which on the lease counts.
    version: u64,
}

/// A clock that goes on while the process is stopped and while the host sleeps.
pub(super) fn now() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

impl ReadLease {
    /// How long it lasts yet; zero if there is none.
    fn left(&self) -> Duration {
        if self.is_given_up.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.until.load(Ordering::Acquire)).saturating_sub(now())
    }

    fn extend(&self, until: Duration) {
        self.until.fetch_max(u64::try_from(until.as_nanos()).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    /// From now on this node tells nothing more.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Release);
    }
}

impl Coordinator {
    /// Whether this node may tell what its primaries have, by the map as it is here.
    pub(crate) fn may_tell(&self) -> bool {
        is_planted(Bug::LeaseIsNotLookedAt) || !self.read_lease.left().is_zero()
    }

    /// Returns once this node may tell what its primaries have, by the map as it is here then.
    pub(crate) async fn wait_may_tell(&self, deadline: Instant) -> Result<(), ApiError> {
        loop {
            if self.read_lease.is_given_up.load(Ordering::Acquire) {
                return Err(ApiError::not_primary("this node is about to stop"));
            }
            let left = self.read_lease.left();
            if left > RENEWED_BEFORE || is_planted(Bug::LeaseIsNotLookedAt) {
                return Ok(());
            }
            let asking = if left.is_zero() {
                timeout_at(deadline, self.read_lease.asking.lock()).await.ok()
            } else {
                self.read_lease.asking.try_lock().ok()
            };
            let reason = match asking {
                // Somebody else has asked meanwhile.
                Some(_) if self.read_lease.left() > RENEWED_BEFORE => return Ok(()),
                // Who has waited that long knows why from those before.
                Some(last) if Instant::now() >= deadline && last.is_some() => {
                    last.clone().unwrap_or_default()
                }
                Some(mut last) => match self.ask_read_lease().await {
                    Ok(()) => return Ok(()),
                    Err(reason) => last.insert(reason).clone(),
                },
                None => "whoever leads does not answer".to_owned(),
            };
            if self.may_tell() {
                return Ok(());
            }
            if Instant::now() >= deadline || self.stopping.is_cancelled() {
                return Err(ApiError::new(
                    503,
                    "no_shard_available_action_exception",
                    format!(
                        "this node cannot know whether what it has is the newest: {reason}; see that most of the nodes that vote are there, or read what may be old with [consistency] set to [eventual]"
                    ),
                ));
            }
            let known = self.consensus.status().leader;
            let look = deadline.min(Instant::now() + LOOK_AGAIN);
            let changed = self.consensus.wait_status(|status| status.leader != known);
            let _looked = timeout_at(look, changed).await;
        }
    }

    /// Returns once this node follows everything that was agreed on before, so that what it does not know is not there.
    pub(crate) async fn catch_up(&self, within: Duration) -> Result<(), ApiError> {
        let deadline = Instant::now() + within;
        self.wait_may_tell(deadline).await?;
        let followed = timeout_at(deadline, self.wait_followed(self.map().version));
        followed.await.map(drop).map_err(|_| unavailable("this node does not follow the map yet"))
    }

    /// Asks whoever leads, and waits for the map that counts.
    async fn ask_read_lease(&self) -> Result<(), String> {
        let asked = now();
        let process = self.origin.process;
        let answer = match self.leader() {
            None => return Err("nobody is known to lead".to_owned()),
            Some(Leads::This) => timeout(ANSWER_WITHIN, self.give_read_lease(process))
                .await
                .unwrap_or_else(|_| Err(Fault::Failed(unavailable("most voters do not answer")))),
            Some(Leads::Other(peer)) => {
                let body = write(&process);
                let answer = self.call(&peer, Lane::State, Action::ReadLease, body, ANSWER_WITHIN).await;
                answer.map_err(fault_of).and_then(|answer| read(&answer).map_err(Fault::Failed))
            }
        };
        let granted = answer.map_err(|fault| match fault {
            Fault::NotLeader(_) => "another node leads".to_owned(),
            Fault::Failed(error) => error.reason,
        })?;
        let mut changes = self.changes();
        let reached = changes.wait_for(|map| map.version >= granted.version);
        if timeout(LEASE, reached).await.is_err() {
            return Err(format!("it does not have version {} of the map yet", granted.version));
        }
        self.read_lease.extend(asked + LEASE);
        Ok(())
    }

    pub(super) async fn answer_read_lease(&self, body: &Bytes) -> Result<Bytes, Fault> {
        let process = read(body).map_err(Fault::Failed)?;
        self.give_read_lease(process).await.map(|granted| write(&granted))
    }

    /// Gives a process its lease, where this node leads: most voters confirm that it does, after the process has asked.
    async fn give_read_lease(&self, process: NodeId) -> Result<Granted, Fault> {
        let confirmed = async {
            let index = self.consensus.read_index().await?;
            self.consensus.wait_applied(index).await
        };
        confirmed.await.map_err(|error| match error {
            ReadError::NotLeader { leader } => {
                Fault::NotLeader(leader.and_then(|leader| Some((leader.node, leader.address?))))
            }
            error => Fault::Failed(unavailable(&error.to_string())),
        })?;
        // The map is looked at while nobody can be chosen to leave: what was agreed on before is in it.
        let mut grants = self.grants.lock();
        let map = self.map();
        if !map.nodes.contains_key(&process) {
            return Err(Fault::Failed(unavailable("the map does not have the node that asks")));
        }
        if !grants.give(process, now()) {
            return Err(Fault::Failed(unavailable("the node that asks is about to be taken out of the map")));
        }
        Ok(Granted { version: map.version })
    }
}
