//! Threads of a pool that stand behind all others of the process where processors are short.
//!
//! The system shares processors out by thread. Where many search, there are more of their threads than of those that write, which would get
//! what is left: documents would pile up in front of the node, while answers that take a little longer hurt nobody.

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Threads for work that blocks. They come when there is work and go when there is none.
#[derive(Debug)]
pub(crate) struct PoolThreads {
    /// None once it ends.
    runtime: Option<Runtime>,
}

impl PoolThreads {
    /// At most so many threads; `nice` says by how much they stand behind others.
    pub(crate) fn new(name: &'static str, threads_max: usize, nice: i32) -> std::io::Result<Self> {
        let behind = move || {
            // A system that refuses has all threads beside one another, as without it.
            if let Err(error) = rustix::process::nice(nice) {
                tracing::debug!(%error, name, "threads of a pool could not be put behind others");
            }
        };
        // It is never driven itself: the work on its threads is part of the runtime that it was handed in from.
        let runtime = Builder::new_current_thread()
            .thread_name(name)
            .max_blocking_threads(threads_max)
            .on_thread_start(behind)
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Does work on one of them, as if it were on a thread of the runtime of whoever hands it in.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let own = Handle::current();
        let work = move || {
            let _of = own.enter();
            work()
        };
        match &self.runtime {
            Some(runtime) => runtime.spawn_blocking(work),
            None => tokio::task::spawn_blocking(work),
        }
    }
}

impl Drop for PoolThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn they_stand_behind_others_and_belong_to_who_hands_work_in() {
        let threads = PoolThreads::new("search", 2, 3).expect("threads");
        let niceness = || rustix::process::getpriority_process(None).expect("told");
        let own = niceness();

        let (theirs, answer) = threads
            .spawn(move || {
                (niceness(), Handle::current().block_on(async { tokio::spawn(async { 7 }).await }))
            })
            .await
            .expect("ran");

        assert_eq!((theirs, niceness(), answer.expect("ran")), ((own + 3).min(19), own, 7));
    }
}
