//! The roles of the copies on this node, by shard: who writes asks here for the primary, and messages of other nodes find theirs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::state::{CopyId, ShardId};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::following::Following;
use super::leading::Leading;
use crate::error::ApiError;

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

    /// The primary of a shard that should be here; waits until it has begun, `within` at most.
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
            if known.demanded.insert(shard.clone()) {
                self.pulse.send_modify(|pulse| *pulse = pulse.wrapping_add(1));
            }
            if self.changed.wait_until(&mut known, deadline).timed_out() {
                let reason = format!(
                    "[{shard}] primary shard is not active on this node Timeout: [{}ms]",
                    within.as_millis()
                );
                return Err(ApiError::new(503, "unavailable_shards_exception", reason)
                    .with("shard", shard.number.to_string())
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
