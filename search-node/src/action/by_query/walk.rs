//! Handing out the matches of a query at one point in time, a batch at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use shard::{
    AggRequest, Hit, Missing, Query, QueryContext, Reader, Scan, SearchRequest, Slice, SortField, SortKey,
    SortValue, StoredDocument, compare_hits,
};

use super::plan::Plan;
use crate::action::search::in_type;
use crate::error::ApiError;
use crate::indices::Index;

/// Matches that are counted in one go.
const COUNT_STEP: usize = 8192;

/// One shard at the point in time.
pub(super) struct Part {
    pub index: Arc<Index>,
    reader: Reader,
}

impl Part {
    /// The shards of the indices, or those that a routing value leads to.
    pub(super) fn all(indices: &[Arc<Index>], routing: Option<&str>) -> Result<Vec<Self>, ApiError> {
        let mut parts = Vec::new();
        for index in indices {
            let chosen = routing.map(|routing| index.shard("", Some(routing))).transpose()?;
            for shard in index.shards_to_search()? {
                if chosen.as_ref().is_none_or(|chosen| Arc::ptr_eq(chosen, &shard)) {
                    parts.push(Self { index: Arc::clone(index), reader: shard.reader() });
                }
            }
        }
        Ok(parts)
    }

    pub(super) fn fetch(&self, hit: &Hit) -> Result<StoredDocument, ApiError> {
        Ok(self.reader.fetch(hit)?)
    }

    fn context<'a>(&'a self, plan: &'a Plan, now_millis: i64) -> QueryContext<'a> {
        QueryContext {
            index: &self.index.name,
            doc_type: plan.scope.doc_type.as_deref().unwrap_or_default(),
            now_millis,
        }
    }
}

/// A walk over the matches of one slice.
pub(super) struct Walk {
    pub parts: Arc<Vec<Part>>,
    order: Order,
    only: Option<Slice>,
}

enum Order {
    /// Shard by shard, as the documents lie there.
    None { scans: VecDeque<(usize, Scan)> },
    /// By sort keys over all shards.
    Sorted(Box<Sorted>),
}

/// What it takes to ask every shard for its next hits in order.
struct Sorted {
    query: Query,
    doc_type: String,
    keys: Vec<SortKey>,
    slice: Slice,
    now_millis: i64,
    rows: Vec<Row>,
}

/// The next hits of one shard, in order.
#[derive(Default)]
struct Row {
    hits: VecDeque<Hit>,
    after: Option<Vec<SortValue>>,
    is_over: bool,
}

impl Walk {
    /// How many documents a walk would hand out.
    pub(super) fn count(
        parts: &Arc<Vec<Part>>,
        plan: &Plan,
        slice: Slice,
        now_millis: i64,
    ) -> Result<u64, ApiError> {
        let unordered = Plan { sort: Vec::new(), ..plan.clone() };
        let mut walk = Self::open(Arc::clone(parts), &unordered, slice, now_millis)?;
        let mut total = 0;
        loop {
            let hits = walk.next_hits(COUNT_STEP)?;
            if hits.is_empty() {
                return Ok(total);
            }
            if walk.only.is_none() {
                total += hits.len() as u64;
                continue;
            }
            for hit in &hits {
                total += u64::from(walk.fetch(hit)?.is_some());
            }
        }
    }

    pub(super) fn open(
        parts: Arc<Vec<Part>>,
        plan: &Plan,
        slice: Slice,
        now_millis: i64,
    ) -> Result<Self, ApiError> {
        let query = in_type(plan.query.clone(), plan.scope.doc_type.as_deref());
        let order = if plan.sort.is_empty() {
            let mut scans = VecDeque::new();
            for (number, part) in parts.iter().enumerate() {
                let scan = part.reader.scan(&query, &part.context(plan, now_millis), slice)?;
                scans.push_back((number, scan));
            }
            Order::None { scans }
        } else {
            let mut keys = plan.sort.clone();
            // Documents that the keys cannot tell apart are told apart by their sequence number: none is lost between two batches.
            keys.push(SortKey {
                field: SortField::SeqNo,
                descending: false,
                missing: Missing::Last,
                mode: None,
                unmapped_ok: false,
            });
            let rows = parts.iter().map(|_| Row::default()).collect();
            let doc_type = plan.scope.doc_type.clone().unwrap_or_default();
            Order::Sorted(Box::new(Sorted { query, doc_type, keys, slice, now_millis, rows }))
        };
        Ok(Self { parts, order, only: plan.only })
    }

    /// At most `most` further hits; none at the end. `Hit::shard` is the number of the part.
    pub(super) fn next_hits(&mut self, most: usize) -> Result<Vec<Hit>, ApiError> {
        let mut found = Vec::new();
        match &mut self.order {
            Order::None { scans } => {
                while let Some((number, scan)) = scans.front_mut() {
                    let hits = scan.next(most - found.len())?;
                    if hits.is_empty() {
                        scans.pop_front();
                        continue;
                    }
                    found.extend(hits.into_iter().map(|hit| Hit { shard: *number, ..hit }));
                    if found.len() >= most {
                        break;
                    }
                }
            }
            Order::Sorted(sorted) => found = sorted.next(&self.parts, most)?,
        }
        Ok(found)
    }

    /// The document of a hit; none if it belongs to the slice of another request.
    pub(super) fn fetch(&self, hit: &Hit) -> Result<Option<StoredDocument>, ApiError> {
        let stored = self.parts[hit.shard].fetch(hit)?;
        let is_mine = self.only.is_none_or(|only| {
            // Requests see different points in time, so only what a document keeps may decide: its id.
            crc32fast::hash(stored.uid.as_bytes()) % only.of.max(1) == only.number
        });
        Ok(is_mine.then_some(stored))
    }
}

impl Sorted {
    /// The first hits of all shards together.
    fn next(&mut self, parts: &[Part], most: usize) -> Result<Vec<Hit>, ApiError> {
        let mut found = Vec::new();
        while found.len() < most {
            for (number, part) in parts.iter().enumerate() {
                self.fill(number, part, most)?;
            }
            let fronts =
                self.rows.iter().enumerate().filter_map(|(number, row)| Some((number, row.hits.front()?)));
            let Some((number, _)) = fronts.min_by(|(_, a), (_, b)| compare_hits(a, b, &self.keys)) else {
                break;
            };
            found.extend(self.rows[number].hits.pop_front());
        }
        Ok(found)
    }

    /// Asks a shard for more where none of its hits are left.
    fn fill(&mut self, number: usize, part: &Part, most: usize) -> Result<(), ApiError> {
        let row = &mut self.rows[number];
        let context =
            QueryContext { index: &part.index.name, doc_type: &self.doc_type, now_millis: self.now_millis };
        while row.hits.is_empty() && !row.is_over {
            let request = SearchRequest {
                query: self.query.clone(),
                post_filter: None,
                hits: most,
                sort: self.keys.clone(),
                search_after: row.after.clone(),
                min_score: None,
                track_scores: false,
                track_total: false,
                aggs: AggRequest::default(),
            };
            let hits = part.reader.search(&request, &context)?.hits;
            row.is_over = hits.len() < most;
            row.after = hits.last().map(|hit| hit.sort.clone()).or(row.after.take());
            let slice = self.slice;
            let mine = hits.into_iter().filter(|hit| hit.document % slice.of.max(1) == slice.number);
            row.hits.extend(mine.map(|hit| Hit { shard: number, ..hit }));
        }
        Ok(())
    }
}
