//! What can go wrong between a sender and a receiver.

use std::time::Duration;

/// Bytes that are not the protocol, or more than a bound allows.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The first byte is neither version.
    #[error(
        "not the lumberjack protocol: a frame starts with byte {0:#04x}, not `1` or `2`; is the peer a beat, and without TLS?"
    )]
    Version(u8),
    /// A frame type that the protocol does not have.
    #[error("unknown frame type {0:#04x}")]
    Type(u8),
    /// A length above its bound.
    #[error("a {what} of {size} is above the bound of {max}; raise `{setting}` or send less at once")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// As declared or counted.
        size: u64,
        /// The bound.
        max: u64,
        /// The option that holds the bound.
        setting: &'static str,
    },
    /// A compressed frame that is not zlib.
    #[error("a compressed frame cannot be inflated: {0}")]
    Inflate(std::io::Error),
    /// A compressed frame that ends inside a frame, or holds another compressed one.
    #[error("a compressed frame holds {0}")]
    Nested(&'static str),
    /// An event outside any window.
    #[error("an event came without a window")]
    NoWindow,
}

/// Why events were not acked.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The receiver cannot be reached.
    #[error(
        "cannot connect to {host}: {source}; check that a shipper or Logstash with a beats input listens there"
    )]
    Connect {
        /// The receiver.
        host: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("the connection to {host} broke: {source}")]
    Broken {
        /// The receiver.
        host: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Neither an ack nor a keep-alive came in time.
    #[error("{host} sent no ack for {timeout:?}")]
    Timeout {
        /// The receiver.
        host: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// The receiver speaks something else.
    #[error("{host} answered wrongly: {source}")]
    Frame {
        /// The receiver.
        host: String,
        /// What was wrong.
        source: FrameError,
    },
    /// An ack for more than was sent.
    #[error("{host} acked event {acked} of a window of {window}")]
    Ack {
        /// The receiver.
        host: String,
        /// The sequence number acked.
        acked: u32,
        /// The window's events.
        window: u32,
    },
}
