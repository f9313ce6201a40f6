//! What can be wrong with a processor's options, and the reading of field references.

use event::FieldPath;

/// An option that makes no sense; names the option, what is wrong and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{option}` {reason}")]
pub struct OptionError {
    /// The option's name.
    pub option: &'static str,
    /// What is wrong with it and what to do.
    pub reason: String,
}

impl OptionError {
    pub(crate) fn new(option: &'static str, reason: impl Into<String>) -> Self {
        Self { option, reason: reason.into() }
    }
}

/// A field as pipelines name it: `[a][b]`, or one top-level name, dots and all.
pub fn reference(text: &str) -> Result<FieldPath, event::PathError> {
    if text.is_empty() || text.starts_with('[') {
        FieldPath::parse(text)
    } else {
        Ok(FieldPath::single(text))
    }
}

pub(crate) fn field(option: &'static str, text: &str) -> Result<FieldPath, OptionError> {
    reference(text).map_err(|error| OptionError::new(option, error.to_string()))
}
