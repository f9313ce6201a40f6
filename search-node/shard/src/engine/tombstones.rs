//! Tombstones: the versions of deleted documents, kept for a while so that those of a document that returns go on.
//!
//! Every delete leaves one for `gc_deletes`. A million deletes within that time must not fill the memory, so all shards share
//! a budget: beyond it the tombstones of the documents that were deleted longest ago go first, whichever shard has them.
//! One stays in any case while operations are missing whose numbers are lower: an older write of the document may be among them.
//!
//! For a document whose tombstone went the node no longer knows that it was there: it counts its versions from 1 again, and a write that
//! names an older version than the delete's is not refused.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::versions::LiveVersion;

/// What a tombstone takes beside its id: an entry of the map, which is half empty after it has grown, one of the queue, and
/// the allocation of the id.
const ENTRY_BYTES: usize = 2 * size_of::<(Arc<str>, LiveVersion)>() + size_of::<Buried>() + 32;

/// How much is taken away beyond what must be, as a share of the budget, so that not every delete has to look for the oldest.
const RELIEF_SHARE: usize = 16;

/// The memory that tombstones may take, over all shards that share it.
#[derive(Debug)]
pub struct TombstoneBudget {
    bytes_max: usize,
    bytes: AtomicUsize,
    yards: Mutex<Vec<Weak<Mutex<Yard>>>>,
}

/// The tombstones of one shard.
#[derive(Debug)]
pub(super) struct Tombstones {
    budget: Arc<TombstoneBudget>,
    count: Arc<AtomicUsize>,
    yard: Arc<Mutex<Yard>>,
}

#[derive(Debug)]
struct Yard {
    budget: Arc<TombstoneBudget>,
    /// How many there are, for who would find none: most shards have none most of the time, and every write asks.
    count: Arc<AtomicUsize>,
    /// The number up to which the shard has every operation.
    local: Arc<AtomicI64>,
    by_uid: HashMap<Arc<str>, LiveVersion>,
    /// Every delete, oldest first. One whose document has returned or was deleted again stays until its turn comes.
    queue: VecDeque<Buried>,
}

#[derive(Debug)]
struct Buried {
    at_millis: i64,
    uid: Arc<str>,
    seq_no: u64,
}

impl Buried {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.uid.len()
    }
}

impl TombstoneBudget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, bytes: AtomicUsize::new(0), yards: Mutex::default() })
    }

    /// Bytes that tombstones take now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Makes a shard's tombstones known. Shards come and go: before the list grows, those that are closed leave it.
    fn enter(&self, yard: &Arc<Mutex<Yard>>) {
        let mut yards = self.yards.lock();
        if yards.len() == yards.capacity() {
            yards.retain(|yard| yard.strong_count() > 0);
        }
        yards.push(Arc::downgrade(yard));
    }

    /// Takes the oldest tombstones away if all of them take too much.
    fn relieve(&self) {
        if self.bytes() <= self.bytes_max {
            return;
        }
        let mut yards = self.yards.lock();
        let target = self.bytes_max - self.bytes_max / RELIEF_SHARE;
        yards.retain(|yard| yard.strong_count() > 0);
        let open: Vec<Arc<Mutex<Yard>>> = yards.iter().filter_map(Weak::upgrade).collect();
        let oldest = |at: usize| open[at].lock().queue.front().map(|buried| Reverse((buried.at_millis, at)));
        let mut order: BinaryHeap<_> = (0..open.len()).filter_map(oldest).collect();
        while self.bytes() > target
            && let Some(Reverse((_, at))) = order.pop()
        {
            let next = order.peek().map_or(i64::MAX, |Reverse((at_millis, _))| *at_millis);
            let is_over = |buried: &Buried| buried.at_millis <= next && self.bytes() > target;
            if open[at].lock().forget_oldest(is_over) {
                order.extend(oldest(at));
            }
        }
    }
}

impl Tombstones {
    /// Those of a shard that has every operation up to `local`, at any time.
    pub(super) fn new(budget: &Arc<TombstoneBudget>, local: Arc<AtomicI64>) -> Self {
        let count = Arc::<AtomicUsize>::default();
        let yard = Yard {
            budget: Arc::clone(budget),
            count: Arc::clone(&count),
            local,
            by_uid: HashMap::default(),
            queue: VecDeque::default(),
        };
        let yard = Arc::new(Mutex::new(yard));
        budget.enter(&yard);
        Self { budget: Arc::clone(budget), count, yard }
    }

    pub(super) fn get(&self, uid: &str) -> Option<LiveVersion> {
        if self.len() == 0 { None } else { self.yard.lock().by_uid.get(uid).copied() }
    }

    /// The document was deleted.
    pub(super) fn insert(&self, uid: &str, version: LiveVersion, now_millis: i64) {
        let uid: Arc<str> = uid.into();
        let buried = Buried { at_millis: now_millis, uid: Arc::clone(&uid), seq_no: version.seq_no };
        {
            let mut yard = self.yard.lock();
            self.budget.bytes.fetch_add(buried.bytes(), Ordering::Relaxed);
            yard.queue.push_back(buried);
            yard.by_uid.insert(uid, version);
            yard.tell_count();
        }
        self.budget.relieve();
    }

    /// The document is there again.
    pub(super) fn remove(&self, uid: &str) {
        if self.len() > 0 {
            let mut yard = self.yard.lock();
            yard.by_uid.remove(uid);
            yard.tell_count();
        }
    }

