//! Why a request has no answer, or not the wanted one.

/// A fault of a request.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No node of the list could be reached.
    #[error(
        "no search node answers at {hosts}: {reason}; check that it runs and that `hosts` names its address"
    )]
    Unreachable {
        /// The nodes tried.
        hosts: String,
        /// What the last try said.
        reason: String,
    },
    /// The node refused.
    #[error("{method} {path} was answered {status}: {reason}")]
    Refused {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The error's type as Elasticsearch names it, empty if there is none.
        kind: String,
        /// The reason in the body.
        reason: String,
    },
    /// An answer that is not what the API promises.
    #[error(
        "{path} was answered with something that is not the API's answer: {reason}; is {host} a search node?"
    )]
    Unexpected {
        /// The path.
        path: String,
        /// The node.
        host: String,
        /// What was wrong with it.
        reason: String,
    },
    /// A host that is not an address.
    #[error("`{host}` is not the address of a node: {reason}; write e.g. http://127.0.0.1:9200")]
    Host {
        /// The text.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot start: {0}")]
    Setup(#[source] reqwest::Error),
    /// The caller stopped waiting.
    #[error("stopped before every item was delivered")]
    Stopped,
}
