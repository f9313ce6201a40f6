//! The walk over the matches of one segment: how many there are, and the best of them.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use tantivy::index::SegmentReader;
use tantivy::query::{Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, TERMINATED};

use super::claims::Parts;
use super::groups::Groups;
use super::sort::{Place, SegmentKey};
use super::stop::{AskStop, Ending, Watch};
use super::{SearchError, SearchRequest, SortValue};
use crate::aggs::SegmentAggs;
use crate::query::passes;

/// Documents that a scorer tells at a time.
const BLOCK: usize = COLLECT_BLOCK_BUFFER_LEN;

/// The walk over one segment.
pub(super) struct Segment<'a> {
    reader: &'a SegmentReader,
    pub(super) keys: Rc<[SegmentKey<'a>]>,
    filter: Option<Box<dyn Scorer>>,
    after: Option<Vec<Place>>,
    pub(super) request_after: Option<&'a [SortValue]>,
    min_score: Option<f32>,
    hits: usize,
    pub(super) total: u64,
    /// After so many matches no more are looked for.
    pub(super) most: Option<u64>,
    /// Whether there was one more.
    pub(super) is_terminated: bool,
    pub(super) max_score: f32,
    /// The best of each group, where there are groups.
    pub(super) groups: Option<Groups<'a>>,
    /// The worst of the best on top.
    pub(super) best: BinaryHeap<Entry>,
    long: LongKeys,
}

/// What the keys of the best take that are long texts, which a script makes as long as it likes.
struct LongKeys {
    stop: Ending,
    now: usize,
    /// As much as there ever was.
    taken: usize,
}

impl LongKeys {
    /// Holds so many bytes more, if there is memory for them.
    fn hold(&mut self, bytes: usize) -> bool {
        let now = self.now + bytes;
        let short = now.saturating_sub(self.taken);
        if short > 0 && self.stop.take(short).is_err() {
            return false;
        }
        (self.now, self.taken) = (now, self.taken + short);
        true
    }
}

