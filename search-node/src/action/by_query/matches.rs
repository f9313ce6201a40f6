//! The matches of one slice in all shards, here and on other nodes, in one order.

use std::sync::Arc;

use serde_json::Value;
use shard::{SortKey, StoredDocument, compare_hits};

use super::distant::DistantFeed;
use super::walk::{Feed, Found};
use crate::error::ApiError;
use crate::indices::Index;

/// The matches of one slice.
pub(super) struct Matches {
    /// None where they come as they lie in the shards.
    keys: Vec<SortKey>,
    sources: Vec<Source>,
    /// The shards that cannot be read any more, as the answer shows them.
    pub failures: Vec<Value>,
    /// The worst status of these.
    pub status: u16,
}

struct Source {
    feed: From,
    /// Its next match, where it was asked for.
    head: Option<Found>,
    is_over: bool,
}

/// Where matches come from.
pub(super) enum From {
    Here(Feed),
    There(DistantFeed),
}

impl Matches {
    pub(super) fn new(keys: Vec<SortKey>, feeds: impl IntoIterator<Item = From>) -> Self {
        let sources = feeds.into_iter().map(|feed| Source { feed, head: None, is_over: false });
        Self { keys, sources: sources.collect(), failures: Vec::new(), status: 200 }
    }

    /// The next match and its index; none at the end. `most` is how many will be asked for, as far as is known.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<(Arc<Index>, StoredDocument)>, ApiError> {
        let mut best: Option<usize> = None;
        for at in 0..self.sources.len() {
            self.fill(at, most)?;
            let Some(head) = &self.sources[at].head else { continue };
            let is_better = best
                .and_then(|best| self.sources[best].head.as_ref())
                .is_none_or(|best| compare_hits(&head.hit, &best.hit, &self.keys).is_lt());
            if is_better {
                best = Some(at);
            }
            if self.keys.is_empty() {
                break;
            }
        }
        let Some(source) = best.map(|best| &mut self.sources[best]) else { return Ok(None) };
        let Some(found) = source.head.take() else { return Ok(None) };
        Ok(Some((Arc::clone(source.feed.index(&found)), found.stored)))
    }

    /// Asks a source for its next match. One on another node that fails is over, and the others go on.
    fn fill(&mut self, at: usize, most: usize) -> Result<(), ApiError> {
        let source = &mut self.sources[at];
        if source.head.is_some() || source.is_over {
            return Ok(());
        }
        let next = match &mut source.feed {
            From::Here(feed) => feed.next(most)?,
            From::There(feed) => match feed.next(most) {
                Ok(next) => next,
                Err(error) => {
                    self.failures.extend(feed.distant.failures(&error));
                    self.status = self.status.max(error.status);
                    None
                }
            },
        };
        source.is_over = next.is_none();
        source.head = next;
        Ok(())
    }
}

impl From {
    fn index(&self, found: &Found) -> &Arc<Index> {
        match self {
            Self::Here(feed) => feed.index(found),
            Self::There(feed) => feed.index(found),
        }
    }
}
