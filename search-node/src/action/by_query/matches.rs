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
                Err(error) if feed.cancel.is_cancelled() => return Err(error),
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shard::{Condition, HostDisk, Slice, WriteRequest};

    use super::super::plan::Wish;
    use super::super::walk::{Part, Walk, sort_keys};
    use super::*;
    use crate::indices::{AutoCreate, IndexRun, Indices, resources};

    /// An index with one shard and a document for each number.
    fn filled(indices: &Indices, name: &str, numbers: impl Iterator<Item = u64>) -> Arc<Index> {
        let index = indices.create(name, &json!({})).expect("made");
        let mut run = IndexRun::new(Arc::clone(&index));
        for n in numbers {
            let (id, source) = (n.to_string(), json!({"n": n}).to_string());
            let request = WriteRequest {
                uid: &id,
                doc_type: None,
                id: &id,
                routing: None,
                source: Some(source.as_bytes()),
                condition: Condition::None,
                is_new_id: false,
                now_millis: 0,
            };
            run.write(&request).expect("written");
        }
        index.refresh().expect("refreshed");
        index
    }

    fn all(wish: &Wish, slice: Slice, indices: &[Arc<Index>], most: usize) -> Vec<u64> {
        let feeds = indices.iter().map(|index| {
            let parts = Arc::new(vec![Part::open(index, 0, None).expect("open")]);
            From::Here(Feed::new(Walk::open(parts, wish, slice).expect("a walk")))
        });
        let mut matches = Matches::new(sort_keys(wish), feeds);
        let mut found = Vec::new();
        while let Some((index, stored)) = matches.next(most).expect("no error") {
            let n: u64 = stored.uid.parse().expect("a number");
            assert_eq!(index.name, if n.is_multiple_of(2) { "even" } else { "odd" });
            found.push(n);
        }
        found
    }

    #[test]
    fn matches_of_several_sources_come_in_one_order_and_each_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let indices =
            Indices::open(folder.path(), AutoCreate::All, resources(HostDisk::shared())).expect("opens");
        let even = filled(&indices, "even", (0..40).step_by(2));
        let odd = filled(&indices, "odd", (1..20).step_by(2));
        let both = [even, odd];
        let mut wish = Wish::all(None, 0);
        let everything: Vec<u64> = (0..20).chain((20..40).step_by(2)).collect();

        for most in [1, 3, 100] {
            wish.set_sort(&json!([{"n": "asc"}])).expect("an order");
            assert_eq!(all(&wish, Slice::WHOLE, &both, most), everything, "{most}");
            let unordered = Wish::all(None, 0);
            for wish in [&wish, &unordered] {
                let slices = (0..3).flat_map(|number| all(wish, Slice { number, of: 3 }, &both, most));
                let mut found: Vec<u64> = slices.collect();
                found.sort_unstable();
                assert_eq!(found, everything, "in slices, {most}");
            }
        }
        wish.set_query(&json!({"range": {"n": {"lt": 5}}})).expect("a query");
        wish.set_sort(&json!([{"n": "desc"}])).expect("an order");
        assert_eq!(all(&wish, Slice::WHOLE, &both, 2), [4, 3, 2, 1, 0]);
    }
}
