//! Shorter ways to the best matches, where nothing but them and a total is wanted: not every match has to be met then.

use tantivy::index::SegmentReader;
use tantivy::query::{AllQuery, EnableScoring, Query, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, TERMINATED};

use super::claims::Parts;
use super::segment::Segment;
use super::stop::Watch;
use super::{SearchError, SearchRequest};
use crate::query::{AllTerms, AnyTerms, Best, Bounds, constant_inside};

/// A way to the best matches of a query.
pub(super) enum Way {
    /// They all count the same, so that the first ones are the best.
    First { matches: Box<dyn Weight>, score: Score },
    /// All of several terms: those that cannot be among the best are passed over by blocks, by several threads.
    All(AllTerms),
    /// The same for any of several terms.
    Any(AnyTerms),
    /// Those that cannot be among the best are passed over by blocks.
    Bounded { matches: Box<dyn Weight>, bounds: Bounds },
}

impl Way {
    /// One that a request may go, if there is one for its query.
    pub(super) fn of(
        request: &SearchRequest,
        query: &dyn Query,
        scoring: EnableScoring<'_>,
    ) -> tantivy::Result<Option<Self>> {
        let is_only_best = request.hits > 0
            && request.sort.is_empty()
            && request.search_after.is_none()
            && request.min_score.is_none()
            && request.post_filter.is_none()
            && request.aggs.is_empty();
        let Some(searcher) = scoring.searcher().filter(|_| is_only_best) else { return Ok(None) };
        let unscored = EnableScoring::disabled_from_searcher(searcher);
        if query.is::<AllQuery>() {
            return Ok(Some(Self::First { matches: query.weight(unscored)?, score: 1.0 }));
        }
        if let Some((inside, score)) = constant_inside(query) {
            return Ok(Some(Self::First { matches: inside.weight(unscored)?, score }));
        }
        if let Some(terms) = AllTerms::of(query, scoring)? {
            return Ok(Some(Self::All(terms)));
        }
        // Where each match is counted, nothing is passed over.
        if request.counted_to != u64::MAX
            && let Some(terms) = AnyTerms::of(query, scoring)?
        {
            return Ok(Some(Self::Any(terms)));
        }
        let Some((bounded, bounds)) = Bounds::of(query, searcher)? else { return Ok(None) };
        Ok(Some(Self::Bounded { matches: bounded.weight(scoring)?, bounds }))
    }

    /// Whether several threads can go it in one segment.
    pub(super) fn is_by_parts(&self) -> bool {
        matches!(self, Self::All(_) | Self::Any(_))
    }

    /// Meets matches of parts of a segment until no other can be among the best, and as many are counted as is asked.
    pub(super) fn walk(
        &self,
        reader: &SegmentReader,
        (segment, parts): (&mut Segment<'_>, Parts<'_>),
        left: Left,
        watch: &Watch<'_>,
    ) -> Result<(), SearchError> {
        let left = if parts.is_help() { left.of_earlier() } else { left };
        match self {
            Self::All(terms) => all(terms, reader, parts, &mut Met::new(segment, reader, left, watch))?,
            Self::Any(terms) => any(terms, reader, parts, &mut Met::new(segment, reader, left, watch))?,
            Self::First { matches, score } => first(&**matches, *score, reader, segment, left, watch)?,
            Self::Bounded { matches, bounds } => bounded(&**matches, bounds, reader, segment, left, watch)?,
        }
        watch.end().map(drop)
    }
}

/// What a segment is still to be asked, after those before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// How many matches are to be counted until more need not be; none if there are more already.
    pub(super) to_count: Option<u64>,
    /// The worst score of the best so far, if there are as many as are wanted: a later match must be better.
    pub(super) worst: Option<Score>,
}

impl Left {
    /// The same for a segment before some of those that were asked: its matches come before theirs of the same score.
    fn of_earlier(self) -> Self {
        Self { worst: self.worst.map(Score::next_down), ..self }
    }

