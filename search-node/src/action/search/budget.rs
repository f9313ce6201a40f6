//! Budget: what a search takes of the node's memory, promised before it is taken, on each node that works on it.
//!
//! Some of it is known beforehand: how many hits are wanted, and what another node has answered. The rest is asked for as it comes: buckets
//! while they are filled, documents as they are read. What was taken before is in memory by then, where the node sees it, so that no more
//! is ever promised than the next step. A search does not wait for memory: it has a place that others need.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use shard::{Room, Stop};

use super::SearchBody;
use crate::action::weight::Weight;
use crate::error::ApiError;
use crate::memory::{Memory, Reservation};

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

/// A document as a tree of JSON: for each of its bytes, and beside them. Measured: 6 for a line of a log with twenty members.
const TREE_TIMES: u64 = 8;
const TREE_BYTES: u64 = 1 << 10;

/// An answer of less as a text is no more than what every request takes.
const TEXT_LEAST: u64 = 64 << 10;

/// What one search takes on this node.
#[derive(Debug)]
pub(super) struct Budget {
    memory: Memory,
    state: Mutex<State>,
    is_refused: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    reserved: Option<Reservation>,
    /// Of what is promised, what nobody has taken yet.
    left: u64,
    /// Of what is promised, what the text of the answer will take.
    text: u64,
    /// All that was taken so far.
    taken: u64,
    refusal: Option<ApiError>,
}

impl Budget {
    pub(super) fn new(memory: &Memory) -> Self {
        Self { memory: memory.clone(), state: Mutex::default(), is_refused: AtomicBool::new(false) }
    }

    /// Takes so many bytes, which are in memory by the next time; or says why there are none, as from then on.
    pub(super) fn take(&self, bytes: u64) -> Result<(), ApiError> {
        let mut state = self.state.lock();
        if let Some(refusal) = &state.refusal {
            return Err(refusal.clone());
        }
        state.take(bytes, &self.memory).inspect_err(|refusal| {
            state.refusal = Some(refusal.clone());
            self.is_refused.store(true, Ordering::Release);
        })
    }

    /// Takes what so many of the best hits of a search take.
    pub(super) fn take_hits(&self, hits: u64, body: &SearchBody) -> Result<(), ApiError> {
        self.take(hits.saturating_mul(hit_bytes(body)))
    }

    /// Takes what is made of another node's answer.
    pub(super) fn take_answer(&self, answer: &[u8]) -> Result<(), ApiError> {
        self.take(ANSWER_TIMES * answer.len() as u64)
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
        let reserved = state.reserved.as_mut()?;
        (text >= TEXT_LEAST).then(|| reserved.split(text))
    }

    /// Ends what is done for a search that gets no memory.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.is_refused.load(Ordering::Acquire).then_some(Stop::Cancelled)
    }

    /// Why it gets none.
    pub(super) fn refusal(&self) -> Option<ApiError> {
        self.stop().and_then(|_| self.state.lock().refusal.clone())
    }

    /// What was computed, unless there was no memory for it.
    pub(super) fn checked<T, E>(&self, done: Result<T, E>) -> Result<Result<T, E>, ApiError> {
        self.refusal().map_or(Ok(done), Err)
    }
}

impl State {
    fn take(&mut self, bytes: u64, memory: &Memory) -> Result<(), ApiError> {
        if self.reserved.is_none() {
            self.reserved = Some(memory.reserve_now(BASE_BYTES, WHAT)?);
            self.taken = BASE_BYTES;
        }
        if self.left < bytes
            && let Some(reserved) = &mut self.reserved
        {
            let step = (bytes - self.left).max((self.taken / 8).clamp(*STEP.start(), *STEP.end()));
            // The base is never filled: it stands for what comes and goes.
            let before = reserved.bytes().saturating_sub(BASE_BYTES + self.left + self.text);
            reserved.fill(before);
            reserved.grow_now(step, self.taken)?;
            self.left += step;
        }
        self.left -= bytes;
        self.taken += bytes;
        Ok(())
    }
}

/// Aggregations take of it what they hold.
impl Room for Budget {
    fn take(&self, bytes: usize) -> bool {
        Budget::take(self, bytes as u64).is_ok()
    }
}

/// What one of the best hits takes.
fn hit_bytes(body: &SearchBody) -> u64 {
    let group = if body.collapse.is_some() { GROUP_BYTES } else { 0 };
    HIT_BYTES + KEY_BYTES * body.request.sort.len() as u64 + group
}

/// What JSON takes as a tree.
fn tree_bytes(json: &[u8]) -> u64 {
    let heavy = Weight::of_heavy(json).map(|weight| weight.to_read());
    heavy.unwrap_or(TREE_TIMES * json.len() as u64 + TREE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::memory::{Heap, MemorySettings};

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

    fn room_in(bytes: u64, heap: Arc<TestHeap>) -> Memory {
        let settings = MemorySettings { limit: bytes * 16 / 15, wait: Duration::ZERO, queue: 0 };
        Memory::new(settings, heap)
    }

    #[test]
    fn a_small_search_takes_little_and_gives_it_back() {
        let memory = room(64 << 20);
        let body = SearchBody::read(&json!({"size": 10, "sort": ["a", "b"]})).expect("a search");
        let budget = Budget::new(&memory);

        budget.take_hits(10, &body).expect("fits");
        for _ in 0..10 {
            budget.take_tree(&[b' '; 300]).expect("fits");
        }

        let taken = budget.state.lock().taken;
        assert_eq!(taken, BASE_BYTES + 10 * (HIT_BYTES + 2 * KEY_BYTES) + 10 * (10 * 300 + TREE_BYTES));
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
        let budget = Budget::new(&memory);

        let mut blocks = Vec::new();
        while budget.take(100 << 10).is_ok() {
            blocks.push(vec![1_u8; 100 << 10]);
            heap.0.fetch_add(100 << 10, Ordering::AcqRel);
        }
        let steps = std::hint::black_box(blocks).len();

        // What was filled since the last look counts twice until the next.
        assert!((120..=163).contains(&steps), "{steps}");
        assert_eq!(budget.stop(), Some(Stop::Cancelled));
        let refusal = budget.take(1).expect_err("refused");
        assert_eq!((refusal.status, refusal.kind.as_str()), (429, "circuit_breaking_exception"));
        for part in ["[search_request]", "memory.limit", "send less at once, or later"] {
            assert!(refusal.reason.contains(part), "{}", refusal.reason);
        }
        assert!(budget.checked(Ok::<_, ApiError>(())).is_err());
        let other = Budget::new(&memory);
        assert!(other.take(1 << 10).is_ok(), "small ones are let in");
        drop((budget, other));
        heap.0.store(0, Ordering::Release);
        memory.look();
        assert!(Budget::new(&memory).take(14 << 20).is_ok());
    }

    #[test]
    fn what_can_never_fit_is_refused_as_such() {
        let body = SearchBody::read(&json!({})).expect("a search");
        let refusal = Budget::new(&room(16 << 20)).take_hits(10_000_000, &body).expect_err("refused");
        assert!(refusal.reason.contains("by itself") && refusal.reason.contains("raise memory.limit"));
    }

    #[test]
    fn a_long_text_stays_promised_until_it_is_written() {
        let memory = room(64 << 20);
        let budget = Budget::new(&memory);
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
        assert_eq!(tree_bytes(b"{}"), 2 * TREE_TIMES + TREE_BYTES);
    }
}
