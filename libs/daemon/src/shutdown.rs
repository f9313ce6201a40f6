//! The orderly end: a signal asks, every part finishes what it holds, a second signal insists.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Listens for SIGINT and SIGTERM.
#[derive(Debug, Clone)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Starts to listen. The first signal cancels [`Shutdown::token`]; the second ends the process at once.
    pub fn listen() -> std::io::Result<Self> {
        let token = CancellationToken::new();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let asked = token.clone();
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            info!("stopping; a second signal ends at once");
            asked.cancel();
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            warn!("ended at once by a second signal");
            std::process::exit(130);
        });
        Ok(Self { token })
    }

    /// Cancelled once the program shall stop; clones and children go to every part.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Waits until the program shall stop.
    pub async fn asked(&self) {
        self.token.cancelled().await;
    }
}
