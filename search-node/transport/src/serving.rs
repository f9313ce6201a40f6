//! The acceptor's side of a connection: calls come in, are handed to the handler, and are answered.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use daemon::CancellationToken;
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::assembly::Assembly;
use crate::connection::{Connection, Receiver, Violation, spawn};
use crate::frame::{Frame, Outcome, PART_BYTES_MAX};
use crate::handler::{Handler, Incoming};
use crate::handshake::Met;
use crate::identity::NodeIdentity;
use crate::lane::Lane;
use crate::options::Bounds;
use crate::outbox::{Head, Withdrawn};
use crate::room::Room;

/// What all connections from other nodes share.
pub(crate) struct Service {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) identity: Arc<ArcSwap<NodeIdentity>>,
    pub(crate) bounds: Bounds,
    /// Room for calls, by lane.
    pub(crate) rooms: HashMap<Lane, Room>,
    /// Cancelled once no more calls are taken.
    pub(crate) stopping: CancellationToken,
    /// Cancelled once nothing is waited for any more.
    pub(crate) stopped: CancellationToken,
}

/// A connection from another node.
struct Serving {
    service: Arc<Service>,
    connection: Arc<Connection>,
    peer: Arc<NodeIdentity>,
    /// Who this node said it was.
    own: Arc<NodeIdentity>,
    lane: Lane,
    room: Room,
    calls: Mutex<HashMap<u64, Call>>,
    handling: TaskTracker,
}

/// A call that is not answered yet.
#[derive(Debug)]
enum Call {
    Arriving { action: u16, assembly: Assembly },
    Handled { cancelled: CancellationToken },
}

/// Serves a stream whose handshake is done, until either side ends it.
pub(crate) async fn serve(service: Arc<Service>, stream: TcpStream, met: Met) {
    let connection = Arc::new(Connection::default());
    let Some(room) = service.rooms.get(&met.lane).cloned() else {
        return;
    };
    let serving = Arc::new(Serving {
        connection: Arc::clone(&connection),
        peer: met.peer,
        own: met.own,
        lane: met.lane,
        room,
        calls: Mutex::default(),
        handling: TaskTracker::new(),
        service: Arc::clone(&service),
    });
    let receiver: Arc<dyn Receiver> = Arc::<Serving>::clone(&serving);
    let writer = spawn(&connection, stream, &service.bounds, receiver);
    tokio::select! {
        () = connection.closed.cancelled() => {}
        () = service.stopped.cancelled() => {}
        () = async {
            service.stopping.cancelled().await;
            let _late = timeout(service.bounds.stop_within, serving.finish(writer)).await;
        } => {}
    }
    connection.close("the node stopped");
    serving.calls.lock().clear();
    tracing::debug!(peer = %serving.peer, lane = ?serving.lane, reason = connection.reason(), "connection ended");
}

impl Serving {
    /// Takes no more calls, and answers those that it has.
    async fn finish(&self, writer: tokio::task::JoinHandle<()>) {
        self.connection.outbox.say(Frame::Goodbye { reason: STOPPING.to_owned() });
        self.handling.close();
        self.handling.wait().await;
        self.connection.outbox.end();
        let _ended = writer.await;
    }

    fn answer(&self, id: u64, outcome: Outcome, body: Bytes) {
        self.connection.outbox.send(id, Head::Answer { outcome }, body);
    }

    fn refuse(&self, id: u64, reason: String) {
        self.answer(id, Outcome::NotTaken, Bytes::from(reason));
    }

    fn begin(self: Arc<Self>, id: u64, action: u16, total: u64, part: Bytes) -> Result<(), Violation> {
        let mut calls = self.calls.lock();
        let calls_max = self.service.bounds.calls_max;
        // A call that is answered leaves the table before its answer is in the outbox, so none is counted twice.
        if calls.len() + self.connection.outbox.len() >= calls_max {
            return Err(Violation::TooManyCalls(calls_max));
        }
        if calls.contains_key(&id) {
            return Err(Violation::Astray("a call under the id of another"));
        }
        self.check_identity()?;
        let body_bytes_max = self.service.bounds.body_bytes_max;
        if self.service.stopping.is_cancelled() {
            self.refuse(id, STOPPING.to_owned());
        } else if total <= PART_BYTES_MAX as u64 {
            let cancelled = self.handle(id, action, part, None);
            calls.insert(id, Call::Handled { cancelled });
        } else if let Some(size) = usize::try_from(total).ok().filter(|size| *size <= body_bytes_max) {
            calls.insert(id, Call::Arriving { action, assembly: Assembly::new(size) });
            tokio::spawn(Arc::clone(&self).make_room(id, size));
        } else {
            self.refuse(
                id,
                format!("a call of {total} bytes is longer than {body_bytes_max}; send less at a time"),
            );
        }
        Ok(())
    }

