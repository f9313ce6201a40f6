//! Live versions: what was written since the last refresh, so that a write and a GET by id see it at once.
//!
//! ```text
//!  record ──▶ current ──begin_refresh──▶ refreshing ──end_refresh──▶ forgotten: the index shows it now
//! ```
//! A delete leaves a tombstone for a while longer, so that the versions of a document that returns go on.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use parking_lot::{Mutex, MutexGuard};

use super::tombstones::{TombstoneBudget, Tombstones};
use super::uid_table::UidTable;
use crate::translog::Location;

/// Writers of different documents seldom meet in one of so many.
const STRIPES: usize = 64;

/// The newest operation on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LiveVersion {
    pub(crate) seq_no: u64,
    pub(crate) term: u64,
    pub(crate) version: u64,
    /// Where its source stands; none for a delete.
    pub(crate) source: Option<Location>,
}

#[derive(Debug, Default)]
struct Maps {
    current: UidTable,
    refreshing: UidTable,
}

#[derive(Debug, Default)]
struct Stripe {
    /// Held by who writes a document of this stripe, from looking at its version to knowing the next.
    writer: Mutex<()>,
    /// Held for a moment.
    maps: Mutex<Maps>,
}

/// Versions of documents that no refresh has shown yet.
#[derive(Debug)]
pub(crate) struct LiveVersions {
    hashes: DefaultHashBuilder,
    stripes: Vec<Stripe>,
    /// What the current tables hold, counted as they grow: who asks waits for nobody.
    bytes: AtomicUsize,
    /// Locked after the maps of a stripe, never before.
    tombstones: Tombstones,
}

/// A document that nobody else writes to while this lives.
pub(crate) struct LockedUid<'v> {
    stripe: &'v Stripe,
    bytes: &'v AtomicUsize,
    tombstones: &'v Tombstones,
    hash: u64,
    uid: &'v str,
    _alone: Option<MutexGuard<'v, ()>>,
}

impl LiveVersions {
    /// Those of a shard that has every operation up to `local`, at any time.
    pub(crate) fn new(budget: &Arc<TombstoneBudget>, local: Arc<AtomicI64>) -> Self {
        let stripes = (0..STRIPES).map(|_| Stripe::default()).collect();
        Self {
            hashes: DefaultHashBuilder::default(),
            stripes,
            bytes: AtomicUsize::new(0),
            tombstones: Tombstones::new(budget, local),
        }
    }

    /// Keeps other writes to the same document away.
    pub(crate) fn lock<'v>(&'v self, uid: &'v str) -> LockedUid<'v> {
        let unlocked = self.lock_new(uid);
        LockedUid { _alone: Some(unlocked.stripe.writer.lock()), ..unlocked }
    }

    /// The same for an id that was made for this write, so that nobody else can write to it.
    pub(crate) fn lock_new<'v>(&'v self, uid: &'v str) -> LockedUid<'v> {
        let (stripe, hash) = self.stripe(uid);
        LockedUid { stripe, bytes: &self.bytes, tombstones: &self.tombstones, hash, uid, _alone: None }
    }

    /// The newest operation on `uid` that the index may not show yet.
    pub(crate) fn get(&self, uid: &str) -> Option<LiveVersion> {
        let (stripe, hash) = self.stripe(uid);
        stripe.get(&self.tombstones, hash, uid)
    }

    /// A refresh begins: what was recorded so far will be shown by it. The caller keeps writers away.
    pub(crate) fn begin_refresh(&self) {
        for stripe in &self.stripes {
            let mut maps = stripe.maps.lock();
            self.bytes.fetch_sub(maps.current.bytes(), Ordering::Relaxed);
            maps.begin_refresh();
        }
    }

    /// The refresh is done; tombstones older than `gc_deletes` go too.
    pub(crate) fn end_refresh(&self, now_millis: i64, gc_deletes: Duration) {
        for stripe in &self.stripes {
            // Dropped without the lock: it can be long.
            let _shown = std::mem::take(&mut stripe.maps.lock().refreshing);
        }
        self.forget_tombstones(now_millis, gc_deletes);
    }

    /// Tombstones older than `gc_deletes` go.
    pub(crate) fn forget_tombstones(&self, now_millis: i64, gc_deletes: Duration) {
        let oldest = now_millis.saturating_sub(i64::try_from(gc_deletes.as_millis()).unwrap_or(i64::MAX));
        self.tombstones.forget_before(oldest);
    }

    /// What a refresh would give back.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many versions wait for a refresh.
    pub(crate) fn unshown(&self) -> usize {
        self.sum(|maps| maps.current.len() + maps.refreshing.len())
    }

