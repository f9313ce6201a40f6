//! Budget: what a search takes of the node's memory, promised before it is taken, on each node that works on it.
//!
//! Some of it is known beforehand: how many hits are wanted, and what another node has answered. The rest is asked for as it comes: buckets
//! while they are filled, documents as they are read. What was taken before is in memory by then, where the node sees it, so that no more
//! is ever promised than the next step. A large search does not wait for memory: what it holds is what others need. A small one waits for
//! large ones to end, and its place is another's meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use daemon::CancellationToken;
use parking_lot::{Mutex, MutexGuard};
use shard::{Aside, Ending, Room, SearchError, Stop};
use tokio::runtime::Handle;

use super::SearchBody;
use super::until::Until;
use crate::action::weight::Weight;
use crate::error::ApiError;
use crate::memory::{Memory, Reservation};
use crate::pool::StandAside;

/// What memory is promised for.
const WHAT: &str = "search_request";

/// What a search takes whose hits and buckets are few: what was read of it, what is asked of segments, and the frame of its answer.
const BASE_BYTES: u64 = 8 << 10;

/// How much is asked for at once, at least and at most: an eighth of what was taken so far.
const STEP: std::ops::RangeInclusive<u64> = 16 << 10..=1 << 20;

/// A hit among the best of a segment, a shard and a node at the same time, without what it is sorted by.
const HIT_BYTES: u64 = 256;
/// What it is sorted by, for each key: its place, and its value.
const KEY_BYTES: u64 = 96;
/// The group that it is the best of.
const GROUP_BYTES: u64 = 160;

/// What another node has answered is smaller as bytes than as what is made of it. Measured: 9 for buckets with short keys.
const ANSWER_TIMES: u64 = 10;

/// A document as a tree of JSON, beside its bytes: what every hit has, each value with its name, and each object or list, which has room for
/// some before it has them.
const TREE_BYTES: u64 = 1 << 10;
const VALUE_BYTES: u64 = 136;
const NEST_BYTES: u64 = 360;

/// An answer of less as a text is no more than what every request takes.
const TEXT_LEAST: u64 = 64 << 10;

/// What one search takes on this node.
#[derive(Debug)]
pub(super) struct Budget {
    memory: Memory,
    /// Where a small one waits, also on a thread that helps it and is of no runtime.
    runtime: Option<Handle>,
    /// How long a small one waits.
    until: Until,
    state: Mutex<State>,
    /// Held by the one of its threads that waits for memory: it does so for all of them.
    turn: Mutex<()>,
    /// Known to who works for it.
    is_refused: Arc<AtomicBool>,
}

#[derive(Debug)]
struct State {
    /// What is promised; without most of it while a thread waits for more.
    reserved: Reservation,
    /// Of what is promised, what nobody has taken yet.
    left: u64,
    /// Of what is promised, what the text of the answer will take.
    text: u64,
    /// What comes and goes: promised until the search ends, as the node sees it in memory now and then only.
    lent: Reservation,
    /// All that was taken so far.
    taken: u64,
    refusal: Option<ApiError>,
    /// Why something was left out: the time of the search was up before there was memory for it.
    late: Option<ApiError>,
}

impl State {
    /// How much has to be promised before so many bytes can be taken.
    fn lacks(&mut self, bytes: u64) -> Option<u64> {
        if self.taken == 0 {
            return Some(BASE_BYTES);
        }
        let short = bytes.checked_sub(self.left).filter(|short| *short > 0)?;
        // The base is never filled: it stands for what comes and goes.
        let before = self.reserved.bytes().saturating_sub(BASE_BYTES + self.left + self.text);
        self.reserved.fill(before);
        Some(short.max((self.taken / 8).clamp(*STEP.start(), *STEP.end())))
    }

    /// So much more is promised.
    fn add(&mut self, bytes: u64) {
        match self.taken {
            0 => self.taken = bytes,
            _ => self.left += bytes,
        }
    }
}

