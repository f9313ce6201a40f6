//! Faults of a mapping or of a document against it, in Elasticsearch's words.

/// A fault with the type and reason that the API shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct MappingError {
    /// The error's type, e.g. `mapper_parsing_exception`.
    pub kind: &'static str,
    /// What is wrong, naming the field.
    pub reason: String,
    /// The type and reason of the fault below it, if that says more.
    pub cause: Option<(&'static str, String)>,
}

impl MappingError {
    pub(crate) fn parsing(reason: impl Into<String>) -> Self {
        Self { kind: "mapper_parsing_exception", reason: reason.into(), cause: None }
    }

    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_argument_exception", reason: reason.into(), cause: None }
    }

    pub(crate) fn caused_by(mut self, kind: &'static str, reason: impl Into<String>) -> Self {
        self.cause = Some((kind, reason.into()));
        self
    }
}
