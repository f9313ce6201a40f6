//! Nodes over real sockets of this host.

mod calls;
mod faults;
mod handshakes;
mod strangers;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use daemon::CancellationToken;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::frame::{Frame, decode, encode};
use crate::handshake::{self, Met};
use crate::links::terms_of;
use crate::{Bounds, Handler, Incoming, Lane, NodeIdentity, Options, Secret, Transport};

/// Longer than anything takes that is not broken.
const PATIENCE: Duration = Duration::from_secs(60);
const LONG: usize = 5 << 20;

const ECHO: u16 = 1;
const FAIL: u16 = 2;
const BREAK: u16 = 3;
/// Ends when a gate opens, or with `cancelled` when nobody waits any more.
const WAIT: u16 = 4;
/// An answer of as many bytes as the body says.
const MAKE: u16 = 5;
/// Who calls.
const WHO: u16 = 6;

/// Answers by action, and tells how it went.
struct Desk {
    gate: Semaphore,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    done: AtomicUsize,
    cancelled: AtomicUsize,
}

impl Desk {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gate: Semaphore::new(0),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
        })
    }

    async fn wait(&self, cancelled: &CancellationToken) -> Result<Bytes, Bytes> {
        tokio::select! {
            opened = self.gate.acquire() => {
                opened.expect("never closed").forget();
                Ok(Bytes::from_static(b"waited"))
            }
            () = cancelled.cancelled() => {
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(Bytes::from_static(b"cancelled"))
            }
        }
    }
}

impl Handler for Desk {
    fn handle(&self, call: Incoming) -> BoxFuture<'_, Result<Bytes, Bytes>> {
        async move {
            let count = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_under_way.fetch_max(count, Ordering::SeqCst);
            let result = match call.action {
                ECHO => Ok(call.body),
                FAIL => Err(call.body),
                WAIT => self.wait(&call.cancelled).await,
                MAKE => {
                    let size = u64::from_le_bytes(call.body[..].try_into().expect("a number"));
                    Ok(Bytes::from(vec![5; size as usize]))
                }
                WHO => Ok(Bytes::from(format!("{} {:?}", call.from.node_name, call.from.cluster_uuid))),
                _ => {
                    self.under_way.fetch_sub(1, Ordering::SeqCst);
                    panic!("asked to break")
                }
            };
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            self.done.fetch_add(1, Ordering::SeqCst);
            result
        }
        .boxed()
    }
}

fn identity(name: &str) -> NodeIdentity {
    NodeIdentity {
        cluster_name: "weir".to_owned(),
        cluster_uuid: None,
        node_name: name.to_owned(),
        node_id: rand::random(),
        ephemeral_id: rand::random(),
        version: "0.1.0".to_owned(),
    }
}

fn secret() -> Secret {
    Secret::new(&[42; 32]).expect("long enough")
}

/// A node of tests, on any free port.
fn options(name: &str) -> Options {
    Options { port: Some(0), ..Options::new(identity(name), secret()) }
}

/// With a short patience for the dead.
fn impatient(name: &str) -> Options {
    let bounds = Bounds {
        keep_alive: Duration::from_millis(50),
        silence_max: Duration::from_millis(1_000),
        handshake_timeout: Duration::from_millis(1_000),
        ..Bounds::default()
    };
    Options { bounds, ..options(name) }
}

async fn start(options: Options) -> (Transport, Arc<Desk>) {
    let desk = Desk::new();
    let handler: Arc<dyn Handler> = Arc::<Desk>::clone(&desk);
    (Transport::start(options, handler).await.expect("listens"), desk)
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn under_way(desk: &Desk) -> usize {
    desk.under_way.load(Ordering::SeqCst)
}

/// One end of a connection in the hands of a test.
struct Raw {
    stream: TcpStream,
    received: BytesMut,
}

impl Raw {
    /// Greets a node.
    async fn call(transport: &Transport, options: &Options, lane: Lane) -> (Self, Met) {
        let mut stream = TcpStream::connect(transport.address()).await.expect("connects");
        let met = handshake::call(&mut stream, &terms_of(options), lane).await.expect("accepted");
        (Self { stream, received: BytesMut::new() }, met)
    }

    /// Is greeted by a node.
    async fn accept(mut stream: TcpStream, options: &Options) -> Self {
        handshake::accept(&mut stream, &terms_of(options)).await.expect("accepted");
        Self { stream, received: BytesMut::new() }
    }

    async fn send(&mut self, frames: &[Frame]) {
        let mut bytes = BytesMut::new();
        frames.iter().for_each(|frame| encode(frame, &mut bytes));
        self.stream.write_all(&bytes).await.expect("sent");
    }

    /// The next frame that says something; none at the end.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            match decode(&mut self.received).expect("a frame") {
                Some(Frame::Alive) => {}
                Some(frame) => return Some(frame),
                None => match self.stream.read_buf(&mut self.received).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                },
            }
        }
    }
}