impl Budget {
    /// Begun on a thread of the runtime of the node.
    pub(super) fn new(memory: &Memory, until: Until) -> Self {
        let reserved = memory.reserve_nothing(WHAT);
        let lent = memory.reserve_nothing(WHAT);
        let state = State { reserved, left: 0, text: 0, lent, taken: 0, refusal: None, late: None };
        Self {
            memory: memory.clone(),
            runtime: Handle::try_current().ok(),
            until,
            state: Mutex::new(state),
            turn: Mutex::new(()),
            is_refused: Arc::default(),
        }
    }

    /// Takes so many bytes, which are in memory by the next time; or says why there are none, as from then on. Where the time is up or nobody
    /// wants the answer any more, that ends the search, and not this.
    pub(super) fn take(&self, bytes: u64) -> Result<(), ApiError> {
        let mut state = self.state.lock();
        loop {
            if let Some(refusal) = &state.refusal {
                return Err(refusal.clone());
            }
            let Some(more) = state.lacks(bytes) else {
                state.left -= bytes;
                state.taken += bytes;
                return Ok(());
            };
            self.grow(&mut state, more, bytes)?;
        }
    }

    /// Promises more. What is little is waited for, for as long as somebody wants the answer.
    fn grow(&self, state: &mut MutexGuard<'_, State>, more: u64, wanted: u64) -> Result<(), ApiError> {
        let taken = state.taken;
        let runtime = self.runtime.as_ref().filter(|_| self.memory.is_small(taken + more));
        match runtime {
            Some(_) if state.reserved.grow_if_free(more) => {}
            Some(runtime) => return MutexGuard::unlocked(state, || self.wait_aside(runtime, wanted)),
            None => state.reserved.grow_now(more, taken).map_err(|refusal| self.refuse(state, refusal))?,
        }
        state.add(more);
        Ok(())
    }

    /// Waits for memory, while the place of the search is another's.
    fn wait_aside(&self, runtime: &Handle, wanted: u64) -> Result<(), ApiError> {
        let is_wanted = || self.until.stop().is_none();
        if !is_wanted() {
            return self.wait_in_turn(runtime, wanted);
        }
        let mut waited = Ok(());
        let mut wait = || {
            waited = self.wait_in_turn(runtime, wanted);
            waited.is_ok()
        };
        StandAside.wait(&mut wait, &is_wanted);
        waited
    }

    fn wait_in_turn(&self, runtime: &Handle, wanted: u64) -> Result<(), ApiError> {
        let _turn = self.turn.lock();
        let mut state = self.state.lock();
        // Whoever had the turn before may have got enough for this one, too, or have been refused.
        let Some(more) = state.lacks(wanted).filter(|_| state.refusal.is_none()) else { return Ok(()) };
        let mut reserved = std::mem::replace(&mut state.reserved, self.memory.reserve_nothing(WHAT));
        drop(state);
        let grown = runtime.block_on(async {
            tokio::select! {
                biased;
                grown = reserved.grow(more) => Some(grown),
                () = self.until.ended() => None,
            }
        });
        let mut state = self.state.lock();
        state.reserved.join(reserved);
        match grown {
            Some(grown) => grown.map_err(|refusal| self.refuse(&mut state, refusal))?,
            None if self.until.cancelled.is_cancelled() => return Err(SearchError::Cancelled.into()),
            None => {
                let taken = state.taken;
                let grown = state.reserved.grow_now(more, taken);
                grown.inspect_err(|late| state.late = Some(late.clone()))?;
            }
        }
        state.add(more);
        Ok(())
    }

    /// There is none from now on.
    fn refuse(&self, state: &mut State, refusal: ApiError) -> ApiError {
        state.refusal = Some(refusal.clone());
        self.is_refused.store(true, Ordering::Release);
        refusal
    }

    /// Takes what so many of the best hits of a search take.
    pub(super) fn take_hits(&self, hits: u64, body: &SearchBody) -> Result<(), ApiError> {
        self.take(hits.saturating_mul(hit_bytes(body)))
    }

    /// Takes what is made of another node's answer.
    pub(super) fn take_answer(&self, answer: &[u8]) -> Result<(), ApiError> {
        self.take(ANSWER_TIMES * answer.len() as u64)
    }

