//! The sending end: windows out, acks back.

use std::time::Duration;

use bytes::BytesMut;
use event::{Event, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::{FrameError, WireError};
use crate::frame::{Frame, FrameLimits, decode, encode_compressed, encode_json, encode_window};

/// Plain bytes that go into one compressed frame: large enough to compress well, far below a receiver's bound.
const COMPRESSED_PART_BYTES: usize = 1 << 20;

/// How to send.
#[derive(Debug, Clone)]
pub struct WireOptions {
    /// The receiver, e.g. `127.0.0.1:5044`.
    pub host: String,
    /// How long to wait for the next ack or keep-alive, and for the connection.
    pub timeout: Duration,
    /// zlib's level, 0 (no compression) to 9.
    pub compression_level: u32,
    /// The most events of one window.
    pub window_max: usize,
    /// The most bytes of one window's events, unless a single one is longer: below the receiver's `inflated_bytes_max`.
    pub window_bytes_max: usize,
}

impl Default for WireOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1:5044".to_owned(),
            timeout: Duration::from_secs(30),
            compression_level: 3,
            window_max: 2048,
            window_bytes_max: 32 << 20,
        }
    }
}

/// An event as it goes over the wire.
pub fn payload(event: &Event) -> Vec<u8> {
    Value::Object(event.to_wire()).to_string().into_bytes()
}

/// A connection to a receiver. After an error it is of no more use: connect anew and repeat what was not acked.
#[derive(Debug)]
pub struct WireClient {
    stream: TcpStream,
    options: WireOptions,
    received: BytesMut,
    acked: usize,
}

impl WireClient {
    /// Connects.
    pub async fn connect(options: WireOptions) -> Result<Self, WireError> {
        let failed = |source| WireError::Connect { host: options.host.clone(), source };
        let stream = timeout(options.timeout, TcpStream::connect(&options.host))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self { stream, options, received: BytesMut::new(), acked: 0 })
    }

    /// Sends events, and returns once all are acked.
    pub async fn send(&mut self, events: &[Event]) -> Result<(), WireError> {
        self.send_payloads(&events.iter().map(payload).collect::<Vec<_>>()).await
    }

    /// Sends events that are encoded already, and returns once all are acked. A receiver refuses an event of more than
    /// its `frame_bytes_max` however often it comes, so the caller leaves those out.
    pub async fn send_payloads(&mut self, payloads: &[Vec<u8>]) -> Result<(), WireError> {
        self.acked = 0;
        let mut rest = payloads;
        while !rest.is_empty() {
            let (window, later) = rest.split_at(self.window(rest));
            let base = self.acked;
            let bytes = self.encode(window).map_err(|source| self.broken(source))?;
            match timeout(self.options.timeout, self.stream.write_all(&bytes)).await {
                Ok(written) => written.map_err(|source| self.broken(source))?,
                Err(_) => return Err(self.timed_out()),
            }
            self.await_acks(base, window.len()).await?;
            rest = later;
        }
        Ok(())
    }

    /// How many of the payloads go into the next window: at least one.
    fn window(&self, payloads: &[Vec<u8>]) -> usize {
        let mut bytes = 0_usize;
        let fits = |payload: &&Vec<u8>| {
            bytes = bytes.saturating_add(payload.len());
            bytes <= self.options.window_bytes_max
        };
        payloads.iter().take(self.options.window_max).take_while(fits).count().max(1)
    }

    /// How many events of the last [`WireClient::send`], from its start, were acked: after an error only the others need repeating.
    pub fn acked(&self) -> usize {
        self.acked
    }

    fn encode(&self, window: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        encode_window(&mut out, u32::try_from(window.len()).unwrap_or(u32::MAX));
        let mut plain = Vec::new();
        for (seq, json) in (1..).zip(window) {
            // A long event gets a compressed frame of its own, or that could be longer than the event may be.
            if plain.len() + json.len() > COMPRESSED_PART_BYTES {
                self.put(&mut out, &mut plain)?;
            }
            encode_json(&mut plain, seq, json);
        }
        self.put(&mut out, &mut plain)?;
        Ok(out)
    }

    fn put(&self, out: &mut Vec<u8>, plain: &mut Vec<u8>) -> std::io::Result<()> {
        if self.options.compression_level == 0 {
            out.append(plain);
        } else if !plain.is_empty() {
            encode_compressed(out, plain, self.options.compression_level)?;
            plain.clear();
        }
        Ok(())
    }

    async fn await_acks(&mut self, base: usize, window: usize) -> Result<(), WireError> {
        while self.acked < base + window {
            let seq = match timeout(self.options.timeout, self.next_ack()).await {
                Ok(seq) => seq?,
                Err(_) => return Err(self.timed_out()),
            };
            if seq as usize > window {
                return Err(WireError::Ack {
                    host: self.options.host.clone(),
                    acked: seq,
                    window: u32::try_from(window).unwrap_or(u32::MAX),
                });
            }
            self.acked = self.acked.max(base + seq as usize);
        }
        Ok(())
    }

    async fn next_ack(&mut self) -> Result<u32, WireError> {
        loop {
            let wrong = |source| WireError::Frame { host: self.options.host.clone(), source };
            match decode(&mut self.received, &FrameLimits::default()).map_err(wrong)? {
                Some(Frame::Ack(seq)) => return Ok(seq),
                Some(_) => return Err(wrong(FrameError::Nested("something that is no ack"))),
                None => {}
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(self.broken(std::io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {}
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    fn broken(&self, source: std::io::Error) -> WireError {
        WireError::Broken { host: self.options.host.clone(), source }
    }

    fn timed_out(&self) -> WireError {
        WireError::Timeout { host: self.options.host.clone(), timeout: self.options.timeout }
    }
}
