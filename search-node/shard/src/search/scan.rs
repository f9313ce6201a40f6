//! Every match of one point in time, a batch at a time and in no order of merit: what updates and deletes by query walk.
//!
//! A scan holds its place in the postings and nothing else, so its memory does not grow with the matches.

use std::sync::Arc;

use tantivy::query::{EnableScoring, Scorer, Weight};
use tantivy::{DocSet, TERMINATED};

use super::{AskStop, Hit, SearchError};
use crate::engine::View;
use crate::query::{Asked, Faults, Query, QueryContext, lower, segments_to_search};

/// One of several parts that a point in time is walked in; the parts share no document and miss none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    fn has(self, document: u32) -> bool {
        (document.wrapping_mul(SPREAD) >> 16) % self.of.max(1) == self.number
    }
}

/// A walk over the matches of a query.
pub struct Scan {
    view: Arc<View>,
    matches: Box<dyn Weight>,
    /// Where the query tells that it cannot go on.
    faults: Faults,
    slice: Slice,
    segment: u32,
    at: Option<Box<dyn Scorer>>,
}

impl Scan {
    pub(crate) fn open(
        view: Arc<View>,
        query: &Query,
        context: &QueryContext<'_>,
        slice: Slice,
        stop: AskStop<'_>,
    ) -> Result<Self, SearchError> {
        let segments = segments_to_search(query, &view, context);
        let faults = Faults::default();
        let asked = Asked { segments: &segments, stop, beside: &[], faults: &faults };
        let query = lower(query, &view, context, asked)?;
        let matches = query.weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
        Ok(Self { view, matches, faults, slice, segment: 0, at: None })
    }

    /// At most `most` further matches; none once all were seen.
    pub fn next(&mut self, most: usize) -> Result<Vec<Hit>, SearchError> {
        let mut hits = Vec::new();
        while hits.len() < most {
            let Some(reader) = self.view.searcher.segment_readers().get(self.segment as usize) else {
                break;
            };
            let at = match &mut self.at {
                Some(at) => at,
                None => self.at.insert(self.matches.scorer(reader, 1.0)?),
            };
            while at.doc() != TERMINATED && hits.len() < most {
                let document = at.doc();
                if self.slice.has(document) && !reader.is_deleted(document) {
                    hits.push(Hit {
                        shard: 0,
                        segment: self.segment,
                        document,
                        score: None,
                        sort: Vec::new(),
                    });
                }
                at.advance();
            }
            self.faults.check()?;
            if at.doc() == TERMINATED {
                self.at = None;
                self.segment += 1;
            }
        }
        Ok(hits)
    }
}
