//! One connection after its handshake: a task that writes what the outbox holds, and one that reads.
//!
//! Each side says at least once in a while that it is alive, whatever else it does, and takes the other for dead when it has
//! heard nothing for long. Nobody stops reading for want of room, so silence has no other meaning.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use daemon::CancellationToken;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::frame::{Frame, FrameError, HEADER_BYTES, PART_BYTES_MAX, decode, encode};
use crate::options::Bounds;
use crate::outbox::Outbox;

/// So much may wait in the system's buffer for the network; more would stand before a short word.
const UNSENT_BYTES_MAX: u32 = 2 * PART_BYTES_MAX as u32;

/// What both sides of a connection have.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) outbox: Outbox,
    /// Nothing more comes or goes.
    pub(crate) closed: CancellationToken,
    /// No new calls go over it; those under way do.
    pub(crate) retired: CancellationToken,
    /// The first reason for either.
    reason: Mutex<Option<String>>,
}

/// Why the other side is not listened to any longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Violation {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Assembly(#[from] crate::assembly::AssemblyError),
    #[error("it sent what has no place here: {0}")]
    Astray(&'static str),
    #[error("more than {0} calls are under way")]
    TooManyCalls(usize),
    #[error("{0}")]
    Quarrel(String),
}

/// Takes the frames that arrive.
pub(crate) trait Receiver: Send + Sync + 'static {
    fn take(self: Arc<Self>, frame: Frame) -> Result<(), Violation>;
}

impl Connection {
    /// Ends it. The first reason is kept.
    pub(crate) fn close(&self, reason: impl Into<String>) {
        self.retire(reason);
        self.closed.cancel();
    }

    /// Takes no more calls over it. The first reason is kept.
    pub(crate) fn retire(&self, reason: impl Into<String>) {
        self.reason.lock().get_or_insert_with(|| reason.into());
        self.retired.cancel();
    }

    /// Why it is closed or retired.
    pub(crate) fn reason(&self) -> String {
        self.reason.lock().clone().unwrap_or_else(|| "the connection is open".to_owned())
    }

    /// Tells the other side why this one ends it, as far as that is still heard.
    pub(crate) fn close_with_word(&self, reason: String) {
        self.retire(reason.as_str());
        self.outbox.abandon(Frame::Goodbye { reason });
    }
}

/// Sets what every connection needs.
pub(crate) fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
}

/// Writes what the outbox holds until all was said or the connection is closed.
pub(crate) async fn write(connection: Arc<Connection>, mut stream: OwnedWriteHalf, keep_alive: Duration) {
    let mut out = BytesMut::with_capacity(2 * PART_BYTES_MAX);
    let mut alive = interval(keep_alive);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        out.clear();
        if !connection.outbox.fill(&mut out) {
            let _unheard = stream.shutdown().await;
            return;
        }
        if out.is_empty() {
            tokio::select! {
                () = connection.closed.cancelled() => return,
                () = connection.outbox.news() => continue,
                _ = alive.tick() => encode(&Frame::Alive, &mut out),
            }
        }
        let written = tokio::select! {
            () = connection.closed.cancelled() => return,
            written = stream.write_all(&out) => written,
        };
        if let Err(error) = written {
            return connection.close(format!("the connection broke: {error}"));
        }
    }
}

/// Reads until the connection ends, by whichever side.
pub(crate) async fn read(
    connection: Arc<Connection>,
    mut stream: OwnedReadHalf,
    silence_max: Duration,
    receiver: Arc<dyn Receiver>,
) {
    let mut received = BytesMut::with_capacity(2 * PART_BYTES_MAX);
    loop {
        loop {
            let taken = match decode(&mut received) {
                Ok(None) => break,
                Ok(Some(Frame::Alive)) => Ok(()),
                Ok(Some(Frame::Goodbye { reason })) => {
                    connection.retire(format!("the other node says: {reason}"));
                    Ok(())
                }
                Ok(Some(frame)) => Arc::clone(&receiver).take(frame),
                Err(error) => Err(error.into()),
            };
            if let Err(violation) = taken {
                tracing::warn!(%violation, "connection between nodes closed");
                connection.close_with_word(violation.to_string());
                // Whoever does not read its last word is not waited for.
                let _said = timeout(silence_max, connection.closed.cancelled()).await;
                return connection.close("the other node does not read");
            }
        }
        received.reserve(HEADER_BYTES + PART_BYTES_MAX);
        let read = tokio::select! {
            () = connection.closed.cancelled() => return,
            read = timeout(silence_max, stream.read_buf(&mut received)) => read,
        };
        match read {
            Ok(Ok(0)) => return connection.close("the other node closed the connection"),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return connection.close(format!("the connection broke: {error}")),
            Err(_) => {
                let reason = format!(
                    "nothing was heard for {} ms, so the other node is frozen or cut off",
                    silence_max.as_millis()
                );
                return connection.close(reason);
            }
        }
    }
}

/// The two tasks of a connection. When the writer has said all, the connection is closed.
pub(crate) fn spawn(
    connection: &Arc<Connection>,
    stream: TcpStream,
    bounds: &Bounds,
    receiver: Arc<dyn Receiver>,
) -> tokio::task::JoinHandle<()> {
    let (reading, writing) = stream.into_split();
    let (keep_alive, silence_max) = (bounds.keep_alive, bounds.silence_max);
    let (reader, writer) = (Arc::clone(connection), Arc::clone(connection));
    tokio::spawn(read(reader, reading, silence_max, receiver));
    tokio::spawn(async move {
        write(Arc::clone(&writer), writing, keep_alive).await;
        writer.close("all was said");
    })
}
