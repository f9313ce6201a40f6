//! One walk over the matches of each segment: the best hits, the total, the aggregations.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, TERMINATED};

use super::sort::{Place, SegmentKey, check_keys, compare_hits};
use super::statistics::Statistics;
use super::stop::{AskStop, Stop, Watch};
use super::{Hit, SearchAnswer, SearchError, SearchRequest, SortField};
use crate::aggs::{
    AggPartial, SegmentAggs, check as check_aggs, reduce, runtime_fields_of as runtime_fields_of_aggs,
};
use crate::engine::View;
use crate::query::{Asked, Faults, QueryContext, lower, passes, runtime_fields_of, segments_to_search};

/// Documents that a scorer tells at a time.
const BLOCK: usize = COLLECT_BLOCK_BUFFER_LEN;

/// Searches one point in time of a shard; `stop` may end it early.
pub(crate) fn search(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<SearchAnswer, SearchError> {
    let watch = Watch::new(stop);
    let mut found = Found::new(request);
    let mut aggs = AggPartial::default();
    match walk(view, request, context, &watch, (&mut found, &mut aggs)) {
        Err(SearchError::TimeIsUp) => watch.note(Stop::TimeIsUp),
        walked => walked?,
    }
    Ok(SearchAnswer { is_partial: watch.end()?, ..found.answer(aggs) })
}

/// Walks over the matches of every segment.
fn walk(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
    watch: &Watch<'_>,
    (found, aggs): (&mut Found<'_>, &mut AggPartial),
) -> Result<(), SearchError> {
    // A shard without documents refuses what others refuse.
    check_keys(request, &view.layout)?;
    check_aggs(&request.aggs, view, context)?;
    let by_score = request.sort.is_empty();
    let scored = by_score && request.hits > 0
        || request.track_scores
        || request.min_score.is_some()
        || request.sort.iter().any(|key| key.field == SortField::Score);
    let statistics = Statistics::new(view)?;
    let segments = segments_to_search(&request.query, view, context);
    let beside = runtime_fields_beside(view, request, context)?;
    let faults = Faults::default();
    let asked = Asked { segments: &segments, stop: watch.ask(), beside: &beside, faults: &faults };
    let weight = |query, scored| -> Result<Box<dyn Weight>, SearchError> {
        let query = lower(query, view, context, asked)?;
        let scoring = if scored {
            EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher)
        } else {
            EnableScoring::disabled_from_searcher(&view.searcher)
        };
        Ok(query.weight(scoring)?)
    };
    let matches = weight(&request.query, scored)?;
    let filter = request.post_filter.as_ref().map(|query| weight(query, false)).transpose()?;
    // They are some of all, in the same order.
    let mut wanted = segments.iter().peekable();
    for (ordinal, reader) in view.searcher.segment_readers().iter().enumerate() {
        if watch.is_over() {
            break;
        }
        if wanted.next_if(|segment| std::ptr::eq(**segment, reader)).is_none() {
            continue;
        }
        if request.hits == 0 && request.aggs.is_empty() && filter.is_none() && request.min_score.is_none() {
            found.total += u64::from(matches.count(reader)?);
            faults.check()?;
            continue;
        }
        // Held until the segment is done, so that none has to be read again meanwhile.
        let paths: Vec<&str> = beside.iter().map(String::as_str).collect();
        let _held = view.runtime_fields(reader, &paths, watch.ask())?;
        let open = |key| SegmentKey::open(key, view, reader, watch.ask());
        let keys = request.sort.iter().map(open).collect::<Result<Rc<[_]>, _>>()?;
        let mut segment = Segment::new(request, reader, keys, filter.as_deref())?;
        let mut computed = SegmentAggs::open(&request.aggs, view, reader, context, watch)?;
        segment.walk(matches.as_ref(), scored, &mut computed, watch)?;
        faults.check()?;
        *aggs = reduce(&request.aggs, std::mem::take(aggs), computed.finish()?);
        found.take(segment, ordinal as u32, scored)?;
    }
    Ok(())
}

/// The runtime fields that are needed beside those of the query, each once: all are read in one go.
fn runtime_fields_beside(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
) -> Result<Vec<String>, SearchError> {
    let mut fields = runtime_fields_of_aggs(&request.aggs, view, context)?;
    if let Some(query) = &request.post_filter {
        fields.extend(runtime_fields_of(query, view, context)?);
    }
    let sorted_by = request.sort.iter().filter_map(|key| match &key.field {
        SortField::Field(path) => Some(path),
        _ => None,
    });
    fields.extend(sorted_by.filter(|path| view.layout.mapping.runtime.get(path).is_some()).cloned());
    fields.sort_unstable();
    fields.dedup();
    Ok(fields)
}

/// What was found in the segments so far.
pub(super) struct Found<'a> {
    request: &'a SearchRequest,
    total: u64,
    max_score: Option<f32>,
    hits: Vec<Hit>,
}

