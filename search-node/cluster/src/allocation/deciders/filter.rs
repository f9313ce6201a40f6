//! Nodes that the rules of an index, or of the cluster, keep from having copies.

use super::{Opinion, Question, no, yes};
use crate::state::broken_rule;

pub(super) fn filter(question: &Question<'_>) -> Opinion {
    const NAME: &str = "filter";
    let entry = question.entry;
    if let Some(rules) = broken_rule(&question.board.settings.filters, entry) {
        return no(NAME, format!("node does not match cluster setting [cluster.routing.allocation.{rules}]"));
    }
    if let Some(rules) = broken_rule(&question.index.filters, entry) {
        return no(NAME, format!("node does not match index setting [index.routing.allocation.{rules}]"));
    }
    yes(NAME, "node passes include/exclude/require filters")
}
