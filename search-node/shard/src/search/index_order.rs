//! The first documents in the order of the index: those behind the last one seen, until there are as many as are wanted.

use tantivy::index::SegmentReader;
use tantivy::query::Weight;
use tantivy::{DocId, TERMINATED};

use super::found::Found;
use super::segment::Segment;
use super::sort::SortKey;
use super::sorted::count;
use super::stop::Watch;
use super::{SearchError, SearchRequest};
use crate::query::Query;

fn has_one_score(query: &Query) -> bool {
    match query {
        Query::MatchAll => true,
        Query::Bool { must, should, .. } => {
            should.is_empty() && matches!(must.as_slice(), [only] if has_one_score(only))
        }
        Query::Boost { query, .. } | Query::Named { query, .. } => has_one_score(query),
        _ => false,
    }
}

impl SearchRequest {
    /// Whether nothing is wanted but the first documents by some keys, and a total.
    pub(super) fn is_only_first(&self) -> bool {
        self.hits > 0
            && self.terminate_after.is_none()
            && self.collapse.is_none()
            && self.min_score.is_none()
            && self.post_filter.is_none()
            && self.aggs.is_empty()
    }

    /// Whether these are the first ones in the order of the index.
    pub(super) fn is_in_index_order(&self, scored: bool) -> bool {
        let may_end = !scored || self.has_one_score();
        may_end && self.is_only_first() && self.sort.first().is_some_and(SortKey::is_index_order)
    }

    /// Whether every match has the same score, so that the highest one is known from any.
    pub fn has_one_score(&self) -> bool {
        has_one_score(&self.query)
    }
}

/// Whether segments that follow need not be looked at.
pub(super) fn is_enough(found: &Found<'_>) -> bool {
    found.worst_of_full().is_some() && found.to_count().is_none()
}

/// Meets the matches of a segment from where the hits go on, and counts as many as are to be counted.
pub(super) fn walk(
    matches: &dyn Weight,
    reader: &SegmentReader,
    segment: &mut Segment<'_>,
    to_count: Option<u64>,
    scored: bool,
    watch: &Watch<'_>,
) -> Result<(), SearchError> {
    let total = match to_count {
        None => 1,
        to_count => count(matches, reader, to_count, watch)?,
    };
    if total > 0 {
        let mut scorer = matches.scorer(reader, 1.0)?;
        let first = first_behind(segment);
        if scorer.doc() < first {
            scorer.seek(first);
        }
        while scorer.doc() != TERMINATED && !segment.is_full() && !watch.is_over_after(1) {
            let document = scorer.doc();
            if !reader.is_deleted(document) {
                let score = if scored { scorer.score() } else { 0.0 };
                segment.max_score = segment.max_score.max(score);
                segment.offer(document, score);
            }
            scorer.advance();
        }
    }
    segment.set_total(total);
    watch.end().map(drop)
}

/// The first document that can be a hit.
fn first_behind(segment: &Segment<'_>) -> DocId {
    let first = segment.request_after.and_then(|after| after.first());
    segment.keys.first().zip(first).map_or(0, |(key, value)| key.first_behind(value))
}