    /// Whether every match has to be counted.
    fn counts_all(&self) -> bool {
        self.to_count == Some(u64::MAX)
    }

    /// Whether after so many matches more need not be counted.
    fn is_counted(&self, total: u64) -> bool {
        self.to_count.is_none_or(|to_count| total > to_count)
    }
}

fn first(
    matches: &dyn Weight,
    score: Score,
    reader: &SegmentReader,
    segment: &mut Segment<'_>,
    left: Left,
    watch: &Watch<'_>,
) -> Result<(), SearchError> {
    // Those of the segments before come first.
    let is_full = |segment: &Segment<'_>| segment.is_full() || left.worst.is_some_and(|worst| worst >= score);
    let mut scorer = matches.scorer(reader, 1.0)?;
    let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
    loop {
        if is_full(segment) && left.counts_all() {
            segment.set_total(u64::from(matches.count(reader)?));
            return Ok(());
        }
        if is_full(segment) && left.is_counted(segment.total()) {
            return Ok(());
        }
        let count = scorer.fill_buffer(&mut block);
        for document in block[..count].iter().filter(|document| !reader.is_deleted(**document)) {
            segment.meet_best(*document, score, left.worst);
        }
        if count < block.len() || watch.is_over_after(count as u32) {
            return Ok(());
        }
    }
}

fn all(
    terms: &AllTerms,
    reader: &SegmentReader,
    mut parts: Parts<'_>,
    met: &mut Met<'_, '_>,
) -> Result<(), SearchError> {
    let Some(mut terms) = terms.open(reader)? else {
        // Nobody else need look.
        parts.go_to(TERMINATED);
        return Ok(());
    };
    let mut next = parts.own().start;
    while !met.watch.has_ended() && parts.go_to(next) {
        let own = parts.own();
        next = terms.walk(next.max(own.start)..own.end, met);
    }
    Ok(())
}

fn any(
    terms: &AnyTerms,
    reader: &SegmentReader,
    mut parts: Parts<'_>,
    met: &mut Met<'_, '_>,
) -> Result<(), SearchError> {
    let mut terms = terms.open(reader)?;
    let mut next = parts.own().start;
    while !met.watch.has_ended() && parts.go_to(next) {
        let own = parts.own();
        next = terms.walk(next.max(own.start)..own.end, met);
    }
    Ok(())
}

/// What is met of a segment.
struct Met<'m, 's> {
    segment: &'m mut Segment<'s>,
    reader: &'m SegmentReader,
    left: Left,
    watch: &'m Watch<'m>,
    /// The worst score of the best, if there are as many as are wanted.
    worst: Option<Score>,
}

impl<'m, 's> Met<'m, 's> {
    fn new(
        segment: &'m mut Segment<'s>,
        reader: &'m SegmentReader,
        left: Left,
        watch: &'m Watch<'m>,
    ) -> Self {
        Self { segment, reader, left, watch, worst: left.worst }
    }
}

impl Best for Met<'_, '_> {
    fn counts(&self) -> bool {
        !self.left.is_counted(self.segment.total())
    }

    fn least(&self) -> Score {
        self.worst.unwrap_or(Score::MIN)
    }

    fn count(&mut self, document: DocId) {
        if !self.reader.is_deleted(document) {
            self.segment.set_total(self.segment.total() + 1);
        }
    }

    fn meet(&mut self, document: DocId, score: Score) {
        if !self.reader.is_deleted(document) {
            self.segment.meet_best(document, score, self.left.worst);
            self.worst =
                self.left.worst.into_iter().chain(self.segment.worst_of_full()).max_by(Score::total_cmp);
        }
    }

    fn is_over_after(&mut self, documents: u32) -> bool {
        self.watch.is_over_after(documents)
    }
}

