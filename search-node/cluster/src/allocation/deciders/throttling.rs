//! Only so many copies are filled at the same time on one node and from one.

use super::{Opinion, Question, Subject, not_now, yes};

const NAME: &str = "throttling";
const SETTING: &str = "cluster.routing.allocation.node_concurrent";
const BOTH: &str = "(can also be set via [cluster.routing.allocation.node_concurrent_recoveries])";

pub(super) fn throttling(question: &Question<'_>) -> Opinion {
    let (tally, settings) = (question.board.tally, question.board.settings);
    if matches!(question.subject, Subject::Primary { .. }) {
        return yes(NAME, "a primary is opened from the node's own disk, once somebody needs it");
    }
    let incoming = tally.recoveries(question.node).incoming;
    let most = settings.incoming();
    if incoming >= most {
        let explanation = format!(
            "reached the limit of incoming shard recoveries [{incoming}], cluster setting [{SETTING}_incoming_recoveries={most}] {BOTH}"
        );
        return not_now(NAME, explanation);
    }
    let primary = question.copies.primary().and_then(|primary| question.copies.present().get(&primary));
    let outgoing = primary.map_or(0, |primary| tally.recoveries(primary.node).outgoing);
    let most_out = settings.outgoing();
    if outgoing >= most_out {
        let explanation = format!(
            "reached the limit of outgoing shard recoveries [{outgoing}] on the node which holds the primary, cluster setting [{SETTING}_outgoing_recoveries={most_out}] {BOTH}"
        );
        return not_now(NAME, explanation);
    }
    yes(
        NAME,
        format!(
            "below shard recovery limit of outgoing: [{outgoing} < {most_out}] incoming: [{incoming} < {most}]"
        ),
    )
}
