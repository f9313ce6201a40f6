//! A node whose disk is nearly full gets no further copies, and gives some away.

use super::{Opinion, Question, Subject, no, yes};
use crate::state::NodeEntry;

const NAME: &str = "disk_threshold";
const SETTING: &str = "cluster.routing.allocation.disk.watermark";

pub(super) fn can_allocate(question: &Question<'_>) -> Opinion {
    let disk = &question.board.settings.disk;
    if !disk.is_enabled {
        return yes(NAME, "the disk threshold decider is disabled");
    }
    if is_only_node(question) {
        return yes(NAME, "there is only a single data node present");
    }
    let Some(space) = question.board.observed.disks.get(&question.node) else {
        return yes(NAME, "the node has not told about its disk yet");
    };
    let recoveries = question.board.tally.recoveries(question.node);
    let coming = space.with(recoveries.incoming_bytes, 0);
    let is_new = question.subject == Subject::Primary { is_new: true };
    if disk.low.is_exceeded(coming) && is_new && !disk.high.is_exceeded(coming) {
        let explanation = "the node is above the low watermark, but less than the high watermark, and this primary shard has never been allocated before";
        return yes(NAME, explanation);
    }
    if disk.low.is_exceeded(coming) {
        let explanation = format!(
            "the node is above the low watermark cluster setting [{SETTING}.low={}], actual free: [{:.1}%]",
            disk.low,
            coming.free_percent()
        );
        return no(NAME, explanation);
    }
    let size = question.board.observed.shard_bytes.get(question.shard).copied().unwrap_or_default();
    let after = coming.with(size, 0);
    if disk.high.is_exceeded(after) {
        let explanation = format!(
            "allocating the shard to this node will bring the node above the high watermark cluster setting [{SETTING}.high={}], free after allocating the shard: [{:.1}%]",
            disk.high,
            after.free_percent()
        );
        return no(NAME, explanation);
    }
    let explanation = format!(
        "enough disk for shard on node, free: [{}b], shard size: [{size}b], free after allocating shard: [{}b]",
        space.free, after.free
    );
    yes(NAME, explanation)
}

pub(super) fn can_remain(question: &Question<'_>) -> Opinion {
    let disk = &question.board.settings.disk;
    let is_heeded = disk.is_enabled && !is_only_node(question);
    let Some(space) = question.board.observed.disks.get(&question.node).filter(|_| is_heeded) else {
        return yes(NAME, "there is enough disk on this node for the shard to remain, as far as is known");
    };
    let recoveries = question.board.tally.recoveries(question.node);
    let after = space.with(0, recoveries.leaving_bytes);
    // Where it is not known how much goes with a copy, one goes after the other until the node tells that there is enough.
    let is_unknown = recoveries.leaving > 0 && recoveries.leaving_bytes == 0;
    if disk.high.is_exceeded(after) && !is_unknown {
        let explanation = format!(
            "the shard cannot remain on this node because it is above the high watermark cluster setting [{SETTING}.high={}], actual free: [{:.1}%]",
            disk.high,
            after.free_percent()
        );
        return no(NAME, explanation);
    }
    yes(NAME, format!("there is enough disk on this node for the shard to remain, free: [{}b]", space.free))
}

/// Whether there is no other node that could have the copy: then a full disk is better than none, up to the flood stage.
fn is_only_node(question: &Question<'_>) -> bool {
    question.board.state.nodes.values().filter(|entry| NodeEntry::holds_data(entry)).count() <= 1
}
