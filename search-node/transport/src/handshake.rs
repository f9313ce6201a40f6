//! The handshake: before anything else each side learns who the other is, and that it knows the secret of the cluster.
//!
//! ```text
//!  caller                                    acceptor
//!    hello: protocols, lane, nonce, identity  ──►
//!                                             ◄──  welcome: protocol, nonce, identity; proof   (or: refused, busy)
//!    proof                                    ──►
//!                                             ◄──  accepted                                    (or: refused)
//! ```
//!
//! A proof is a keyed hash over the role of its sender and both first messages, byte for byte: so it holds for this pair
//! of nonces only, cannot be sent back to its maker, and covers every name and version that was said.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::frame::{REASON_BYTES_MAX, readable, shortened};
use crate::identity::NodeIdentity;
use crate::lane::Lane;
use crate::secret::{Role, Secret};

/// What a connection begins with, on both sides; the last digit is the version of the handshake.
const MAGIC: &[u8; 8] = b"WEIRTRN1";
/// The longest body of a message: four names and some numbers, and room for what later versions say.
const BODY_BYTES_MAX: usize = 4096;

/// What the caller says first.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    lane: u8,
    nonce: [u8; 32],
    identity: NodeIdentity,
}

/// What the acceptor says to it.
#[derive(Debug, Serialize, Deserialize)]
struct Welcome {
    protocol: u16,
    nonce: [u8; 32],
    identity: NodeIdentity,
    calls_max: u32,
}

/// Kinds of replies.
mod kind {
    pub(super) const WELCOME: u8 = 1;
    pub(super) const REFUSED: u8 = 2;
    pub(super) const ACCEPTED: u8 = 3;
    pub(super) const BUSY: u8 = 4;
}

/// What a node brings to a handshake.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) identity: Arc<NodeIdentity>,
    pub(crate) secret: Secret,
    pub(crate) protocols: RangeInclusive<u16>,
    /// How many calls the other side may have under way.
    pub(crate) calls_max: u32,
}

/// What both know afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Met {
    /// The other side.
    pub(crate) peer: Arc<NodeIdentity>,
    /// Who this node said it was.
    pub(crate) own: Arc<NodeIdentity>,
    pub(crate) lane: Lane,
    /// How many calls the caller may have under way.
    pub(crate) calls_max: u32,
}

/// Why nothing comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// Until somebody does something about it.
    Refused(String),
    /// This time.
    Broken(String),
}

impl From<std::io::Error> for HandshakeError {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "it closed the connection during the handshake".to_owned(),
            _ => format!("the handshake broke: {error}"),
        })
    }
}

/// The caller's side.
pub(crate) async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    terms: &Terms,
    lane: Lane,
) -> Result<Met, HandshakeError> {
    let (lowest, highest) = (terms.protocols.start(), terms.protocols.end());
    let identity = NodeIdentity::clone(&terms.identity);
    let body = encode(&Hello { lane: lane.number(), nonce: rand::random(), identity })?;
    let mut hello = Vec::with_capacity(14 + body.len());
    hello.extend_from_slice(MAGIC);
    hello.extend_from_slice(&lowest.to_le_bytes());
    hello.extend_from_slice(&highest.to_le_bytes());
    hello.extend_from_slice(&(body.len() as u16).to_le_bytes());
    hello.extend_from_slice(&body);
    stream.write_all(&hello).await?;

    let said = read_reply(stream, kind::WELCOME).await?;
    let mut proof = [0; blake3::OUT_LEN];
    stream.read_exact(&mut proof).await?;
    let welcome: Welcome = decode(&said)?;
    check_names(&welcome.identity)?;
    if let Some(quarrel) = terms.identity.quarrel(&welcome.identity) {
        return Err(HandshakeError::Refused(format!(
            "this node differs from {}: {quarrel}",
            welcome.identity
        )));
    }
    if terms.secret.proof(Role::Acceptor, &hello, &said) != blake3::Hash::from_bytes(proof) {
        return Err(HandshakeError::Refused(format!(
            "node {} knows another secret than this node; {SECRET_REMEDY}",
            welcome.identity
        )));
    }
    if !terms.protocols.contains(&welcome.protocol) {
        return Err(HandshakeError::Refused(format!(
            "node {} chose protocol {}, which this node does not speak; start all nodes of the cluster with one build",
            welcome.identity, welcome.protocol
        )));
    }
    stream.write_all(terms.secret.proof(Role::Caller, &hello, &said).as_bytes()).await?;
    read_reply(stream, kind::ACCEPTED).await?;
    Ok(Met {
        peer: Arc::new(welcome.identity),
        own: Arc::clone(&terms.identity),
        lane,
        calls_max: welcome.calls_max,
    })
}

const SECRET_REMEDY: &str = "start both as the same user on one host, or give both the same secret";

/// The acceptor's side. A caller that is refused is told why.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    terms: &Terms,
) -> Result<Met, HandshakeError> {
    let accepted = meet(stream, terms).await;
    if let Err(HandshakeError::Refused(reason)) = &accepted {
        let own = &terms.identity;
        stream.write_all(&reply(kind::REFUSED, format!("node {own} says: {reason}").as_bytes())).await?;
        stream.shutdown().await?;
    }
    accepted
}

