//! `refresh`: when a write that is done becomes visible, and whether its answer waits for that.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::{IndexId, NodeId};
use futures::future::join_all;
use transport::{CallError, Lane};

use super::home::peer_of;
use crate::coordination::{Action, Fault, fault_of, read, write};
use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;

/// What a request says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// As the index's interval has it; the answer does not wait.
    No,
    /// At once.
    Now,
    /// As the index's interval has it, and the answer waits.
    Wait,
}

/// Returns once the writes to these indices are as visible as was asked; whether a refresh was forced for that.
pub(crate) async fn make_visible(
    node: &Arc<Node>,
    refresh: Refresh,
    indices: Vec<Arc<Index>>,
) -> Result<bool, ApiError> {
    if refresh == Refresh::No || indices.is_empty() {
        return Ok(refresh == Refresh::Now);
    }
    let names: Vec<String> = indices.iter().map(|index| index.uuid.clone()).collect();
    let (here, there) =
        tokio::join!(make_visible_here(node, refresh, indices), elsewhere(node, refresh, names));
    there?;
    here
}

async fn make_visible_here(
    node: &Arc<Node>,
    refresh: Refresh,
    indices: Vec<Arc<Index>>,
) -> Result<bool, ApiError> {
    match refresh {
        Refresh::No => Ok(false),
        Refresh::Now => force(node, indices).await,
        Refresh::Wait => {
            let mut forced = false;
            for index in indices.into_iter().filter(|index| index.has_copies()) {
                forced |= wait(node, index).await?;
            }
            Ok(forced)
        }
    }
}

/// The same on every other node with copies of these indices. One that does not answer serves no search either.
async fn elsewhere(node: &Arc<Node>, refresh: Refresh, indices: Vec<String>) -> Result<(), ApiError> {
    let Some(coordinator) = node.others() else { return Ok(()) };
    let map = coordinator.map();
    let mut nodes: Vec<NodeId> = indices
        .iter()
        .filter_map(|id| map.indices.get(&IndexId(id.clone())))
        .flat_map(|entry| &entry.shards)
        .flat_map(|shard| shard.present().values().map(|copy| copy.node))
        .filter(|holder| *holder != coordinator.origin.process)
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    let message = write(&(refresh == Refresh::Now, &indices));
    let calls = nodes.iter().filter_map(|holder| peer_of(&map, *holder)).map(|peer| {
        let message = message.clone();
        async move { coordinator.call(&peer, Lane::Data, Action::Visible, message, VISIBLE_WITHIN).await }
    });
    for answer in join_all(calls).await {
        if let Err(error @ CallError::Failed(_)) = answer
            && let Fault::Failed(error) = fault_of(error)
        {
            return Err(error);
        }
    }
    Ok(())
}

/// Answers another node that wants its writes visible in the copies here.
pub(crate) async fn answer_visible(node: Arc<Node>, message: &[u8]) -> Result<Bytes, ApiError> {
    let (is_now, ids): (bool, Vec<String>) = read(message)?;
    let indices = ids.into_iter().filter_map(|id| node.indices.of_id(&IndexId(id))).collect();
    make_visible_here(&node, if is_now { Refresh::Now } else { Refresh::Wait }, indices).await?;
    Ok(Bytes::new())
}

/// How long another node may take: an index is refreshed every second unless it says otherwise.
const VISIBLE_WITHIN: Duration = Duration::from_secs(600);

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
