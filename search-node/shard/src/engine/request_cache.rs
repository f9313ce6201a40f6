//! The cache of requests: what a shard answered at a point in time, for who asks the same there again; over all shards of a node within
//! one bound.
//!
//! A point in time never changes, and neither does what it answers. What it has answered goes with it: when a refresh, a merge or another
//! mapping makes the next one, and when the shard is closed. What is the same, and what may be kept, knows whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::cache_figures::CacheFigures;
use super::fielddata::{Charge, Fielddata, Keepable, NoRoom, SegmentFielddata};
use super::{Engine, View};

/// What an entry takes beside its name and the answer, about.
const ENTRY_BYTES: usize = 512;

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct RequestCacheOptions {
    /// Bytes that all of it may take.
    pub bytes_max: usize,
    /// After how long an answer goes that nobody asked for; none for never.
    pub expire_millis: Option<i64>,
}

/// What the shards of a node keep of their answers.
#[derive(Debug)]
pub struct RequestCache {
    kept: Arc<Fielddata>,
    expire_millis: Option<i64>,
}

/// The same for one shard, with what it did so far.
#[derive(Debug)]
pub(crate) struct ShardRequests {
    cache: Arc<RequestCache>,
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: Arc<AtomicU64>,
}

/// The same for one point in time of a shard.
pub(crate) struct ViewRequests {
    of: Arc<ShardRequests>,
    kept: SegmentFielddata,
}

/// An answer that is kept, as bytes that whoever asks understands.
#[derive(Debug)]
pub struct KeptAnswer {
    bytes: Vec<u8>,
    used_millis: AtomicI64,
    _charge: Charge,
}

impl Keepable for KeptAnswer {}

impl KeptAnswer {
    /// The answer.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why an answer is not kept.
enum Unkept<E> {
    /// It is of this time only, or there is no room.
    Passing,
    Failed(E),
}

impl<E> From<NoRoom> for Unkept<E> {
    fn from(_: NoRoom) -> Self {
        Self::Passing
    }
}

impl RequestCache {
    /// An empty one.
    pub fn new(options: RequestCacheOptions) -> Arc<Self> {
        let RequestCacheOptions { bytes_max, expire_millis } = options;
        Arc::new(Self { kept: Fielddata::new(bytes_max), expire_millis })
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.bytes() == 0
    }

    pub(super) fn of_shard(self: &Arc<Self>) -> Arc<ShardRequests> {
        let cache = Arc::clone(self);
        let (hits, misses, evictions) = Default::default();
        Arc::new(ShardRequests { cache, hits, misses, evictions })
    }
}

impl ShardRequests {
    /// The next point in time, which has answered nothing.
    pub(super) fn of_view(self: &Arc<Self>) -> Arc<ViewRequests> {
        let kept = SegmentFielddata::new(&self.cache.kept, &self.evictions);
        Arc::new(ViewRequests { of: Arc::clone(self), kept })
    }
}

impl ViewRequests {
    /// What was answered under a name, if that is kept.
    pub(crate) fn get(&self, name: &str, now_millis: i64) -> Option<Arc<KeptAnswer>> {
        let found = self.kept.get::<KeptAnswer>(name)?;
        let used = found.used_millis.fetch_max(now_millis, Ordering::Relaxed);
        if self.of.cache.expire_millis.is_some_and(|expire| now_millis.saturating_sub(used) > expire) {
            self.kept.remove(name);
            self.of.evictions.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.of.hits.fetch_add(1, Ordering::Relaxed);
        Some(found)
    }

    /// Does the work for an answer that is not there, and keeps what that says shall be kept. Who comes while another one works on the same
    /// works too, and waits for nobody.
    pub(crate) fn make<E>(
        &self,
        name: &str,
        now_millis: i64,
        mut work: impl FnMut() -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        self.of.misses.fetch_add(1, Ordering::Relaxed);
        let mut is_done = false;
        let make = |mut charge: Charge| {
            is_done = true;
            let bytes = work().map_err(Unkept::Failed)?.ok_or(Unkept::Passing)?;
            charge.set(ENTRY_BYTES + 2 * name.len() + bytes.capacity())?;
            Ok(KeptAnswer { bytes, used_millis: AtomicI64::new(now_millis), _charge: charge })
        };
        match self.kept.get_or_make_alone(name, make) {
            Err(Unkept::Failed(error)) => return Err(error),
            Ok(_) | Err(Unkept::Passing) => {}
        }
        if !is_done {
            work()?;
        }
        Ok(())
    }

    /// Forgets every answer.
    pub(crate) fn clear(&self) {
        self.kept.clear();
    }

    /// What the shard did, and what is held of this point in time.
    pub(crate) fn figures(&self) -> CacheFigures {
        CacheFigures {
            bytes: self.kept.bytes() as u64,
            hits: self.of.hits.load(Ordering::Relaxed),
            misses: self.of.misses.load(Ordering::Relaxed),
            evictions: self.of.evictions.load(Ordering::Relaxed),
            ..CacheFigures::default()
        }
    }
}

impl View {
    /// Whether both show the same documents in the same segments, read in the same way.
    pub(super) fn is_same(&self, other: &View) -> bool {
        let (own, others) = (self.searcher.segment_readers(), other.searcher.segment_readers());
        let is_same_segment = |(own, other): (&tantivy::SegmentReader, &tantivy::SegmentReader)| {
            own.segment_id() == other.segment_id()
                && own.delete_opstamp() == other.delete_opstamp()
                && own.num_docs() == other.num_docs()
        };
        Arc::ptr_eq(&self.layout, &other.layout)
            && own.len() == others.len()
            && own.iter().zip(others).all(is_same_segment)
    }
}

impl Engine {
    /// Lets readers see the newest list. What was answered stays where nothing has changed.
    pub(super) fn show_view(&self, mut view: View) {
        let before = self.view();
        if view.is_same(&before) {
            view.requests = Arc::clone(&before.requests);
        }
        self.view.store(Arc::new(view));
    }
}

#[cfg(test)]
mod tests;
