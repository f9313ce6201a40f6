//! The terms of a field that begin with a text, in the copies of this node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shard::{Ending, Stop, TermsEnumAsked};

use super::search::{Manner, Scope, count_matches};
use crate::error::ApiError;
use crate::indices::NameOptions;
use crate::node::Node;
use crate::tasks::Task;

/// What one node found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FoundTerms {
    pub terms: BTreeSet<String>,
    /// Whether there was time for all of them.
    pub is_complete: bool,
    /// The shards that it looked in, by index.
    pub shards: BTreeMap<String, BTreeSet<usize>>,
}

/// Looks in the copies that are here.
pub(crate) fn terms_here(
    node: &Node,
    indices: &[String],
    asked: &TermsEnumAsked,
    within: Duration,
) -> Result<FoundTerms, ApiError> {
    let begun = Instant::now();
    let is_over = move || begun.elapsed() >= within;
    let stop = Ending::when(move || is_over().then_some(Stop::TimeIsUp));
    let mut found = FoundTerms { is_complete: true, ..FoundTerms::default() };
    for name in indices {
        let Some(index) = node.indices.get(name) else { continue };
        for number in 0..index.number_of_shards() {
            // What is not here is elsewhere, or told as not looked in.
            let Some(shard) = node.shard_in_sync_here(&index, number) else { continue };
            if is_over() {
                found.is_complete = false;
                return Ok(found);
            }
            let (terms, is_complete) = shard.reader().terms_enum(asked, &stop)?;
            found.terms.extend(terms);
            found.is_complete &= is_complete;
            found.shards.entry(name.clone()).or_default().insert(number);
        }
    }
    Ok(found)
}

impl FoundTerms {
    /// Adds what another node found, and keeps the first ones.
    pub(crate) fn join(&mut self, other: Self, size: usize) {
        self.terms.extend(other.terms);
        while self.terms.len() > size {
            self.terms.pop_last();
        }
        self.is_complete &= other.is_complete;
        for (index, numbers) in other.shards {
            self.shards.entry(index).or_default().extend(numbers);
        }
    }

    /// How many shards were looked in.
    pub(crate) fn looked_in(&self) -> usize {
        self.shards.values().map(BTreeSet::len).sum()
    }
}

/// The indices in which a filter finds something.
pub(crate) fn matching(
    node: &Node,
    indices: Vec<String>,
    filter: &Value,
    task: &Task,
) -> Result<Vec<String>, ApiError> {
    let (query, manner) = (json!({"query": filter}), Manner { allows_partial: true, ..Manner::default() });
    let mut matching = Vec::new();
    for name in indices {
        let scope = Scope { indices: name.clone(), options: NameOptions::default(), doc_type: None };
        let counted = count_matches(node, &scope, &query, None, Some(1), &manner, task)?;
        if counted["count"].as_u64().is_some_and(|count| count > 0) {
            matching.push(name);
        }
    }
    Ok(matching)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_found_is_joined_in_order() {
        let found = |terms: &[&str], is_complete, shard| FoundTerms {
            terms: terms.iter().map(|term| (*term).to_owned()).collect(),
            is_complete,
            shards: BTreeMap::from([("i".to_owned(), BTreeSet::from([shard]))]),
        };
        let mut joined = found(&["b", "d"], true, 0);
        joined.join(found(&["a", "b", "c"], true, 1), 3);
        assert_eq!(joined.terms.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(joined.is_complete && joined.looked_in() == 2);
        joined.join(found(&[], false, 1), 3);
        assert!(!joined.is_complete && joined.looked_in() == 2, "copies of one shard count once");
    }
}
