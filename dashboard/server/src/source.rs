//! A source: the indices and data streams that a page looks at, as a list of names and patterns.

use serde::Deserialize;

use crate::error::ApiError;

/// Names and patterns of indices, comma-separated, safe to stand in a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Source(String);

impl Source {
    /// A source that this program itself names.
    pub(crate) fn of(pattern: &'static str) -> Self {
        Self(pattern.to_owned())
    }

    /// Its text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Source {
    type Error = ApiError;

    fn try_from(text: String) -> Result<Self, ApiError> {
        let text = text.trim().to_owned();
        let fault = |what: &str| {
            Err(ApiError::BadRequest(format!(
                "`{text}` is not a source: {what}; write index names or patterns such as logs-*,metrics-*"
            )))
        };
        if text.is_empty() {
            return fault("it is empty");
        }
        if text.len() > 1_024 {
            return fault("it is longer than 1024 bytes");
        }
        for part in text.split(',') {
            if part.is_empty() || part == "." || part == ".." {
                return fault("a part is empty");
            }
            if part.starts_with(['_', '+']) || (part.starts_with('-') && !part[1..].starts_with(|c| c != '_'))
            {
                return fault("a part starts with a character that names may not start with");
            }
            let forbidden = |c: char| {
                c.is_whitespace()
                    || c.is_control()
                    || matches!(c, '/' | '\\' | '?' | '#' | '%' | '"' | '<' | '>' | '|' | ':')
            };
            if let Some(c) = part.chars().find(|c| forbidden(*c)) {
                return fault(&format!("`{c}` cannot stand in a name"));
            }
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns_are_sources() {
        for text in ["logs-*", "logs-*,metrics-*", "logs-*,-logs-old", ".ds-logs-x-000001", "日志-*", "*"] {
            assert_eq!(Source::try_from(text.to_owned()).map(|s| s.0).ok().as_deref(), Some(text));
        }
    }

    /// What could reach another API of the node is no source.
    #[test]
    fn paths_are_not_sources() {
        for text in [
            "",
            " ",
            "a/_delete",
            "../x",
            "..",
            "a?b",
            "a#b",
            "_all",
            "_cluster",
            "a,,b",
            "a b",
            "a%2Fb",
            "http://x",
            "-_x",
        ] {
            let fault = Source::try_from(text.to_owned()).expect_err(text);
            assert!(fault.to_string().contains("is not a source"), "{fault}");
        }
    }
}