fn bounded(
    matches: &dyn Weight,
    bounds: &Bounds,
    reader: &SegmentReader,
    segment: &mut Segment<'_>,
    left: Left,
    watch: &Watch<'_>,
) -> Result<(), SearchError> {
    // What is known without a walk need not be counted on it.
    let known = if left.counts_all() { bounds.count(reader)? } else { None };
    if left.counts_all() && known.is_none() {
        return every(matches, reader, segment, watch);
    }
    let looseness = bounds.looseness(reader)?;
    let mut ceiling = Ceiling { bounds, matches, reader, met: 0, known: Known::NotYet };
    if looseness > 1.0 {
        ceiling.known = bounds.kept_ceiling(matches, reader)?.map_or(Known::NotYet, Known::At);
    }
    let is_counted = |segment: &Segment<'_>| known.is_some() || left.is_counted(segment.total());
    let worst = |segment: &Segment<'_>| {
        left.worst.into_iter().chain(segment.worst_of_full()).max_by(Score::total_cmp)
    };
    let threshold = |segment: &Segment<'_>| {
        if !is_counted(segment) {
            return Score::MIN;
        }
        worst(segment).map_or(Score::MIN, |worst| worst / looseness)
    };
    // Of a segment whose best is no better than the worst so far nothing is wanted.
    let is_done = |segment: &Segment<'_>, ceiling: &Ceiling<'_>| {
        is_counted(segment) && worst(segment).is_some_and(|worst| ceiling.is_at_most(worst))
    };
    if is_done(segment, &ceiling) {
        segment.set_total(known.unwrap_or_default());
        return Ok(());
    }
    let mut failed = None;
    matches.for_each_pruning(threshold(segment), reader, &mut |document, score| {
        if failed.is_some() || watch.is_over_after(1) {
            return Score::MAX;
        }
        if !reader.is_deleted(document) {
            segment.meet_best(document, score, left.worst);
        }
        if looseness > 1.0 && worst(segment).is_some() {
            failed = ceiling.note_met(watch).err();
        }
        if is_done(segment, &ceiling) { Score::MAX } else { threshold(segment) }
    })?;
    failed.map_or(Ok(()), Err)?;
    if let Some(known) = known {
        segment.set_total(known);
    }
    Ok(())
}

/// So many documents are met without knowing how much the best of a segment scores: looking at all for that takes about as long.
const MET_BEFORE: u32 = 2_048;

/// How much the best document of a segment scores, which is found out where many are met that are no better than those before.
struct Ceiling<'a> {
    bounds: &'a Bounds,
    matches: &'a dyn Weight,
    reader: &'a SegmentReader,
    met: u32,
    known: Known,
}

#[derive(Debug, Clone, Copy)]
enum Known {
    NotYet,
    At(Score),
    /// It cannot be told.
    Never,
}

impl Ceiling<'_> {
    /// One more document was met where there are enough hits.
    fn note_met(&mut self, watch: &Watch<'_>) -> Result<(), SearchError> {
        self.met += 1;
        if matches!(self.known, Known::NotYet) && self.met > MET_BEFORE {
            let is_over = |documents| watch.is_over_after(documents);
            let found = self.bounds.ceiling(self.matches, self.reader, &is_over)?;
            self.known = found.map_or(Known::Never, Known::At);
        }
        Ok(())
    }

    fn is_at_most(&self, worst: Score) -> bool {
        matches!(self.known, Known::At(best) if best <= worst)
    }
}

/// Every match, where all have to be counted.
fn every(
    matches: &dyn Weight,
    reader: &SegmentReader,
    segment: &mut Segment<'_>,
    watch: &Watch<'_>,
) -> Result<(), SearchError> {
    let mut scorer = matches.scorer(reader, 1.0)?;
    let mut document = scorer.doc();
    while document != tantivy::TERMINATED && !watch.is_over_after(1) {
        if !reader.is_deleted(document) {
            segment.meet_best(document, scorer.score(), None);
        }
        document = scorer.advance();
    }
    Ok(())
}
