//! Faults of a definition or of what is asked of an analyzer, in Elasticsearch's words.

/// Why something cannot be analyzed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct AnalysisError {
    /// The error's type, e.g. `illegal_argument_exception`.
    pub kind: &'static str,
    /// What is wrong, naming it.
    pub reason: String,
    /// Whether only a dictionary is missing that other nodes may have, so that what was stored must not be analyzed otherwise.
    pub lacks_dictionary: bool,
}

impl AnalysisError {
    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_argument_exception", reason: reason.into(), lacks_dictionary: false }
    }

    pub(crate) fn state(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_state_exception", reason: reason.into(), lacks_dictionary: false }
    }

    pub(crate) fn lacking_dictionary(reason: impl Into<String>) -> Self {
        Self { lacks_dictionary: true, ..Self::argument(reason) }
    }
}

pub(crate) type Result<T> = std::result::Result<T, AnalysisError>;
