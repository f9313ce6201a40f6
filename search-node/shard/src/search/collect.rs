//! One walk over the matches of each segment: the best hits, the total, the aggregations.
//!
//! Segments are asked one after the other, or, where a search is large and processors do nothing, `together` by several threads.

mod together;

use std::rc::Rc;
use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Query as TantivyQuery, Weight};

use super::claims::{Claims, Parts};
use super::found::Found;
use super::groups::{Groups, check_group};
use super::helpers::Helpers;
use super::index_order::{self, is_enough};
use super::segment::Segment;
use super::sort::{Opening, SegmentKey, check_keys};
use super::sorted;
use super::statistics::Statistics;
use super::stop::{AskStop, Stop, Watch};
use super::ways::Way;
use super::{SearchAnswer, SearchError, SearchRequest, SortField, SortKey};
use crate::aggs::{
    AggPartial, SegmentAggs, check as check_aggs, reduce, runtime_fields_of as runtime_fields_of_aggs,
};
use crate::engine::{View, identities_in};
use crate::query::{Asked, HeldValues, Prepared, Query, QueryContext, runtime_fields_of, segments_to_search};

/// Searches one point in time of a shard; `stop` may end it early.
pub(crate) fn search(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<SearchAnswer, SearchError> {
    search_helped(view, request, context, stop, &Helpers::new(0))
}

/// The same with the help of other threads, if it is much and there are any.
pub(crate) fn search_helped(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
    helpers: &Arc<Helpers>,
) -> Result<SearchAnswer, SearchError> {
    let watch = Watch::new(stop);
    let mut found = Found::new(request);
    let mut aggs = AggPartial::default();
    match walk(view, request, context, (&watch, helpers), (&mut found, &mut aggs)) {
        Err(SearchError::TimeIsUp) => watch.note(Stop::TimeIsUp),
        walked => walked?,
    }
    Ok(SearchAnswer { is_partial: watch.end()?, ..found.answer(aggs) })
}

/// Walks over the matches of every segment.
fn walk<'a>(
    view: &'a View,
    request: &'a SearchRequest,
    context: &QueryContext<'_>,
    (watch, helpers): (&Watch<'_>, &Arc<Helpers>),
    (found, aggs): (&mut Found<'a>, &mut AggPartial),
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
    let asking_of = |query: &dyn TantivyQuery| match way_of(query)? {
        Some(way) => Ok(Asking::Way(way)),
        None => query.weight(scoring(scored)).map(Asking::Each),
    };
    let mut asking = asking_of(query.query())?;
    let group = request.collapse.clone().map(|field| SortKey::of(SortField::Field(field)));
    let group = group.as_ref();
    let common = Common { view, request, context, beside: &beside, group, scored, shows_scores };
    let walk = Walk { common, watch };
    let order = walk.order(&segments)?;
    let is_steady = query.is_steady() && filter.as_ref().is_none_or(|filter| filter.query.is_steady());
    if is_steady && common.may_be_helped() {
        let asked = Matching { asking: &asking, filter: filter.as_ref().map(|filter| &*filter.matches) };
        let order: Vec<_> = order.into_iter().map(|(segment, _)| segment).collect();
        walk.together(asked, &order, helpers, (found, aggs))?;
        return check_faults(&query, filter.as_ref());
    }
    for (segment, keys) in &order {
        if watch.is_over() || found.is_terminated {
            break;
        }
        let beside = if common.is_counted_alone() { &[] } else { beside.as_slice() };
        // Held until the segment is done, so that none has to be read again meanwhile, and not for longer: one segment's fit where all
        // of them do not.
        let (_held, is_another) = query.hold(asked, segment.reader, beside, watch.ask())?;
        if is_another {
            asking = asking_of(query.query())?;
        }
        let held = filter.as_mut().map(|filter| filter.hold(segment.reader, watch)).transpose()?;
        let asked = Matching { asking: &asking, filter: filter.as_ref().map(|filter| &*filter.matches) };
        walk.segment(asked, (segment, keys.as_ref()), Parts::whole(), (found, aggs))?;
        drop(held);
        check_faults(&query, filter.as_ref())?;
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

    /// Makes it ready for a segment, for as long as what comes with it is held.
    fn hold(&mut self, reader: &SegmentReader, watch: &Watch<'_>) -> Result<HeldValues, SearchError> {
        let (held, is_another) = self.query.hold(self.asked, reader, &[], watch.ask())?;
        if is_another {
            let searcher = &self.asked.view.searcher;
            self.matches = self.query.query().weight(EnableScoring::disabled_from_searcher(searcher))?;
        }
        Ok(held)
    }
}

/// What tells, once documents are looked at, that it cannot go on.
fn check_faults(query: &Prepared, filter: Option<&Filter<'_>>) -> Result<(), SearchError> {
    query.faults().check()?;
    filter.map_or(Ok(()), |filter| filter.query.faults().check())
}

/// How matches are asked for.
enum Asking {
    /// One after the other.
    Each(Box<dyn Weight>),
    /// The best of them by a shorter way.
    Way(Way),
}

/// What segments are asked for.
#[derive(Clone, Copy)]
struct Matching<'m> {
    asking: &'m Asking,
    /// What hits must match as well.
    filter: Option<&'m dyn Weight>,
}

/// What the walks over all segments have in common.
#[derive(Clone, Copy)]
struct Common<'a, 'r> {
    view: &'a View,
    request: &'a SearchRequest,
    context: &'r QueryContext<'r>,
    /// The runtime fields that are needed beside those of the query.
    beside: &'r [String],
    /// What hits are grouped by.
    group: Option<&'r SortKey>,
    scored: bool,
    /// Whether scores are wanted beside the order that they give.
    shows_scores: bool,
}

impl<'a> Common<'a, '_> {
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
}

/// The walks of one thread.
struct Walk<'a, 'r> {
    common: Common<'a, 'r>,
    watch: &'r Watch<'r>,
}

/// A segment to walk over.
#[derive(Clone, Copy)]
struct AskedSegment<'a> {
    ordinal: u32,
    reader: &'a SegmentReader,
}