impl<'a> Found<'a> {
    pub(super) fn new(request: &'a SearchRequest) -> Self {
        Self { request, total: 0, max_score: None, hits: Vec::new() }
    }

    pub(super) fn take(
        &mut self,
        segment: Segment<'_>,
        ordinal: u32,
        scored: bool,
    ) -> Result<(), SearchError> {
        self.total += segment.total;
        if scored && segment.total > 0 {
            self.max_score =
                Some(self.max_score.map_or(segment.max_score, |known| known.max(segment.max_score)));
        }
        segment.keys.iter().try_for_each(SegmentKey::check)?;
        for entry in segment.best {
            let mut sort = Vec::with_capacity(segment.keys.len());
            let mut places = entry.places.as_slice();
            for key in segment.keys.iter() {
                let (value, count) = key.value(places)?;
                sort.push(value);
                places = &places[count..];
            }
            self.hits.push(Hit {
                shard: 0,
                segment: ordinal,
                document: entry.document,
                score: scored.then_some(entry.score),
                sort,
            });
        }
        self.hits.sort_by(|a, b| compare_hits(a, b, &self.request.sort));
        self.hits.truncate(self.request.hits);
        Ok(())
    }

    pub(super) fn answer(self, aggs: AggPartial) -> SearchAnswer {
        let Self { total, max_score, hits, .. } = self;
        SearchAnswer { total, max_score, hits, aggs, is_partial: false }
    }
}

/// The walk over one segment.
pub(super) struct Segment<'a> {
    reader: &'a SegmentReader,
    keys: Rc<[SegmentKey<'a>]>,
    filter: Option<Box<dyn Scorer>>,
    after: Option<Vec<Place>>,
    min_score: Option<f32>,
    hits: usize,
    total: u64,
    max_score: f32,
    /// The worst of the best on top.
    best: BinaryHeap<Entry>,
}

struct Entry {
    places: Vec<Place>,
    score: f32,
    document: DocId,
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
            min_score: request.min_score,
            hits: request.hits,
            total: 0,
            max_score: 0.0,
            best: BinaryHeap::new(),
        })
    }

    /// Meets the matches until all were seen or the search ends.
    fn walk(
        &mut self,
        matches: &dyn Weight,
        scored: bool,
        aggs: &mut SegmentAggs<'_>,
        watch: &Watch<'_>,
    ) -> Result<(), SearchError> {
        // An aggregation may have been told to stop before the walk begins.
        if watch.has_ended() {
            return watch.end().map(drop);
        }
        let mut scorer = matches.scorer(self.reader, 1.0)?;
        if scored {
            let mut document = scorer.doc();
            while document != TERMINATED && !watch.is_over_after(1) {
                self.meet(document, scorer.score(), aggs);
                document = scorer.advance();
            }
        } else {
            let mut block = [0; BLOCK];
            loop {
                let count = scorer.fill_buffer(&mut block);
                block[..count].iter().for_each(|document| self.meet(*document, 0.0, aggs));
                if count < BLOCK || watch.is_over_after(BLOCK as u32) {
                    break;
                }
            }
        }
        watch.end().map(drop)
    }

    pub(super) fn meet(&mut self, document: DocId, score: Score, aggs: &mut SegmentAggs<'_>) {
        if self.reader.is_deleted(document) || self.min_score.is_some_and(|least| score < least) {
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

    fn passes_filter(&mut self, document: DocId) -> bool {
        self.filter.as_mut().is_none_or(|filter| passes(&mut **filter, document))
    }

    fn offer(&mut self, document: DocId, score: Score) {
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
        if !full {
            self.best.push(entry);
        } else if let Some(mut worst) = self.best.peek_mut()
            && entry < *worst
        {
            *worst = entry;
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
