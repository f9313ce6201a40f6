//! The copies that a bulk waits for before it writes anything (`wait_for_active_shards`): without a place in a pool, and for all of its
//! shards together no longer than `timeout` says. Whoever writes then only looks.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::action::cluster::wait_active;
use crate::node::Node;
use crate::replication::{ActiveCopies, ActiveWait};

/// What is waited for.
pub(super) struct Awaited {
    copies: ActiveCopies,
    until: Instant,
}

impl Awaited {
    /// From now on the time counts.
    pub(super) fn begin(wait: ActiveWait) -> Self {
        Self { copies: wait.copies, until: Instant::now() + wait.within }
    }

    /// Waits for the shards of these indices. One that is not there yet is made when something is written to it.
    pub(super) async fn wait(&self, node: &Node, names: &BTreeSet<Arc<str>>) {
        for name in names {
            let Some(index) = node.indices.get(name) else { continue };
            let left = self.until.saturating_duration_since(Instant::now());
            wait_active(node, &index.uuid, self.copies, left).await;
        }
    }
}
