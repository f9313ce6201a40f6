//! What decisions about copies go by: what whoever leads has seen, and what the nodes have on their disks.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster::allocation::{AllocationSettings, DiskSpace, Observed};
use cluster::state::ShardId;

use super::figures::CopyFigures;
use super::survey::survey;
use super::view::View;
use crate::error::ApiError;
use crate::node::Node;

/// Looks as whoever leads does, and further: at every copy that a node has, also those that the map knows nowhere.
pub(crate) async fn observe(
    node: &Arc<Node>,
    view: &View,
) -> Result<(Observed, AllocationSettings), ApiError> {
    let (mut observed, settings) = match &node.coordinator {
        Some(coordinator) => {
            let observed = coordinator.observed().await?;
            (Observed::clone(&observed), coordinator.allocation_settings(&view.map))
        }
        None => (Observed::default(), AllocationSettings::default()),
    };
    observed.now_millis = node.clock.now_millis().max(observed.now_millis);
    let survey = survey(node, view, |_| true).await?;
    for (node, figures) in &survey.nodes {
        if let Some((total, free)) = figures.disk {
            observed.disks.entry(*node).or_insert(DiskSpace { total, free });
        }
        let failed = figures.copies.iter().filter(|copy| copy.is_failed).map(CopyFigures::shard);
        let failed: BTreeSet<ShardId> = failed.collect();
        for (shard, copy) in figures.held.iter().filter(|(shard, _)| !failed.contains(shard)) {
            let is_known = view.map.shard(shard).is_none_or(|copies| copies.present().contains_key(copy));
            if !is_known {
                observed.found.insert((*node, shard.clone()), *copy);
            }
        }
    }
    Ok((observed, settings))
}
