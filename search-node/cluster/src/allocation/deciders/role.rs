//! Copies are on nodes that hold data and stay, and are filled from a primary.

use super::{Opinion, Question, Subject, no, yes};

pub(super) fn node_role(question: &Question<'_>) -> Opinion {
    if question.entry.holds_data() {
        return yes("node_role", "the node holds data");
    }
    no("node_role", "the node's roles do not include [data]")
}

pub(super) fn primary_first(question: &Question<'_>) -> Opinion {
    const NAME: &str = "replica_after_primary_active";
    if matches!(question.subject, Subject::Primary { .. }) || question.is_primary() {
        return yes(NAME, "shard is primary and can be allocated");
    }
    if question.copies.is_active() {
        return yes(NAME, "primary shard for this replica is already active");
    }
    no(NAME, "primary shard for this replica is not yet active")
}

pub(super) fn node_shutdown(question: &Question<'_>) -> Opinion {
    const NAME: &str = "node_shutdown";
    if question.board.observed.stopping.contains(&question.node) {
        return no(NAME, "this node is about to stop");
    }
    yes(NAME, "this node is not about to stop")
}
