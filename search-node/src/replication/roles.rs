//! The roles of the copies on this node, by shard: who writes asks here for the primary, and messages of other nodes find theirs.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cluster::state::{CopyId, ShardId};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::following::Following;
use super::leading::Leading;
use super::outside::Outside;
use crate::error::ApiError;

/// How often it is looked whether a primary that somebody waits for should still be here.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a copy is.
#[derive(Clone)]
pub(crate) enum Role {
    Leading(Arc<Leading>),
    Following(Arc<Following>),
}

/// The roles of the copies on this node.
#[derive(Default)]
pub(crate) struct Roles {
    known: Mutex<Known>,
    changed: Condvar,
    /// Rises whenever somebody waits for a primary that has not begun.
    pulse: watch::Sender<u64>,
    /// Rises with every change of a role.
    changes: watch::Sender<u64>,
    /// Who knows whether a primary should be here.
    outside: OnceLock<Arc<dyn Outside>>,
}

#[derive(Default)]
struct Known {
    roles: HashMap<ShardId, Role>,
    /// Shards whose primary somebody waits for.
    demanded: BTreeSet<ShardId>,
    /// Why a primary here could not begin; it is tried again.
    failed: HashMap<ShardId, ApiError>,
}

impl Roles {
    /// The primary of a shard, if it is here and not over.
    pub(crate) fn leading(&self, shard: &ShardId) -> Option<Arc<Leading>> {
        match self.known.lock().roles.get(shard) {
            Some(Role::Leading(leading)) if leading.check() => Some(Arc::clone(leading)),
            _ => None,
        }
    }

    /// Whom to ask whether a primary should be here.
    pub(super) fn connect(&self, outside: Arc<dyn Outside>) {
        // Only the start of a node does so, once.
        drop(self.outside.set(outside));
    }

    /// Whether the map has the primary of a shard here.
    fn is_led_here(&self, shard: &ShardId) -> bool {
        let Some(outside) = self.outside.get() else { return true };
        let map = outside.map();
        let primary = map.shard(shard).and_then(|copies| copies.present().get(&copies.primary()?));
        primary.is_some_and(|copy| copy.node == outside.own())
    }

    /// What people call the index of a shard.
    fn index_name(&self, shard: &ShardId) -> String {
        let map = self.outside.get().map(|outside| outside.map());
        let name = map.and_then(|map| Some(map.indices.get(&shard.index)?.name.clone()));
        name.unwrap_or_else(|| shard.index.0.clone())
    }

    /// The primary of a shard that should be here; waits until it has begun, `within` at most, or should be elsewhere.
    pub(crate) fn wait_leading(&self, shard: &ShardId, within: Duration) -> Result<Arc<Leading>, ApiError> {
        if let Some(leading) = self.leading(shard) {
            return Ok(leading);
        }
        let deadline = Instant::now() + within;
        let mut known = self.known.lock();
        loop {
            match known.roles.get(shard) {
                Some(Role::Leading(leading)) if !leading.is_over() => return Ok(Arc::clone(leading)),
                _ => {}
            }
            if let Some(error) = known.failed.get(shard) {
                return Err(error.clone());
            }
            if !self.is_led_here(shard) {
                return Err(ApiError::not_primary(&format!(
                    "shard {shard}: its primary is not on this node"
                )));
            }
            if known.demanded.insert(shard.clone()) {
                self.pulse.send_modify(|pulse| *pulse = pulse.wrapping_add(1));
            }
            // Nobody tells of a map in which the primary is elsewhere.
            let look = deadline.min(Instant::now() + LOOK_AGAIN);
            if self.changed.wait_until(&mut known, look).timed_out() && Instant::now() >= deadline {
                drop(known);
                let (index, number) = (self.index_name(shard), shard.number);
                let reason = format!(
                    "[{index}][{number}] primary shard is not active on this node Timeout: [{}ms]",
                    within.as_millis()
                );
                return Err(ApiError::new(503, "unavailable_shards_exception", reason)
                    .with("shard", number.to_string())
                    .with("index", index)
                    .with("index_uuid", shard.index.0.as_str()));
            }
        }
    }

    /// The replica of this name.
    pub(super) fn following(&self, shard: &ShardId, copy: CopyId) -> Option<Arc<Following>> {
        match self.known.lock().roles.get(shard) {
            Some(Role::Following(following)) if following.copy == copy => Some(Arc::clone(following)),
            _ => None,
        }
    }

    pub(super) fn get(&self, shard: &ShardId) -> Option<Role> {
        self.known.lock().roles.get(shard).cloned()
    }

    /// Whether somebody waits for the primary of a shard.
    pub(super) fn is_demanded(&self, shard: &ShardId) -> bool {
        self.known.lock().demanded.contains(shard)
    }

    /// A copy is something else from now on. What it was is over.
    pub(super) fn set(&self, shard: &ShardId, role: Option<Role>) {
        let mut known = self.known.lock();
        known.demanded.remove(shard);
        known.failed.remove(shard);
        let before = match role {
            Some(role) => known.roles.insert(shard.clone(), role),
            None => known.roles.remove(shard),
        };
        drop(known);
        match before {
            Some(Role::Leading(leading)) => leading.end(),
            Some(Role::Following(following)) => following.end(),
            None => {}
        }
        self.changed.notify_all();
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// A primary could not begin: whoever waits for it is told why.
    pub(super) fn set_failed(&self, shard: &ShardId, error: &ApiError) {
        self.known.lock().failed.insert(shard.clone(), error.clone());
        self.changed.notify_all();
    }

    /// What a copy was is over, and what it becomes is not yet known.
    pub(super) fn set_over(&self, shard: &ShardId) {
        let before = self.known.lock().roles.remove(shard);
        match before {
            Some(Role::Leading(leading)) => leading.end(),
            Some(Role::Following(following)) => following.end(),
            None => {}
        }
    }

    /// The changes of roles.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Tells of everybody who waits for a primary that has not begun.
    pub(super) fn pulse(&self) -> watch::Receiver<u64> {
        self.pulse.subscribe()
    }
}
