//! The copies that a bulk waits for before it writes anything (`wait_for_active_shards`): without a place in a pool, and for all of its
//! shards together no longer than `timeout` says. Whoever writes then only looks.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::action::cluster::wait_active;
use crate::node::Node;
use crate::replication::ActiveWait;

/// What is waited for.
pub(super) struct Awaited {
    wait: ActiveWait,
    until: Instant,
}

impl Awaited {
    /// From now on the time counts.
    pub(super) fn begin(wait: ActiveWait) -> Self {
        Self { wait, until: Instant::now() + wait.within }
    }

    /// Waits for the shards of these indices, which are made if they are not there: what is wrong with that is told by who writes. What is
    /// left for who does.
    pub(super) async fn wait(&self, node: &Arc<Node>, names: &BTreeSet<Arc<str>>) -> ActiveWait {
        let mut met = true;
        for name in names {
            let (made, of, pool) = (Arc::clone(name), Arc::clone(node), node.write_pool.clone());
            let made = pool.go_on(move || of.indices.for_write(&made, true));
            let Ok(index) = made.await else { continue };
            let left = self.until.saturating_duration_since(Instant::now());
            met &= wait_active(node, &index.uuid, self.wait.copies, left).await;
        }
        self.wait.waited(met)
    }
}
