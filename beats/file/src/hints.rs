//! Hints of the system that something changed, so that new lines are sent at once. The poll beside them stays the
//! truth: hints are lost on network file systems, in floods, and where there are too many folders.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tracing::info;

/// The end where hints arrive.
pub(crate) struct Hints {
    waker: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
}

impl Hints {
    /// Asks for hints of changes in these folders; what cannot be watched is left to the poll.
    pub(crate) fn of(folders: BTreeSet<PathBuf>) -> Self {
        let waker = Arc::new(Notify::new());
        let wake = Arc::clone(&waker);
        let made = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is an event too; only changes are hints, or each read would cause the next.
            if event.is_ok_and(|event| !event.kind.is_access()) {
                wake.notify_one();
            }
        });
        let watcher = match made {
            Ok(mut watcher) => {
                for folder in folders.iter().filter(|folder| folder.is_dir()) {
                    if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                        info!(folder = %folder.display(), %error, "folder gives no hints and is looked up by the clock");
                    }
                }
                Some(watcher)
            }
            Err(error) => {
                info!(%error, "the system gives no hints; files are looked up by the clock");
                None
            }
        };
        Self { waker, _watcher: watcher }
    }

    /// Waits for the next hint.
    pub(crate) async fn next(&mut self) {
        self.waker.notified().await;
    }
}
