//! What was found in the segments so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tantivy::Score;

use super::groups::{group_value, one_of_each_group};
use super::segment::{Entry, Segment};
use super::sort::{SegmentKey, compare_hits};
use super::ways::Left;
use super::{AskStop, Hit, SearchAnswer, SearchError, SearchRequest, SortValue};
use crate::aggs::AggPartial;

/// What was found in the segments so far.
pub(super) struct Found<'a> {
    request: &'a SearchRequest,
    pub(super) total: u64,
    max_score: Option<f32>,
    hits: Vec<Hit>,
    /// Whether there are more matches than were to be looked for.
    pub(super) is_terminated: bool,
    seen: Arc<Seen>,
}

/// What all threads of a search know together.
#[derive(Debug, Default)]
struct Seen {
    /// How many matches were counted.
    counted: AtomicU64,
    /// The highest of the worst scores of full sets of hits, as bits, which are in the order of scores.
    worst: AtomicU32,
}

impl Seen {
    /// Notes the worst score of a full set of hits.
    fn note_worst(&self, score: Score) {
        if score > 0.0 {
            self.worst.fetch_max(score.to_bits(), Ordering::AcqRel);
        }
    }

    /// What a match must have more of to be among the best: what has the same score as a hit of another thread may come before that.
    fn worst(&self) -> Option<Score> {
        let worst = self.worst.load(Ordering::Acquire);
        (worst > 0).then(|| Score::from_bits(worst).next_down())
    }
}

impl<'a> Found<'a> {
    pub(super) fn new(request: &'a SearchRequest) -> Self {
        Self::knowing(request, Arc::default())
    }

    fn knowing(request: &'a SearchRequest, seen: Arc<Seen>) -> Self {
        Self { request, total: 0, max_score: None, hits: Vec::new(), is_terminated: false, seen }
    }

    /// What another thread finds of the same search.
    pub(super) fn beside(&self) -> Self {
        Self::knowing(self.request, Arc::clone(&self.seen))
    }

    /// Takes what another thread found.
    pub(super) fn join(&mut self, other: Self) {
        self.total += other.total;
        self.max_score = match (self.max_score, other.max_score) {
            (Some(own), Some(other)) => Some(own.max(other)),
            (own, other) => own.or(other),
        };
        self.is_terminated |= other.is_terminated;
        self.hits.extend(other.hits);
        self.keep_best();
    }

    /// Counts matches that need not be met.
    pub(super) fn count(&mut self, matches: u64) {
        self.total += matches;
        self.seen.counted.fetch_add(matches, Ordering::AcqRel);
        self.end_at_most();
    }

    /// Counts no more matches than were to be looked for.
    fn end_at_most(&mut self) {
        if let Some(most) = self.request.terminate_after.filter(|most| self.total > *most) {
            self.total = most;
            self.is_terminated = true;
        }
    }

    /// How many matches are still to be counted until more need not be; none if there are more already.
    pub(super) fn to_count(&self) -> Option<u64> {
        match self.request.counted_to {
            u64::MAX => Some(u64::MAX),
            counted_to => counted_to.checked_sub(self.seen.counted.load(Ordering::Acquire)),
        }
    }

    /// The worst hit, if there are as many as are wanted.
    pub(super) fn worst_of_full(&self) -> Option<&Hit> {
        self.hits.last().filter(|_| self.hits.len() >= self.request.hits)
    }

    /// What the segments that follow are still to be asked.
    pub(super) fn left(&self) -> Left {
        let own = self.worst_of_full().and_then(|worst| worst.score);
        let worst = own.into_iter().chain(self.seen.worst()).max_by(Score::total_cmp);
        Left { to_count: self.to_count(), worst }
    }

    pub(super) fn take(
        &mut self,
        segment: Segment<'_>,
        ordinal: u32,
        scored: bool,
        stop: AskStop<'_>,
    ) -> Result<(), SearchError> {
        self.count(segment.total);
        self.is_terminated |= segment.is_terminated;
        if scored && segment.total > 0 {
            self.max_score =
                Some(self.max_score.map_or(segment.max_score, |known| known.max(segment.max_score)));
        }
        segment.keys.iter().try_for_each(SegmentKey::check)?;
        let (entries, group): (Vec<Entry>, _) = match segment.groups {
            Some(groups) => {
                let (best, values) = groups.finish()?;
                (best.into_iter().collect(), Some(values))
            }
            None => (segment.best.into_vec(), None),
        };
        for entry in entries {
            let mut sort = Vec::with_capacity(segment.keys.len());
            let mut places = entry.places.as_slice();
            for key in segment.keys.iter() {
                let (value, count) = key.value(places)?;
                take_long(&value, stop)?;
                sort.push(value);
                places = &places[count..];
            }
            let group = group.as_ref().map(|values| group_value(values, entry.document)).transpose()?;
            group.iter().try_for_each(|group| take_long(group, stop))?;
            self.hits.push(Hit {
                shard: 0,
                segment: ordinal,
                document: entry.document,
                score: scored.then_some(entry.score),
                sort,
                group,
            });
        }
        self.keep_best();
        Ok(())
    }

    fn keep_best(&mut self) {
        self.hits.sort_by(|a, b| compare_hits(a, b, &self.request.sort));
        one_of_each_group(&mut self.hits);
        self.hits.truncate(self.request.hits);
        if self.request.sort.is_empty()
            && let Some(worst) = self.worst_of_full().and_then(|worst| worst.score)
        {
            self.seen.note_worst(worst);
        }
    }

    pub(super) fn answer(self, aggs: AggPartial) -> SearchAnswer {
        let Self { total, max_score, hits, is_terminated, .. } = self;
        SearchAnswer { total, max_score, hits, aggs, is_partial: false, is_terminated }
    }
}

/// A key of a hit that is no longer was counted with the hit.
const SHORT_BYTES: usize = 64;

/// It is there as a key, as a value of the answer, and in the text of that, which doubles as it grows.
const SHOWN_TIMES: usize = 4;

/// Takes what a long text takes that hits are sorted by: a script makes it as long as it likes.
fn take_long(value: &SortValue, stop: AskStop<'_>) -> Result<(), SearchError> {
    match value {
        SortValue::Text(text) | SortValue::Version(text) if text.len() > SHORT_BYTES => {
            Ok(stop.take(SHOWN_TIMES * text.len())?)
        }
        _ => Ok(()),
    }
}
