//! How a node listens and calls, and within which bounds.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::identity::NodeIdentity;
use crate::secret::Secret;

/// Ports tried in turn when none was asked for.
pub const PORTS: RangeInclusive<u16> = 9300..=9399;

/// The protocols that this version speaks. A new one comes with every change of what nodes say to one another, however small: they
/// would read one another wrongly. Each version speaks its own alone.
pub const PROTOCOLS: RangeInclusive<u16> = 2..=2;

/// What a transport is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port; none for the first free one of [`PORTS`], 0 for any.
    pub port: Option<u16>,
    /// Who this node is. A change counts from the next connection on; see [`crate::Transport`].
    pub identity: Arc<ArcSwap<NodeIdentity>>,
    /// What the nodes of the cluster share.
    pub secret: Secret,
    /// The protocols to speak, of those that this version knows.
    pub protocols: RangeInclusive<u16>,
    /// How much of everything.
    pub bounds: Bounds,
}

impl Options {
    /// A node on loopback with what is usual for the rest.
    pub fn new(identity: NodeIdentity, secret: Secret) -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: None,
            identity: Arc::new(ArcSwap::from_pointee(identity)),
            secret,
            protocols: PROTOCOLS,
            bounds: Bounds::default(),
        }
    }
}

/// How much of everything a transport takes.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The longest body of a call or an answer.
    pub body_bytes_max: usize,
    /// The bytes of long bodies that may arrive at a time, for each lane: once for calls, until they are answered, and once
    /// for answers, until they are whole. What is beyond waits at its sender. A single body may be longer, and then
    /// comes alone.
    pub arriving_bytes_max: usize,
    /// The calls that may be under way over one connection, each of which may bring a body of 64 KiB unasked. What is
    /// beyond waits at the caller.
    pub calls_max: usize,
    /// The connections from other nodes: each node has one for each lane.
    pub connections_max: usize,
    /// Of those, how many may be unproven: strangers must not keep nodes out.
    pub handshakes_max: usize,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How often each side says that it is alive.
    pub keep_alive: Duration,
    /// After how long without a byte the other side is dead: frozen, or cut off.
    pub silence_max: Duration,
    /// The first pause before a connection that is kept is tried again; it doubles with each failure.
    pub retry_pause: Duration,
    /// The longest of these pauses.
    pub retry_pause_max: Duration,
    /// How long an orderly end waits for the calls that are being handled.
    pub stop_within: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            // The longest proposal of the consensus is 128 MiB, and something is around it.
            body_bytes_max: 160 << 20,
            arriving_bytes_max: 64 << 20,
            // Many more than a node handles at a time, so that only a node that hangs is ever waited for here.
            calls_max: 1024,
            // A hundred nodes, each lane, and some that are not noticed dead yet.
            connections_max: 512,
            handshakes_max: 64,
            connect_timeout: Duration::from_secs(3),
            // Four small messages: only a host that swaps needs a second.
            handshake_timeout: Duration::from_secs(5),
            keep_alive: Duration::from_secs(1),
            // A pause of a second or two is usual on a loaded host; a node that is gone is noticed before a user repeats.
            silence_max: Duration::from_secs(5),
            retry_pause: Duration::from_millis(100),
            retry_pause_max: Duration::from_secs(10),
            stop_within: Duration::from_secs(10),
        }
    }
}
