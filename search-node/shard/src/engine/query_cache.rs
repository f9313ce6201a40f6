//! The cache of queries: which documents of a segment match a filter that is asked again and again, over all shards of a node within one
//! bound.
//!
//! A segment never changes, so that what was found once stays found; documents that are deleted meanwhile are left out by whoever asks. A
//! filter is kept once it was asked so often among the last ones as is worth it for its kind.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::{DefaultHashBuilder, HashMap};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::query::{EmptyScorer, Scorer};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Searcher, TERMINATED, TantivyError};

use super::fielddata::{Charge, Fielddata, Keepable, NoRoom, SegmentFielddata};
use super::layout::Layout;

/// So many filters are remembered that were asked for last, as in Lucene.
const REMEMBERED: usize = 256;
/// Smaller segments are quicker asked than looked up, as in Lucene.
const DOCUMENTS_MIN: u32 = 10_000;
/// And those that have less than one in so many documents of the shard.
const SHARE_MIN: u32 = 33;

/// What an entry takes beside its name and its documents, about.
const ENTRY_BYTES: usize = 512;

/// How much is kept, and of which segments.
#[derive(Debug, Clone, Copy)]
pub struct QueryCacheOptions {
    /// Bytes that all of it may take.
    pub bytes_max: usize,
    /// Whether small segments are cached too.
    pub all_segments: bool,
}

/// What the shards of a node keep of filters.
#[derive(Debug)]
pub struct QueryCache {
    kept: Arc<Fielddata>,
    all_segments: bool,
}

/// The same for one shard, with the filters that it was asked for.
#[derive(Debug)]
pub(crate) struct ShardQueries {
    cache: Arc<QueryCache>,
    recent: Mutex<Recent>,
}

/// The filters that were asked for last.
#[derive(Debug, Default)]
struct Recent {
    hasher: DefaultHashBuilder,
    order: VecDeque<u64>,
    counts: HashMap<u64, u32>,
}

/// What is kept of one segment's filters.
pub(crate) struct SegmentFilters {
    kept: SegmentFielddata,
    hits: AtomicU64,
    misses: AtomicU64,
    made: AtomicU64,
}

/// What the cache did and holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryCacheFigures {
    /// Bytes that it holds.
    pub bytes: u64,
    /// How often a filter was there.
    pub hits: u64,
    /// How often one was not that could have been.
    pub misses: u64,
    /// Filters of segments that are there now.
    pub entries: u64,
    /// Filters of segments that were ever there.
    pub made: u64,
    /// How often one had to go for another.
    pub evictions: u64,
}

/// The documents of a segment that match a filter, whether they are deleted or not.
#[derive(Debug)]
pub(crate) struct Matches {
    set: Set,
    count: u32,
    _under: Under,
    _charge: Charge,
}

/// The layout that a filter was made under; held, so that its address is no other's meanwhile.
struct Under(#[expect(dead_code, reason = "it is held")] Arc<Layout>);

impl std::fmt::Debug for Under {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Layout")
    }
}

#[derive(Debug)]
enum Set {
    Sorted(Vec<DocId>),
    Bits(Vec<u64>),
}

impl Keepable for Matches {}

impl QueryCache {
    /// An empty one.
    pub fn new(options: QueryCacheOptions) -> Arc<Self> {
        let QueryCacheOptions { bytes_max, all_segments } = options;
        Arc::new(Self { kept: Fielddata::new(bytes_max), all_segments })
    }

    pub(super) fn of_shard(self: &Arc<Self>) -> Arc<ShardQueries> {
        Arc::new(ShardQueries { cache: Arc::clone(self), recent: Mutex::default() })
    }
}

impl ShardQueries {
    pub(super) fn of_segment(&self, segment: SegmentId) -> SegmentFilters {
        SegmentFilters {
            kept: SegmentFielddata::new(&self.cache.kept, segment),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            made: AtomicU64::new(0),
        }
    }

