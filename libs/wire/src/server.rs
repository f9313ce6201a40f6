//! The receiving end: each window becomes a batch, and its delivery becomes the ack.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use daemon::CancellationToken;
use daemon::clock::Clock;
use event::{AckHandle, Batch, Delivery, Event, Timestamp, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::error::{FrameError, WireError};
use crate::frame::{Frame, FrameLimits, decode, encode_ack, inflate};

/// Where and within which bounds to receive.
#[derive(Debug, Clone)]
pub struct WireServerOptions {
    /// The address to listen on; port 0 lets the system choose.
    pub address: String,
    /// The bounds of frames and windows.
    pub limits: FrameLimits,
    /// The most connections at a time.
    pub connections_max: usize,
    /// How long a connection may be silent between windows.
    pub idle_timeout: Duration,
    /// How often a sender that waits for its ack is told that we are alive.
    pub keep_alive: Duration,
    /// Gives events without `@timestamp` theirs.
    pub clock: Clock,
}

impl Default for WireServerOptions {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:5044".to_owned(),
            limits: FrameLimits::default(),
            connections_max: 1024,
            idle_timeout: Duration::from_secs(60),
            keep_alive: Duration::from_secs(3),
            clock: Clock::system(),
        }
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct WireServer {
    listener: TcpListener,
    options: WireServerOptions,
}

impl WireServer {
    /// Listens, but accepts nobody yet.
    pub async fn bind(options: WireServerOptions) -> Result<Self, WireError> {
        let listener = TcpListener::bind(&options.address)
            .await
            .map_err(|source| WireError::Bind { address: options.address.clone(), source })?;
        Ok(Self { listener, options })
    }

    /// The address in use.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Receives until `stop`; then no more windows are read, and it returns once those that were read have their answer.
    /// `sink` takes each batch; it waits while there is no room, and so holds back the sender.
    pub async fn run<S, F, E>(self, sink: S, stop: CancellationToken)
    where
        S: Fn(Batch) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.options.connections_max));
        let options = Arc::new(self.options);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
                Some(_ended) = connections.join_next() => continue,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: give the others time to end instead of spinning.
                    warn!(%error, "connection not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                warn!(%peer, connections_max = options.connections_max, "connection refused: too many are open");
                continue;
            };
            let connection = Connection {
                stream,
                options: Arc::clone(&options),
                received: BytesMut::new(),
                window: Window::default(),
            };
            let (sink, stop) = (sink.clone(), stop.clone());
            connections.spawn(async move {
                match connection.serve(sink, stop).await {
                    Ok(reason) => debug!(%peer, reason, "connection ended"),
                    Err(Ended::Wrong(error)) => warn!(%peer, %error, "connection closed"),
                    Err(Ended::Io(error)) => debug!(%peer, %error, "connection broke"),
                }
                drop(place);
            });
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

#[derive(Default)]
struct Window {
    expected: usize,
    inflated: usize,
    seq: u32,
    events: Vec<Event>,
}

struct Connection {
    stream: TcpStream,
    options: Arc<WireServerOptions>,
    received: BytesMut,
    window: Window,
}