/// The keys of a segment.
type Keys<'a> = Rc<[SegmentKey<'a>]>;

impl<'a> Walk<'a, '_> {
    /// Walks over parts of a segment; `keys` are there where runs of its documents are gone through by the first of them.
    fn segment(
        &self,
        asked: Matching<'_>,
        (&AskedSegment { ordinal, reader }, keys): (&AskedSegment<'a>, Option<&Keys<'a>>),
        parts: Parts<'_>,
        (found, aggs): (&mut Found<'_>, &mut AggPartial),
    ) -> Result<(), SearchError> {
        let Self { common, watch } = self;
        let Common { view, request, context, group, scored, shows_scores, .. } = *common;
        let matches = match asked.asking {
            Asking::Each(matches) => &**matches,
            Asking::Way(way) => {
                let mut segment = Segment::new(request, reader, Rc::new([]), None, watch.ask())?;
                way.walk(reader, (&mut segment, parts), found.left(), watch)?;
                return found.take(segment, ordinal, scored, watch.ask());
            }
        };
        if common.is_counted_alone() {
            found.count(u64::from(matches.count(reader)?));
        } else if request.is_in_index_order(scored) {
            if is_enough(found) {
                return Ok(());
            }
            let mut segment = Segment::new(request, reader, self.keys(reader)?, None, watch.ask())?;
            index_order::walk(matches, reader, &mut segment, found.to_count(), scored, watch)?;
            found.take(segment, ordinal, shows_scores, watch.ask())?;
        } else if let Some(keys) = keys {
            self.sorted(matches, reader, ordinal, Rc::clone(keys), found)?;
        } else {
            let mut segment = Segment::new(request, reader, self.keys(reader)?, asked.filter, watch.ask())?;
            if let Some(group) = group {
                segment.groups = Some(Groups::new(self.key(group, reader)?, request.hits));
            }
            segment.most = request.terminate_after.map(|most| most.saturating_sub(found.total));
            let mut computed = SegmentAggs::open(&request.aggs, view, reader, context, watch)?;
            segment.walk(matches, scored, parts, &mut computed, watch)?;
            *aggs = reduce(&request.aggs, std::mem::take(aggs), computed.finish()?);
            found.take(segment, ordinal, shows_scores, watch.ask())?;
        }
        Ok(())
    }

    fn keys(&self, reader: &'a SegmentReader) -> Result<Keys<'a>, SearchError> {
        self.common.request.sort.iter().map(|key| self.key(key, reader)).collect()
    }

    fn key<'k>(&self, key: &'k SortKey, reader: &SegmentReader) -> Result<SegmentKey<'k>, SearchError>
    where
        'a: 'k,
    {
        let Common { view, context, .. } = self.common;
        let opening = Opening { view, context, stop: self.watch.ask(), nested_in: None };
        SegmentKey::open(key, view, reader, &opening)
    }

    /// The segments of a search, in the order in which it is best to ask them.
    fn order(
        &self,
        segments: &[&'a SegmentReader],
    ) -> Result<Vec<(AskedSegment<'a>, Option<Keys<'a>>)>, SearchError> {
        let is_sorted = self.common.sorted_by().is_some();
        // They are some of all, in the same order.
        let mut wanted = segments.iter().peekable();
        let mut order = Vec::with_capacity(segments.len());
        for (ordinal, reader) in (0..).zip(self.common.view.searcher.segment_readers()) {
            if wanted.next_if(|segment| std::ptr::eq(**segment, reader)).is_none() {
                continue;
            }
            let keys = if is_sorted { Some(self.keys(reader)?) } else { None };
            let best = keys.as_ref().and_then(|keys| keys.first()?.best());
            let keys = keys.filter(|_| best.is_some());
            order.push((best, (AskedSegment { ordinal, reader }, keys)));
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
        keys: Keys<'a>,
        found: &mut Found<'_>,
    ) -> Result<(), SearchError> {
        let Common { view, request, context, scored, .. } = self.common;
        let kept = identities_in(&view.identities, reader)?.fielddata();
        let runs = self.common.sorted_by().zip(keys.first()).and_then(|(name, key)| key.runs(kept, name));
        let worst = keys.first().and_then(|key| key.place_of_hit(found.worst_of_full()?.sort.first()?));
        let left = sorted::Left { to_count: found.to_count(), worst };
        let mut segment = Segment::new(request, reader, keys, None, self.watch.ask())?;
        match runs {
            Some(runs) => sorted::walk(matches, &runs, reader, &mut segment, left, self.watch)?,
            None => {
                let mut none = SegmentAggs::open(&request.aggs, view, reader, context, self.watch)?;
                segment.walk(matches, scored, Parts::whole(), &mut none, self.watch)?;
            }
        }
        found.take(segment, ordinal, scored, self.watch.ask())
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
