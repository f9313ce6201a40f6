//! Faults of a definition or of what is asked of an analyzer, in Elasticsearch's words.

/// Why something cannot be analyzed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct AnalysisError {
    /// The error's type, e.g. `illegal_argument_exception`.
    pub kind: &'static str,
    /// What is wrong, naming it.
    pub reason: String,
}

impl AnalysisError {
    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_argument_exception", reason: reason.into() }
    }

    pub(crate) fn state(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_state_exception", reason: reason.into() }
    }
}

pub(crate) type Result<T> = std::result::Result<T, AnalysisError>;
