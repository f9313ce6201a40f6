//! Two copies of a shard on one node, or one host, are lost together.

use super::{Opinion, Question, no, yes};
use crate::state::address_host;

pub(super) fn same_shard(question: &Question<'_>) -> Opinion {
    const NAME: &str = "same_shard";
    if question.copies.present().values().any(|copy| copy.node == question.node) {
        return no(NAME, "a copy of this shard is already allocated to this node");
    }
    if question.board.settings.is_host_shared {
        let host = address_host(&question.entry.transport_address);
        if let Some(other) = question.others().find(|other| address_host(&other.transport_address) == host) {
            let explanation = format!(
                "a copy of this shard is already allocated to host [{host}], on node [{}], and [cluster.routing.allocation.same_shard.host] is [true] which forbids more than one node on this host from holding a copy of this shard",
                other.name
            );
            return no(NAME, explanation);
        }
    }
    yes(NAME, "this node does not hold a copy of this shard")
}
