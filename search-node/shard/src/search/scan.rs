//! Every match of one point in time, a batch at a time and in no order of merit: what updates and deletes by query walk.
//!
//! A scan holds its place in the postings, and what it asks of one segment, so its memory does not grow with the matches.

use std::sync::Arc;

use tantivy::TERMINATED;
use tantivy::index::SegmentReader;
use tantivy::query::{EnableScoring, Scorer, Weight};

use super::stop::Watch;
use super::{AskStop, Hit, SearchError, goes_on};
use crate::engine::View;
use crate::query::{Asked, HeldValues, Prepared, Query, QueryContext, QueryRules, segments_to_search};

/// One of several parts that a point in time is walked in; the parts share no document and miss none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slice {
    /// Which part, from 0.
    pub number: u32,
    /// How many parts there are, at least 1.
    pub of: u32,
}

/// Spreads documents over parts: every n-th one may be a nested object.
const SPREAD: u32 = 0x9e37_79b1;

impl Slice {
    /// The whole in one part.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    pub(crate) fn has(self, document: u32) -> bool {
        self.has_hash(document.wrapping_mul(SPREAD) >> 16)
    }

    /// Whether what has a hash belongs to it.
    pub(crate) fn has_hash(self, hash: u32) -> bool {
        hash % self.of.max(1) == self.number
    }
}

/// A walk over the matches of a query.
pub struct Scan {
    view: Arc<View>,
    query: Query,
    meaning: Meaning,
    prepared: Prepared,
    matches: Box<dyn Weight>,
    /// Whether what it joins is joined.
    is_joined: bool,
    slice: Slice,
    /// Those that are still to be walked, the next one last.
    segments: Vec<u32>,
    at: Option<At>,
}

/// What a query context says, for as long as a scan takes.
struct Meaning {
    index: String,
    doc_type: String,
    now_millis: i64,
    rules: QueryRules,
}

/// The place in a segment.
struct At {
    segment: u32,
    matches: Box<dyn Scorer>,
    #[expect(dead_code, reason = "held, not read")]
    held: HeldValues,
}

impl Meaning {
    fn of(context: &QueryContext<'_>) -> Self {
        let QueryContext { index, doc_type, now_millis, rules } = *context;
        Self { index: index.to_owned(), doc_type: doc_type.to_owned(), now_millis, rules: rules.clone() }
    }

    fn context(&self) -> QueryContext<'_> {
        let Self { index, doc_type, now_millis, rules } = self;
        QueryContext { index, doc_type, now_millis: *now_millis, rules }
    }
}

impl Scan {
    pub(crate) fn open(
        view: Arc<View>,
        query: &Query,
        context: &QueryContext<'_>,
        slice: Slice,
    ) -> Result<Self, SearchError> {
        let wanted = segments_to_search(query, &view, context);
        let is_wanted = |reader: &SegmentReader| wanted.iter().any(|wanted| std::ptr::eq(*wanted, reader));
        let segments = (0..).zip(view.searcher.segment_readers()).filter(|(_, reader)| is_wanted(reader));
        let mut segments: Vec<u32> = segments.map(|(ordinal, _)| ordinal).collect();
        segments.reverse();
        let prepared = Prepared::new(Asked::new(query, &view, context))?;
        let matches = prepared.query().weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
        let (query, meaning) = (query.clone(), Meaning::of(context));
        let is_joined = false;
        Ok(Self { query, meaning, prepared, matches, is_joined, slice, segments, at: None, view })
    }

    /// At most `most` further matches; none once all were seen. `stop` is asked as documents go by, of whatever slice they are; who is told
    /// to stop has no more of the scan.
    pub fn next(&mut self, most: usize, stop: AskStop<'_>) -> Result<Vec<Hit>, SearchError> {
        let watch = Watch::new(stop);
        let mut hits = Vec::new();
        while hits.len() < most && self.is_in_segment(stop)? {
            let Some(At { segment, matches, .. }) = &mut self.at else { break };
            let segment = *segment;
            let Some(reader) = self.view.searcher.segment_readers().get(segment as usize) else { break };
            while matches.doc() != TERMINATED && hits.len() < most {
                if watch.is_over_after(1) {
                    return Err(SearchError::Cancelled);
                }
                let document = matches.doc();
                if self.slice.has(document) && !reader.is_deleted(document) {
                    hits.push(Hit {
                        shard: 0,
                        segment,
                        document,
                        score: None,
                        sort: Vec::new(),
                        group: None,
                    });
                }
                matches.advance();
            }
            self.prepared.faults().check()?;
            if matches.doc() == TERMINATED {
                self.at = None;
            }
        }
        Ok(hits)
    }

    /// Goes to the next segment if it is in none; whether there is one.
    fn is_in_segment(&mut self, stop: AskStop<'_>) -> Result<bool, SearchError> {
        if self.at.is_some() {
            return Ok(true);
        }
        let Some(segment) = self.segments.last().copied() else { return Ok(false) };
        let Some(reader) = self.view.searcher.segment_readers().get(segment as usize) else {
            return Ok(false);
        };
        goes_on(stop)?;
        let context = self.meaning.context();
        let asked = Asked::new(&self.query, &self.view, &context);
        let is_first = !std::mem::replace(&mut self.is_joined, true);
        if is_first {
            self.prepared.join(asked, stop)?;
        }
        let (held, is_another) = self.prepared.hold(asked, reader, &[], stop)?;
        if is_another || is_first {
            let unscored = EnableScoring::disabled_from_searcher(&self.view.searcher);
            self.matches = self.prepared.query().weight(unscored)?;
        }
        let matches = self.matches.scorer(reader, 1.0)?;
        self.at = Some(At { segment, matches, held });
        self.segments.pop();
        Ok(true)
    }
}
