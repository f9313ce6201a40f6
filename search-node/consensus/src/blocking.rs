//! Waiting for the disk on a thread that has other things to do.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does something that waits for the disk. Where there are several threads the other tasks of this one go on elsewhere
/// meanwhile; where there is one, as in a simulation, it waits, and everything happens in the same order each time.
pub(crate) fn blocking<T>(act: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(act),
        _ => act(),
    }
}
