//! The caller's side of a connection: calls go out, answers come back.
//!
//! A call keeps its place until the other side has answered it, even if nobody waits any more: only then is it certain
//! that the other side does nothing more for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::assembly::Assembly;
use crate::connection::{Connection, Receiver, Violation, spawn};
use crate::error::CallError;
use crate::frame::{Frame, Outcome, PART_BYTES_MAX, readable};
use crate::handshake::Met;
use crate::identity::NodeIdentity;
use crate::options::Bounds;
use crate::outbox::{Head, Withdrawn};
use crate::room::Room;

/// A connection over which this node calls another. It closes when nobody holds it any more.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) peer: Arc<NodeIdentity>,
    /// Who this node said it was.
    pub(crate) own: Arc<NodeIdentity>,
    places: Arc<Semaphore>,
    calls: Arc<Calls>,
}

/// The calls that are under way.
#[derive(Debug)]
struct Calls {
    to: String,
    connection: Arc<Connection>,
    body_bytes_max: usize,
    room: Room,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    is_closed: bool,
    calls: HashMap<u64, Call>,
}

#[derive(Debug)]
struct Call {
    /// None once nobody waits.
    waiter: Option<oneshot::Sender<Result<Bytes, CallError>>>,
    arriving: Option<(Outcome, Assembly)>,
    _place: OwnedSemaphorePermit,
}

impl Outgoing {
    /// Calls over a stream whose handshake is done.
    pub(crate) fn start(to: &str, stream: TcpStream, met: Met, bounds: &Bounds, room: Room) -> Self {
        let connection = Arc::new(Connection::default());
        let places = Arc::new(Semaphore::new(met.calls_max as usize));
        let calls = Arc::new(Calls {
            to: to.to_owned(),
            connection: Arc::clone(&connection),
            body_bytes_max: bounds.body_bytes_max,
            room,
            table: Mutex::default(),
        });
        let receiver: Arc<dyn Receiver> = Arc::<Calls>::clone(&calls);
        spawn(&connection, stream, bounds, receiver);
        let (ending, closing) = (Arc::clone(&calls), Arc::clone(&places));
        tokio::spawn(async move {
            ending.connection.closed.cancelled().await;
            closing.close();
            ending.fail_all();
        });
        Self { peer: met.peer, own: met.own, places, calls }
    }

    /// Whether new calls may go over it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.calls.connection.retired.is_cancelled()
    }

    /// Lets no new calls go over it.
    pub(crate) fn retire(&self, reason: &str) {
        self.calls.connection.retire(reason);
    }

    /// Waits until no new calls may go over it, and says why.
    pub(crate) async fn retired(&self) -> String {
        self.calls.connection.retired.cancelled().await;
        self.calls.connection.reason()
    }

    /// Ends it and everything under way over it.
    pub(crate) fn close(&self, reason: &str) {
        self.calls.connection.close(reason);
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn call(&self, action: u16, body: Bytes, deadline: Instant) -> Result<Bytes, CallError> {
        let calls = &self.calls;
        let place = match timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(CallError::not_sent(&calls.to, calls.connection.reason())),
            Err(_) => {
                let reason = "as many calls as it takes were under way until the time was over";
                return Err(CallError::not_sent(&calls.to, reason));
            }
        };
        let (waiter, answer) = oneshot::channel();
        let id = calls.begin(waiter, place, action, body)?;
        let waiting = Waiting { calls, id };
        match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallError::unknown(&calls.to, calls.connection.reason())),
            Err(_) => Err(match waiting.calls.give_up(id) {
                Withdrawn::Gone => CallError::unknown(&calls.to, "the time was over"),
                _ => CallError::not_sent(&calls.to, "the time was over before all of it was sent"),
            }),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.close("this node closed the connection");
    }
}

/// Somebody waits for an answer; a future that is dropped waits no longer.
struct Waiting<'a> {
    calls: &'a Calls,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.give_up(self.id);
    }
}

impl Calls {
    fn begin(
        &self,
        waiter: oneshot::Sender<Result<Bytes, CallError>>,
        place: OwnedSemaphorePermit,
        action: u16,
        body: Bytes,
    ) -> Result<u64, CallError> {
        let mut table = self.table.lock();
        if table.is_closed {
            return Err(CallError::not_sent(&self.to, self.connection.reason()));
        }
        table.last += 1;
        let id = table.last;
        table.calls.insert(id, Call { waiter: Some(waiter), arriving: None, _place: place });
        self.connection.outbox.send(id, Head::Call { action }, body);
        Ok(id)
    }

