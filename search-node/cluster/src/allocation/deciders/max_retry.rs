//! A shard whose copies go on failing is left alone until somebody has looked at it.

use super::{Opinion, Question, no, yes};

pub(in crate::allocation) const NAME: &str = "max_retry";

pub(super) fn max_retry(question: &Question<'_>) -> Opinion {
    let unassigned = question.copies.unassigned();
    let (failures, most) = (unassigned.failures, question.index.allocation.max_retries);
    if failures == 0 {
        return yes(NAME, "shard has no previous failures");
    }
    let details = unassigned.details.as_deref().unwrap_or("no details");
    if failures >= most {
        let explanation = format!(
            "shard has exceeded the maximum number of retries [{most}] on failed allocation attempts - manually call [/_cluster/reroute?retry_failed=true] to retry, [{details}]"
        );
        return no(NAME, explanation);
    }
    yes(NAME, format!("shard has failed allocating [{failures}] times but [{most}] retries are allowed"))
}
