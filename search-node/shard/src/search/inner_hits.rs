//! Inner hits: which nested objects of a hit match a query, the best of them first.
//!
//! What it takes to look is made ready once for all hits of a point in time, and once for each of its segments. Who asks for hits in the order
//! in which they lie there has each segment gone through once.

use std::rc::Rc;

use hashbrown::HashMap;
use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Scorer, Weight};
use tantivy::{DocId, DocSet};

use super::found::Found;
use super::segment::Segment;
use super::sort::{Opening, SegmentKey, check_keys};
use super::statistics::Statistics;
use super::stop::{AskStop, Watch, goes_on};
use super::{Hit, SearchAnswer, SearchError, SearchRequest, SortField};
use crate::aggs::{AggPartial, SegmentAggs};
use crate::engine::View;
use crate::query::{Asked, Faults, HeldValues, Levels, Prepared, QueryContext};

/// A nested object that matches.
#[derive(Debug, Clone)]
pub struct InnerHit {
    /// The object, with its score and sort values.
    pub hit: Hit,
    /// Where it is: the name of each nested field on the way and the object's number there, outermost first.
    pub place: Vec<(String, usize)>,
}

/// What was found among the nested objects of a hit.
#[derive(Debug)]
pub struct InnerAnswer {
    /// How many match.
    pub total: u64,
    /// The highest score, if there are scores.
    pub max_score: Option<f32>,
    /// The best ones in order.
    pub hits: Vec<InnerHit>,
}

/// A search among the objects at a nested path, of hits that are documents or the objects at another one.
pub struct InnerSearch<'a> {
    view: &'a View,
    path: &'a str,
    outer: Option<&'a str>,
    request: &'a SearchRequest,
    context: QueryContext<'a>,
    chain: Chain<'a>,
    is_scored: bool,
    /// How many objects there are that can match, by which scores are made.
    objects: u64,
    segments: HashMap<u32, InnerSegment<'a>>,
}

/// The search in one segment.
struct InnerSegment<'a> {
    reader: &'a SegmentReader,
    matches: Box<dyn Weight>,
    keys: Rc<[SegmentKey<'a>]>,
    /// Stands at the first match from a document on, which was not looked at yet.
    at: Option<(Box<dyn Scorer>, DocId)>,
    /// Where the query tells that it cannot go on.
    faults: Faults,
    #[expect(dead_code, reason = "held, not read")]
    held: HeldValues,
}

impl<'a> InnerSearch<'a> {
    /// None where nothing is nested at the path.
    pub(crate) fn new(
        view: &'a View,
        (path, outer): (&'a str, Option<&'a str>),
        request: &'a SearchRequest,
        context: QueryContext<'a>,
    ) -> Result<Option<Self>, SearchError> {
        let Some(chain) = Chain::new(view, path) else { return Ok(None) };
        check_keys(request, &view.layout)?;
        let is_scored = request.sort.is_empty()
            || request.track_scores
            || request.sort.iter().any(|key| key.field == SortField::Score);
        let objects = chain.levels(view, Some(path)).count(&view.searcher)?;
        let segments = HashMap::new();
        Ok(Some(Self { view, path, outer, request, context, chain, is_scored, objects, segments }))
    }

    /// Looks among the objects of a hit; `stop` is asked now and then whether it ends, and then there is no answer.
    pub fn of_hit(&mut self, hit: &Hit, stop: AskStop<'_>) -> Result<InnerAnswer, SearchError> {
        let watch = Watch::new(stop);
        let mut found = Found::new(self.request);
        goes_on(stop)?;
        self.look(hit, &watch, &mut found)?;
        if watch.end()? {
            return Err(SearchError::TimeIsUp);
        }
        let SearchAnswer { total, max_score, hits, .. } = found.answer(AggPartial::default());
        let readers = self.view.searcher.segment_readers();
        let Some(reader) = readers.get(hit.segment as usize) else {
            return Ok(InnerAnswer { total, max_score, hits: Vec::new() });
        };
        let hits = hits.into_iter().map(|hit| {
            let place = self.chain.place(self.view, reader, hit.document)?;
            Ok(InnerHit { hit, place })
        });
        Ok(InnerAnswer { total, max_score, hits: hits.collect::<Result<_, SearchError>>()? })
    }

