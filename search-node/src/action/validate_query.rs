//! Whether a query can be asked of indices, and how it reads there, by the copies of this node.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shard::{Query, QueryContext, SearchError};

use crate::error::ApiError;
use crate::node::Node;

/// What one shard says of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// The query in Lucene's words, or why it cannot be asked.
    pub told: Result<String, String>,
}

/// What shards say, by index and number.
pub(crate) type Verdicts = BTreeMap<String, BTreeMap<usize, Verdict>>;

/// Asks one copy here of each index, or one of each shard.
pub(crate) fn verdicts_here(node: &Node, indices: &[String], query: &Query, all_shards: bool) -> Verdicts {
    let mut verdicts = Verdicts::new();
    for name in indices {
        let Some(index) = node.indices.get(name) else { continue };
        for number in 0..index.number_of_shards() {
            // What is not here is asked elsewhere.
            let Some(shard) = node.shard_in_sync_here(&index, number) else { continue };
            let rules = Arc::clone(&index.settings().query);
            let context = QueryContext {
                index: &index.name,
                doc_type: "",
                now_millis: node.clock.now_millis(),
                rules: &rules,
            };
            let told = shard.reader().validated(query, &context);
            let told = told.map_err(|error| refused(&index.name, &index.uuid, error));
            verdicts.entry(name.clone()).or_default().insert(number, Verdict { told });
            if !all_shards {
                break;
            }
        }
    }
    verdicts
}

fn refused(index: &str, uuid: &str, error: SearchError) -> String {
    let error = ApiError::from(error);
    let prefix = "failed to create query: ";
    let reason = error.reason.strip_prefix(prefix).unwrap_or(&error.reason);
    let mut told = format!("[{index}/{uuid}] QueryShardException[{prefix}{reason}]");
    if error.kind != "query_shard_exception" {
        told.push_str(&format!("; nested: {};", shown(&error.kind, reason)));
    }
    told
}

/// An error in one line, as Java shows it.
pub(crate) fn in_one_line(error: &ApiError) -> String {
    let outer = shown(&error.kind, &error.reason);
    match &error.cause {
        Some((kind, reason)) => format!("{outer}; nested: {};", shown(kind, reason)),
        None => outer,
    }
}

/// `parsing_exception` is `ParsingException`.
fn shown(kind: &str, reason: &str) -> String {
    let words = kind.split('_').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    });
    format!("{}[{reason}]", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_as_java_does() {
        assert_eq!(
            in_one_line(&ApiError::parsing("unknown query [x]")),
            "ParsingException[unknown query [x]]"
        );
        let caused = ApiError::argument("no").caused_by("number_format_exception", "x");
        assert_eq!(in_one_line(&caused), "IllegalArgumentException[no]; nested: NumberFormatException[x];");
    }
}
