//! Inner hits: which nested objects of a hit match a query, the best of them first.

use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Weight};
use tantivy::{DocId, DocSet};

use super::collect::{Found, Segment};
use super::sort::{SegmentKey, check_keys};
use super::statistics::Statistics;
use super::stop::{Watch, never};
use super::{Hit, SearchAnswer, SearchError, SearchRequest, SortField};
use crate::aggs::{AggPartial, SegmentAggs};
use crate::engine::View;
use crate::query::{Asked, Levels, QueryContext, lower_nested};

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

/// Looks among the objects at a nested path of a hit, which is a document or, with a path, an object there. None where nothing is
/// nested at the path.
pub(crate) fn inner_hits(
    view: &View,
    around: (&Hit, Option<&str>),
    path: &str,
    request: &SearchRequest,
    context: &QueryContext<'_>,
) -> Result<Option<InnerAnswer>, SearchError> {
    let (hit, outer) = around;
    let Some(chain) = Chain::new(view, path) else { return Ok(None) };
    let readers = view.searcher.segment_readers();
    let Some(reader) = readers.get(hit.segment as usize) else { return Ok(None) };
    let levels = |path| chain.levels(view, path);
    let scored = request.sort.is_empty()
        || request.track_scores
        || request.sort.iter().any(|key| key.field == SortField::Score);
    let statistics = Statistics::of(&view.searcher, levels(Some(path)).count(&view.searcher)?);
    let scoring = if scored {
        EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher)
    } else {
        EnableScoring::disabled_from_searcher(&view.searcher)
    };
    let asked = Asked { segments: &[reader], stop: &never, beside: &[] };
    let matches = lower_nested(&request.query, path, view, context, asked)?.weight(scoring)?;
    let outer = levels(outer).of(reader)?;
    let first = outer.as_ref().and_then(|outer| outer.before(hit.document)).map_or(0, |before| before + 1);
    let among = (first, hit.document);
    let SearchAnswer { total, max_score, hits, .. } =
        search_among(view, request, context, (hit.segment, reader), (matches.as_ref(), scored), among)?;
    let hits = hits.into_iter().map(|hit| {
        let place = chain.place(view, reader, hit.document)?;
        Ok(InnerHit { hit, place })
    });
    Ok(Some(InnerAnswer { total, max_score, hits: hits.collect::<Result<_, SearchError>>()? }))
}

/// Searches from a document of a segment on, up to another.
fn search_among(
    view: &View,
    request: &SearchRequest,
    context: &QueryContext<'_>,
    (ordinal, reader): (u32, &SegmentReader),
    (matches, scored): (&dyn Weight, bool),
    (first, end): (DocId, DocId),
) -> Result<SearchAnswer, SearchError> {
    check_keys(request, &view.layout)?;
    let keys = request.sort.iter().map(|key| SegmentKey::open(key, view, reader, &never));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let watch = Watch::new(&never);
    let mut aggs = SegmentAggs::open(&request.aggs, view, reader, context, &watch)?;
    let mut segment = Segment::new(request, reader, keys, None)?;
    let mut scorer = matches.scorer(reader, 1.0)?;
    if scorer.doc() < first {
        scorer.seek(first);
    }
    while scorer.doc() < end {
        let score = if scored { scorer.score() } else { 0.0 };
        segment.meet(scorer.doc(), score, &mut aggs);
        scorer.advance();
    }
    let mut found = Found::new(request);
    found.take(segment, ordinal, scored)?;
    Ok(found.answer(AggPartial::default()))
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
