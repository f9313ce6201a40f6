//! Why a transport does not start, and why a call has no answer.

use bytes::Bytes;

/// Why a transport does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Someone else listens there.
    #[error("{}", daemon::port_taken(.0, "transport.port"))]
    PortTaken(String),
    /// Someone else listens on every port that was tried.
    #[error(
        "every port from {} to {} is taken; free one, or choose another with -E transport.port=PORT",
        crate::options::PORTS.start(),
        crate::options::PORTS.end()
    )]
    PortsTaken,
    /// It cannot listen there.
    #[error("cannot listen on {address}: {source}; check network.host and transport.port")]
    Listen {
        /// Where.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A name is too long for the handshake.
    #[error("[{0}] is longer than {max} bytes; shorten it", max = crate::identity::NAME_BYTES_MAX)]
    NameTooLong(&'static str),
    /// Options that this version cannot serve.
    #[error("transport: {0}")]
    Options(String),
}

/// Why a call has no answer. What matters for safety is whether it may have been carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It is certain that the peer has not carried it out.
    #[error("{to} was not asked: {reason}")]
    NotSent {
        /// Whom.
        to: String,
        /// Why not.
        reason: String,
    },
    /// The peer, or this node, does not want to speak with the other, so the call was not carried out. Asking again is
    /// of no use until somebody does as the reason says.
    #[error("{to} is not spoken with: {reason}")]
    Refused {
        /// Whom.
        to: String,
        /// Who, what, and the remedy.
        reason: String,
    },
    /// It was sent and not answered: it may have been carried out, or be carried out yet.
    #[error("{to} was asked and did not answer: {reason}; it may have done what it was asked")]
    Unknown {
        /// Whom.
        to: String,
        /// Why there is no answer.
        reason: String,
    },
    /// The peer's handler answered with an error.
    #[error("the call failed with an answer of {} bytes", .0.len())]
    Failed(Bytes),
}

impl CallError {
    /// Whether it is certain that the peer has not carried it out.
    pub fn is_not_done(&self) -> bool {
        matches!(self, CallError::NotSent { .. } | CallError::Refused { .. })
    }

    pub(crate) fn not_sent(to: &str, reason: impl Into<String>) -> Self {
        CallError::NotSent { to: to.to_owned(), reason: reason.into() }
    }

    pub(crate) fn refused(to: &str, reason: impl Into<String>) -> Self {
        CallError::Refused { to: to.to_owned(), reason: reason.into() }
    }

    pub(crate) fn unknown(to: &str, reason: impl Into<String>) -> Self {
        CallError::Unknown { to: to.to_owned(), reason: reason.into() }
    }
}