    /// Waits no longer for an answer. A call that has one has nothing to give up.
    fn give_up(&self, id: u64) -> Withdrawn {
        let mut table = self.table.lock();
        let Entry::Occupied(mut call) = table.calls.entry(id) else {
            return Withdrawn::Gone;
        };
        if call.get_mut().waiter.take().is_none() {
            return Withdrawn::Gone;
        }
        if let Some((_, assembly)) = &mut call.get_mut().arriving {
            assembly.forget();
        }
        let withdrawn = self.connection.outbox.withdraw(id);
        if withdrawn == Withdrawn::NotBegun {
            call.remove();
        } else {
            self.connection.outbox.say(Frame::Cancel { id });
        }
        withdrawn
    }

    /// The connection is closed: whoever waits is told, and whether the call may have been carried out.
    fn fail_all(&self) {
        let mut table = self.table.lock();
        table.is_closed = true;
        let reason = self.connection.reason();
        for (id, call) in table.calls.drain() {
            let error = match self.connection.outbox.withdraw(id) {
                Withdrawn::Gone => CallError::unknown(&self.to, &reason),
                _ => CallError::not_sent(&self.to, &reason),
            };
            let _unheard = call.waiter.map(|waiter| waiter.send(Err(error)));
        }
    }

    fn result(&self, outcome: Outcome, body: Bytes) -> Result<Bytes, CallError> {
        match outcome {
            Outcome::Done => Ok(body),
            Outcome::Failed => Err(CallError::Failed(body)),
            Outcome::Broken => Err(CallError::unknown(&self.to, readable(&body))),
            Outcome::NotTaken => Err(CallError::not_sent(&self.to, readable(&body))),
            Outcome::Cancelled => Err(CallError::unknown(&self.to, "it gave the call up")),
        }
    }

    fn answer(self: &Arc<Self>, id: u64, outcome: Outcome, total: u64, part: Bytes) -> Result<(), Violation> {
        let mut table = self.table.lock();
        let Entry::Occupied(mut call) = table.calls.entry(id) else {
            return Err(Violation::Astray("an answer to no call"));
        };
        // An answer may come before the whole call was sent; the rest is of no use then.
        self.connection.outbox.withdraw(id);
        if total <= PART_BYTES_MAX as u64 {
            let waiter = call.remove().waiter;
            let _unheard = waiter.map(|waiter| waiter.send(self.result(outcome, part)));
            return Ok(());
        }
        let call = call.get_mut();
        if call.arriving.is_some() {
            return Err(Violation::Astray("a second answer"));
        }
        let size = usize::try_from(total).unwrap_or(usize::MAX);
        let mut assembly = Assembly::new(size);
        let is_wanted = call.waiter.is_some() && size <= self.body_bytes_max;
        if is_wanted {
            tokio::spawn(Arc::clone(self).make_room(id, size));
        } else {
            // That may have been said before, when the answer was neither here nor there.
            assembly.forget();
            self.connection.outbox.say(Frame::Cancel { id });
        }
        call.arriving = Some((outcome, assembly));
        if !is_wanted && let Some(waiter) = call.waiter.take() {
            let reason = format!(
                "its answer of {total} bytes is longer than {}; ask for less at a time",
                self.body_bytes_max
            );
            let _unheard = waiter.send(Err(CallError::unknown(&self.to, reason)));
        }
        Ok(())
    }

    async fn make_room(self: Arc<Self>, id: u64, size: usize) {
        let Some(room) = self.room.of(size, &self.connection.closed).await else {
            return;
        };
        let mut table = self.table.lock();
        let wanted = table.calls.get_mut(&id).filter(|call| call.waiter.is_some());
        if let Some((_, assembly)) = wanted.and_then(|call| call.arriving.as_mut()) {
            assembly.grant(room);
            self.connection.outbox.say(Frame::Proceed { id });
        }
    }

    fn part(&self, id: u64, part: &[u8]) -> Result<(), Violation> {
        let mut table = self.table.lock();
        let Entry::Occupied(mut call) = table.calls.entry(id) else {
            return Err(Violation::Astray("a part of no answer"));
        };
        let Some((_, assembly)) = &mut call.get_mut().arriving else {
            return Err(Violation::Astray("a part of no answer"));
        };
        if assembly.push(part)? {
            let call = call.remove();
            if let (Some(waiter), Some((outcome, assembly))) = (call.waiter, call.arriving) {
                let (body, _room) = assembly.finish();
                let _unheard = waiter.send(self.result(outcome, body));
            }
        }
        Ok(())
    }
}

impl Receiver for Calls {
    fn take(self: Arc<Self>, frame: Frame) -> Result<(), Violation> {
        match frame {
            Frame::Answer { id, outcome, total, part } => self.answer(id, outcome, total, part),
            Frame::Part { id, part } => self.part(id, &part),
            Frame::Proceed { id } => {
                self.connection.outbox.proceed(id);
                Ok(())
            }
            Frame::Call { .. } | Frame::Cancel { .. } => {
                Err(Violation::Astray("a call to the one who calls"))
            }
            Frame::Alive | Frame::Goodbye { .. } => Ok(()),
        }
    }
}