    /// How many operations are held.
    pub(crate) fn len(&self) -> usize {
        self.unshown() + self.tombstones.len()
    }

    fn sum(&self, figure: impl Fn(&Maps) -> usize) -> usize {
        self.stripes.iter().map(|stripe| figure(&stripe.maps.lock())).sum()
    }

    fn stripe(&self, uid: &str) -> (&Stripe, u64) {
        let hash = self.hashes.hash_one(uid);
        // The table uses the highest and the lowest bits.
        (&self.stripes[(hash >> 32) as usize % STRIPES], hash)
    }
}

impl LockedUid<'_> {
    /// The newest operation that the index may not show yet.
    pub(crate) fn get(&self) -> Option<LiveVersion> {
        self.stripe.get(self.tombstones, self.hash, self.uid)
    }

    /// Notes an operation. The newest counts, whatever came first.
    pub(crate) fn record(&self, version: LiveVersion, now_millis: i64) {
        let mut maps = self.stripe.maps.lock();
        let before = maps.current.bytes();
        if !maps.current.record(self.hash, self.uid, version) {
            return;
        }
        let grown = maps.current.bytes() - before;
        if grown > 0 {
            self.bytes.fetch_add(grown, Ordering::Relaxed);
        }
        if version.source.is_none() {
            self.tombstones.insert(self.uid, version, now_millis);
        } else {
            self.tombstones.remove(self.uid);
        }
    }
}

impl Stripe {
    fn get(&self, tombstones: &Tombstones, hash: u64, uid: &str) -> Option<LiveVersion> {
        let maps = self.maps.lock();
        let live = maps.current.get(hash, uid).or_else(|| maps.refreshing.get(hash, uid));
        live.or_else(|| tombstones.get(uid))
    }
}

impl Maps {
    fn begin_refresh(&mut self) {
        let recorded = std::mem::take(&mut self.current);
        if self.refreshing.is_empty() {
            self.refreshing = recorded;
        } else {
            // A refresh before this one failed; what it would have shown is still not shown.
            self.refreshing.extend(&recorded);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions() -> LiveVersions {
        LiveVersions::new(&TombstoneBudget::new(1 << 20), Arc::new(AtomicI64::new(i64::MAX)))
    }

    fn live(seq_no: u64, deleted: bool) -> LiveVersion {
        let source = (!deleted).then(crate::translog::Location::for_tests);
        LiveVersion { seq_no, term: 1, version: seq_no + 1, source }
    }

    /// Any delivery order of the same operations leaves the same newest version.
    #[test]
    fn the_newest_counts_whatever_order_operations_arrive_in() {
        for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 2, 1]] {
            let versions = versions();

            for seq_no in order {
                versions.lock("a").record(live(seq_no, false), 0);
            }

            assert_eq!(versions.get("a").map(|live| live.seq_no), Some(3), "order {order:?}");
        }
    }

    #[test]
    fn a_refresh_forgets_what_it_shows_and_nothing_else() {
        let versions = versions();
        versions.lock("before").record(live(1, false), 0);

        versions.begin_refresh();
        versions.lock("meanwhile").record(live(2, false), 0);
        assert!(versions.get("before").is_some(), "still needed until the refresh is done");
        versions.end_refresh(0, Duration::ZERO);

        assert_eq!(versions.get("before"), None);
        assert!(versions.get("meanwhile").is_some());
    }

    #[test]
    fn what_a_refresh_gives_back_is_counted() {
        const IDS: usize = 10_000;
        let versions = versions();
        let record = || {
            for n in 0..IDS {
                versions.lock_new(&format!("document-{n}")).record(live(n as u64, false), 0);
            }
        };
        record();
        let filled = versions.bytes();
        record();
        assert_eq!(versions.bytes(), filled, "the same ids again take no more");
        let least = IDS * (size_of::<LiveVersion>() + "document-1234".len());
        assert!(filled > least && filled < 6 * least, "{filled} {least}");

        versions.begin_refresh();
        assert_eq!(versions.bytes(), 0);
        versions.lock("meanwhile").record(live(1, false), 0);
        let meanwhile = versions.bytes();
        versions.end_refresh(0, Duration::ZERO);

        assert!(meanwhile > 0 && versions.bytes() == meanwhile, "{meanwhile}");
    }

    #[test]
    fn a_tombstone_outlives_its_refresh_for_a_while() {
        let versions = versions();
        versions.lock("a").record(live(1, true), 1_000);
        versions.begin_refresh();

        versions.end_refresh(50_000, Duration::from_secs(60));
        assert!(versions.get("a").is_some());
        versions.end_refresh(70_000, Duration::from_secs(60));

        assert_eq!(versions.get("a"), None);
    }
}
