//! The first documents by a column of numbers: runs of documents are gone through in the order of what they can have at best, until no other run
//! can have a better one.

use std::sync::Arc;

use tantivy::index::SegmentReader;
use tantivy::query::{Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet};

use super::SearchError;
use super::segment::{Entry, Segment};
use super::sort::Place;
use super::stop::Watch;
use crate::engine::Zones;

/// With fewer matches for each run of documents than that, going through them in their order is quicker.
const MATCHES_OF_ZONE: u32 = 4;

/// The runs of a segment by what their documents can have at best.
pub(super) struct Runs {
    zones: Arc<Zones>,
    /// The best place that a document of each run can have, the best run first.
    order: Vec<(Place, usize)>,
}

impl Runs {
    /// `best` tells the best place of a run.
    pub(super) fn new(zones: Arc<Zones>, best: impl Fn(&Zones, usize) -> Place) -> Self {
        let mut order: Vec<_> =
            (0..zones.zones().len()).map(|number| (best(&zones, number), number)).collect();
        order.sort_unstable();
        Self { zones, order }
    }
}

/// What a segment is still to be asked, after others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// How many matches are to be counted until more need not be; none if there are more already.
    pub(super) to_count: Option<u64>,
    /// The place of the worst of the best under the first key, if there are as many as are wanted.
    pub(super) worst: Option<Place>,
}

/// Meets the matches of a segment that can be among the first, and counts as many as are to be counted.
pub(super) fn walk(
    matches: &dyn Weight,
    runs: &Runs,
    reader: &SegmentReader,
    segment: &mut Segment<'_>,
    left: Left,
    watch: &Watch<'_>,
) -> Result<(), SearchError> {
    let mut scorer = matches.scorer(reader, 1.0)?;
    let is_sparse = scorer.size_hint() / MATCHES_OF_ZONE < runs.order.len() as u32;
    if is_sparse {
        in_order(&mut *scorer, reader, segment, watch);
        return watch.end().map(drop);
    }
    let total = count(matches, reader, left.to_count, watch)?;
    let is_one_key = segment.keys.len() == 1;
    let is_beyond = |(best, number): (Place, usize), segment: &Segment<'_>| {
        // Of those that have the same place the first documents come first, where nothing else tells them apart.
        let is_behind = |worst: &Entry| {
            let comes_later = || runs.zones.documents(number).start > worst.document;
            worst
                .places
                .first()
                .is_some_and(|place| best > *place || is_one_key && best == *place && comes_later())
        };
        segment.worst().is_some_and(is_behind) || left.worst.is_some_and(|worst| best > worst)
    };
    let (mut rest, mut size, mut passed) = (runs.order.as_slice(), 1, 0);
    while let Some(first) = rest.first()
        && !is_beyond(*first, segment)
        && !watch.is_over()
    {
        // A scorer goes forward only: so many runs are gone through in the order of their documents with one, and twice as many the next time.
        let (batch, after) = rest.split_at(size.min(rest.len()));
        let mut batch = batch.to_vec();
        batch.sort_unstable_by_key(|(_, number)| *number);
        for run_of in batch {
            if is_beyond(run_of, segment) || watch.is_over() {
                continue;
            }
            let documents = runs.zones.documents(run_of.1);
            // Behind what was gone through it stands before the next match, however far that is.
            if documents.start < passed {
                scorer = matches.scorer(reader, 1.0)?;
            }
            passed = documents.end;
            run(&mut *scorer, documents.start, documents.end, reader, segment, watch);
        }
        (rest, size) = (after, size * 2);
    }
    segment.set_total(total);
    watch.end().map(drop)
}

/// Meets the matches of one run.
fn run(
    scorer: &mut dyn Scorer,
    start: DocId,
    end: DocId,
    reader: &SegmentReader,
    segment: &mut Segment<'_>,
    watch: &Watch<'_>,
) {
    if scorer.doc() < start {
        scorer.seek(start);
    }
    while scorer.doc() < end && !watch.is_over_after(1) {
        if !reader.is_deleted(scorer.doc()) {
            segment.offer(scorer.doc(), 0.0);
        }
        scorer.advance();
    }
}

/// Meets every match.
fn in_order(scorer: &mut dyn Scorer, reader: &SegmentReader, segment: &mut Segment<'_>, watch: &Watch<'_>) {
    while scorer.doc() != tantivy::TERMINATED && !watch.is_over_after(1) {
        if !reader.is_deleted(scorer.doc()) {
            segment.set_total(segment.total() + 1);
            segment.offer(scorer.doc(), 0.0);
        }
        scorer.advance();
    }
}

/// How many matches there are, as far as they are to be counted.
pub(super) fn count(
    matches: &dyn Weight,
    reader: &SegmentReader,
    to_count: Option<u64>,
    watch: &Watch<'_>,
) -> Result<u64, SearchError> {
    let to_count = match to_count {
        // Of this segment it need only be known that it matches.
        None => return Ok(1),
        Some(u64::MAX) => return Ok(u64::from(matches.count(reader)?)),
        Some(to_count) => to_count,
    };
    let mut scorer = matches.scorer(reader, 1.0)?;
    let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
    let mut total = 0;
    loop {
        let count = scorer.fill_buffer(&mut block);
        let alive = block[..count].iter().filter(|document| !reader.is_deleted(**document));
        total += alive.count() as u64;
        if count < block.len() || total > to_count || watch.is_over_after(count as u32) {
            return Ok(total);
        }
    }
}
