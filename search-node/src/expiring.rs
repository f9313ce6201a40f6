//! Lets go of what nobody has asked for in time: scans and points in time that are held for other nodes and for clients.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use daemon::CancellationToken;

use crate::node::Node;

/// How often it is looked.
const TICK: Duration = Duration::from_secs(1);

/// Looks until `stop`, in a thread of its own: what others do there may take long, and files are kept meanwhile.
pub(crate) fn expire_loop(node: Arc<Node>, stop: CancellationToken) -> std::io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("expire".to_owned()).spawn(move || {
        while !stop.is_cancelled() {
            let expire = || {
                let now = node.clock.now_millis();
                node.scans.expire(now);
                node.contexts.expire(now);
                node.held.expire(now, |index| node.has_open(index));
            };
            if catch_unwind(AssertUnwindSafe(expire)).is_err() {
                tracing::error!("letting go of what is held broke");
            }
            let _is_over = runtime.block_on(async { tokio::time::timeout(TICK, stop.cancelled()).await });
        }
    })
}
