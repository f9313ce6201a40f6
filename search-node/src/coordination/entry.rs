//! How a process gets into the map, and back into it should it have been taken out while nobody could reach it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::{Command, NodeEntry, NodeId};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use transport::{CallError, Lane, Peer};

use super::agreed::Proposal;
use super::calls::{Action, Fault, fault_of, read, unavailable, write};
use super::coordinator::Coordinator;
use super::lookout::Lookout;
use crate::error::ApiError;

/// How long a node may take to say who it is.
const MEET_WITHIN: Duration = Duration::from_secs(2);
/// How long whoever leads may take to let a node in: an agreement, and one more for its place in the consensus.
const ADMIT_WITHIN: Duration = Duration::from_secs(10);
/// Pause before another try.
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// After so many tries in vain the log says why.
const TRIES_TOLD: u32 = 25;

/// What a process says that wants in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct JoinRequest {
    /// Its data folder in the consensus.
    node: u64,
    process: NodeId,
    entry: NodeEntry,
}

/// Why a process is not in yet.
enum Refused {
    /// Nobody is there to let it in.
    ByNobody(String),
    /// Somebody is, and says why not.
    Because(String),
}

/// What it is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Admitted {
    cluster_uuid: String,
}

/// Asks until whoever leads has let this process into the map.
pub(super) async fn enter(
    coordinator: &Arc<Coordinator>,
    entry: &NodeEntry,
    lookout: &Arc<Lookout>,
) -> anyhow::Result<()> {
    let request = JoinRequest {
        node: coordinator.origin.node,
        process: coordinator.origin.process,
        entry: entry.clone(),
    };
    let mut changes = coordinator.changes();
    let mut tries = 0;
    loop {
        if changes.borrow_and_update().nodes.contains_key(&request.process) {
            return Ok(());
        }
        match coordinator.ask_in(&request, &lookout.addresses().await).await {
            // The data says so before the node takes part.
            Ok(told) => lookout.joined(&told.cluster_uuid).await?,
            Err(refused) => {
                tries += 1;
                if tries % TRIES_TOLD == 0 {
                    let reason = match refused {
                        Refused::ByNobody(reason) => format!("{reason}; {}", lookout.remedy().await),
                        Refused::Because(reason) => reason,
                    };
                    tracing::warn!(reason, "this node is not let into the cluster yet; it goes on asking");
                }
            }
        }
        tokio::select! {
            () = coordinator.stopping.cancelled() => anyhow::bail!("the node was stopped before it was in the cluster"),
            _ = changes.changed() => {}
            () = tokio::time::sleep(TRY_AGAIN) => {}
        }
    }
}

/// Lets this process in again whenever it was taken out.
pub(super) async fn stay(coordinator: Arc<Coordinator>, entry: NodeEntry, lookout: Arc<Lookout>) {
    let own = coordinator.origin.process;
    let mut changes = coordinator.changes();
    loop {
        let is_out = changes.wait_for(|map| !map.nodes.contains_key(&own));
        tokio::select! {
            () = coordinator.stopping.cancelled() => return,
            found = is_out => if found.is_err() { return },
        }
        if coordinator.is_leaving() {
            return;
        }
        tracing::warn!(
            "this node was taken out of the cluster, for it did not answer; it asks to be let in again"
        );
        if let Err(error) = enter(&coordinator, &entry, &lookout).await {
            tracing::error!(%error, "this node is out of the cluster");
            return;
        }
    }
}

impl Coordinator {
    async fn ask_in(&self, request: &JoinRequest, addresses: &[String]) -> Result<Admitted, Refused> {
        let met = join_all(addresses.iter().map(|address| async move {
            self.ways.meet(address, MEET_WITHIN).await.map(|_| address.clone())
        }));
        let met = met.await;
        if self.leads() {
            return self.admit(request.clone()).await.map_err(|fault| Refused::Because(words(&fault)));
        }
        let refusals: Vec<String> = met
            .iter()
            .filter_map(|met| met.as_ref().err())
            .filter(|error| matches!(error, CallError::Refused { .. }))
            .map(ToString::to_string)
            .collect();
        let mut next: Vec<String> = self.leader_address().into_iter().collect();
        next.extend(met.into_iter().flatten());
        let mut refused = match refusals.first() {
            Some(refusal) => Refused::Because(refusal.clone()),
            None if addresses.is_empty() => Refused::ByNobody("it is not known where others are".to_owned()),
            None => Refused::ByNobody(format!("no node answers at {}", addresses.join(", "))),
        };
        let mut asked = 0;
        while let Some(address) = next.get(asked).cloned() {
            asked += 1;
            match self.ask_at(&address, request).await {
                Ok(admitted) => return Ok(admitted),
                Err(Fault::NotLeader(Some((node, said)))) => {
                    let reason = format!("node {node:016x} leads, and does not answer at {said}");
                    refused = Refused::Because(reason);
                    let address = self.ways.address(node, &said);
                    if !next.contains(&address) {
                        next.insert(asked, address);
                    }
                }
                Err(fault) => refused = Refused::Because(words(&fault)),
            }
        }
        Err(refused)
    }

    async fn ask_at(&self, address: &str, request: &JoinRequest) -> Result<Admitted, Fault> {
        let (peer, action) = (Peer::at(address), Action::Join as u16);
        let answer = self.transport.call(&peer, Lane::State, action, write(request), ADMIT_WITHIN).await;
        answer.map_err(fault_of).and_then(|answer| read(&answer).map_err(Fault::Failed))
    }

    /// Answers a process that wants in.
    pub(super) async fn answer_join(&self, body: &Bytes) -> Result<Bytes, Fault> {
        let request = read(body).map_err(Fault::Failed)?;
        self.admit(request).await.map(|admitted| write(&admitted))
    }

    async fn admit(&self, request: JoinRequest) -> Result<Admitted, Fault> {
        let status = self.consensus.status();
        if !status.is_leader {
            let leader = status.leader.and_then(|leader| Some((leader.node, leader.address?)));
            return Err(Fault::NotLeader(leader));
        }
        let address = &request.entry.transport_address;
        // The consensus has to know where it is before the map does.
        if status.addresses.get(&request.node) != Some(address) {
            let added = self.consensus.add_learner(request.node, address, ADMIT_WITHIN).await;
            added.map_err(|error| Fault::Failed(unavailable(&error.to_string())))?;
        }
        let join = Command::Join { node: request.process, entry: request.entry };
        let proposal = write(&Proposal::of(vec![join]));
        let outcome = self.propose_here(proposal, ADMIT_WITHIN).await?;
        match outcome.refused.into_iter().next() {
            Some((_, refusal)) => Err(Fault::Failed(ApiError::internal(refusal.to_string()))),
            None => Ok(Admitted { cluster_uuid: self.map().cluster_uuid.clone() }),
        }
    }
}

fn words(fault: &Fault) -> String {
    match fault {
        Fault::NotLeader(_) => "no node leads yet".to_owned(),
        Fault::Failed(error) => error.reason.clone(),
    }
}
