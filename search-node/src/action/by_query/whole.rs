//! Every document of some shards of an index, for who makes another shard of them.

use std::sync::Arc;

use serde_json::Value;
use shard::{Slice, StoredDocument};

use super::matches::Matches;
use super::plan::Wish;
use super::sources::Sources;
use crate::action::search::{Manner, Target};
use crate::error::ApiError;
use crate::indices::{FirstDocuments, Index, Searched};
use crate::node::Node;

/// How many documents are asked for at once, where they come from another node: its answers are bounded in bytes too.
const AT_ONCE: usize = 1000;

/// The documents of a portion, of an index that takes no more writes: with all that was let in before. Only the primary of a shard knows
/// what is under way.
pub(crate) struct WholeShards {
    sources: Sources,
    wish: Wish,
}

/// The same one after the other.
pub(crate) struct Documents {
    matches: Matches,
}

impl WholeShards {
    pub(crate) async fn open(
        node: &Arc<Node>,
        index: &Arc<Index>,
        portion: &FirstDocuments,
    ) -> Result<Self, ApiError> {
        let numbers: Vec<String> = portion.shards.clone().map(|number| number.to_string()).collect();
        let preference = Some(format!("_shards:{}", numbers.join(",")));
        let searched = Searched { index: Arc::clone(index), filter: None, routing: None };
        let mut targets = Target::all(node, &[searched], &Manner { preference, ..Manner::default() })?;
        targets.iter_mut().for_each(Target::ask_primary_only);
        let sources = Sources::of(node, targets, true).await?;
        let wish = Wish { routed: portion.only, ..Wish::all(None, node.clock.now_millis()) };
        Ok(Self { sources, wish })
    }

    /// Begins to read. Blocks.
    pub(crate) fn read(&self) -> Result<Documents, ApiError> {
        let all = Slice { number: 0, of: 1 };
        let matches = self.sources.begin(&self.wish, all)?.0;
        let mut documents = Documents { matches };
        documents.check()?;
        Ok(documents)
    }

    /// Keeps what other nodes keep, for as long as something goes on.
    pub(crate) async fn keep_while<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.sources.keep() => match never {},
        }
    }
}

impl Documents {
    /// The next document; none once all were given. One that is missing is an error. Blocks.
    pub(crate) fn next(&mut self) -> Result<Option<StoredDocument>, ApiError> {
        let next = self.matches.next(AT_ONCE)?;
        self.check()?;
        Ok(next.map(|(_, stored)| stored))
    }

    fn check(&mut self) -> Result<(), ApiError> {
        let Some(failure) = self.matches.failures.first() else { return Ok(()) };
        let reason = failure["reason"]["reason"].as_str().unwrap_or_default();
        let shown = |member: &str| failure.get(member).cloned().unwrap_or(Value::Null);
        Err(ApiError::new(
            503,
            "no_shard_available_action_exception",
            format!("shard [{}] of [{}] cannot be read any more: {reason}", shown("shard"), shown("index")),
        ))
    }
}