    /// The same of an answer that was kept; or says how the search ends without it.
    pub(super) fn take_kept(&self, answer: &[u8]) -> Result<(), Stop> {
        self.take_or_end(ANSWER_TIMES * answer.len() as u64)
    }

    /// Room for what the search can do without, if there is some now.
    pub(super) fn spare(&self, bytes: u64) -> Option<Reservation> {
        let mut room = self.memory.reserve_nothing(WHAT);
        let is_free = match self.memory.is_small(bytes) {
            true => room.grow_if_free(bytes),
            false => room.grow_now(bytes, 0).is_ok(),
        };
        is_free.then_some(room)
    }

    /// Takes what is made of JSON that was read: a document, or documents as another node shows them.
    pub(super) fn take_tree(&self, json: &[u8]) -> Result<(), ApiError> {
        // A text doubles as it grows.
        let text = 2 * json.len() as u64;
        self.take(tree_bytes(json) + text)?;
        self.state.lock().text += text;
        Ok(())
    }

    /// Takes what an inner hit takes beside its document, which was counted as a whole.
    pub(super) fn take_inner(&self) -> Result<(), ApiError> {
        self.take(TREE_BYTES)
    }

    /// What is promised for the text of the answer, where that is long.
    pub(super) fn for_text(&self) -> Option<Reservation> {
        let mut state = self.state.lock();
        let text = std::mem::take(&mut state.text);
        (text >= TEXT_LEAST).then(|| state.reserved.split(text))
    }

    /// What ends the work of a part: there is no memory for it, or `until` says so.
    pub(super) fn ending(self: &Arc<Self>, until: &Until) -> Ending {
        let (is_refused, until) = (Arc::clone(&self.is_refused), until.clone());
        let room: Weak<Self> = Arc::downgrade(self);
        Ending::in_room(room, move || match is_refused.load(Ordering::Acquire) {
            true => Some(Stop::Cancelled),
            false => until.stop(),
        })
    }

    /// The same for what is made of hits, for which it does not matter how long it takes.
    pub(super) fn ending_if_cancelled(self: &Arc<Self>, cancelled: &CancellationToken) -> Ending {
        self.ending(&Until::new(None, cancelled.clone()))
    }

    /// Why it gets none.
    pub(super) fn refusal(&self) -> Option<ApiError> {
        self.is_refused.load(Ordering::Acquire).then(|| self.state.lock().refusal.clone()).flatten()
    }

    /// Why something was left out for which there was no memory before the time was up: what was found until then is the answer.
    pub(super) fn late(&self) -> Option<ApiError> {
        let state = self.state.lock();
        state.late.clone().filter(|_| state.refusal.is_none())
    }

    /// Whether this says so.
    pub(super) fn is_late(&self, error: &ApiError) -> bool {
        self.late().is_some_and(|late| late == *error)
    }

    /// Takes so many bytes, or says how the search ends without them.
    pub(super) fn take_or_end(&self, bytes: u64) -> Result<(), Stop> {
        self.take(bytes).map_err(|_| self.late().map_or(Stop::Cancelled, |_| Stop::TimeIsUp))
    }

    /// Fails where something was left out for which there was no memory.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        self.refusal().map_or(Ok(()), Err)
    }

    /// What was computed, unless there was no memory for it.
    pub(super) fn checked<T, E>(&self, done: Result<T, E>) -> Result<Result<T, E>, ApiError> {
        self.refusal().map_or(Ok(done), Err)
    }
}

/// Aggregations and scripts take of it what they hold.
impl Room for Budget {
    fn take(&self, bytes: usize) -> Result<(), Stop> {
        self.take_or_end(bytes as u64)
    }

    fn lend(&self, bytes: usize) -> Result<(), Stop> {
        let mut state = self.state.lock();
        let before = state.lent.bytes();
        let grown = state.lent.grow_now(bytes as u64, before);
        grown.map_err(|refusal| self.refuse(&mut state, refusal)).map_err(|_| Stop::Cancelled)
    }
}

/// What one of the best hits takes.
fn hit_bytes(body: &SearchBody) -> u64 {
    let group = if body.collapse.is_some() { GROUP_BYTES } else { 0 };
    HIT_BYTES + KEY_BYTES * body.request.sort.len() as u64 + group
}

