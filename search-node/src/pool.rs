//! Pools: how much work of one kind is done at once, how much may wait, and 429 for what is beyond.
//!
//! Work that waits for other work, as a search does for values that another one reads, stands aside: its place is another's meanwhile,
//! and it comes back behind those who wait by then, unless it is given up. Some may stand aside; who comes later waits in its place.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::pool_settings::{BLOCKING_THREADS, PoolSettings};
use crate::pool_threads::PoolThreads;

/// How often who waits for its place again looks whether it still wants it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Places for one kind of work, which runs on threads that may block.
#[derive(Debug, Clone)]
pub struct Pool {
    name: &'static str,
    places: Arc<Semaphore>,
    /// Those who may be refused.
    waiting: Arc<AtomicUsize>,
    /// All who wait for a place.
    queued: Arc<AtomicUsize>,
    /// Those who have stood aside.
    aside: Arc<AtomicUsize>,
    /// How many may.
    aside_max: usize,
    queue: usize,
    size: usize,
    counts: Arc<Counts>,
    /// Threads of its own, if they stand behind others.
    threads: Option<Arc<PoolThreads>>,
}

/// What a pool has done.
#[derive(Debug, Default)]
struct Counts {
    completed: AtomicU64,
    rejected: AtomicU64,
    /// The most that was done at once.
    largest: AtomicUsize,
}

/// The figures of a pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolFigures {
    pub name: String,
    /// How much is done at once.
    pub size: usize,
    /// How much may wait.
    pub queue_size: usize,
    pub active: usize,
    pub queued: usize,
    pub largest: usize,
    pub completed: u64,
    pub rejected: u64,
}

impl Pool {
    pub fn new(name: &'static str, settings: PoolSettings) -> Self {
        Self {
            name,
            places: Arc::new(Semaphore::new(settings.size)),
            waiting: Arc::default(),
            queued: Arc::default(),
            aside: Arc::default(),
            aside_max: settings.aside,
            queue: settings.queue,
            size: settings.size,
            counts: Arc::default(),
            threads: behind_others(name, settings),
        }
    }

    /// Does blocking work once there is a place; refuses it when too much is waiting already.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let waiting = Waiting::enter(&self.waiting);
        if waiting.before >= self.queue {
            self.counts.rejected.fetch_add(1, Ordering::Relaxed);
            let setting = format!("thread_pool.{}.queue_size", self.name);
            return Err(ApiError::too_busy(&format!("a {} request", self.name), &setting, self.queue));
        }
        self.work(work, Some(waiting)).await
    }

    /// Does a further part of work that had a place before: it may have to wait again, but is not refused half-way.
    pub async fn go_on<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.work(work, None).await
    }

    /// How much waits for a place now.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Acquire)
    }

    pub fn figures(&self) -> PoolFigures {
        PoolFigures {
            name: self.name.to_owned(),
            size: self.size,
            queue_size: self.queue,
            active: self.active(),
            queued: self.queued(),
            largest: self.counts.largest.load(Ordering::Relaxed),
            completed: self.counts.completed.load(Ordering::Relaxed),
            rejected: self.counts.rejected.load(Ordering::Relaxed),
        }
    }

    fn active(&self) -> usize {
        self.size.saturating_sub(self.places.available_permits())
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
        waiting: Option<Waiting>,
    ) -> Result<T, ApiError> {
        let queued = Waiting::enter(&self.queued);
        let place = Arc::clone(&self.places).acquire_owned().await;
        drop((waiting, queued));
        let place = place.map_err(|_| ApiError::internal("the node is stopping"))?;
        self.counts.largest.fetch_max(self.active(), Ordering::Relaxed);
        let held = Held { pool: self.clone(), place: Some(place) };
        let work = move || {
            let counts = Arc::clone(&held.pool.counts);
            let _until_done = Working::begin(held);
            let done = work();
            counts.completed.fetch_add(1, Ordering::Relaxed);
            done
        };
        let done = match &self.threads {
            Some(threads) => threads.spawn(work),
            None => tokio::task::spawn_blocking(work),
        };
        done.await.map_err(|error| ApiError::internal(format!("a {} request broke: {error}", self.name)))?
    }
}

