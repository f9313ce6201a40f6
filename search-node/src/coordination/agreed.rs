//! The map as the consensus keeps it: proposals in, the same map on every node out.
//!
//! Proposals and snapshots are JSON, so that a later build reads what an earlier one wrote, whatever was added meanwhile.

use std::sync::Arc;

use cluster::state::{ClusterState, Command, Refusal};
use consensus::{Place, Reign, RestoreError, SnapshotError, StateMachine};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What one proposal asks for: each command by itself, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Proposal {
    pub(super) commands: Vec<Command>,
    /// It counts in this reign only, if it was decided upon what a leader has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reign: Option<Reign>,
}

impl Proposal {
    /// Commands that count whenever they are agreed on.
    pub(super) fn of(commands: Vec<Command>) -> Self {
        Self { commands, reign: None }
    }

    /// Commands that count in one reign only.
    pub(super) fn of_reign(commands: Vec<Command>, reign: Reign) -> Self {
        Self { commands, reign: Some(reign) }
    }
}

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// The version of the map after it.
    pub(super) version: u64,
    /// Why a command changed nothing, by its place in the proposal.
    pub(super) refused: Vec<(usize, Refusal)>,
    /// Why none could be read: another build proposed it.
    pub(super) unread: Option<String>,
}

/// The state machine of the map.
pub(super) struct Agreed {
    map: watch::Sender<Arc<ClusterState>>,
}

impl Agreed {
    /// An empty map, and where it is seen as it changes.
    pub(super) fn new() -> (Self, watch::Receiver<Arc<ClusterState>>) {
        let (map, seen) = watch::channel(Arc::default());
        (Self { map }, seen)
    }
}

impl StateMachine for Agreed {
    fn apply(&mut self, place: Place, proposal: &[u8]) -> Vec<u8> {
        let mut next = ClusterState::clone(&self.map.borrow());
        let before = next.version;
        let mut outcome = Outcome { version: before, refused: Vec::new(), unread: None };
        match serde_json::from_slice::<Proposal>(proposal) {
            Ok(Proposal { reign: Some(reign), .. }) if reign != place.reign => {}
            Ok(proposal) => {
                for (place, command) in proposal.commands.into_iter().enumerate() {
                    if let Err(refusal) = next.apply(command) {
                        outcome.refused.push((place, refusal));
                    }
                }
            }
            Err(error) => outcome.unread = Some(error.to_string()),
        }
        outcome.version = next.version;
        if next.version != before {
            self.map.send_replace(Arc::new(next));
        }
        serde_json::to_vec(&outcome).unwrap_or_default()
    }

    fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        serde_json::to_vec(&**self.map.borrow()).map_err(|error| {
            SnapshotError(format!(
                "the map of the cluster cannot be written: {error}; this is a fault of the program"
            ))
        })
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let map = serde_json::from_slice(snapshot).map_err(|error| {
            RestoreError(format!(
                "the map of the cluster cannot be read: {error}; start the build that wrote it, or a later one"
            ))
        })?;
        self.map.send_replace(Arc::new(map));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cluster::state::{
        CopyId, IndexAllocation, IndexEntry, IndexId, NodeEntry, NodeId, Replicas, Role, ShardCopies,
    };

    use super::*;

    fn join(node: u64) -> Command {
        let entry = NodeEntry {
            name: format!("node-{node}"),
            data_id: format!("data-{node}"),
            transport_address: "127.0.0.1:9300".to_owned(),
            http_address: "127.0.0.1:9200".to_owned(),
            roles: [Role::Data].into(),
            attributes: BTreeMap::from([("rack".to_owned(), "a".to_owned())]),
        };
        Command::Join { node: NodeId(node), entry }
    }

    fn create(number: u64, name: &str) -> Command {
        let entry = IndexEntry {
            name: name.to_owned(),
            version: 1,
            parts: BTreeMap::from([("mapping".to_owned(), "{}".to_owned())]),
            replicas: Replicas::Expand { least: 0, most: 1 },
            filters: BTreeMap::new(),
            allocation: IndexAllocation::default(),
            shards: vec![ShardCopies::created(CopyId(number), NodeId(u64::MAX))],
        };
        Command::CreateIndex { id: IndexId(format!("id-{number}")), entry }
    }

    fn apply(agreed: &mut Agreed, commands: Vec<Command>) -> Outcome {
        propose(agreed, &Proposal::of(commands))
    }

    const REIGN: Reign = Reign { term: 3, node: 1 };

    fn propose(agreed: &mut Agreed, proposal: &Proposal) -> Outcome {
        let proposal = serde_json::to_vec(proposal).expect("JSON");
        let place = Place { index: 1, reign: REIGN };
        serde_json::from_slice(&agreed.apply(place, &proposal)).expect("an outcome")
    }

    #[test]
    fn what_was_decided_in_another_reign_changes_nothing() {
        let (mut agreed, seen) = Agreed::new();
        for other in [Reign { term: 2, ..REIGN }, Reign { node: 2, ..REIGN }] {
            let outcome = propose(&mut agreed, &Proposal::of_reign(vec![join(1)], other));
            assert!(outcome.version == 0 && outcome.unread.is_none(), "{outcome:?}");
        }

        propose(&mut agreed, &Proposal::of_reign(vec![join(1)], REIGN));

        assert_eq!(seen.borrow().nodes.len(), 1);
    }

    #[test]
    fn a_map_survives_its_snapshot_and_is_seen_as_it_changes() {
        let (mut agreed, seen) = Agreed::new();
        let outcome = apply(
            &mut agreed,
            vec![join(u64::MAX), create(1, "logs"), create(2, "logs"), create(2, "other")],
        );
        assert_eq!(outcome.version, 3);
        assert_eq!(outcome.refused, [(2, Refusal::NameTaken("logs".to_owned()))]);
        assert_eq!(seen.borrow().indices.len(), 2);

        let (mut other, seen_there) = Agreed::new();
        other.restore(&agreed.snapshot().expect("written")).expect("restored");

        assert_eq!(*seen_there.borrow(), *seen.borrow());
    }

    #[test]
    fn what_cannot_be_read_changes_nothing_and_is_told() {
        let (mut agreed, seen) = Agreed::new();
        for bytes in [&b""[..], b"{}", b"{\"commands\":[{\"Fly\":1}]}", b"\xff"] {
            let place = Place { index: 1, reign: REIGN };
            let outcome: Outcome = serde_json::from_slice(&agreed.apply(place, bytes)).expect("an outcome");
            assert!(outcome.unread.is_some() && outcome.version == 0, "{outcome:?}");
            assert!(agreed.restore(bytes).is_err());
        }
        assert_eq!(seen.borrow().version, 0);
    }
}
