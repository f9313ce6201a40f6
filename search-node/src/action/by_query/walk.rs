//! Handing out the matches of a query in shards of this node at one point in time, a batch at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use daemon::CancellationToken;
use shard::{
    Hit, Query, QueryContext, QueryRules, Reader, Scan, SearchError, SearchRequest, Slice, SortField,
    SortKey, SortValue, StoredDocument, compare_hits, uid_parts,
};

use super::plan::Wish;
use crate::action::search::{ShardFailure, filtered, in_type, phase_failed, read_filter, when_cancelled};
use crate::error::ApiError;
use crate::indices::{Index, Routing};

/// Matches that are counted in one go.
const COUNT_STEP: usize = 8192;

/// One shard at the point in time.
pub(super) struct Part {
    pub index: Arc<Index>,
    number: usize,
    /// What of it is meant.
    filter: Option<Query>,
    rules: Arc<QueryRules>,
    reader: Reader,
}

impl Part {
    /// A shard of this node as it is now.
    pub(super) fn open(index: &Arc<Index>, number: usize, filter: Option<&str>) -> Result<Self, ApiError> {
        let filter = read_filter(filter)?;
        let rules = Arc::clone(&index.settings().query);
        Ok(Self {
            index: Arc::clone(index),
            number,
            filter,
            rules,
            reader: index.shard_to_search(number)?.reader(),
        })
    }

    /// The same of a shard whose primary is here and whose index takes no more writes, with everything that was let in before, also
    /// what no search sees yet.
    pub(super) fn open_whole(
        index: &Arc<Index>,
        number: usize,
        filter: Option<&str>,
        now_millis: i64,
    ) -> Result<Self, ApiError> {
        // Whatever is let in from now on sees the block, too.
        index.check_takes_no_writes()?;
        let leading = index.leading(number)?;
        if let Some(leading) = &leading {
            leading.wait_drained()?;
        }
        let shard = index.shard_to_search(number)?;
        shard.refresh(now_millis)?;
        let part = Self::open(index, number, filter)?;
        if let Some(leading) = &leading {
            leading.confirm_here(shard.max_seq_no())?;
        }
        Ok(part)
    }

    /// What is wrong with the search in this shard.
    fn failure(&self, error: SearchError) -> ShardFailure {
        let error = ApiError::from(error)
            .with("index", self.index.name.as_str())
            .with("index_uuid", self.index.uuid.as_str());
        ShardFailure { index: self.index.name.clone(), number: self.number, node: None, error }
    }

    fn context<'a>(&'a self, wish: &'a Wish) -> QueryContext<'a> {
        QueryContext {
            index: &self.index.name,
            doc_type: wish.doc_type.as_deref().unwrap_or_default(),
            now_millis: wish.now_millis,
            rules: &self.rules,
        }
    }
}

/// A walk over the matches of one slice.
pub(super) struct Walk {
    parts: Arc<Vec<Part>>,
    order: Order,
    only: Option<Slice>,
    routed: Option<(Routing, usize)>,
    /// Ends the search for further matches.
    cancel: CancellationToken,
}

enum Order {
    /// Shard by shard, as the documents lie there.
    None { scans: VecDeque<(usize, Scan)> },
    /// By sort keys over all shards.
    Sorted(Box<Sorted>),
}

