//! One walk over the matches of each segment: the best hits, the total, the aggregations.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::rc::Rc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Query as TantivyQuery, Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, TERMINATED};

use super::groups::{Groups, check_group, group_value, one_of_each_group};
use super::index_order::{self, is_enough};
use super::sort::{Opening, Place, SegmentKey, check_keys, compare_hits};
use super::sorted;
use super::statistics::Statistics;
use super::stop::{AskStop, Stop, Watch};
use super::ways::{Left, Way};
use super::{Hit, SearchAnswer, SearchError, SearchRequest, SortField, SortKey, SortValue};
use crate::aggs::{
    AggPartial, SegmentAggs, check as check_aggs, reduce, runtime_fields_of as runtime_fields_of_aggs,
};
use crate::engine::{View, identities_in};
use crate::query::{
    Asked, HeldValues, Prepared, Query, QueryContext, passes, runtime_fields_of, segments_to_search,
};

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
    if let Some(field) = &request.collapse {
        check_group(field, &view.layout)?;
    }
    check_aggs(&request.aggs, view, context)?;
    let by_score = request.sort.is_empty();
    let shows_scores = by_score && request.hits > 0
        || request.track_scores
        || request.sort.iter().any(|key| key.field == SortField::Score);
    let scored = shows_scores || request.min_score.is_some() || request.sort.iter().any(SortKey::needs_score);
    let statistics = Statistics::new(view)?;
    let segments = segments_to_search(&request.query, view, context);
    let beside = runtime_fields_beside(view, request, context)?;
    let scoring = |scored| match scored {
        true => EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher),
        false => EnableScoring::disabled_from_searcher(&view.searcher),
    };
    let asked = Asked::new(&request.query, view, context).until(watch.ask()).as_filter(!scored);
    let asked = Asked { profiler: request.profiler.as_deref(), ..asked };
    let mut query = Prepared::new(asked)?;
    if !segments.is_empty() {
        query.join(asked, watch.ask())?;
    }
    let mut filter =
        request.post_filter.as_ref().map(|filter| Filter::new(filter, view, context, watch)).transpose()?;
    let way_of = |query: &dyn TantivyQuery| match (request.terminate_after, &request.collapse) {
        (None, None) => Way::of(request, query, scoring(scored)),
        _ => Ok(None),
    };
    let mut way = way_of(query.query())?;
    let mut matches = query.query().weight(scoring(scored))?;
    let group = request.collapse.clone().map(|field| SortKey::of(SortField::Field(field)));
    let walk = Walk { view, request, context, watch, beside: &beside, scored };
    for AskedSegment { ordinal, reader, keys } in walk.order(&segments)? {
        if watch.is_over() || found.is_terminated {
            break;
        }
        let is_counted_alone = walk.is_counted_alone();
        let beside = if is_counted_alone { &[] } else { beside.as_slice() };
        // Held until the segment is done, so that none has to be read again meanwhile, and not for longer: one segment's fit where all
        // of them do not.
        let (_held, is_another) = query.hold(asked, reader, beside, watch.ask())?;
        if is_another {
            way = way_of(query.query())?;
            matches = query.query().weight(scoring(scored))?;
        }
        if is_counted_alone {
            found.total += u64::from(matches.count(reader)?);
            found.end_at_most();
        } else if let Some(way) = &way {
            let mut segment = Segment::new(request, reader, Rc::new([]), None)?;
            way.walk(reader, &mut segment, found.left(), watch)?;
            found.take(segment, ordinal, scored)?;
        } else if request.is_in_index_order(scored) {
            if is_enough(found) {
                break;
            }
            let mut segment = Segment::new(request, reader, walk.keys(reader)?, None)?;
            index_order::walk(&*matches, reader, &mut segment, found.to_count(), scored, watch)?;
            found.take(segment, ordinal, shows_scores)?;
        } else if let Some(keys) = keys {
            walk.sorted(&*matches, reader, ordinal, keys, found)?;
        } else {
            let (_held, filter) = filter.as_mut().map(|filter| filter.of(reader, watch)).transpose()?.unzip();
            let mut segment = Segment::new(request, reader, walk.keys(reader)?, filter)?;
            if let Some(group) = &group {
                segment.groups = Some(Groups::new(walk.key(group, reader)?, request.hits));
            }
            segment.most = request.terminate_after.map(|most| most.saturating_sub(found.total));
            let mut computed = SegmentAggs::open(&request.aggs, view, reader, context, watch)?;
            segment.walk(&*matches, scored, &mut computed, watch)?;
            *aggs = reduce(&request.aggs, std::mem::take(aggs), computed.finish()?);
            found.take(segment, ordinal, shows_scores)?;
        }
        query.faults().check()?;
        filter.as_ref().map_or(Ok(()), |filter| filter.query.faults().check())?;
    }
    Ok(())
}

