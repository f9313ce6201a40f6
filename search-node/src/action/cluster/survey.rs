//! The figures of all nodes, asked for at the same time. A node that does not answer in time costs its figures only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use cluster::state::{ClusterState, CopyId, NodeId, ShardId};
use futures::future::join_all;
use transport::Lane;

use super::figures::{CopyFigures, FiguresWish, NodeFigures, figures_of};
use super::view::View;
use crate::action::home::peer_of;
use crate::coordination::{Action, fault_of, read, write};
use crate::error::ApiError;
use crate::node::Node;
use crate::replication::Recovery;

/// How long a node may take for its figures. It reads no more than some files, and refreshes what nobody has searched.
const FIGURES_WITHIN: Duration = Duration::from_secs(5);

/// What the nodes told.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) nodes: BTreeMap<NodeId, NodeFigures>,
    /// Those that did not answer, and why.
    pub(crate) silent: BTreeMap<NodeId, String>,
    copies: HashMap<(NodeId, ShardId), CopyFigures>,
    recoveries: HashMap<(NodeId, ShardId), Recovery>,
}

/// Asks the nodes of a map for their figures.
pub(crate) async fn survey(
    node: &Arc<Node>,
    view: &View,
    is_asked: impl Fn(NodeId) -> bool,
) -> Result<Survey, ApiError> {
    survey_with(node, view, FiguresWish::default(), is_asked).await
}

/// The same, with what is not told otherwise.
pub(crate) async fn survey_with(
    node: &Arc<Node>,
    view: &View,
    wish: FiguresWish,
    is_asked: impl Fn(NodeId) -> bool,
) -> Result<Survey, ApiError> {
    let asked = view.map.nodes.keys().copied().filter(|other| *other != view.own && is_asked(*other));
    let others = join_all(asked.map(|other| ask(node, &view.map, &wish, other)));
    let here = async {
        if !is_asked(view.own) {
            return Ok(None);
        }
        let (asked, pool, wish) = (Arc::clone(node), node.search_pool.clone(), wish.clone());
        pool.run(move || Ok(figures_of(&asked, &wish))).await.map(Some)
    };
    let (here, others) = tokio::join!(here, others);
    let mut survey = Survey::default();
    survey.take_up(view.own, here?.map(Ok));
    others.into_iter().for_each(|(other, told)| survey.take_up(other, Some(told)));
    Ok(survey)
}

async fn ask(
    node: &Arc<Node>,
    map: &ClusterState,
    wish: &FiguresWish,
    other: NodeId,
) -> (NodeId, Result<NodeFigures, String>) {
    let (Some(coordinator), Some(peer)) = (&node.coordinator, peer_of(map, other)) else {
        return (other, Err("there is no way to it".to_owned()));
    };
    let call = coordinator.call(&peer, Lane::State, Action::Figures, write(wish), FIGURES_WITHIN);
    let told = match call.await {
        Ok(answer) => read(&answer).map_err(|error| error.reason),
        Err(error) => Err(match fault_of(error) {
            crate::coordination::Fault::Failed(error) => error.reason,
            crate::coordination::Fault::NotLeader(_) => "it does not answer".to_owned(),
        }),
    };
    (other, told)
}

impl Survey {
    fn take_up(&mut self, node: NodeId, told: Option<Result<NodeFigures, String>>) {
        match told {
            Some(Ok(figures)) => {
                let copies = figures.copies.iter().map(|copy| ((node, copy.shard()), copy.clone()));
                self.copies.extend(copies);
                let recoveries = figures.recoveries.iter();
                let recoveries =
                    recoveries.map(|recovery| ((node, recovery.shard.clone()), recovery.clone()));
                self.recoveries.extend(recoveries);
                self.nodes.insert(node, figures);
            }
            Some(Err(reason)) => {
                tracing::warn!(%node, reason, "node did not tell its figures");
                self.silent.insert(node, reason);
            }
            None => {}
        }
    }

    /// The figures of the copy of a shard on a node.
    pub(crate) fn copy(&self, node: NodeId, shard: &ShardId) -> Option<&CopyFigures> {
        self.copies.get(&(node, shard.clone()))
    }

    /// How the copy stands that is filled on a node, or was.
    pub(crate) fn recovery(&self, node: NodeId, shard: &ShardId, copy: CopyId) -> Option<&Recovery> {
        self.recoveries.get(&(node, shard.clone())).filter(|recovery| recovery.copy == copy)
    }

    /// The figures of the copies of a shard, its primary's first.
    pub(crate) fn copies_of<'a>(
        &'a self,
        map: &'a ClusterState,
        shard: &'a ShardId,
    ) -> Vec<(bool, &'a CopyFigures)> {
        let Some(copies) = map.shard(shard) else { return Vec::new() };
        let present = copies.present().iter();
        let told = present
            .filter_map(|(id, copy)| Some((copies.primary() == Some(*id), self.copy(copy.node, shard)?)));
        let mut told: Vec<(bool, &CopyFigures)> = told.collect();
        told.sort_by_key(|(is_primary, _)| !is_primary);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_node_and_shard_and_silence_is_kept() {
        let copy = CopyFigures { index: "i".to_owned(), number: 2, documents: 7, ..CopyFigures::default() };
        let shard = copy.shard();
        let mut survey = Survey::default();

        survey.take_up(NodeId(1), Some(Ok(NodeFigures { copies: vec![copy], ..NodeFigures::default() })));
        survey.take_up(NodeId(2), Some(Err("timed out".to_owned())));
        survey.take_up(NodeId(3), None);

        assert_eq!(survey.copy(NodeId(1), &shard).map(|copy| copy.documents), Some(7));
        assert_eq!(survey.copy(NodeId(2), &shard), None);
        assert_eq!(survey.silent.keys().copied().collect::<Vec<_>>(), [NodeId(2)]);
    }
}