    fn look(&mut self, hit: &Hit, watch: &Watch<'_>, found: &mut Found<'a>) -> Result<(), SearchError> {
        let Some(reader) = self.view.searcher.segment_readers().get(hit.segment as usize) else {
            return Ok(());
        };
        let outer = self.chain.levels(self.view, self.outer).of(reader)?;
        let first =
            outer.as_ref().and_then(|outer| outer.before(hit.document)).map_or(0, |before| before + 1);
        let mut aggs = SegmentAggs::open(&self.request.aggs, self.view, reader, &self.context, watch)?;
        let (request, is_scored) = (self.request, self.is_scored);
        let inner = self.segment(hit.segment, reader, watch)?;
        let mut segment = Segment::new(request, reader, Rc::clone(&inner.keys), None, watch.ask())?;
        let mut scorer = inner.from(first)?;
        while scorer.doc() < hit.document && !watch.is_over_after(1) {
            let score = if is_scored { scorer.score() } else { 0.0 };
            segment.meet(scorer.doc(), score, &mut aggs);
            scorer.advance();
        }
        inner.at = Some((scorer, hit.document));
        inner.faults.check()?;
        found.take(segment, hit.segment, is_scored, watch.ask())
    }

    /// The search in a segment, made ready with the first hit there.
    fn segment(
        &mut self,
        ordinal: u32,
        reader: &'a SegmentReader,
        watch: &Watch<'_>,
    ) -> Result<&mut InnerSegment<'a>, SearchError> {
        let Self { view, path, request, context, is_scored, objects, segments, .. } = self;
        let entry = match segments.entry(ordinal) {
            hashbrown::hash_map::Entry::Occupied(known) => return Ok(known.into_mut()),
            hashbrown::hash_map::Entry::Vacant(entry) => entry,
        };
        let statistics = Statistics::of(&view.searcher, *objects);
        let scoring = if *is_scored {
            EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher)
        } else {
            EnableScoring::disabled_from_searcher(&view.searcher)
        };
        let asked =
            Asked { nested_in: Some(path), ..Asked::new(&request.query, view, context).until(watch.ask()) };
        let mut query = Prepared::new(asked)?;
        query.join(asked, watch.ask())?;
        let (held, _) = query.hold(asked, reader, &[], watch.ask())?;
        let matches = query.query().weight(scoring)?;
        let opening = Opening { view, context, stop: watch.ask(), nested_in: Some(path) };
        let keys = request.sort.iter().map(|key| SegmentKey::open(key, view, reader, &opening));
        let keys = keys.collect::<Result<Rc<[_]>, _>>()?;
        Ok(entry.insert(InnerSegment {
            reader,
            matches,
            keys,
            at: None,
            faults: query.faults().clone(),
            held,
        }))
    }
}

impl InnerSegment<'_> {
    /// The matches from a document on: those that are left, unless they begin behind it.
    fn from(&mut self, first: DocId) -> tantivy::Result<Box<dyn Scorer>> {
        let left = self.at.take().filter(|(_, from)| *from <= first).map(|(scorer, _)| scorer);
        let mut scorer = match left {
            Some(scorer) => scorer,
            None => self.matches.scorer(self.reader, 1.0)?,
        };
        if scorer.doc() < first {
            scorer.seek(first);
        }
        Ok(scorer)
    }
}

/// The nested paths on the way to one, itself the last.
struct Chain<'a> {
    paths: Vec<&'a str>,
    field: tantivy::schema::Field,
}

impl<'a> Chain<'a> {
    fn new(view: &View, path: &'a str) -> Option<Self> {
        let field = view.layout.nested_path()?;
        let mapping = &view.layout.mapping;
        let is_nested = |path: &str| mapping.object(path).is_some_and(|object| object.nested.is_some());
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        let paths: Vec<&str> = ends.map(|end| &path[..end]).filter(|path| is_nested(path)).collect();
        (paths.last() == Some(&path)).then_some(Self { paths, field })
    }

    fn levels(&self, view: &View, path: Option<&str>) -> Levels {
        Levels::new(&view.identities, self.field, path)
    }

    /// Where an object is.
    fn place(
        &self,
        view: &View,
        reader: &SegmentReader,
        object: DocId,
    ) -> Result<Vec<(String, usize)>, SearchError> {
        let mut place = Vec::with_capacity(self.paths.len());
        let mut object = object;
        for (at, path) in self.paths.iter().enumerate().rev() {
            let around = at.checked_sub(1).map(|at| self.paths[at]);
            let name = around.map_or(*path, |around| path[around.len()..].trim_start_matches('.'));
            let (inner, outer) = (self.levels(view, Some(path)), self.levels(view, around));
            let (Some(inner), Some(outer)) = (inner.of(reader)?, outer.of(reader)?) else { break };
            let first = outer.before(object).map_or(0, |before| before + 1);
            place.push((name.to_owned(), inner.count_between(first, object)));
            object = outer.next(object);
        }
        place.reverse();
        Ok(place)
    }
}
