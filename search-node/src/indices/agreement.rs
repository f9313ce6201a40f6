//! Where changes of indices are agreed on before any node makes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cluster::state::{
    ClusterState, Command, CopyId, IndexEntry, IndexId, NodeEntry, NodeId, Refusal, Role, ShardCopies,
};
use parking_lot::Mutex;

use super::found::Found;
use super::served::Served;
use crate::error::ApiError;

/// Where changes are agreed on.
pub(crate) trait Agreement: Send + Sync {
    /// What was agreed on, as far as this node knows.
    fn map(&self) -> Arc<ClusterState>;

    /// What operators have set of a setting while the cluster runs.
    fn set(&self, setting: &str) -> Option<String>;

    /// How long an agreement may take.
    fn within(&self) -> Duration;

    /// Where the shards of a new index should begin, of which it has so many.
    fn place(&self, id: &IndexId, entry: &IndexEntry, shards: usize) -> Result<Vec<ShardCopies>, ApiError>;

    /// Waits until every shard of an index has a primary that takes writes, for as long as an agreement may take.
    fn wait_primaries(&self, id: &IndexId);

    /// Waits until this node follows the map up to a version, for as long as an agreement may take.
    fn wait_caught_up(&self, version: u64);

    /// Waits until every node that is there follows what this one does, for as long as an agreement may take.
    fn wait_followed(&self);

    /// Has a command agreed on, and returns once the indices of this node are as it says.
    fn agree(&self, command: Command) -> Result<(), Disagreement>;
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Disagreement {
    /// It does not fit what there is; nothing has changed.
    Refused(Refusal),
    /// It could not be agreed on, or this node cannot do as it says.
    Failed(ApiError),
}

/// A node that agrees with itself: what its folder holds is the map.
pub(crate) struct Alone {
    own: Weak<Self>,
    served: Weak<Served>,
    map: Mutex<Arc<ClusterState>>,
}

/// The only node of a map for itself.
const OWN: NodeId = NodeId(1);

impl Alone {
    /// With what was found in the folder.
    pub(super) fn new(served: &Arc<Served>, found: &[Found]) -> Arc<Self> {
        let mut map = ClusterState::default();
        map.nodes.insert(OWN, alone());
        for found in found {
            let mut copies = |number: u32| {
                let known = found.metadata.copies.as_ref().and_then(|copies| copies.get(&number));
                let copy = known.copied().unwrap_or(CopyId(map.last_copy + 1));
                map.last_copy = map.last_copy.max(copy.0);
                ShardCopies::created(copy, OWN)
            };
            let shards = (0..found.shards).map(&mut copies).collect();
            let entry = found.metadata.to_stored_entry(shards);
            map.indices.insert(IndexId(found.metadata.uuid.clone()), entry);
        }
        Arc::new_cyclic(|own| Self {
            own: own.clone(),
            served: Arc::downgrade(served),
            map: Mutex::new(Arc::new(map)),
        })
    }

    /// Takes up what was found. Gives what cannot be served, which is no longer in the map then.
    pub(super) fn begin(&self) -> BTreeMap<IndexId, ApiError> {
        let mut map = self.map.lock();
        let failures = self.follow(&map);
        let mut next = ClusterState::clone(&map);
        next.indices.retain(|id, _| !failures.contains_key(id));
        *map = Arc::new(next);
        failures
    }

    fn follow(&self, map: &ClusterState) -> BTreeMap<IndexId, ApiError> {
        match (self.served.upgrade(), self.own.upgrade()) {
            (Some(served), Some(own)) => served.follow(map, OWN, &(own as Arc<dyn Agreement>)),
            _ => BTreeMap::from([(IndexId(String::new()), ApiError::internal("the node has stopped"))]),
        }
    }
}

fn alone() -> NodeEntry {
    NodeEntry {
        name: String::new(),
        data_id: String::new(),
        transport_address: String::new(),
        http_address: String::new(),
        roles: [Role::Master, Role::Data, Role::Ingest].into(),
        attributes: BTreeMap::new(),
    }
}

impl Agreement for Alone {
    fn map(&self) -> Arc<ClusterState> {
        Arc::clone(&self.map.lock())
    }

    fn set(&self, _: &str) -> Option<String> {
        None
    }

    fn within(&self) -> Duration {
        // Nobody else changes anything.
        Duration::from_secs(30)
    }

    fn place(&self, _: &IndexId, _: &IndexEntry, shards: usize) -> Result<Vec<ShardCopies>, ApiError> {
        let last = self.map.lock().last_copy;
        Ok((1..=shards as u64).map(|number| ShardCopies::created(CopyId(last + number), OWN)).collect())
    }

    fn wait_primaries(&self, _: &IndexId) {}

    fn wait_caught_up(&self, _: u64) {}

    fn wait_followed(&self) {}

    fn agree(&self, command: Command) -> Result<(), Disagreement> {
        let mut map = self.map.lock();
        let mut next = ClusterState::clone(&map);
        next.apply(command).map_err(Disagreement::Refused)?;
        match self.follow(&next).pop_first() {
            None => {
                *map = Arc::new(next);
                Ok(())
            }
            Some((_, error)) => Err(Disagreement::Failed(error)),
        }
    }
}
