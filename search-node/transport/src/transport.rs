//! The way between nodes: the façade.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daemon::CancellationToken;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::DropGuard;

use crate::error::{CallError, StartError};
use crate::handler::Handler;
use crate::identity::{NodeIdentity, Peer};
use crate::kept::{Kept, keep};
use crate::lane::Lane;
use crate::links::{Links, terms_of};
use crate::listener::{accept_all, bind};
use crate::options::{Options, PROTOCOLS};
use crate::outgoing::Outgoing;
use crate::room::Room;
use crate::serving::Service;

/// The way between nodes: answers the calls of others, and calls them. Cheap to clone; when the last is dropped
/// everything ends at once.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    options: Options,
    links: Arc<Links>,
    stopping: CancellationToken,
    stopped: CancellationToken,
    accepting: Mutex<Option<JoinHandle<()>>>,
    _end: DropGuard,
}

impl Transport {
    /// Listens, and answers with the handler from now on.
    pub async fn start(options: Options, handler: Arc<dyn Handler>) -> Result<Self, StartError> {
        check(&options)?;
        let listener = bind(&options).await?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: options.host.to_string(), source })?;
        let stopped = CancellationToken::new();
        let stopping = stopped.child_token();
        let room = options.bounds.arriving_bytes_max;
        let service = Arc::new(Service {
            handler,
            identity: Arc::clone(&options.identity),
            bounds: options.bounds.clone(),
            rooms: Lane::ALL.into_iter().map(|lane| (lane, Room::new(room))).collect(),
            stopping: stopping.clone(),
            stopped: stopped.clone(),
        });
        let own = options.clone();
        let accepting = tokio::spawn(accept_all(listener, service, move || terms_of(&own)));
        Ok(Self(Arc::new(Inner {
            address,
            links: Links::new(options.clone(), stopped.clone()),
            options,
            stopping,
            accepting: Mutex::new(Some(accepting)),
            _end: stopped.clone().drop_guard(),
            stopped,
        })))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Asks a node and waits for its answer. Where there is no connection, one is tried. A future that is dropped tells the
    /// node that nobody waits any more.
    pub async fn call(
        &self,
        to: &Peer,
        lane: Lane,
        action: u16,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, CallError> {
        let deadline = Instant::now() + within;
        let max = self.0.options.bounds.body_bytes_max;
        if body.len() > max {
            let reason = format!("a call of {} bytes is longer than {max}; send less at a time", body.len());
            return Err(CallError::not_sent(&to.address, reason));
        }
        let (link, was_there) = self.link(to, lane, deadline).await?;
        let result = link.call(action, body.clone(), deadline).await;
        let is_lost = was_there && !link.is_usable() && matches!(result, Err(CallError::NotSent { .. }));
        if !is_lost {
            return result;
        }
        // The connection was lost before the whole call went over it: another one is as good.
        match self.link(to, lane, deadline).await {
            Ok((link, _)) => link.call(action, body, deadline).await,
            Err(_) => result,
        }
    }

    /// Who listens at an address, as it said when the connection was made. It has proven that it knows the secret of the
    /// cluster.
    pub async fn meet(&self, address: &str, within: Duration) -> Result<Arc<NodeIdentity>, CallError> {
        let (link, _) = self.link(&Peer::at(address), Lane::State, Instant::now() + within).await?;
        Ok(Arc::clone(&link.peer))
    }

    /// Keeps a connection open in the background, until what is returned is dropped.
    pub fn keep(&self, address: impl Into<String>, lane: Lane) -> Kept {
        let stop = self.0.stopped.child_token();
        keep(Arc::clone(&self.0.links), address.into(), lane, self.0.options.bounds.clone(), stop)
    }

    /// Closes the connections to an address: its node has left. A later call makes new ones.
    pub fn forget(&self, address: &str) {
        self.0.links.forget(address);
    }

    /// Takes no more calls, answers those that are being handled as long as `stop_within` allows, and ends.
    pub async fn stop(&self) {
        self.0.stopping.cancel();
        let accepting = self.0.accepting.lock().take();
        if let Some(accepting) = accepting
            && let Err(error) = accepting.await
        {
            tracing::error!(%error, "accepting connections of nodes had broken");
        }
        self.0.stopped.cancel();
        self.0.links.close_all();
    }

    async fn link(
        &self,
        to: &Peer,
        lane: Lane,
        deadline: Instant,
    ) -> Result<(Arc<Outgoing>, bool), CallError> {
        let (link, was_there) =
            timeout_at(deadline, self.0.links.connection(&to.address, lane)).await.map_err(|_| {
                CallError::not_sent(&to.address, "the time was over before there was a connection")
            })??;
        match to.ephemeral_id {
            Some(expected) if expected != link.peer.ephemeral_id => Err(CallError::refused(
                &to.address,
                format!(
                    "another process has the address now: node {} with the ephemeral id {:016x}, not {expected:016x}; look again where the node is",
                    link.peer, link.peer.ephemeral_id
                ),
            )),
            _ => Ok((link, was_there)),
        }
    }
}

fn check(options: &Options) -> Result<(), StartError> {
    let fault = |text: String| Err(StartError::Options(text));
    if let Some(name) = options.identity.load().too_long() {
        return Err(StartError::NameTooLong(name));
    }
    let (bounds, spoken) = (&options.bounds, &options.protocols);
    if spoken.is_empty() || !PROTOCOLS.contains(spoken.start()) || !PROTOCOLS.contains(spoken.end()) {
        return fault(format!("the protocols {spoken:?} are not all of {PROTOCOLS:?}"));
    }
    if bounds.keep_alive.is_zero() || bounds.keep_alive * 2 > bounds.silence_max {
        return fault(format!(
            "a node that says every {} ms that it is alive must not be taken for dead after {} ms; at least twice that",
            bounds.keep_alive.as_millis(),
            bounds.silence_max.as_millis()
        ));
    }
    if bounds.calls_max == 0 || bounds.connections_max == 0 || bounds.handshakes_max == 0 {
        return fault("calls, connections and handshakes must each have a place at least".to_owned());
    }
    Ok(())
}
