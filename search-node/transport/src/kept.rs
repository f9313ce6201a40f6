//! A connection that is kept open in the background, so that a call finds it and its loss is noticed at once.

use std::sync::Arc;

use daemon::CancellationToken;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use crate::identity::NodeIdentity;
use crate::lane::Lane;
use crate::links::{Links, pauses};
use crate::options::Bounds;

/// Whether a node can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// It was not tried yet.
    New,
    /// It is connected.
    Up(Arc<NodeIdentity>),
    /// It is not, and why. It is tried again after a pause.
    Down(String),
}

/// Keeps a connection open until this is dropped.
#[derive(Debug)]
pub struct Kept {
    state: watch::Receiver<LinkState>,
    _stop: DropGuard,
}

impl Kept {
    /// How it stands; a change wakes whoever waits.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }
}

/// Keeps a connection open.
pub(crate) fn keep(
    links: Arc<Links>,
    address: String,
    lane: Lane,
    bounds: Bounds,
    stop: CancellationToken,
) -> Kept {
    let (sender, state) = watch::channel(LinkState::New);
    let guard = stop.clone().drop_guard();
    tokio::spawn(async move {
        let mut waits = pauses(&bounds);
        loop {
            let pause = match links.connection(&address, lane).await {
                Ok((link, _)) => {
                    waits = pauses(&bounds);
                    sender.send_replace(LinkState::Up(Arc::clone(&link.peer)));
                    let reason = tokio::select! {
                        () = stop.cancelled() => return,
                        reason = link.retired() => reason,
                    };
                    sender.send_replace(LinkState::Down(reason));
                    bounds.retry_pause
                }
                Err(error) => {
                    sender.send_replace(LinkState::Down(error.to_string()));
                    waits.next().unwrap_or(bounds.retry_pause_max)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
    Kept { state, _stop: guard }
}