/// The query that hits must match as well.
struct Filter<'a> {
    asked: Asked<'a>,
    query: Prepared,
    matches: Box<dyn Weight>,
}

impl<'a> Filter<'a> {
    fn new(
        query: &'a Query,
        view: &'a View,
        context: &'a QueryContext<'a>,
        watch: &Watch<'a>,
    ) -> Result<Self, SearchError> {
        let asked = Asked::new(query, view, context).until(watch.ask()).as_filter(true);
        let mut query = Prepared::new(asked)?;
        query.join(asked, watch.ask())?;
        let matches = query.query().weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
        Ok(Self { asked, query, matches })
    }

    /// Its matches in a segment, for as long as what comes with them is held.
    fn of(
        &mut self,
        reader: &SegmentReader,
        watch: &Watch<'_>,
    ) -> Result<(HeldValues, &dyn Weight), SearchError> {
        let (held, is_another) = self.query.hold(self.asked, reader, &[], watch.ask())?;
        if is_another {
            let searcher = &self.asked.view.searcher;
            self.matches = self.query.query().weight(EnableScoring::disabled_from_searcher(searcher))?;
        }
        Ok((held, &*self.matches))
    }
}

/// What the walks over all segments have in common.
struct Walk<'a, 'r> {
    view: &'a View,
    request: &'a SearchRequest,
    context: &'r QueryContext<'r>,
    watch: &'r Watch<'r>,
    /// The runtime fields that are needed beside those of the query.
    beside: &'r [String],
    scored: bool,
}

/// A segment to walk over.
struct AskedSegment<'a> {
    ordinal: u32,
    reader: &'a SegmentReader,
    /// The keys, where runs of its documents are gone through by the first of them.
    keys: Option<Rc<[SegmentKey<'a>]>>,
}