/// What JSON takes as a tree. Of a small one it is enough to count signs, those in texts with the others.
fn tree_bytes(json: &[u8]) -> u64 {
    if let Some(weight) = Weight::of_heavy(json) {
        return weight.to_read();
    }
    let values = memchr::memchr_iter(b',', json).count() as u64;
    let nests = memchr::memchr2_iter(b'{', b'[', json).count() as u64;
    TREE_BYTES + json.len() as u64 + VALUE_BYTES * values + NEST_BYTES * nests
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::memory::{Heap, MemorySettings};
    use crate::pool::Pool;
    use crate::pool_settings::PoolSettings;

    /// A heap of which the test says what it holds.
    #[derive(Debug, Default)]
    struct TestHeap(AtomicU64);

    impl Heap for TestHeap {
        fn allocated(&self) -> Option<u64> {
            Some(self.0.load(Ordering::Acquire))
        }

        fn give_back(&self) {}
    }

    /// A memory with so much room for large requests, whatever the process holds.
    fn room(bytes: u64) -> Memory {
        room_in(bytes, Arc::default())
    }

    fn budget_in(memory: &Memory) -> Budget {
        Budget::new(memory, Until::new(None, CancellationToken::new()))
    }

    fn room_in(bytes: u64, heap: Arc<TestHeap>) -> Memory {
        let settings = MemorySettings { limit: bytes * 16 / 15, wait: Duration::ZERO, queue: 0 };
        Memory::new(settings, heap)
    }

    #[test]
    fn a_small_search_takes_little_and_gives_it_back() {
        let memory = room(64 << 20);
        let body = SearchBody::read(&json!({"size": 10, "sort": ["a", "b"]})).expect("a search");
        let budget = budget_in(&memory);

        budget.take_hits(10, &body).expect("fits");
        for _ in 0..10 {
            budget.take_tree(&[b' '; 300]).expect("fits");
        }

        let taken = budget.state.lock().taken;
        assert_eq!(taken, BASE_BYTES + 10 * (HIT_BYTES + 2 * KEY_BYTES) + 10 * (3 * 300 + TREE_BYTES));
        assert!(taken < 64 << 10 && budget.for_text().is_none());
        drop(budget);
        memory.look();
        assert!(memory.reserve_now(60 << 20, "all").is_ok(), "nothing is left promised");
    }

    #[test]
    fn hits_count_with_their_keys_and_groups() {
        let of = |body: serde_json::Value| hit_bytes(&SearchBody::read(&body).expect("a search"));
        assert_eq!(of(json!({})), HIT_BYTES);
        assert_eq!(of(json!({"sort": ["a", "_doc"]})), HIT_BYTES + 2 * KEY_BYTES);
        assert_eq!(of(json!({"collapse": {"field": "a"}})), HIT_BYTES + GROUP_BYTES);
    }

    #[test]
    fn who_is_refused_is_told_the_setting_and_stays_so() {
        let heap = Arc::<TestHeap>::default();
        let memory = room_in(16 << 20, Arc::clone(&heap));
        let budget = budget_in(&memory);

        let mut blocks = Vec::new();
        while budget.take(100 << 10).is_ok() {
            blocks.push(vec![1_u8; 100 << 10]);
            heap.0.fetch_add(100 << 10, Ordering::AcqRel);
        }
        let steps = std::hint::black_box(blocks).len();

        // What was filled since the last look counts twice until the next.
        assert!((120..=163).contains(&steps), "{steps}");
        assert!(budget.refusal().is_some());
        let refusal = budget.take(1).expect_err("refused");
        assert_eq!((refusal.status, refusal.kind.as_str()), (429, "circuit_breaking_exception"));
        for part in ["[search_request]", "memory.limit", "send less at once, or later"] {
            assert!(refusal.reason.contains(part), "{}", refusal.reason);
        }
        assert!(budget.checked(Ok::<_, ApiError>(())).is_err());
        let other = budget_in(&memory);
        assert!(other.take(1 << 10).is_ok(), "small ones are let in");
        drop((budget, other));
        heap.0.store(0, Ordering::Release);
        memory.look();
        assert!(budget_in(&memory).take(14 << 20).is_ok());
    }

    #[test]
    fn what_can_never_fit_is_refused_as_such() {
        let body = SearchBody::read(&json!({})).expect("a search");
        let refusal = budget_in(&room(16 << 20)).take_hits(10_000_000, &body).expect_err("refused");
        assert!(refusal.reason.contains("by itself") && refusal.reason.contains("raise memory.limit"));
    }

    #[test]
    fn a_long_text_stays_promised_until_it_is_written() {
        let memory = room(64 << 20);
        let budget = budget_in(&memory);
        for _ in 0..100 {
            budget.take_tree(&[b' '; 10_000]).expect("fits");
        }

        let text = budget.for_text().expect("it is long");
        drop(budget);

        assert_eq!(text.bytes(), 100 * 2 * 10_000);
        memory.look();
        assert!(memory.reserve_now(63 << 20, "all").is_err());
        drop(text);
        assert!(memory.reserve_now(63 << 20, "all").is_ok());
    }

    #[test]
    fn a_large_document_is_weighed() {
        let dense = format!("[{}1]", "1,".repeat(200_000)).into_bytes();
        assert!(tree_bytes(&dense) > 20 * dense.len() as u64);
        let small = br#"{"a": [1, 2], "b": {}}"#;
        assert_eq!(tree_bytes(small), TREE_BYTES + small.len() as u64 + 2 * VALUE_BYTES + 3 * NEST_BYTES);
    }

    /// Whoever is small would be told to come again while a large one is about to end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_small_one_waits_for_what_large_ones_give_back_as_long_as_it_is_wanted() {
        let heap = Arc::new(TestHeap(AtomicU64::new(u64::MAX)));
        let settings = MemorySettings { limit: 16 << 20, wait: Duration::from_secs(60), queue: 10 };
        let memory = Memory::new(settings, Arc::clone(&heap) as Arc<dyn Heap>);
        let full = std::hint::black_box(vec![1_u8; 32 << 20]);
        memory.look();
        let small = |until: Until| {
            let memory = memory.clone();
            let budget = Budget::new(&memory, until);
            // Helpers of a search are of no runtime.
            tokio::task::spawn_blocking(move || {
                std::thread::spawn(move || budget.take_or_end(100)).join().expect("no panic")
            })
        };

        let hasty = small(Until::new(Some(Duration::from_millis(10)), CancellationToken::new()));
        let late = hasty.await.expect("no panic");
        assert_eq!(late, Err(Stop::TimeIsUp), "what was found until then is the answer");
        let cancelled = CancellationToken::new();
        let unwanted = small(Until::new(None, cancelled.clone()));
        cancelled.cancel();
        assert_eq!(unwanted.await.expect("no panic"), Err(Stop::Cancelled));
        let patient = small(Until::new(None, CancellationToken::new()));
        heap.0.store(0, Ordering::Release);

        patient.await.expect("no panic").expect("there is room again");
        drop(full);
    }

    /// A few searches that waited for memory used to keep every place.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_place_of_one_that_waits_is_anothers_meanwhile() {
        let heap = Arc::new(TestHeap(AtomicU64::new(u64::MAX)));
        let settings = MemorySettings { limit: 16 << 20, wait: Duration::from_secs(60), queue: 10 };
        let memory = Memory::new(settings, Arc::clone(&heap) as Arc<dyn Heap>);
        memory.look();
        let pool = Pool::new("search", PoolSettings { size: 1, queue: 2, aside: 1, nice: 0 });
        let (of_pool, of_memory) = (pool.clone(), memory.clone());
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(async move {
            let work = move || {
                let budget = budget_in(&of_memory);
                // Whoever waited for it may have failed.
                let _ = began.send(());
                budget.take(100)
            };
            of_pool.run(work).await
        });
        has_begun.await.expect("it works");

        assert_eq!(pool.run(|| Ok(7)).await, Ok(7), "its place is free");
        heap.0.store(0, Ordering::Release);

        assert_eq!(waiting.await.expect("no panic"), Ok(()));
    }
}
