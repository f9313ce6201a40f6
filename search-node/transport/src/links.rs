//! The connections to other nodes: one for each address and lane, made when it is needed.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use daemon::CancellationToken;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::connection::prepare;
use crate::error::CallError;
use crate::handshake::{HandshakeError, Terms, call};
use crate::lane::Lane;
use crate::options::{Bounds, Options};
use crate::outgoing::Outgoing;
use crate::room::Room;

type Attempt = Shared<BoxFuture<'static, Result<Arc<Outgoing>, CallError>>>;
type Key = (String, Lane);

/// The connections to other nodes.
pub(crate) struct Links {
    options: Options,
    /// Room for answers, by lane.
    rooms: HashMap<Lane, Room>,
    stopped: CancellationToken,
    links: Mutex<HashMap<Key, Link>>,
}

/// One of them.
enum Link {
    Open(Arc<Outgoing>),
    /// Being made. All who need it wait for the same attempt.
    Making(Attempt),
}

impl Links {
    pub(crate) fn new(options: Options, stopped: CancellationToken) -> Arc<Self> {
        let bytes = options.bounds.arriving_bytes_max;
        let rooms = Lane::ALL.into_iter().map(|lane| (lane, Room::new(bytes))).collect();
        Arc::new(Self { options, rooms, stopped, links: Mutex::default() })
    }

    /// The connection to an address, made if there is none; and whether it was there.
    pub(crate) async fn connection(
        self: &Arc<Self>,
        address: &str,
        lane: Lane,
    ) -> Result<(Arc<Outgoing>, bool), CallError> {
        if self.stopped.is_cancelled() {
            return Err(CallError::not_sent(address, STOPPED));
        }
        let attempt = {
            let mut links = self.links.lock();
            let key = (address.to_owned(), lane);
            match links.get(&key) {
                Some(Link::Open(link)) if self.is_current(link) => return Ok((Arc::clone(link), true)),
                Some(Link::Making(attempt)) => attempt.clone(),
                _ => {
                    links.retain(|_, link| !matches!(link, Link::Open(open) if !open.is_usable()));
                    let attempt = self.attempt(&key);
                    links.insert(key, Link::Making(attempt.clone()));
                    attempt
                }
            }
        };
        attempt.await.map(|link| (link, false))
    }

    /// Whether new calls may go over a connection. The other node must not take this one for who it was.
    fn is_current(&self, link: &Outgoing) -> bool {
        if link.own.cluster_uuid != self.options.identity.load().cluster_uuid {
            link.retire("this node has joined a cluster since");
        }
        link.is_usable()
    }

    /// Starts to make a connection. It goes on if those who wait for it go away.
    fn attempt(self: &Arc<Self>, key: &Key) -> Attempt {
        let (links, key) = (Arc::downgrade(self), key.clone());
        let (options, stopped) = (self.options.clone(), self.stopped.clone());
        let room = self.rooms[&key.1].clone();
        let making = tokio::spawn(async move {
            let made = tokio::select! {
                () = stopped.cancelled() => Err(CallError::not_sent(&key.0, STOPPED)),
                made = connect(&key.0, key.1, &options, room) => made.map(Arc::new),
            };
            settle(&links, key, &made);
            made
        });
        let to = "the node".to_owned();
        async move {
            making.await.unwrap_or_else(|_| Err(CallError::not_sent(&to, "connecting to it broke")))
        }
        .boxed()
        .shared()
    }

    /// Closes the connections to an address: its node has left.
    pub(crate) fn forget(&self, address: &str) {
        self.links.lock().retain(|(to, _), link| {
            if to != address {
                return true;
            }
            if let Link::Open(open) = link {
                open.close("its node has left");
            }
            false
        });
    }

    /// Closes all.
    pub(crate) fn close_all(&self) {
        for (_, link) in self.links.lock().drain() {
            if let Link::Open(open) = link {
                open.close(STOPPED);
            }
        }
    }
}

const STOPPED: &str = "this node's transport has stopped";

/// Keeps what an attempt came to. Where it was forgotten meanwhile nothing is kept, and it closes with its last call.
fn settle(links: &Weak<Links>, key: Key, made: &Result<Arc<Outgoing>, CallError>) {
    let Some(links) = links.upgrade() else {
        return;
    };
    let mut table = links.links.lock();
    if !matches!(table.get(&key), Some(Link::Making(_))) {
        return;
    }
    match made {
        Ok(link) => drop(table.insert(key, Link::Open(Arc::clone(link)))),
        Err(_) => drop(table.remove(&key)),
    }
}

/// What this node brings to a handshake now.
pub(crate) fn terms_of(options: &Options) -> Terms {
    Terms {
        identity: options.identity.load_full(),
        secret: options.secret.clone(),
        protocols: options.protocols.clone(),
        calls_max: u32::try_from(options.bounds.calls_max).unwrap_or(u32::MAX),
    }
}

async fn connect(address: &str, lane: Lane, options: &Options, room: Room) -> Result<Outgoing, CallError> {
    let bounds = &options.bounds;
    let not_sent = |reason: String| CallError::not_sent(address, reason);
    let millis = |span: Duration| span.as_millis();
    let mut stream = timeout(bounds.connect_timeout, TcpStream::connect(address))
        .await
        .map_err(|_| not_sent(format!("no connection within {} ms", millis(bounds.connect_timeout))))?
        .map_err(|error| not_sent(format!("no connection: {error}")))?;
    prepare(&stream).map_err(|error| not_sent(error.to_string()))?;
    let met = timeout(bounds.handshake_timeout, call(&mut stream, &terms_of(options), lane))
        .await
        .map_err(|_| not_sent(format!("no handshake within {} ms", millis(bounds.handshake_timeout))))?
        .map_err(|error| match error {
            HandshakeError::Refused(reason) => CallError::refused(address, reason),
            HandshakeError::Broken(reason) => CallError::not_sent(address, reason),
        })?;
    Ok(Outgoing::start(address, stream, met, bounds, room))
}

/// The pauses between attempts that fail: each twice the one before, up to a bound.
pub(crate) fn pauses(bounds: &Bounds) -> impl Iterator<Item = Duration> + use<> {
    let max = bounds.retry_pause_max;
    std::iter::successors(Some(bounds.retry_pause.min(max)), move |pause| Some((*pause * 2).min(max)))
}