    /// A node that has joined another cluster since the handshake is no longer spoken with.
    fn check_identity(&self) -> Result<(), Violation> {
        let own = self.service.identity.load();
        if own.cluster_uuid == self.own.cluster_uuid {
            return Ok(());
        }
        own.quarrel(&self.peer).map_or(Ok(()), |quarrel| Err(Violation::Quarrel(quarrel)))
    }

    async fn make_room(self: Arc<Self>, id: u64, size: usize) {
        let Some(room) = self.room.of(size, &self.connection.closed).await else {
            return;
        };
        if let Some(Call::Arriving { assembly, .. }) = self.calls.lock().get_mut(&id) {
            assembly.grant(room);
            self.connection.outbox.say(Frame::Proceed { id });
        }
    }

    fn part(self: Arc<Self>, id: u64, part: &[u8]) -> Result<(), Violation> {
        let mut calls = self.calls.lock();
        let Some(Call::Arriving { assembly, .. }) = calls.get_mut(&id) else {
            return Err(Violation::Astray("a part of no call"));
        };
        if assembly.push(part)?
            && let Some(Call::Arriving { action, assembly }) = calls.remove(&id)
        {
            let (body, room) = assembly.finish();
            let cancelled = self.handle(id, action, body, room);
            calls.insert(id, Call::Handled { cancelled });
        }
        Ok(())
    }

    /// Hands a whole call to the handler. Its answer waits for the table, which the caller of this holds.
    fn handle(
        self: &Arc<Self>,
        id: u64,
        action: u16,
        body: Bytes,
        room: Option<OwnedSemaphorePermit>,
    ) -> CancellationToken {
        let cancelled = self.connection.closed.child_token();
        let call = Incoming {
            from: Arc::clone(&self.peer),
            lane: self.lane,
            action,
            body,
            // The handler may cancel its own; whether the caller gave up is seen by ours.
            cancelled: cancelled.child_token(),
        };
        let (serving, gave_up) = (Arc::clone(self), cancelled.clone());
        self.handling.spawn(async move {
            let handler = Arc::clone(&serving.service.handler);
            let result = AssertUnwindSafe(async { handler.handle(call).await }).catch_unwind().await;
            drop(room);
            let (outcome, body) = serving.outcome_of(result, action);
            let mut calls = serving.calls.lock();
            if calls.remove(&id).is_none() {
                return;
            }
            if gave_up.is_cancelled() {
                serving.answer(id, Outcome::Cancelled, Bytes::new());
            } else {
                serving.answer(id, outcome, body);
            }
        });
        cancelled
    }

    fn outcome_of(&self, result: std::thread::Result<Result<Bytes, Bytes>>, action: u16) -> (Outcome, Bytes) {
        let (outcome, body) = match result {
            Ok(Ok(body)) => (Outcome::Done, body),
            Ok(Err(body)) => (Outcome::Failed, body),
            Err(_) => {
                tracing::error!(action, peer = %self.peer, "the handler of a call broke");
                return (Outcome::Broken, Bytes::from_static(b"its handler broke; its log says where"));
            }
        };
        let max = self.service.bounds.body_bytes_max;
        if body.len() > max {
            let reason =
                format!("its answer of {} bytes is longer than {max}; ask for less at a time", body.len());
            tracing::error!(action, peer = %self.peer, reason, "an answer was not sent");
            return (Outcome::Broken, Bytes::from(reason));
        }
        (outcome, body)
    }

    fn cancel(&self, id: u64) {
        let mut calls = self.calls.lock();
        match calls.get(&id) {
            Some(Call::Handled { cancelled }) => cancelled.cancel(),
            Some(Call::Arriving { .. }) => {
                calls.remove(&id);
                self.answer(id, Outcome::Cancelled, Bytes::new());
            }
            // Its answer may wait here; where it is gone, there is nothing left to cancel.
            None => {
                if self.connection.outbox.withdraw(id) != Withdrawn::Gone {
                    self.answer(id, Outcome::Cancelled, Bytes::new());
                }
            }
        }
    }
}

impl Receiver for Serving {
    fn take(self: Arc<Self>, frame: Frame) -> Result<(), Violation> {
        match frame {
            Frame::Call { id, action, total, part } => self.begin(id, action, total, part)?,
            Frame::Part { id, part } => self.part(id, &part)?,
            Frame::Cancel { id } => self.cancel(id),
            Frame::Proceed { id } => self.connection.outbox.proceed(id),
            Frame::Answer { .. } => return Err(Violation::Astray("an answer to the one who answers")),
            Frame::Alive | Frame::Goodbye { .. } => {}
        }
        Ok(())
    }
}

const STOPPING: &str = "the node is stopping";
