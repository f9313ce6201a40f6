//! Listens for other nodes: who may come in, and how many.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::connection::prepare;
use crate::error::StartError;
use crate::handshake::{HandshakeError, Terms, accept, busy};
use crate::options::{Options, PORTS};
use crate::serving::{Service, serve};

/// How long accepting pauses when the system has no descriptors left: others end meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens where it is asked to, or on the first free port of the range.
pub(crate) async fn bind(options: &Options) -> Result<TcpListener, StartError> {
    let ports = options.port.map_or(PORTS, |port| port..=port);
    for port in ports {
        let address = SocketAddr::new(options.host, port);
        match TcpListener::bind(address).await {
            Ok(listener) => {
                if options.port.is_none() && port != *PORTS.start() {
                    tracing::info!(
                        port,
                        "port {} is taken, so the next free one is used; transport.port chooses",
                        PORTS.start()
                    );
                }
                return Ok(listener);
            }
            Err(error) if daemon::is_listening_taken(&error) && options.port.is_none() => {}
            Err(error) if daemon::is_listening_taken(&error) => {
                return Err(StartError::PortTaken(address.to_string()));
            }
            Err(source) => return Err(StartError::Listen { address: address.to_string(), source }),
        }
    }
    Err(StartError::PortsTaken)
}

/// Takes connections until the service stops, then waits for those that are open.
pub(crate) async fn accept_all(listener: TcpListener, service: Arc<Service>, terms: impl Fn() -> Terms) {
    let bounds = &service.bounds;
    let places = Arc::new(Semaphore::new(bounds.connections_max));
    let unproven = Arc::new(Semaphore::new(bounds.handshakes_max));
    let (open, told) = (TaskTracker::new(), Arc::<Told>::default());
    loop {
        let accepted = tokio::select! {
            () = service.stopping.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (mut stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection of a node not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let terms = terms();
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            refuse(
                &stream,
                &terms,
                &format!("{} connections are open, and it takes no more", bounds.connections_max),
            );
            tracing::warn!(%from, connections_max = bounds.connections_max, "connection refused: too many are open");
            continue;
        };
        let Ok(greeting) = Arc::clone(&unproven).try_acquire_owned() else {
            refuse(
                &stream,
                &terms,
                &format!("{} handshakes are under way, and it takes no more", bounds.handshakes_max),
            );
            continue;
        };
        let (service, told) = (Arc::clone(&service), Arc::clone(&told));
        open.spawn(async move {
            let met = greet(&mut stream, &terms, &service).await;
            drop(greeting);
            match met {
                Ok(met) => serve(service, stream, met).await,
                Err(HandshakeError::Refused(reason)) => told.tell(from, reason),
                Err(HandshakeError::Broken(reason)) => tracing::debug!(%from, reason, "no handshake"),
            }
            drop(place);
        });
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// What the log says of nodes that were refused: one that asks again and again for the same reason is told of once in a while.
#[derive(Default)]
struct Told(Mutex<Option<(String, Instant)>>);

/// How long the same refusal is not told again.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

impl Told {
    fn tell(&self, from: SocketAddr, reason: String) {
        let mut last = self.0.lock();
        let is_new = last.as_ref().is_none_or(|(told, at)| *told != reason || at.elapsed() >= TOLD_AGAIN);
        if is_new {
            tracing::warn!(%from, reason, "a node was refused");
            *last = Some((reason, Instant::now()));
        } else {
            tracing::debug!(%from, reason, "a node was refused again");
        }
    }
}

async fn greet(
    stream: &mut TcpStream,
    terms: &Terms,
    service: &Service,
) -> Result<crate::handshake::Met, HandshakeError> {
    prepare(stream)?;
    tokio::select! {
        () = service.stopping.cancelled() => Err(HandshakeError::Broken("the node is stopping".to_owned())),
        met = timeout(service.bounds.handshake_timeout, accept(stream, terms)) => met.unwrap_or_else(|_| {
            Err(HandshakeError::Broken("it did not come to an end with the handshake".to_owned()))
        }),
    }
}

/// Says why there is no place, as far as the socket takes it at once: whoever is too many is not waited for.
fn refuse(stream: &TcpStream, terms: &Terms, reason: &str) {
    let _unheard = stream.try_write(&busy(&format!("node {} says: {reason}", terms.identity)));
}
