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
use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, Scorer};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Searcher, TERMINATED};

use super::cache_figures::CacheFigures;
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
    counts: Arc<Counts>,
}

/// What was done for a shard since it was opened, whichever segments it had.
#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    made: AtomicU64,
    evictions: Arc<AtomicU64>,
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
    counts: Arc<Counts>,
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
        Arc::new(ShardQueries { cache: Arc::clone(self), recent: Mutex::default(), counts: Arc::default() })
    }
}

impl ShardQueries {
    pub(super) fn of_segment(&self) -> SegmentFilters {
        let kept = SegmentFielddata::new(&self.cache.kept, &self.counts.evictions);
        SegmentFilters { kept, counts: Arc::clone(&self.counts) }
    }

    /// What it did, and holds of the segments that there are now.
    pub(super) fn figures<'s>(&self, segments: impl Iterator<Item = &'s SegmentFilters>) -> CacheFigures {
        let Counts { hits, misses, made, evictions } = &*self.counts;
        let told = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (mut bytes, mut entries) = (0, 0);
        for SegmentFilters { kept, .. } in segments {
            bytes += kept.bytes() as u64;
            entries += kept.entries();
        }
        CacheFigures {
            bytes,
            entries,
            hits: told(hits),
            misses: told(misses),
            made: told(made),
            evictions: told(evictions),
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
    /// What is kept of a filter.
    pub(crate) fn get(&self, name: &str, layout: &Arc<Layout>) -> Option<Arc<Matches>> {
        let found = self.kept.get(&named(name, layout));
        let counted = if found.is_some() { &self.counts.hits } else { &self.counts.misses };
        counted.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Keeps what a filter finds, if there is room for it: `scorer` finds the documents, and is left where they are not looked for. That takes
    /// its time, and ends where `is_over` says so after some documents more. None comes of it where another one keeps the filter
    /// meanwhile: it waits for nobody.
    pub(crate) fn keep(
        &self,
        name: &str,
        (layout, documents): (&Arc<Layout>, u32),
        scorer: &mut dyn Scorer,
        is_over: &mut dyn FnMut(u32) -> bool,
    ) -> Kept {
        let name = named(name, layout);
        let make = |charge: Charge| {
            let made = Matches::new(scorer, documents, (&name, layout), charge, is_over)?;
            self.counts.made.fetch_add(1, Ordering::Relaxed);
            Ok(made)
        };
        match self.kept.get_or_make_alone(&name, make) {
            Ok(Some(made)) => Kept::Made(made),
            Ok(None) | Err(Unkept::NoRoom) => Kept::Not,
            Err(Unkept::Over) => Kept::Over,
        }
    }

    /// The names of those that are there.
    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<String> {
        self.kept.names()
    }

    /// Forgets every filter.
    pub(crate) fn clear(&self) {
        self.kept.clear();
    }
}

/// A filter means what the layout says that it was made under.
fn named(name: &str, layout: &Arc<Layout>) -> String {
    format!("{:p} {name}", Arc::as_ptr(layout))
}

/// What came of keeping a filter.
pub(crate) enum Kept {
    Made(Arc<Matches>),
    Not,
    /// The search has ended meanwhile.
    Over,
}

/// Why a filter is not kept.
enum Unkept {
    NoRoom,
    Over,
}

impl From<NoRoom> for Unkept {
    fn from(_: NoRoom) -> Self {
        Self::NoRoom
    }
}

impl Matches {
    /// Meets every match, unless the search ends.
    fn new(
        scorer: &mut dyn Scorer,
        documents: u32,
        (name, layout): (&str, &Arc<Layout>),
        mut charge: Charge,
        is_over: &mut dyn FnMut(u32) -> bool,
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
            if is_over(block.len() as u32) {
                return Err(Unkept::Over);
            }
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
