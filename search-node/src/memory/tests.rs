//! The node's memory over a heap that the test fills: who gets what is promised, filled and given back.

use super::*;

/// A heap that the test fills; it knows nothing of what the process really holds.
#[derive(Debug, Default)]
struct TestHeap {
    allocated: AtomicU64,
    given_back: AtomicUsize,
}

impl Heap for TestHeap {
    fn allocated(&self) -> Option<u64> {
        Some(self.allocated.load(Ordering::Acquire))
    }

    fn give_back(&self) {
        self.given_back.fetch_add(1, Ordering::AcqRel);
    }
}

fn memory(limit: u64, wait: Duration) -> (Memory, Arc<TestHeap>) {
    let heap = Arc::<TestHeap>::default();
    let settings = MemorySettings { limit, wait, queue: 2 };
    (Memory::new(settings, Arc::clone(&heap) as Arc<dyn Heap>), heap)
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_what_was_given_back_fits_again() {
    let (memory, _) = memory(100, Duration::ZERO);
    let first = memory.reserve(70, "a").await.expect("fits");

    let error = memory.reserve(40, "bulk").await.expect_err("refused");
    drop(first);

    assert_eq!((error.status, error.kind.as_str()), (429, "circuit_breaking_exception"));
    assert_eq!(memory.refused(), 1);
    assert!(error.reason.contains("[bulk]") && error.reason.contains("memory.limit"), "{}", error.reason);
    assert!(memory.reserve(40, "bulk").await.is_ok(), "a refused request gives back what it asked for");
}

/// «would be [209043072b], which is larger than the limit of [209715200b]» was said, and false.
#[tokio::test]
async fn a_refusal_tells_the_bound_that_was_met_and_whether_it_helps_to_come_again() {
    let (memory, _) = memory(1600, Duration::ZERO);
    memory.look();
    let never = memory.reserve(1501, "a").await.expect_err("more than large requests may use");
    let held = memory.reserve(1000, "a").await.expect("fits");
    let later = memory.reserve(550, "a").await.expect_err("no room");
    let at_once = memory.reserve_now(550, "a").expect_err("no room");
    drop(held);

    assert_eq!(
        (&never.details["durability"], &later.details["durability"]),
        (&"PERMANENT".into(), &"TRANSIENT".into())
    );
    assert!(
        never.reason.contains("take [1501b]") && never.reason.contains("raise memory.limit"),
        "{}",
        never.reason
    );
    assert!(later.reason.contains("be [1550b], which is larger than the [1500b]"), "{}", later.reason);
    assert_eq!(at_once, later);
    assert_eq!(memory.reserve_now(550, "a").map(|reserved| reserved.bytes()), Ok(550));
    assert_eq!(memory.used(), 0, "nothing is left promised");
}

#[tokio::test]
async fn what_the_process_holds_counts() {
    let heap = Arc::new(SilentHeap);
    let settings = MemorySettings { limit: 64 << 10, wait: Duration::ZERO, queue: 1 };
    let memory = Memory::new(settings, heap);

    memory.look();

    assert!(memory.held() > 64 << 10, "{}", memory.held());
    assert!(memory.reserve(1, "a").await.is_err());
}

/// What was freed used to count until the allocator gave its pages back, some ten seconds later.
#[tokio::test]
async fn what_was_freed_makes_room_at_once() {
    let (memory, heap) = memory(64 << 10, Duration::ZERO);
    heap.allocated.store(64 << 10, Ordering::Release);
    memory.look();
    memory.reserve(1 << 10, "a").await.expect_err("full");

    heap.allocated.store(0, Ordering::Release);
    tokio::time::sleep(FRESH).await;

    assert!(memory.reserve(1 << 10, "a").await.is_ok());
    assert!(heap.given_back.load(Ordering::Acquire) > 0, "the process holds more than this limit");
}

#[tokio::test]
async fn what_was_filled_counts_until_a_look_sees_it() {
    let (memory, heap) = memory(100, Duration::ZERO);
    memory.look();
    let mut reserved = memory.reserve(80, "a").await.expect("fits");

    reserved.fill(50);
    assert_eq!((reserved.bytes(), memory.used()), (30, 80));
    heap.allocated.store(50, Ordering::Release);
    memory.look();
    assert_eq!(memory.used(), 80, "seen, and not counted twice");
    reserved.fill(1000);
    drop(reserved);
    assert_eq!(memory.used(), 80, "no more is filled than was promised");
    memory.look();

    assert_eq!(memory.used(), 50);
}

#[tokio::test]
async fn a_reservation_is_adjusted_and_split_without_a_remainder() {
    let (memory, _) = memory(100, Duration::ZERO);
    memory.look();
    let mut whole = memory.reserve(60, "a").await.expect("fits");

    let part = whole.split(25);
    whole.adjust(5).await.expect("less");
    whole.adjust(70).await.expect("more");
    let too_much = whole.adjust(101).await;

    assert!(too_much.is_err(), "{too_much:?}");
    assert_eq!((part.bytes(), whole.bytes(), memory.used()), (25, 70, 95));
    drop((part, whole));
    assert_eq!(memory.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_what_others_give_back() {
    let (memory, _) = memory(100, Duration::from_secs(60));
    memory.look();
    let first = memory.reserve(70, "a").await.expect("fits");
    let waiting = tokio::spawn({
        let memory = memory.clone();
        async move { memory.reserve(70, "b").await.map(|reserved| reserved.bytes()) }
    });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!waiting.is_finished());

    drop(first);

    assert_eq!(waiting.await.expect("no panic").expect("fits now"), 70);
    assert_eq!(memory.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_and_what_can_never_fit_does_not_wait() {
    let (memory, _) = memory(100, Duration::from_secs(60));
    memory.look();
    let _first = memory.reserve(70, "a").await.expect("fits");

    let begun = tokio::time::Instant::now();
    memory.reserve(101, "b").await.expect_err("never");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    memory.reserve(31, "b").await.expect_err("not given back");

    assert_eq!(begun.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_than_may() {
    let (memory, _) = memory(100, Duration::from_secs(60));
    memory.look();
    let _first = memory.reserve(70, "a").await.expect("fits");
    let wait = || {
        tokio::spawn({
            let memory = memory.clone();
            async move { memory.reserve(40, "b").await.err() }
        })
    };
    let waiting = [wait(), wait()];
    tokio::time::sleep(Duration::from_secs(1)).await;

    let begun = tokio::time::Instant::now();
    memory.reserve(40, "c").await.expect_err("too many wait");

    assert_eq!(begun.elapsed(), Duration::ZERO);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Else the first large request that waits would make the node look dead to everybody.
#[tokio::test(start_paused = true)]
async fn small_requests_and_those_begun_go_past_large_ones_that_wait() {
    let (memory, _) = memory(100_000, Duration::from_secs(60));
    memory.look();
    let mut begun = memory.reserve(70_000, "a").await.expect("fits");
    let waiting = tokio::spawn({
        let memory = memory.clone();
        async move { memory.reserve(50_000, "b").await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;

    assert!(memory.reserve(10, "small").await.is_ok());
    begun.grow(10_000).await.expect("begun");
    begun.grow(20_000).await.expect("begun");
    assert!(memory.reserve(100, "small").await.is_ok(), "what is promised is not there yet");
    begun.adjust(75_000).await.expect("less");
    let later = tokio::spawn({
        let memory = memory.clone();
        async move { memory.reserve(10_000, "c").await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;

    assert!(!waiting.is_finished() && !later.is_finished(), "it fits, but another one came first");
    drop(begun);
    waiting.await.expect("no panic").expect("fits now");
    later.await.expect("no panic").expect("fits now");
}

/// Requests whose answers turn out longer than they promised would all wait for each other, and then all fail.
#[tokio::test(start_paused = true)]
async fn of_those_begun_one_takes_what_others_have_only_promised() {
    let (memory, heap) = memory(1 << 20, Duration::from_secs(60));
    memory.look();
    let mut one = memory.reserve(400 << 10, "one").await.expect("fits");
    let mut other = memory.reserve(500 << 10, "other").await.expect("fits");
    one.fill(200 << 10);
    other.fill(200 << 10);
    heap.allocated.store(400 << 10, Ordering::Release);
    memory.look();

    one.grow(300 << 10).await.expect("it goes on");
    let begun = tokio::time::Instant::now();
    other.grow(300 << 10).await.expect_err("it waits for the first");
    assert_eq!(begun.elapsed().as_secs(), 60);
    one.grow(200 << 10).await.expect("it goes on");
    one.grow(400 << 10).await.expect_err("there is no memory in truth");
    drop(one);

    assert!(other.grow(300 << 10).await.is_ok());
}

#[test]
fn it_is_looked_more_often_near_the_limit() {
    for (used, expected) in [(0, IDLE), (100, IDLE), (101, CALM), (600, CALM), (601, TENSE)] {
        assert_eq!(pause(used, 800, false), expected, "{used}");
    }
    assert_eq!(pause(0, 800, true), CALM);
}

/// A request that grows step by step would take as a small one, a little at a time, what is left to small ones.
#[tokio::test]
async fn what_grows_a_little_at_a_time_is_large_once_it_is() {
    let (memory, _) = memory(1_600_000, Duration::ZERO);
    memory.look();
    let mut growing = memory.reserve_now(1000, "a").expect("fits");

    let mut taken = growing.bytes();
    let refused = loop {
        match growing.grow_now(1000, taken) {
            Ok(()) => taken += 1000,
            Err(refused) => break refused,
        }
    };

    assert_eq!((refused.status, taken), (429, 1_500_000));
    assert!(memory.reserve_now(1000, "small").is_ok(), "small ones are let in");
    growing.fill(taken);
    assert_eq!(growing.bytes(), 0);
    drop(growing);
    memory.look();
    assert_eq!(memory.used(), 0);
}
