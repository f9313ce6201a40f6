//! Lumberjack v2, the protocol between beats and shipper: frames, client, server.
//!
//! A sender opens a window (`2W`), sends its events (`2J`, mostly inside compressed `2C` frames) and waits for acks (`2A`).
//! A real Filebeat can so ship to our shipper, and our beats to a real Logstash.
//!
//! # Invariants
//!
//! - The server acks a window only once its batch was delivered; it closes the connection when the batch was abandoned.
//! - Nothing that a peer declares is allocated in advance: buffers grow with bytes that arrived, up to [`FrameLimits`].
//!
//! TLS is not here yet.

mod client;
mod error;
mod frame;
mod server;

pub use client::{WireClient, WireOptions, payload};
pub use error::{FrameError, WireError};
pub use frame::{Frame, FrameLimits, decode, encode_ack, encode_json, encode_window, inflate};
pub use server::{WireServer, WireServerOptions};
