//! Room for long bodies that arrive.

use std::sync::Arc;

use daemon::CancellationToken;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for long bodies that arrive. Whoever waits gets it in turn, so that a very long body is not passed for ever.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    bytes: Arc<Semaphore>,
    whole: u32,
}

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        let whole = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        Self { bytes: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// Waits for the room of a body; none if the connection closes before. A body that is longer than the whole takes all.
    pub(crate) async fn of(&self, size: usize, closed: &CancellationToken) -> Option<OwnedSemaphorePermit> {
        let size = u32::try_from(size).unwrap_or(u32::MAX).min(self.whole);
        tokio::select! {
            () = closed.cancelled() => None,
            room = Arc::clone(&self.bytes).acquire_many_owned(size) => room.ok(),
        }
    }
}