    /// Those of documents that were deleted before go.
    pub(super) fn forget_before(&self, oldest_millis: i64) {
        self.yard.lock().forget_oldest(|buried| buried.at_millis < oldest_millis);
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

impl Yard {
    /// Takes tombstones from the front of the queue as long as `is_over` says so and nothing older can come; gives whether any went.
    fn forget_oldest(&mut self, is_over: impl Fn(&Buried) -> bool) -> bool {
        let local = self.local.load(Ordering::Relaxed);
        let before = self.queue.len();
        while let Some(buried) =
            self.queue.pop_front_if(|buried| buried.seq_no as i64 <= local && is_over(buried))
        {
            self.budget.bytes.fetch_sub(buried.bytes(), Ordering::Relaxed);
            // A document that was deleted again meanwhile has a later place in the queue.
            if self.by_uid.get(&buried.uid).is_some_and(|known| known.seq_no == buried.seq_no) {
                self.by_uid.remove(&buried.uid);
            }
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
            self.by_uid = HashMap::new();
        }
        self.tell_count();
        self.queue.len() < before
    }

    fn tell_count(&self) {
        self.count.store(self.by_uid.len(), Ordering::Release);
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        let bytes = self.queue.iter().map(Buried::bytes).sum();
        self.budget.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of a shard that lacks nothing.
    fn tombstones(budget: &Arc<TombstoneBudget>) -> Tombstones {
        Tombstones::new(budget, Arc::new(AtomicI64::new(i64::MAX)))
    }

    fn deleted(seq_no: u64) -> LiveVersion {
        LiveVersion { seq_no, term: 1, version: 1, source: None }
    }

    fn known(tombstones: &Tombstones, uids: std::ops::Range<u64>) -> Vec<u64> {
        uids.filter(|uid| tombstones.get(&uid.to_string()).is_some()).collect()
    }

    /// Whichever shard has them, those of documents deleted longest ago go first, and only as many as must.
    #[test]
    fn the_oldest_go_first_over_all_shards() {
        let each = ENTRY_BYTES + 3;
        let budget = TombstoneBudget::new(100 * each);
        let shards = [tombstones(&budget), tombstones(&budget)];

        for n in 100..350u64 {
            shards[(n % 2) as usize].insert(&n.to_string(), deleted(n), n as i64);
            assert!(budget.bytes() <= 100 * each, "{n}");
        }

        let mut kept = [known(&shards[0], 0..400), known(&shards[1], 0..400)].concat();
        kept.sort_unstable();
        assert!(kept.len() >= 93, "{}", kept.len());
        assert_eq!(kept, (350 - kept.len() as u64..350).collect::<Vec<_>>());
        drop(shards);
        assert_eq!(budget.bytes(), 0, "a shard that is closed gives back what it held");
    }

    /// Shards are opened and closed again for as long as a node lives; what is closed is forgotten.
    #[test]
    fn closed_shards_are_forgotten() {
        let budget = TombstoneBudget::new(1 << 20);
        let open = tombstones(&budget);

        for _ in 0..1000 {
            drop(tombstones(&budget));
        }

        assert!(budget.yards.lock().len() <= 8);
        assert_eq!(open.len(), 0);
    }

    /// A shard that deletes much does not cost one that deletes little what it deleted just now.
    #[test]
    fn a_quiet_shard_keeps_its_newest_beside_a_busy_one() {
        let budget = TombstoneBudget::new(50 * (ENTRY_BYTES + 4));
        let (busy, quiet) = (tombstones(&budget), tombstones(&budget));
        for n in 1000..1200u64 {
            busy.insert(&n.to_string(), deleted(n), n as i64);
        }

        quiet.insert("7", deleted(0), 1200);
        busy.insert("1200", deleted(1200), 1201);

        assert!(quiet.get("7").is_some() && busy.get("1200").is_some());
    }

    #[test]
    fn an_older_delete_of_the_same_document_does_not_take_the_newer_with_it() {
        let budget = TombstoneBudget::new(1 << 20);
        let tombstones = tombstones(&budget);
        tombstones.insert("a", deleted(1), 10);
        tombstones.remove("a");
        tombstones.insert("a", deleted(3), 30);

        tombstones.forget_before(20);
        assert_eq!(tombstones.get("a"), Some(deleted(3)));
        tombstones.forget_before(31);

        assert_eq!((tombstones.get("a"), tombstones.len(), budget.bytes()), (None, 0, 0));
    }

    /// Neither time nor memory takes a tombstone that an older write of its document may still meet.
    #[test]
    fn one_that_an_older_operation_may_meet_stays() {
        let budget = TombstoneBudget::new(0);
        let local = Arc::new(AtomicI64::new(3));
        let tombstones = Tombstones::new(&budget, Arc::clone(&local));
        tombstones.insert("a", deleted(5), 10);
        tombstones.insert("b", deleted(6), 11);

        tombstones.forget_before(i64::MAX);
        assert_eq!(tombstones.len(), 2, "the fourth is missing");
        local.store(6, Ordering::Relaxed);
        tombstones.forget_before(i64::MAX);

        assert_eq!((tombstones.len(), budget.bytes()), (0, 0));
    }

    #[test]
    fn a_budget_of_nothing_keeps_nothing() {
        let budget = TombstoneBudget::new(0);
        let tombstones = tombstones(&budget);

        tombstones.insert("a", deleted(1), 10);

        assert_eq!((tombstones.len(), budget.bytes()), (0, 0));
    }
}
