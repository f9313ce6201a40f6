//! What can be wrong with a configuration, one variant per fault, each with its place and remedy.

use crate::tree::Origin;

/// A fault in a configuration; its text is one line that names place, key and remedy.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file that was asked for cannot be read.
    #[error("{path}: cannot be read: {source}; check the path given to -c")]
    Unreadable {
        /// The path as given.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("{origin}: not valid YAML: {reason}; check indentation, quotes and colons on that line")]
    Syntax {
        /// Where the parser stopped.
        origin: Origin,
        /// What the parser said.
        reason: String,
    },
    /// A key that no table names.
    #[error("{origin}: unknown setting [{key}]{}", hint(.nearest))]
    Unknown {
        /// Where the key stands.
        origin: Origin,
        /// The key in dotted form.
        key: String,
        /// The nearest known key, if one is near.
        nearest: Option<String>,
    },
    /// A value that is not of the setting's kind.
    #[error("{origin}: [{key}] is `{value}`, but must be {expected}")]
    Invalid {
        /// Where the value stands.
        origin: Origin,
        /// The key in dotted form.
        key: String,
        /// The value as written.
        value: String,
        /// What would be accepted, with an example.
        expected: String,
    },
    /// A variable without a value and without a default.
    #[error(
        "{origin}: [{key}] uses ${{{variable}}}, which is not set{}; set it, or write ${{{variable}:default}}",
        detail(.message)
    )]
    Variable {
        /// Where the value stands.
        origin: Origin,
        /// The key in dotted form.
        key: String,
        /// The variable.
        variable: String,
        /// The text of `${VAR:?text}`.
        message: String,
    },
    /// The same key twice.
    #[error("{origin}: [{key}] is set twice in this file; keep one")]
    Duplicate {
        /// The second place.
        origin: Origin,
        /// The key in dotted form.
        key: String,
    },
    /// A rule between settings that a program checks itself.
    #[error("{origin}: {reason}")]
    Rule {
        /// Where the value stands.
        origin: Origin,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The command line itself is wrong.
    #[error("{0}")]
    CommandLine(String),
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(key) => format!(": did you mean [{key}]?"),
        None => "; see docs/reference/settings for the known ones".to_owned(),
    }
}

fn detail(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}
