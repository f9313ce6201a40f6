//! Calls between nodes.
//!
//! [`Transport`] is the façade: it listens, hands the calls of other nodes to a [`Handler`], and calls others. Behind it:
//! `listener` (who may come in), `handshake` (who is who), `links` (the connections to others), `connection` (one of them:
//! `outbox` and `frame`), `outgoing` and `serving` (its two sides).
//!
//! # Invariants
//!
//! - Before the handshake is done nothing of a connection reaches the handler: both sides have proven that they know the
//!   secret of the cluster, and their clusters are the same or may become so.
//! - A call that ended with [`CallError::NotSent`] or [`CallError::Refused`] was not handed to a handler and never will be.
//! - A short body waits for at most one part of each long one on its lane, and for nothing on the others.
//! - Nothing is allocated on the word of another node, and whatever it may have here at a time has a bound in [`Bounds`].
//!
//! What is asked and answered, and where the nodes are, is the business of whoever uses this. Nothing here is encrypted: who
//! listens to the network reads it, and who can change it there can speak after a handshake. The bytes are in
//! `docs/formats/transport.md`.
#![warn(missing_docs)]

mod assembly;
mod connection;
mod error;
mod frame;
mod handler;
mod handshake;
mod identity;
mod kept;
mod lane;
mod links;
mod listener;
mod options;
mod outbox;
mod outgoing;
mod room;
mod secret;
mod serving;
#[cfg(test)]
mod suite;
mod transport;

pub use error::{CallError, StartError};
pub use handler::{Handler, Incoming};
pub use identity::{NAME_BYTES_MAX, NodeIdentity, Peer};
pub use kept::{Kept, LinkState};
pub use lane::Lane;
pub use options::{Bounds, Options, PORTS, PROTOCOLS};
pub use secret::{SECRET_BYTES_MIN, Secret, SecretTooShort};
pub use transport::Transport;