    /// Notes that a filter is asked for; how often it was among the last ones.
    pub(crate) fn note(&self, name: &str) -> u32 {
        let mut recent = self.recent.lock();
        let Recent { hasher, order, counts } = &mut *recent;
        let hash = hasher.hash_one(name);
        order.push_back(hash);
        let count = counts.entry(hash).or_default();
        *count += 1;
        let count = *count;
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
            && let Some(left) = counts.get_mut(&oldest)
        {
            *left -= 1;
            if *left == 0 {
                counts.remove(&oldest);
            }
        }
        count
    }

    /// Whether filters of a segment are kept, which is one of a shard.
    pub(crate) fn takes(&self, reader: &SegmentReader, searcher: &Searcher) -> bool {
        let all: u32 = searcher.segment_readers().iter().map(SegmentReader::max_doc).sum();
        self.cache.all_segments || reader.max_doc() >= DOCUMENTS_MIN.max(all / SHARE_MIN)
    }
}

impl SegmentFilters {
    /// What is kept of a filter, made if `makes` says so and there is room for it. `scorer` finds the documents.
    pub(crate) fn get(
        &self,
        name: &str,
        layout: &Arc<Layout>,
        documents: u32,
        makes: bool,
        scorer: impl Fn() -> tantivy::Result<Box<dyn Scorer>>,
    ) -> tantivy::Result<Option<Arc<Matches>>> {
        // A filter means what the layout says that it was made under.
        let name = format!("{:p} {name}", Arc::as_ptr(layout));
        if let Some(found) = self.kept.get(&name) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(found));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        if !makes {
            return Ok(None);
        }
        // Whoever comes while another one makes it asks the filter itself: it waits for nobody.
        let make = |charge: Charge| {
            let made = Matches::new(scorer()?, documents, &name, layout, charge)?;
            self.made.fetch_add(1, Ordering::Relaxed);
            Ok(made)
        };
        match self.kept.get_or_make_alone(&name, make) {
            Ok(made) => Ok(made),
            Err(Unkept::NoRoom) => Ok(None),
            Err(Unkept::Failed(error)) => Err(error),
        }
    }

    /// Forgets every filter.
    pub(crate) fn clear(&self) {
        self.kept.clear();
    }

    /// What it did and holds.
    pub(crate) fn figures(&self) -> QueryCacheFigures {
        QueryCacheFigures {
            bytes: self.kept.bytes() as u64,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: self.kept.entries(),
            made: self.made.load(Ordering::Relaxed),
            evictions: self.kept.evictions(),
        }
    }
}

impl QueryCacheFigures {
    /// Those of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
            entries: self.entries + other.entries,
            made: self.made + other.made,
            evictions: self.evictions + other.evictions,
        }
    }
}

/// Why a filter is not kept.
enum Unkept {
    NoRoom,
    Failed(TantivyError),
}

impl From<NoRoom> for Unkept {
    fn from(_: NoRoom) -> Self {
        Self::NoRoom
    }
}

impl From<TantivyError> for Unkept {
    fn from(error: TantivyError) -> Self {
        Self::Failed(error)
    }
}

impl Matches {
    /// Meets every match.
    fn new(
        mut scorer: Box<dyn Scorer>,
        documents: u32,
        name: &str,
        layout: &Arc<Layout>,
        mut charge: Charge,
    ) -> Result<Self, Unkept> {
        let words = documents.div_ceil(u64::BITS) as usize;
        // A bit of each document, at most; what is less is charged so.
        charge.set(ENTRY_BYTES + name.len() + words * size_of::<u64>())?;
        let mut bits = vec![0_u64; words];
        let mut block = [0; COLLECT_BLOCK_BUFFER_LEN];
        let mut count = 0;
        loop {
            let met = scorer.fill_buffer(&mut block);
            for document in &block[..met] {
                bits[(document / u64::BITS) as usize] |= 1 << (document % u64::BITS);
            }
            count += met as u32;
            if met < block.len() {
                break;
            }
        }
        let set = match count < documents / DocId::BITS {
            true => Set::Sorted(ones(&bits).collect()),
            false => Set::Bits(bits),
        };
        let bytes = match &set {
            Set::Sorted(documents) => size_of_val(documents.as_slice()),
            Set::Bits(words) => size_of_val(words.as_slice()),
        };
        charge.set(ENTRY_BYTES + name.len() + bytes)?;
        Ok(Self { set, count, _under: Under(Arc::clone(layout)), _charge: charge })
    }