impl Entry {
    /// What its places take beside one for each key.
    fn long_bytes(&self, keys: usize) -> usize {
        self.places.len().saturating_sub(keys) * size_of::<Place>()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) places: Vec<Place>,
    pub(super) score: f32,
    pub(super) document: DocId,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_places = if self.places.is_empty() {
            other.score.total_cmp(&self.score)
        } else {
            self.places.cmp(&other.places)
        };
        by_places.then(self.document.cmp(&other.document))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

impl<'a> Segment<'a> {
    pub(super) fn new(
        request: &'a SearchRequest,
        reader: &'a SegmentReader,
        keys: Rc<[SegmentKey<'a>]>,
        filter: Option<&dyn Weight>,
        stop: AskStop<'_>,
    ) -> Result<Self, SearchError> {
        let after = match &request.search_after {
            Some(values) => {
                let mut places = Vec::with_capacity(keys.len());
                let mut pairs = keys.iter().zip(values);
                pairs.try_for_each(|(key, value)| key.push_places_of(value, &mut places))?;
                Some(places)
            }
            None => None,
        };
        Ok(Self {
            reader,
            keys,
            filter: filter.map(|weight| weight.scorer(reader, 1.0)).transpose()?,
            after,
            request_after: request.search_after.as_deref(),
            min_score: request.min_score,
            hits: request.hits,
            total: 0,
            most: None,
            is_terminated: false,
            groups: None,
            max_score: 0.0,
            best: BinaryHeap::new(),
            long: LongKeys { stop: stop.clone(), now: 0, taken: 0 },
        })
    }

    /// Meets the matches of the parts that are left of it, until all were seen or the search ends.
    pub(super) fn walk(
        &mut self,
        matches: &dyn Weight,
        scored: bool,
        parts: Parts<'_>,
        aggs: &mut SegmentAggs<'_>,
        watch: &Watch<'_>,
    ) -> Result<(), SearchError> {
        // An aggregation may have been told to stop before the walk begins.
        if watch.has_ended() {
            return watch.end().map(drop);
        }
        let mut scorer = matches.scorer(self.reader, 1.0)?;
        match scored {
            true => self.walk_scored(&mut *scorer, parts, aggs, watch),
            false => self.walk_unscored(&mut *scorer, parts, aggs, watch),
        }
        watch.end().map(drop)
    }

    fn walk_scored(
        &mut self,
        scorer: &mut dyn Scorer,
        mut parts: Parts<'_>,
        aggs: &mut SegmentAggs<'_>,
        watch: &Watch<'_>,
    ) {
        let mut document = scorer.doc();
        while !self.is_terminated && !watch.is_over_after(1) && parts.go_to(document) {
            if document < parts.start() {
                document = scorer.seek(parts.start());
                continue;
            }
            self.meet(document, scorer.score(), aggs);
            document = scorer.advance();
        }
    }

    fn walk_unscored(
        &mut self,
        scorer: &mut dyn Scorer,
        mut parts: Parts<'_>,
        aggs: &mut SegmentAggs<'_>,
        watch: &Watch<'_>,
    ) {
        let mut block = [0; BLOCK];
        loop {
            if scorer.doc() < parts.start() {
                scorer.seek(parts.start());
            }
            let count = scorer.fill_buffer(&mut block);
            for document in &block[..count] {
                if !parts.go_to(*document) {
                    return;
                }
                if *document >= parts.start() {
                    self.meet(*document, 0.0, aggs);
                }
            }
            if count < BLOCK {
                // There are no more in any part: nobody else need look.
                parts.go_to(TERMINATED);
                return;
            }
            if self.is_terminated || watch.is_over_after(BLOCK as u32) {
                return;
            }
        }
    }

    pub(super) fn meet(&mut self, document: DocId, score: Score, aggs: &mut SegmentAggs<'_>) {
        if self.reader.is_deleted(document) || self.min_score.is_some_and(|least| score < least) {
            return;
        }
        if self.most.is_some_and(|most| self.total >= most) {
            self.is_terminated = true;
            return;
        }
        aggs.collect(document);
        if !self.passes_filter(document) {
            return;
        }
        self.total += 1;
        self.max_score = if self.total == 1 { score } else { self.max_score.max(score) };
        if self.hits > 0 {
            self.offer(document, score);
        }
    }

    /// Takes a match of which only the score counts; `worst` is that of the segments before if there are enough of them.
    pub(super) fn meet_best(&mut self, document: DocId, score: Score, worst: Option<Score>) {
        self.total += 1;
        self.max_score = if self.total == 1 { score } else { self.max_score.max(score) };
        if worst.is_none_or(|worst| score > worst) && !(self.is_full() && self.loses_at_once(document, score))
        {
            self.offer(document, score);
        }
    }

    /// The worst of the best, if there are as many as are wanted.
    pub(super) fn worst(&self) -> Option<&Entry> {
        self.best.peek().filter(|_| self.is_full())
    }

    /// How many matches were counted.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// There are so many matches, of which not all were met.
    pub(super) fn set_total(&mut self, total: u64) {
        self.total = total;
    }

    /// Whether there are as many of the best as are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.best.len() >= self.hits
    }

    /// The worst score of the best, if there are as many as are wanted.
    pub(super) fn worst_of_full(&self) -> Option<Score> {
        self.best.peek().filter(|_| self.is_full()).map(|worst| worst.score)
    }

    fn passes_filter(&mut self, document: DocId) -> bool {
        self.filter.as_mut().is_none_or(|filter| passes(&mut **filter, document))
    }

    /// Takes a match if it is among the best.
    pub(super) fn offer(&mut self, document: DocId, score: Score) {
        let full = self.best.len() >= self.hits;
        if full && self.after.is_none() && self.loses_at_once(document, score) {
            return;
        }
        let mut places = Vec::with_capacity(self.keys.len());
        self.keys.iter().for_each(|key| key.push_places(document, score, &mut places));
        if let Some(after) = &self.after
            && places <= *after
        {
            return;
        }
        let entry = Entry { places, score, document };
        // Whoever gets none is told by the stop, and ends soon.
        let bytes = entry.long_bytes(self.keys.len());
        if bytes > 0 && !self.long.hold(bytes) {
            return;
        }
        if let Some(groups) = &mut self.groups {
            return groups.offer(entry);
        }
        if !full {
            self.best.push(entry);
        } else if let Some(mut worst) = self.best.peek_mut()
            && entry < *worst
        {
            self.long.now -= worst.long_bytes(self.keys.len());
            *worst = entry;
        } else {
            self.long.now -= bytes;
        }
    }

    /// Whether the first key alone shows that the document is worse than the worst of a full set.
    fn loses_at_once(&self, document: DocId, score: Score) -> bool {
        let Some(worst) = self.best.peek() else {
            return false;
        };
        match self.keys.first() {
            // A later document of the same score comes after.
            None => score <= worst.score,
            Some(key) => key.place(document, score) > worst.places[0],
        }
    }
}
