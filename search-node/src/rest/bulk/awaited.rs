//! The copies that a bulk waits for before it writes anything (`wait_for_active_shards`): without a place in a pool, and for all of its
//! shards together no longer than `timeout` says. Whoever writes then only looks.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::action::bulk::Named;
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

    /// Waits for the shards of these indices, which are made where their actions make them: what is wrong with that is told by who
    /// writes. What is left for who does.
    pub(super) async fn wait(&self, node: &Arc<Node>, named: BTreeSet<Named>) -> ActiveWait {
        let mut met = true;
        for named in named {
            let (of, pool) = (Arc::clone(node), node.write_pool.clone());
            let found = pool.go_on(move || Ok(named.find(&of)));
            let Ok(Some(index)) = found.await else { continue };
            let wanted = self.wait.copies.of_index(index.settings().active);
            if wanted.is_usual() {
                continue;
            }
            let left = self.until.saturating_duration_since(Instant::now());
            met &= wait_active(node, &index.uuid, wanted, left).await;
        }
        self.wait.waited(met)
    }
}
