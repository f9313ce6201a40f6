//! What nodes hold for a client that is about to be told of it: held for as long as it may still be.

use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Handle;

use super::{HeldId, Kind, let_go_of};
use crate::node::Node;

/// Goes with an answer that has the id of what nodes hold for the client. That is let go of where this is dropped and the client not
/// told: nobody else knows the id.
pub(crate) struct Untold {
    node: Arc<Node>,
    /// Of the node. It may be dropped on a thread of another one, which nobody drives, or of none.
    runtime: Option<Handle>,
    held: Option<HeldId>,
}

impl Untold {
    pub(in crate::action::search) fn new(node: &Arc<Node>, id: HeldId) -> Self {
        Self { node: Arc::clone(node), runtime: Handle::try_current().ok(), held: Some(id) }
    }

    /// Of the answer of a search, which may have begun a scroll.
    pub(crate) fn of_search(node: &Arc<Node>, answer: &Value) -> Self {
        let id = answer.get("_scroll_id").and_then(Value::as_str);
        let held = id.and_then(|id| HeldId::read(id, Kind::Scroll));
        Self { node: Arc::clone(node), runtime: Handle::try_current().ok(), held }
    }

    /// The client is told now.
    pub(crate) fn tell(mut self) {
        self.held = None;
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        // Without a runtime the process ends, and all goes with it.
        if let (Some(id), Some(runtime)) = (self.held.take(), self.runtime.take()) {
            let node = Arc::clone(&self.node);
            drop(runtime.spawn_blocking(move || let_go_of(&node, &id)));
        }
    }
}