/// What it takes to ask every shard for its next hits in order.
struct Sorted {
    wish: Wish,
    query: Query,
    keys: Vec<SortKey>,
    slice: Slice,
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
    /// How many documents a walk would hand out. What goes to one shard of many is not counted: that would be to read them all twice,
    /// and nobody asks.
    pub(super) fn count(parts: &Arc<Vec<Part>>, wish: &Wish, slice: Slice) -> Result<u64, ApiError> {
        if wish.routed.is_some() {
            return Ok(0);
        }
        let unordered = Wish { sort: Vec::new(), ..wish.clone() };
        let mut walk = Self::open(Arc::clone(parts), &unordered, slice)?;
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

    pub(super) fn open(parts: Arc<Vec<Part>>, wish: &Wish, slice: Slice) -> Result<Self, ApiError> {
        let query = in_type(wish.query.clone(), wish.doc_type.as_deref());
        let order = if wish.sort.is_empty() {
            let (mut scans, mut failures) = (VecDeque::new(), Vec::new());
            for (number, part) in parts.iter().enumerate() {
                let query = filtered(query.clone(), part.filter.as_ref());
                match part.reader.scan(&query, &part.context(wish), slice) {
                    Ok(scan) => scans.push_back((number, scan)),
                    Err(error) => failures.push(part.failure(error)),
                }
            }
            check_whole(failures, parts.len())?;
            Order::None { scans }
        } else {
            let rows = parts.iter().map(|_| Row::default()).collect();
            let keys = sort_keys(wish);
            Order::Sorted(Box::new(Sorted { wish: wish.clone(), query, keys, slice, rows }))
        };
        Ok(Self { parts, order, only: wish.only, routed: wish.routed, cancel: wish.cancel.clone() })
    }

    /// At most `most` further hits; none at the end. `Hit::shard` is the number of the part.
    fn next_hits(&mut self, most: usize) -> Result<Vec<Hit>, ApiError> {
        let mut found = Vec::new();
        match &mut self.order {
            Order::None { scans } => {
                let stop = when_cancelled(&self.cancel);
                while let Some((number, scan)) = scans.front_mut() {
                    let hits = scan.next(most - found.len(), &stop)?;
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
            Order::Sorted(sorted) => found = sorted.next(&self.parts, most, &self.cancel)?,
        }
        Ok(found)
    }

    /// The document of a hit; none if it belongs to the slice or the shard of another request.
    fn fetch(&self, hit: &Hit) -> Result<Option<StoredDocument>, ApiError> {
        let stored = self.parts[hit.shard].reader.fetch(hit)?;
        let is_mine = self.only.is_none_or(|only| {
            // Requests see different points in time, so only what a document keeps may decide: its id.
            crc32fast::hash(stored.uid.as_bytes()) % only.of.max(1) == only.number
        });
        let is_routed = self.routed.is_none_or(|(routing, number)| {
            routing.shard_of(uid_parts(&stored.uid).1, stored.routing.as_deref()) == number
        });
        Ok((is_mine && is_routed).then_some(stored))
    }
}

/// A match with its document. `Hit::shard` is the number of the part.
pub(super) struct Found {
    pub hit: Hit,
    pub stored: StoredDocument,
}

/// The matches of a walk one after the other, each read when its turn comes: a batch of documents is never in memory together.
pub(super) struct Feed {
    walk: Walk,
    waiting: VecDeque<Hit>,
}

impl Feed {
    pub(super) fn new(walk: Walk) -> Self {
        Self { walk, waiting: VecDeque::new() }
    }

    /// From now on this ends the search for further matches.
    pub(super) fn end_with(&mut self, cancel: CancellationToken) {
        self.walk.cancel = cancel;
    }

    /// The next match; none at the end. `most` is how many will be asked for, as far as is known.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<Found>, ApiError> {
        loop {
            let Some(hit) = self.waiting.pop_front() else {
                self.waiting = self.walk.next_hits(most.max(1))?.into();
                if self.waiting.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            if let Some(stored) = self.walk.fetch(&hit)? {
                return Ok(Some(Found { hit, stored }));
            }
        }
    }

    /// The index of a match.
    pub(super) fn index(&self, found: &Found) -> &Arc<Index> {
        &self.walk.parts[found.hit.shard].index
    }
}

/// What hits are sorted by; nothing where they come as they lie in the shards. Documents that the keys cannot tell apart are told
/// apart by their sequence number: none is lost between two batches.
pub(super) fn sort_keys(wish: &Wish) -> Vec<SortKey> {
    let mut keys = wish.sort.clone();
    if !keys.is_empty() {
        keys.push(SortKey::of(SortField::SeqNo));
    }
    keys
}

/// Who changes what is found does so with nothing missing.
fn check_whole(failures: Vec<ShardFailure>, shards: usize) -> Result<(), ApiError> {
    match failures.len() {
        0 => Ok(()),
        failed if failed == shards => Err(phase_failed("all shards failed", &failures)),
        _ => Err(phase_failed("Partial shards failure", &failures)),
    }
}

impl Sorted {
    /// The first hits of all shards together.
    fn next(
        &mut self,
        parts: &[Part],
        most: usize,
        cancel: &CancellationToken,
    ) -> Result<Vec<Hit>, ApiError> {
        let mut found = Vec::new();
        while found.len() < most {
            let mut failures = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                match self.fill(number, part, most, cancel) {
                    Ok(()) => {}
                    Err(error @ SearchError::Cancelled) => return Err(error.into()),
                    Err(error) => failures.push(part.failure(error)),
                }
            }
            check_whole(failures, parts.len())?;
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
    fn fill(
        &mut self,
        number: usize,
        part: &Part,
        most: usize,
        cancel: &CancellationToken,
    ) -> Result<(), SearchError> {
        let stop = when_cancelled(cancel);
        let row = &mut self.rows[number];
        let context = part.context(&self.wish);
        while row.hits.is_empty() && !row.is_over {
            let request = SearchRequest {
                sort: self.keys.clone(),
                search_after: row.after.clone(),
                counted_to: 0,
                ..SearchRequest::of(filtered(self.query.clone(), part.filter.as_ref()), most)
            };
            let hits = part.reader.search_until(&request, &context, &stop)?.hits;
            row.is_over = hits.len() < most;
            row.after = hits.last().map(|hit| hit.sort.clone()).or(row.after.take());
            let slice = self.slice;
            let mine = hits.into_iter().filter(|hit| hit.document % slice.of.max(1) == slice.number);
            row.hits.extend(mine.map(|hit| Hit { shard: number, ..hit }));
        }
        Ok(())
    }
}