    /// How many documents of the segment that `reader` reads match and are not deleted.
    pub(crate) fn count(&self, reader: &SegmentReader) -> u32 {
        let Some(alive) = reader.alive_bitset() else { return self.count };
        match &self.set {
            Set::Sorted(documents) => documents.iter().filter(|id| alive.is_alive(**id)).count() as u32,
            Set::Bits(bits) => ones(bits).filter(|id| alive.is_alive(*id)).count() as u32,
        }
    }

    /// The documents, one after the other.
    pub(crate) fn documents(self: &Arc<Self>) -> Box<dyn DocSet> {
        if self.count == 0 {
            return Box::new(EmptyScorer);
        }
        let mut at = Place::default();
        match &self.set {
            Set::Sorted(documents) => at.to(0, documents),
            Set::Bits(bits) => {
                at.left = bits.first().copied().unwrap_or_default();
                at.next_bit(bits)
            }
        };
        Box::new(MatchesWalk { of: Arc::clone(self), at })
    }
}

/// The places of the bits that are set.
fn ones(bits: &[u64]) -> impl Iterator<Item = DocId> {
    (0..).zip(bits).flat_map(|(word, bits)| {
        let mut left = *bits;
        std::iter::from_fn(move || {
            let at = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            Some(word * u64::BITS + at)
        })
    })
}

/// A walk over what is kept.
struct MatchesWalk {
    of: Arc<Matches>,
    at: Place,
}

/// Where a walk is.
#[derive(Default)]
struct Place {
    /// Which document of a list, or which word of bits.
    number: usize,
    /// What is left of that word.
    left: u64,
    document: DocId,
}

impl Place {
    /// The document of a number in a list.
    fn to(&mut self, number: usize, documents: &[DocId]) -> DocId {
        self.number = number;
        self.document = documents.get(number).copied().unwrap_or(TERMINATED);
        self.document
    }

    /// The next bit that is left.
    fn next_bit(&mut self, bits: &[u64]) -> DocId {
        while self.left == 0 {
            self.number += 1;
            let Some(word) = bits.get(self.number) else {
                self.document = TERMINATED;
                return TERMINATED;
            };
            self.left = *word;
        }
        self.document = self.number as DocId * u64::BITS + self.left.trailing_zeros();
        self.left &= self.left - 1;
        self.document
    }
}

impl DocSet for MatchesWalk {
    fn advance(&mut self) -> DocId {
        match &self.of.set {
            Set::Sorted(documents) => self.at.to(self.at.number + 1, documents),
            Set::Bits(bits) => self.at.next_bit(bits),
        }
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.at.document >= target {
            return self.at.document;
        }
        match &self.of.set {
            Set::Sorted(documents) => {
                let passed = documents[self.at.number..].partition_point(|document| *document < target);
                self.at.to(self.at.number + passed, documents)
            }
            Set::Bits(bits) => {
                self.at.number = (target / u64::BITS) as usize;
                let from = u64::MAX << (target % u64::BITS);
                self.at.left = bits.get(self.at.number).map_or(0, |word| word & from);
                self.at.next_bit(bits)
            }
        }
    }

    fn fill_buffer(&mut self, buffer: &mut [DocId; COLLECT_BLOCK_BUFFER_LEN]) -> usize {
        match &self.of.set {
            Set::Sorted(documents) => {
                let rest = documents.get(self.at.number..).unwrap_or_default();
                let filled = rest.len().min(buffer.len());
                buffer[..filled].copy_from_slice(&rest[..filled]);
                self.at.to(self.at.number + filled, documents);
                filled
            }
            Set::Bits(bits) => {
                let mut filled = 0;
                while filled < buffer.len() && self.at.document != TERMINATED {
                    buffer[filled] = self.at.document;
                    filled += 1;
                    self.at.next_bit(bits);
                }
                filled
            }
        }
    }

    fn doc(&self) -> DocId {
        self.at.document
    }

    fn size_hint(&self) -> u32 {
        self.of.count
    }
}

#[cfg(test)]
mod tests;
