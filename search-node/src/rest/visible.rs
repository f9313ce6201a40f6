//! `refresh`: when a write that is done becomes visible, and whether its answer waits for that.

use std::sync::Arc;

use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;

/// What a request says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresh {
    /// As the index's interval has it; the answer does not wait.
    No,
    /// At once.
    Now,
    /// As the index's interval has it, and the answer waits.
    Wait,
}

/// Returns once the writes to these indices are as visible as was asked; whether a refresh was forced for that.
pub(super) async fn make_visible(
    node: &Arc<Node>,
    refresh: Refresh,
    indices: Vec<Arc<Index>>,
) -> Result<bool, ApiError> {
    match refresh {
        Refresh::No => Ok(false),
        Refresh::Now if indices.is_empty() => Ok(true),
        Refresh::Now => force(node, indices).await,
        Refresh::Wait => {
            let mut forced = false;
            for index in indices {
                forced |= wait(node, index).await?;
            }
            Ok(forced)
        }
    }
}

async fn force(node: &Node, indices: Vec<Arc<Index>>) -> Result<bool, ApiError> {
    // The write is done: its refresh may wait for a place, but not be refused for want of one.
    let refreshed = node.write_pool.go_on(move || {
        for index in &indices {
            index.refresh()?;
        }
        Ok(true)
    });
    refreshed.await
}

async fn wait(node: &Node, index: Arc<Index>) -> Result<bool, ApiError> {
    let Some(waiter) = index.next_refresh() else {
        return force(node, vec![index]).await;
    };
    tokio::select! {
        () = waiter.wait() => Ok(false),
        // A node that stops refreshes no more: whoever waits would hold it up.
        () = node.stopping.cancelled() => force(node, vec![index]).await,
    }
}
