//! Copies are moved for the sake of balance only where nothing more urgent is to be done.

use super::super::AllowRebalance;
use super::{Opinion, Question, no, not_now, yes};
use crate::state::{ClusterState, Stage};

/// Whether every shard of the cluster is well.
#[derive(Debug, Clone, Copy)]
pub(in crate::allocation) struct Activity {
    has_all_primaries: bool,
    has_all_copies: bool,
    is_all_started: bool,
}

impl Activity {
    pub(in crate::allocation) fn of(state: &ClusterState) -> Self {
        let mut activity = Self { has_all_primaries: true, has_all_copies: true, is_all_started: true };
        for (shard, copies) in state.shards() {
            activity.has_all_primaries &= copies.is_active();
            activity.has_all_copies &= copies.standing() >= state.wanted_copies(&shard);
            // A copy that is being moved serves where it was.
            let mut begun = copies.present().values().filter(|copy| copy.stage == Stage::Recovering);
            activity.is_all_started &= begun.all(|copy| copy.replaces.is_some());
        }
        activity
    }
}

pub(super) fn when_active(question: &Question<'_>) -> Opinion {
    const NAME: &str = "rebalance_only_when_active";
    let is_active = question.copies.present().values().all(|copy| copy.stage == Stage::Started);
    if question.copies.primary().is_some() && is_active {
        return yes(NAME, "rebalancing is allowed as all copies of this shard are active");
    }
    no(NAME, "rebalancing is not allowed until all copies of this shard are active")
}

pub(super) fn cluster_rebalance(question: &Question<'_>, activity: Activity) -> Opinion {
    const NAME: &str = "cluster_rebalance";
    const SETTING: &str = "cluster setting [cluster.routing.allocation.allow_rebalance=";
    match question.board.settings.allow_rebalance {
        AllowRebalance::IndicesPrimariesActive if !activity.has_all_primaries => {
            let explanation =
                format!("the cluster has unassigned primary shards and {SETTING}indices_primaries_active]");
            no(NAME, explanation)
        }
        AllowRebalance::IndicesAllActive if !activity.has_all_primaries || !activity.has_all_copies => {
            no(NAME, format!("the cluster has unassigned shards and {SETTING}indices_all_active]"))
        }
        AllowRebalance::IndicesAllActive if !activity.is_all_started => {
            no(NAME, format!("the cluster has inactive shards and {SETTING}indices_all_active]"))
        }
        AllowRebalance::IndicesAllActive => yes(NAME, "all shards are active"),
        AllowRebalance::IndicesPrimariesActive => yes(NAME, "all primary shards are active"),
        AllowRebalance::Always => yes(NAME, "rebalancing is always allowed"),
    }
}

pub(super) fn concurrent_rebalance(question: &Question<'_>) -> Opinion {
    const NAME: &str = "concurrent_rebalance";
    const SETTING: &str = "cluster setting [cluster.routing.allocation.cluster_concurrent_rebalance=";
    let moves = question.board.tally.moves();
    let Some(most) = question.board.settings.rebalances else {
        return yes(NAME, "unlimited concurrent rebalances are allowed");
    };
    if moves >= most {
        let explanation =
            format!("reached the limit of concurrently rebalancing shards [{moves}], {SETTING}{most}]");
        return not_now(NAME, explanation);
    }
    yes(
        NAME,
        format!(
            "below threshold [{most}] for concurrent rebalances, current rebalance shard count [{moves}]"
        ),
    )
}