async fn meet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    terms: &Terms,
) -> Result<Met, HandshakeError> {
    let mut head = [0; 14];
    stream.read_exact(&mut head[..8]).await?;
    if &head[..8] != MAGIC {
        // Whoever speaks another language understands no reply either.
        return Err(HandshakeError::Broken(format!(
            "it speaks no transport protocol: `{}`",
            readable(&head[..8])
        )));
    }
    stream.read_exact(&mut head[8..]).await?;
    let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let (lowest, highest, length) = (number(8), number(10), number(12) as usize);
    if length > BODY_BYTES_MAX {
        return Err(HandshakeError::Broken(format!(
            "its hello of {length} bytes is longer than {BODY_BYTES_MAX}"
        )));
    }
    let mut hello = head.to_vec();
    hello.resize(14 + length, 0);
    stream.read_exact(&mut hello[14..]).await?;

    let protocol = common(&terms.protocols, lowest..=highest)?;
    let Hello { lane, identity: peer, .. } = decode(&hello[14..])?;
    check_names(&peer)?;
    let lane = Lane::of(lane).ok_or_else(|| {
        HandshakeError::Refused(format!("it has no lane {lane} as node {peer} asks; upgrade the older one"))
    })?;
    if let Some(quarrel) = terms.identity.quarrel(&peer) {
        return Err(HandshakeError::Refused(quarrel));
    }
    let identity = NodeIdentity::clone(&terms.identity);
    let welcome = encode(&Welcome { protocol, nonce: rand::random(), identity, calls_max: terms.calls_max })?;
    let mut bytes = reply(kind::WELCOME, &welcome);
    bytes.extend_from_slice(terms.secret.proof(Role::Acceptor, &hello, &welcome).as_bytes());
    stream.write_all(&bytes).await?;

    let mut proof = [0; blake3::OUT_LEN];
    stream.read_exact(&mut proof).await?;
    if terms.secret.proof(Role::Caller, &hello, &welcome) != blake3::Hash::from_bytes(proof) {
        return Err(HandshakeError::Refused(format!(
            "node {peer} knows another secret than this node; {SECRET_REMEDY}"
        )));
    }
    stream.write_all(&reply(kind::ACCEPTED, &[])).await?;
    Ok(Met { peer: Arc::new(peer), own: Arc::clone(&terms.identity), lane, calls_max: terms.calls_max })
}

/// What a caller is told for whom there is no place now.
pub(crate) fn busy(reason: &str) -> Vec<u8> {
    reply(kind::BUSY, reason.as_bytes())
}

/// The highest protocol that both speak.
fn common(own: &RangeInclusive<u16>, other: RangeInclusive<u16>) -> Result<u16, HandshakeError> {
    let highest = *own.end().min(other.end());
    if highest < *own.start().max(other.start()) || other.is_empty() {
        return Err(HandshakeError::Refused(format!(
            "it speaks the transport protocols {} to {} and the other {} to {}; stop the nodes of the cluster, and start all of them with one build",
            own.start(),
            own.end(),
            other.start(),
            other.end()
        )));
    }
    Ok(highest)
}

fn reply(kind: u8, body: &[u8]) -> Vec<u8> {
    let body = match kind {
        kind::REFUSED | kind::BUSY => shortened(&String::from_utf8_lossy(body)).as_bytes().to_vec(),
        _ => body.to_vec(),
    };
    let mut bytes = Vec::with_capacity(11 + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.push(kind);
    bytes.extend_from_slice(&(body.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

async fn read_reply<S: AsyncRead + Unpin>(stream: &mut S, wanted: u8) -> Result<Vec<u8>, HandshakeError> {
    let mut head = [0; 11];
    stream.read_exact(&mut head[..8]).await?;
    if &head[..8] != MAGIC {
        return Err(HandshakeError::Refused(format!(
            "what listens there speaks no transport protocol (`{}`); give the address of a transport.port",
            readable(&head[..8])
        )));
    }
    stream.read_exact(&mut head[8..]).await?;
    let (kind, length) = (head[8], u16::from_le_bytes([head[9], head[10]]) as usize);
    let max = match kind {
        kind::REFUSED | kind::BUSY => REASON_BYTES_MAX,
        _ => BODY_BYTES_MAX,
    };
    if length > max {
        return Err(HandshakeError::Broken(format!("its reply of {length} bytes is longer than {max}")));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    match kind {
        kind::REFUSED => Err(HandshakeError::Refused(readable(&body))),
        kind::BUSY => Err(HandshakeError::Broken(readable(&body))),
        _ if kind == wanted => Ok(body),
        _ => Err(HandshakeError::Broken(format!("its reply is of kind {kind}"))),
    }
}

fn encode(body: &impl Serialize) -> Result<Vec<u8>, HandshakeError> {
    let bytes = postcard::to_allocvec(body)
        .map_err(|error| HandshakeError::Broken(format!("the handshake cannot be written: {error}")))?;
    if bytes.len() > BODY_BYTES_MAX {
        return Err(HandshakeError::Broken(format!(
            "a handshake of {} bytes is longer than {BODY_BYTES_MAX}",
            bytes.len()
        )));
    }
    Ok(bytes)
}

/// What a later version says behind is not for this one.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HandshakeError> {
    postcard::take_from_bytes(bytes)
        .map(|(body, _)| body)
        .map_err(|error| HandshakeError::Broken(format!("its handshake cannot be read: {error}")))
}

/// Names go into logs and answers: they are bounded and plain.
fn check_names(identity: &NodeIdentity) -> Result<(), HandshakeError> {
    let is_plain = |text: &str| !text.chars().any(char::is_control);
    let uuid = identity.cluster_uuid.as_deref().unwrap_or_default();
    let names = [&identity.cluster_name, &identity.node_name, &identity.version, uuid];
    match identity.too_long() {
        Some(name) => Err(HandshakeError::Broken(format!("its {name} is too long"))),
        None if names.into_iter().all(is_plain) => Ok(()),
        None => Err(HandshakeError::Broken("its names hold control characters".to_owned())),
    }
}