enum Ended {
    Wrong(FrameError),
    Io(std::io::Error),
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        Self::Wrong(error)
    }
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Connection {
    async fn serve<S, F, E>(mut self, sink: S, stop: CancellationToken) -> Result<&'static str, Ended>
    where
        S: Fn(Batch) -> F,
        F: Future<Output = Result<(), E>>,
        E: Display,
    {
        self.stream.set_nodelay(true)?;
        loop {
            while let Some(frame) = decode(&mut self.received, &self.options.limits)? {
                self.take(frame)?;
                if self.window.expected > 0 && self.window.events.len() == self.window.expected {
                    if stop.is_cancelled() {
                        return Ok("stopping");
                    }
                    let window = std::mem::take(&mut self.window);
                    if !self.deliver(window, &sink).await? {
                        return Ok("the batch was abandoned");
                    }
                }
            }
            let read = tokio::select! {
                () = stop.cancelled() => return Ok("stopping"),
                read = timeout(self.options.idle_timeout, self.stream.read_buf(&mut self.received)) => read,
            };
            match read {
                Err(_) => return Ok("idle for too long"),
                Ok(read) => {
                    if read? == 0 {
                        return Ok("closed by its sender");
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), FrameError> {
        match frame {
            Frame::Compressed(bytes) => {
                let limits = self.options.limits;
                let room = limits.inflated_bytes_max.saturating_sub(self.window.inflated);
                let (frames, size) = inflate(&bytes, room, &limits)?;
                for frame in frames {
                    self.take_plain(frame)?;
                }
                self.window.inflated += size;
                Ok(())
            }
            Frame::Json { ref payload, .. } => {
                self.count(payload.len())?;
                self.take_plain(frame)
            }
            plain => self.take_plain(plain),
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), FrameError> {
        self.window.inflated += bytes;
        let max = self.options.limits.inflated_bytes_max;
        if self.window.inflated > max {
            return Err(FrameError::TooLarge {
                what: "window",
                size: self.window.inflated as u64,
                max: max as u64,
                setting: "inflated_bytes_max",
            });
        }
        Ok(())
    }

    fn take_plain(&mut self, frame: Frame) -> Result<(), FrameError> {
        let (seq, event) = match frame {
            Frame::Window(count) => return self.open(count as usize),
            Frame::Json { seq, payload } => (seq, event_of(&payload, self.now())),
            Frame::Pairs { seq, fields } => (seq, Event::from_object(fields, self.now())),
            Frame::Ack(_) => return Err(FrameError::Nested("an ack, which only a receiver sends")),
            Frame::Compressed(_) => return Err(FrameError::Nested("another compressed frame")),
        };
        if self.window.events.len() >= self.window.expected {
            return Err(FrameError::NoWindow);
        }
        self.window.seq = seq;
        self.window.events.push(event);
        Ok(())
    }

    fn open(&mut self, count: usize) -> Result<(), FrameError> {
        let max = self.options.limits.window_events_max;
        if count > max {
            return Err(FrameError::TooLarge {
                what: "window",
                size: count as u64,
                max: max as u64,
                setting: "window_events_max",
            });
        }
        self.window = Window { expected: count, ..Window::default() };
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(i128::from(self.options.clock.now_nanos()))
    }

    /// Hands a window on and answers it; false if it was abandoned, so that the sender must repeat it.
    async fn deliver<S, F, E>(&mut self, window: Window, sink: &S) -> Result<bool, std::io::Error>
    where
        S: Fn(Batch) -> F,
        F: Future<Output = Result<(), E>>,
        E: Display,
    {
        let (ack, mut answer) = ack_pair();
        let batch = Batch { events: window.events, acks: vec![ack] };
        let mut pushed = std::pin::pin!(sink(batch));
        let mut is_pushed = false;
        let mut alive = tokio::time::interval(self.options.keep_alive);
        alive.reset();
        loop {
            tokio::select! {
                delivery = &mut answer => {
                    if !matches!(delivery, Ok(Delivery::Delivered)) {
                        return Ok(false);
                    }
                    self.stream.write_all(&encode_ack(window.seq)).await?;
                    return Ok(true);
                }
                pushed = &mut pushed, if !is_pushed => {
                    is_pushed = true;
                    if let Err(error) = pushed {
                        debug!(%error, "batch not taken");
                        return Ok(false);
                    }
                }
                _ = alive.tick() => self.stream.write_all(&encode_ack(0)).await?,
            }
        }
    }
}

fn ack_pair() -> (AckHandle, oneshot::Receiver<Delivery>) {
    let (sender, receiver) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let ack = AckHandle::new(move |delivery| {
        let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A connection that is gone wants no answer; its sender will repeat.
        let _unheard = sender.map(|sender| sender.send(delivery));
    });
    (ack, receiver)
}

/// An event that is no JSON object costs only itself: it goes on as a message that says so.
fn event_of(payload: &[u8], now: Timestamp) -> Event {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(fields)) => Event::from_object(fields, now),
        _ => {
            let mut event = Event::at(now);
            event.set("message", String::from_utf8_lossy(payload).into_owned());
            event.tag("_jsonparsefailure");
            event
        }
    }
}
