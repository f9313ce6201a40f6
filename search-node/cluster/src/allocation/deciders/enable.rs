//! Whether operators let copies be given places, or moved, at all.

use super::{Opinion, Question, Subject, no, yes};
use crate::state::{Enable, RebalanceEnable};

const NAME: &str = "enable";

pub(super) fn enable(question: &Question<'_>) -> Opinion {
    let (enable, setting) = match question.index.allocation.enable {
        Some(enable) => (enable, "index setting [index.routing.allocation.enable"),
        None => (question.board.settings.enable, "cluster setting [cluster.routing.allocation.enable"),
    };
    let is_new = question.subject == Subject::Primary { is_new: true };
    let (is_let, shown) = match enable {
        Enable::All => return yes(NAME, "all allocations are allowed"),
        Enable::Primaries => (question.is_primary(), "primaries"),
        Enable::NewPrimaries => (is_new, "new_primaries"),
        Enable::None => (false, "none"),
    };
    match (is_let, enable) {
        (true, Enable::NewPrimaries) => yes(NAME, "new primary allocations are allowed"),
        (true, _) => yes(NAME, "primary allocations are allowed"),
        (false, Enable::None) => no(NAME, format!("no allocations are allowed due to {setting}={shown}]")),
        (false, Enable::Primaries) => {
            no(NAME, format!("replica allocations are forbidden due to {setting}={shown}]"))
        }
        (false, _) => {
            no(NAME, format!("non-new primary allocations are forbidden due to {setting}={shown}]"))
        }
    }
}

pub(super) fn can_rebalance(question: &Question<'_>) -> Opinion {
    let (enable, setting) = match question.index.allocation.rebalance {
        Some(enable) => (enable, "index setting [index.routing.rebalance.enable"),
        None => (question.board.settings.rebalance, "cluster setting [cluster.routing.rebalance.enable"),
    };
    let is_primary = question.is_primary();
    match enable {
        RebalanceEnable::All => yes(NAME, "all rebalancing is allowed"),
        RebalanceEnable::None => no(NAME, format!("no rebalancing is allowed due to {setting}=none]")),
        RebalanceEnable::Primaries if is_primary => yes(NAME, "primary rebalancing is allowed"),
        RebalanceEnable::Primaries => {
            no(NAME, format!("replica rebalancing is forbidden due to {setting}=primaries]"))
        }
        RebalanceEnable::Replicas if is_primary => {
            no(NAME, format!("primary rebalancing is forbidden due to {setting}=replicas]"))
        }
        RebalanceEnable::Replicas => yes(NAME, "replica rebalancing is allowed"),
    }
}
