//! Making the node what the map says, on a thread of its own: it waits for disks.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::coordinator::{Coordinator, Followed};
use crate::indices::Indices;

/// How long what could not be done is left alone before it is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Follows the map until the node stops.
pub(crate) fn follow(
    coordinator: Arc<Coordinator>,
    indices: Arc<Indices>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("follow".to_owned()).spawn(move || {
        let mut changes = coordinator.changes();
        while !coordinator.stopping.is_cancelled() {
            let map = Arc::clone(&changes.borrow_and_update());
            let failures = indices.follow(&map, coordinator.origin.process);
            for (index, error) in &failures {
                tracing::error!(%index, reason = error.reason, "index is not what the cluster agreed on yet");
            }
            let is_all_done = failures.is_empty();
            let found = indices.found_copies(&map);
            coordinator.followed().send_replace(Followed { version: map.version, failures, found });
            runtime.block_on(async {
                // Only who is in the map has a say.
                if map.nodes.contains_key(&coordinator.origin.process) {
                    coordinator.wish(indices.wishes(&map)).await;
                }
                let wait = async {
                    tokio::select! {
                        () = coordinator.stopping.cancelled() => {}
                        _ = changes.changed() => {}
                    }
                };
                if is_all_done { wait.await } else { drop(timeout(TRY_AGAIN, wait).await) }
            });
        }
    })
}
