//! Live versions: what was written since the last refresh, so that a write and a GET by id see it at once.
//!
//! ```text
//!  record ──▶ current ──begin_refresh──▶ refreshing ──end_refresh──▶ forgotten: the index shows it now
//! ```
//! A delete leaves a tombstone for a while longer, so that the versions of a document that returns go on.

use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};

use crate::translog::Location;

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

#[derive(Debug)]
struct Tombstone {
    version: LiveVersion,
    at_millis: i64,
}

#[derive(Debug, Default)]
struct Maps {
    current: HashMap<String, LiveVersion>,
    refreshing: HashMap<String, LiveVersion>,
    tombstones: HashMap<String, Tombstone>,
}

/// Versions of documents that no refresh has shown yet.
#[derive(Debug)]
pub(crate) struct LiveVersions {
    maps: Mutex<Maps>,
    stripes: Vec<Mutex<()>>,
}

impl Default for LiveVersions {
    fn default() -> Self {
        Self { maps: Mutex::default(), stripes: (0..STRIPES).map(|_| Mutex::new(())).collect() }
    }
}

impl LiveVersions {
    /// Keeps other writes to the same document away while the guard lives.
    pub(crate) fn lock(&self, uid: &str) -> MutexGuard<'_, ()> {
        let stripe = crc32fast::hash(uid.as_bytes()) as usize % STRIPES;
        self.stripes[stripe].lock()
    }

    /// The newest operation on `uid` that the index may not show yet.
    pub(crate) fn get(&self, uid: &str) -> Option<LiveVersion> {
        let maps = self.maps.lock();
        let live = maps.current.get(uid).or_else(|| maps.refreshing.get(uid)).copied();
        live.or_else(|| maps.tombstones.get(uid).map(|tombstone| tombstone.version))
    }

    /// Notes an operation. The newest counts, whatever came first.
    pub(crate) fn record(&self, uid: &str, version: LiveVersion, now_millis: i64) {
        let mut maps = self.maps.lock();
        match maps.current.get_mut(uid) {
            Some(known) if known.seq_no > version.seq_no => return,
            Some(known) => *known = version,
            None => {
                maps.current.insert(uid.to_owned(), version);
            }
        }
        if version.source.is_none() {
            maps.tombstones.insert(uid.to_owned(), Tombstone { version, at_millis: now_millis });
        } else {
            maps.tombstones.remove(uid);
        }
    }

    /// A refresh begins: what was recorded so far will be shown by it.
    pub(crate) fn begin_refresh(&self) {
        let mut maps = self.maps.lock();
        let recorded = std::mem::take(&mut maps.current);
        if maps.refreshing.is_empty() {
            maps.refreshing = recorded;
        } else {
            // A refresh before this one failed; what it would have shown is still not shown.
            maps.refreshing.extend(recorded);
        }
    }

    /// The refresh is done; tombstones older than `gc_deletes` go too.
    pub(crate) fn end_refresh(&self, now_millis: i64, gc_deletes: Duration) {
        let oldest = now_millis.saturating_sub(i64::try_from(gc_deletes.as_millis()).unwrap_or(i64::MAX));
        let mut maps = self.maps.lock();
        maps.refreshing = HashMap::new();
        maps.tombstones.retain(|_, tombstone| tombstone.at_millis >= oldest);
    }

    /// Tombstones older than `gc_deletes` go, when there is nothing to refresh.
    pub(crate) fn forget_tombstones(&self, now_millis: i64, gc_deletes: Duration) {
        let oldest = now_millis.saturating_sub(i64::try_from(gc_deletes.as_millis()).unwrap_or(i64::MAX));
        self.maps.lock().tombstones.retain(|_, tombstone| tombstone.at_millis >= oldest);
    }

    /// How many versions wait for a refresh.
    pub(crate) fn unshown(&self) -> usize {
        let maps = self.maps.lock();
        maps.current.len() + maps.refreshing.len()
    }

    /// How many operations are held.
    pub(crate) fn len(&self) -> usize {
        let maps = self.maps.lock();
        maps.current.len() + maps.refreshing.len() + maps.tombstones.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(seq_no: u64, deleted: bool) -> LiveVersion {
        let source = (!deleted).then(crate::translog::Location::for_tests);
        LiveVersion { seq_no, term: 1, version: seq_no + 1, source }
    }

    /// Any delivery order of the same operations leaves the same newest version.
    #[test]
    fn the_newest_counts_whatever_order_operations_arrive_in() {
        for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 2, 1]] {
            let versions = LiveVersions::default();

            for seq_no in order {
                versions.record("a", live(seq_no, false), 0);
            }

            assert_eq!(versions.get("a").map(|live| live.seq_no), Some(3), "order {order:?}");
        }
    }

    #[test]
    fn a_refresh_forgets_what_it_shows_and_nothing_else() {
        let versions = LiveVersions::default();
        versions.record("before", live(1, false), 0);

        versions.begin_refresh();
        versions.record("meanwhile", live(2, false), 0);
        assert!(versions.get("before").is_some(), "still needed until the refresh is done");
        versions.end_refresh(0, Duration::ZERO);

        assert_eq!(versions.get("before"), None);
        assert!(versions.get("meanwhile").is_some());
    }

    #[test]
    fn a_tombstone_outlives_its_refresh_for_a_while() {
        let versions = LiveVersions::default();
        versions.record("a", live(1, true), 1_000);
        versions.begin_refresh();

        versions.end_refresh(50_000, Duration::from_secs(60));
        assert!(versions.get("a").is_some());
        versions.end_refresh(70_000, Duration::from_secs(60));

        assert_eq!(versions.get("a"), None);
    }
}
