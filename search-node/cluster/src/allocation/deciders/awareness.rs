//! Copies are spread over the values of attributes, such as zones, so that the loss of one zone leaves enough of them.

use std::collections::BTreeSet;

use super::{Opinion, Question, no, yes};

const NAME: &str = "awareness";
const SETTING: &str = "cluster.routing.allocation.awareness.attributes";

pub(super) fn can_allocate(question: &Question<'_>) -> Opinion {
    spread(question)
}

pub(super) fn can_remain(question: &Question<'_>) -> Opinion {
    spread(question)
}

/// Whether the copy fits on the node beside the others.
fn spread(question: &Question<'_>) -> Opinion {
    let settings = question.board.settings;
    if settings.awareness.is_empty() {
        return yes(
            NAME,
            format!("allocation awareness is not enabled, set cluster setting [{SETTING}] to enable it"),
        );
    }
    let state = question.board.state;
    let wanted = state.wanted_copies(question.shard);
    for attribute in &settings.awareness {
        let Some(own) = question.entry.attributes.get(attribute) else {
            let all = settings.awareness.join(",");
            let explanation = format!(
                "node does not contain the awareness attribute [{attribute}]; required attributes cluster setting [{SETTING}={all}]"
            );
            return no(NAME, explanation);
        };
        let there = state.data_nodes().filter_map(|(_, entry)| entry.attributes.get(attribute));
        let forced = settings.forced_values.get(attribute).into_iter().flatten();
        let values = there.chain(forced).collect::<BTreeSet<_>>().len();
        let others = question.others().filter(|other| other.attributes.get(attribute) == Some(own)).count();
        let most = wanted.div_ceil(values.max(1));
        if others + 1 > most {
            let explanation = format!(
                "there are too many copies of the shard allocated to nodes with attribute [{attribute}], there are [{wanted}] total configured shard copies for this shard id and [{values}] total attribute values, expected the allocated shard count per attribute [{}] to be less than or equal to the upper bound of the required number of shards per attribute [{most}]",
                others + 1
            );
            return no(NAME, explanation);
        }
    }
    yes(NAME, "node meets all awareness attribute requirements")
}