impl<'a> Walk<'a, '_> {
    fn keys(&self, reader: &'a SegmentReader) -> Result<Rc<[SegmentKey<'a>]>, SearchError> {
        self.request.sort.iter().map(|key| self.key(key, reader)).collect()
    }

    fn key<'k>(&self, key: &'k SortKey, reader: &SegmentReader) -> Result<SegmentKey<'k>, SearchError>
    where
        'a: 'k,
    {
        let opening =
            Opening { view: self.view, context: self.context, stop: self.watch.ask(), nested_in: None };
        SegmentKey::open(key, self.view, reader, &opening)
    }

    /// Whether nothing is wanted but how many there are.
    fn is_counted_alone(&self) -> bool {
        let request = self.request;
        request.hits == 0
            && request.aggs.is_empty()
            && request.post_filter.is_none()
            && request.min_score.is_none()
    }

    /// The column that the request sorts by first, if nothing is wanted but the first documents and a total.
    fn sorted_by(&self) -> Option<&'a str> {
        let Self { request, view, .. } = self;
        // The keys of all segments are opened for that, and values of runtime fields are there for one at a time.
        let is_only_first = request.is_only_first() && self.beside.is_empty() && !self.scored;
        match request.sort.first().filter(|key| key.nested.is_none()).map(|key| &key.field) {
            Some(SortField::Field(path)) if is_only_first => {
                view.layout.mapping.leaf(path)?;
                Some(view.layout.stored_name(path))
            }
            _ => None,
        }
    }

    /// The segments of a search, in the order in which it is best to ask them.
    fn order(&self, segments: &[&'a SegmentReader]) -> Result<Vec<AskedSegment<'a>>, SearchError> {
        let is_sorted = self.sorted_by().is_some();
        // They are some of all, in the same order.
        let mut wanted = segments.iter().peekable();
        let mut order = Vec::with_capacity(segments.len());
        for (ordinal, reader) in (0..).zip(self.view.searcher.segment_readers()) {
            if wanted.next_if(|segment| std::ptr::eq(**segment, reader)).is_none() {
                continue;
            }
            let keys = if is_sorted { Some(self.keys(reader)?) } else { None };
            let best = keys.as_ref().and_then(|keys| keys.first()?.best());
            let keys = keys.filter(|_| best.is_some());
            order.push((best, AskedSegment { ordinal, reader, keys }));
        }
        order.sort_by_key(|(best, _)| *best);
        Ok(order.into_iter().map(|(_, asked)| asked).collect())
    }

    /// Goes through the runs of a segment's documents by the first key.
    fn sorted(
        &self,
        matches: &dyn Weight,
        reader: &'a SegmentReader,
        ordinal: u32,
        keys: Rc<[SegmentKey<'a>]>,
        found: &mut Found<'_>,
    ) -> Result<(), SearchError> {
        let kept = identities_in(&self.view.identities, reader)?.fielddata();
        let runs = self.sorted_by().zip(keys.first()).and_then(|(name, key)| key.runs(kept, name));
        let worst = keys.first().and_then(|key| key.place_of_hit(found.worst_of_full()?.sort.first()?));
        let left = sorted::Left { to_count: found.to_count(), worst };
        let mut segment = Segment::new(self.request, reader, keys, None)?;
        match runs {
            Some(runs) => sorted::walk(matches, &runs, reader, &mut segment, left, self.watch)?,
            None => {
                let mut none =
                    SegmentAggs::open(&self.request.aggs, self.view, reader, self.context, self.watch)?;
                segment.walk(matches, self.scored, &mut none, self.watch)?;
            }
        }
        found.take(segment, ordinal, self.scored)
    }
}

/// The runtime fields that are needed beside those of the query, each once: all are read in one go.
fn runtime_fields_beside(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
) -> Result<Vec<String>, SearchError> {
    let mut fields = runtime_fields_of_aggs(&request.aggs, view, context)?;
    if let Some(query) = &request.post_filter {
        fields.extend(runtime_fields_of(Asked::new(query, view, context))?);
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
    /// Whether there are more matches than were to be looked for.
    is_terminated: bool,
}

impl<'a> Found<'a> {
    pub(super) fn new(request: &'a SearchRequest) -> Self {
        Self { request, total: 0, max_score: None, hits: Vec::new(), is_terminated: false }
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
            counted_to => counted_to.checked_sub(self.total),
        }
    }

    /// The worst hit, if there are as many as are wanted.
    pub(super) fn worst_of_full(&self) -> Option<&Hit> {
        self.hits.last().filter(|_| self.hits.len() >= self.request.hits)
    }

    /// What the segments that follow are still to be asked.
    fn left(&self) -> Left {
        Left { to_count: self.to_count(), worst: self.worst_of_full().and_then(|worst| worst.score) }
    }

    pub(super) fn take(
        &mut self,
        segment: Segment<'_>,
        ordinal: u32,
        scored: bool,
    ) -> Result<(), SearchError> {
        self.total += segment.total;
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
                sort.push(value);
                places = &places[count..];
            }
            self.hits.push(Hit {
                shard: 0,
                segment: ordinal,
                document: entry.document,
                score: scored.then_some(entry.score),
                sort,
                group: match &group {
                    Some(values) => Some(group_value(values, entry.document)?),
                    None => None,
                },
            });
        }
        self.hits.sort_by(|a, b| compare_hits(a, b, &self.request.sort));
        one_of_each_group(&mut self.hits);
        self.hits.truncate(self.request.hits);
        Ok(())
    }

    pub(super) fn answer(self, aggs: AggPartial) -> SearchAnswer {
        let Self { total, max_score, hits, is_terminated, .. } = self;
        SearchAnswer { total, max_score, hits, aggs, is_partial: false, is_terminated }
    }
}

/// The walk over one segment.
pub(super) struct Segment<'a> {
    reader: &'a SegmentReader,
    pub(super) keys: Rc<[SegmentKey<'a>]>,
    filter: Option<Box<dyn Scorer>>,
    after: Option<Vec<Place>>,
    pub(super) request_after: Option<&'a [SortValue]>,
    min_score: Option<f32>,
    hits: usize,
    total: u64,
    /// After so many matches no more are looked for.
    most: Option<u64>,
    /// Whether there was one more.
    is_terminated: bool,
    pub(super) max_score: f32,
    /// The best of each group, where there are groups.
    groups: Option<Groups<'a>>,
    /// The worst of the best on top.
    best: BinaryHeap<Entry>,
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
            while document != TERMINATED && !self.is_terminated && !watch.is_over_after(1) {
                self.meet(document, scorer.score(), aggs);
                document = scorer.advance();
            }
        } else {
            let mut block = [0; BLOCK];
            loop {
                let count = scorer.fill_buffer(&mut block);
                block[..count].iter().for_each(|document| self.meet(*document, 0.0, aggs));
                if count < BLOCK || self.is_terminated || watch.is_over_after(BLOCK as u32) {
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
        if let Some(groups) = &mut self.groups {
            return groups.offer(entry);
        }
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
