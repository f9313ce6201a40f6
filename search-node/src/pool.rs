//! Pools: how much work of one kind is done at once, how much may wait, and 429 for what is beyond.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::error::ApiError;
use crate::settings::PoolSettings;

/// Places for one kind of work, which runs on threads that may block.
#[derive(Debug, Clone)]
pub struct Pool {
    name: &'static str,
    places: Arc<Semaphore>,
    /// Those who may be refused.
    waiting: Arc<AtomicUsize>,
    /// All who wait for a place.
    queued: Arc<AtomicUsize>,
    queue: usize,
    size: usize,
    counts: Arc<Counts>,
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
            queue: settings.queue,
            size: settings.size,
            counts: Arc::default(),
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
        let counts = Arc::clone(&self.counts);
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            counts.completed.fetch_add(1, Ordering::Relaxed);
            drop(place);
            done
        });
        done.await.map_err(|error| ApiError::internal(format!("a {} request broke: {error}", self.name)))?
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
    use super::*;

    #[tokio::test]
    async fn work_beyond_the_queue_is_refused_and_names_the_setting() {
        let pool = Pool::new("write", PoolSettings { size: 1, queue: 1 });
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
