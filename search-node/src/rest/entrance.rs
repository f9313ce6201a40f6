//! The node that answers requests, once it is in its cluster. Until then it waits for others, and says so to whoever asks.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;

use crate::node::Node;

/// How long whoever asks for the health of the cluster waits, if nothing else is said.
const WAIT: Duration = Duration::from_secs(30);

/// The way to the node.
#[derive(Clone, Default)]
pub(crate) struct Entrance(Arc<Place>);

#[derive(Default)]
struct Place {
    node: OnceLock<Arc<Node>>,
    opened: Notify,
}

impl Entrance {
    /// From now on the node answers.
    pub(crate) fn open(&self, node: Arc<Node>) {
        // Only the start of a node does so, once.
        drop(self.0.node.set(node));
        self.0.opened.notify_waiters();
    }

    /// The node, if it is there. Whoever asks for the health of the cluster waits for it as long as the request says, as those do
    /// who restart nodes in turn; other clients are better off with another node at once.
    pub(super) async fn node(&self, path: &str, query: &HashMap<String, String>) -> Option<Arc<Node>> {
        if let Some(node) = self.0.node.get() {
            return Some(Arc::clone(node));
        }
        let is_local = query.get("local").is_some_and(|local| local != "false");
        if is_local || !path.starts_with("/_cluster/health") {
            return None;
        }
        let named = ["timeout", "master_timeout"].iter().find_map(|name| query.get(*name));
        let within = named.and_then(|text| settings::parse_duration(text)).unwrap_or(WAIT);
        tokio::time::timeout(within, self.wait()).await.ok()
    }

    async fn wait(&self) -> Arc<Node> {
        loop {
            let opened = self.0.opened.notified();
            tokio::pin!(opened);
            // What happens from here on is heard of.
            opened.as_mut().enable();
            if let Some(node) = self.0.node.get() {
                return Arc::clone(node);
            }
            opened.await;
        }
    }
}
