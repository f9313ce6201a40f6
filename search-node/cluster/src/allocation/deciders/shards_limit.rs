//! The most copies on a node, of one index and of all.

use super::{Opinion, Question, no, yes};

const NAME: &str = "shards_limit";

pub(super) fn can_allocate(question: &Question<'_>) -> Opinion {
    within(question, 1)
}

pub(super) fn can_remain(question: &Question<'_>) -> Opinion {
    within(question, 0)
}

/// Whether so many more are within the limits.
fn within(question: &Question<'_>, more: usize) -> Opinion {
    let tally = question.board.tally;
    let all = tally.load(question.node).copies;
    let of_index = tally.load_of(&question.shard.index, question.node).copies;
    let is_over = |count: usize, most: Option<u32>| most.is_some_and(|most| count + more > most as usize);
    let (most, most_of_index) =
        (question.board.settings.shards_per_node, question.index.allocation.shards_per_node);
    if is_over(all, most) {
        let most = most.unwrap_or_default();
        let explanation = format!(
            "too many shards [{all}] allocated to this node, cluster setting [cluster.routing.allocation.total_shards_per_node={most}]"
        );
        return no(NAME, explanation);
    }
    if is_over(of_index, most_of_index) {
        let (index, most) = (&question.index.name, most_of_index.unwrap_or_default());
        let explanation = format!(
            "too many shards [{of_index}] allocated to this node for index [{index}], index setting [index.routing.allocation.total_shards_per_node={most}]"
        );
        return no(NAME, explanation);
    }
    let shown = |most: Option<u32>| most.map_or(-1, i64::from);
    let (cluster, index) = (shown(most), shown(most_of_index));
    if most.is_none() && most_of_index.is_none() {
        let explanation =
            format!("total shard limits are disabled: [index: {index}, cluster: {cluster}] <= 0");
        return yes(NAME, explanation);
    }
    yes(
        NAME,
        format!(
            "the shard count [{of_index}] for this node is under the index limit [{index}] and cluster level node limit [{cluster}]"
        ),
    )
}
