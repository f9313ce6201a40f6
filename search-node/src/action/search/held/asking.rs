//! The nodes asked about points in time that they hold, all at the same time.

use std::time::Duration;

use bytes::Bytes;
use cluster::state::NodeId;
use daemon::CancellationToken;
use futures::future::join_all;
use tokio::runtime::Handle;
use transport::Lane;

use super::super::query::unreadable;
use super::super::spread::asked_of;
use super::Ask;
use super::message::answer;
use crate::coordination::Action;
use crate::error::ApiError;
use crate::node::Node;

/// What a node has answered; no error means that it could not be asked.
pub(in crate::action::search) type Answer = Result<Bytes, Option<ApiError>>;

/// Asks nodes, all at the same time and for so long as anybody waits. Blocks.
pub(in crate::action::search) fn ask_some(
    node: &Node,
    asks: Vec<(NodeId, Ask)>,
    within: Duration,
    cancelled: &CancellationToken,
) -> Vec<(NodeId, Answer)> {
    let own = own_of(node);
    let (here, there): (Vec<_>, Vec<_>) = asks.into_iter().partition(|(asked, _)| *asked == own);
    let there = there.into_iter().map(|(other, ask)| async move {
        let Some(coordinator) = &node.coordinator else { return (other, Err(None)) };
        let message = match postcard::to_allocvec(&ask) {
            Ok(message) => message.into(),
            Err(error) => return (other, Err(Some(unreadable(&error)))),
        };
        let called = asked_of(coordinator, other, Lane::Data, Action::Held, message, within);
        let said = cancelled.run_until_cancelled(called).await;
        (other, said.unwrap_or_else(|| Err(Some(ApiError::task_cancelled("nobody waits for it")))))
    });
    let mut answers = Handle::current().block_on(join_all(there));
    answers.extend(here.into_iter().map(|(own, ask)| (own, answer(node, ask, cancelled).map_err(Some))));
    answers
}

/// This node among all.
pub(super) fn own_of(node: &Node) -> NodeId {
    node.coordinator.as_ref().map_or(NodeId(0), |coordinator| coordinator.origin.process)
}

pub(super) fn all_nodes(node: &Node) -> Vec<NodeId> {
    let Some(coordinator) = &node.coordinator else { return vec![own_of(node)] };
    coordinator.map().nodes.keys().copied().collect()
}

/// Whether a node is one of the cluster. A process that is gone takes with it what it has held.
pub(super) fn is_there(node: &Node, other: NodeId) -> bool {
    node.coordinator
        .as_ref()
        .map_or(other == own_of(node), |coordinator| coordinator.map().nodes.contains_key(&other))
}