/// The threads of a pool, where they stand behind others; without them work is done on those that all pools share.
fn behind_others(name: &'static str, settings: PoolSettings) -> Option<Arc<PoolThreads>> {
    let PoolSettings { aside, nice, .. } = settings;
    if nice == 0 {
        return None;
    }
    let made = PoolThreads::new(name, BLOCKING_THREADS.saturating_add(aside), nice);
    let made = made.inspect_err(|error| {
        tracing::warn!(%error, name, "a pool has no threads of its own, and works on those that all share");
    });
    made.ok().map(Arc::new)
}

thread_local! {
    /// The place of the work that is done on a thread.
    static PLACE: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// A place of a pool, unless it was given away for a while.
struct Held {
    pool: Pool,
    place: Option<OwnedSemaphorePermit>,
}

/// Work is done on this thread; its place is free once it ends, however it does.
struct Working;

impl Working {
    fn begin(held: Held) -> Self {
        PLACE.set(Some(held));
        Self
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        drop(PLACE.take());
    }
}

/// How work that waits for other work stands aside.
pub(crate) struct StandAside;

impl shard::Aside for StandAside {
    fn wait(&self, wait: &mut dyn FnMut() -> bool, goes_on: &dyn Fn() -> bool) {
        let Some(mut held) = PLACE.take() else {
            wait();
            return;
        };
        held.wait_aside(wait, goes_on);
        PLACE.set(Some(held));
    }
}

impl Held {
    /// Waits while the place is another's, and has it again if it is wanted, and for as long as it is.
    fn wait_aside(&mut self, wait: &mut dyn FnMut() -> bool, goes_on: &dyn Fn() -> bool) {
        let aside = Waiting::enter(&self.pool.aside);
        // Each one who stands aside keeps a thread.
        if aside.before >= self.pool.aside_max {
            wait();
            return;
        }
        let _queued = Waiting::enter(&self.pool.queued);
        drop(self.place.take());
        if wait()
            && let Ok(runtime) = Handle::try_current()
        {
            // A pool that is closed has no more places, and nobody waits for one.
            self.place = runtime.block_on(place_while(&self.pool.places, goes_on));
        }
    }
}

/// A place, if there is one while it is wanted. Who looks whether it is keeps its turn.
async fn place_while(places: &Arc<Semaphore>, goes_on: &dyn Fn() -> bool) -> Option<OwnedSemaphorePermit> {
    let mut place = pin!(Arc::clone(places).acquire_owned());
    loop {
        match timeout(LOOK_EVERY, &mut place).await {
            Ok(place) => return place.ok(),
            Err(_) if goes_on() => {}
            Err(_) => return None,
        }
    }
}

/// Counts one who waits, also when the request is given up.
struct Waiting {
    count: Arc<AtomicUsize>,
    before: usize,
}

impl Waiting {
    fn enter(count: &Arc<AtomicUsize>) -> Self {
        let before = count.fetch_add(1, Ordering::AcqRel);
        Self { count: Arc::clone(count), before }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use shard::Aside;

    use super::*;

    /// Searches that waited for the same values used to keep every place of the pool.
    #[tokio::test]
    async fn who_stands_aside_leaves_its_place_to_others_and_comes_back() {
        let pool = Pool::new("search", PoolSettings { size: 1, queue: 2, aside: 2, nice: 0 });
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let asked = pool.clone();
        let waiting = tokio::spawn(async move {
            let pool = asked.clone();
            let work = move || {
                let mut started = Some(started);
                StandAside.wait(
                    &mut || {
                        let _ = started.take().map(|started| started.send(()));
                        wait.recv().is_ok()
                    },
                    &|| true,
                );
                Ok(asked.figures().active)
            };
            pool.run(work).await
        });
        has_started.await.expect("it stands aside");

        assert_eq!(pool.run(|| Ok(2)).await, Ok(2), "the place is free");
        assert_eq!((pool.figures().active, pool.figures().queued), (0, 1));
        go.send(()).expect("it waits");
        assert_eq!(waiting.await.expect("ran"), Ok(1), "it has a place again");
        assert_eq!((pool.figures().active, pool.figures().queued), (0, 0));
    }

    /// It used to wait for its place however long others kept that, cancelled or not.
    #[tokio::test]
    async fn who_is_given_up_comes_back_without_a_place() {
        let pool = Pool::new("search", PoolSettings { size: 1, queue: 2, aside: 1, nice: 0 });
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (end, until_end) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (came_back, has_come_back) = tokio::sync::oneshot::channel();
        let goes_on = Arc::clone(&is_cancelled);
        let asked = pool.clone();
        let given_up = tokio::spawn(async move {
            let work = move || {
                let mut started = Some(started);
                let mut wait = || {
                    let _ = started.take().map(|started| started.send(()));
                    wait.recv().is_ok()
                };
                StandAside.wait(&mut wait, &|| !goes_on.load(Ordering::Acquire));
                let has_place =
                    PLACE.with_borrow(|held| held.as_ref().is_some_and(|held| held.place.is_some()));
                let _ = came_back.send(has_place);
                Ok(())
            };
            asked.run(work).await
        });
        has_started.await.expect("it stands aside");
        let other = pool.clone();
        let (took, has_taken) = tokio::sync::oneshot::channel();
        let busy = tokio::spawn(async move {
            let work = move || {
                let _ = took.send(());
                let _ = until_end.recv();
                Ok(())
            };
            other.run(work).await
        });
        has_taken.await.expect("the place is free");
        go.send(()).expect("it waits");

        is_cancelled.store(true, Ordering::Release);

        assert_eq!(has_come_back.await, Ok(false), "the place is still another's");
        assert_eq!(given_up.await.expect("ran"), Ok(()));
        assert_eq!(pool.figures().active, 1);
        end.send(()).expect("it works");
        assert_eq!(busy.await.expect("ran"), Ok(()));
        assert_eq!((pool.figures().active, pool.figures().queued), (0, 0));
    }

    #[tokio::test]
    async fn who_may_not_wait_keeps_its_place_and_work_that_breaks_leaves_it() {
        let pool = Pool::new("search", PoolSettings { size: 1, queue: 1, aside: 1, nice: 0 });
        let crowded = pool.clone();
        let held = pool.run(move || {
            let _others = Waiting::enter(&crowded.aside);
            let mut active = 0;
            StandAside.wait(
                &mut || {
                    active = crowded.figures().active;
                    true
                },
                &|| true,
            );
            Ok(active)
        });
        assert_eq!(held.await, Ok(1));

        let broken = pool.run(|| -> Result<(), ApiError> { panic!("it breaks") }).await;

        assert!(broken.is_err());
        assert_eq!(pool.run(|| Ok(3)).await, Ok(3));
    }

    #[tokio::test]
    async fn work_beyond_the_queue_is_refused_and_names_the_setting() {
        let pool = Pool::new("write", PoolSettings { size: 1, queue: 1, aside: 0, nice: 0 });
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let busy = pool.clone();
        let first = tokio::spawn(async move {
            busy.run(move || {
                let _ = started.send(());
                let _ = wait.recv();
                Ok(1)
            })
            .await
        });
        has_started.await.expect("the first work runs");
        let queued = pool.clone();
        let second = tokio::spawn(async move { queued.run(|| Ok(2)).await });
        while pool.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }

        let third = pool.run(|| Ok(3)).await.expect_err("refused");

        assert_eq!(third.status, 429);
        assert!(third.reason.contains("thread_pool.write.queue_size"), "{}", third.reason);
        let figures = pool.figures();
        assert_eq!((figures.active, figures.queued, figures.rejected, figures.completed), (1, 1, 1, 0));
        go.send(()).expect("the first work waits");
        assert_eq!((first.await.expect("ran"), second.await.expect("ran")), (Ok(1), Ok(2)));
    }
}
