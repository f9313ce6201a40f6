//! The path of a field: `host.name`, or `[host][name]` as in Logstash.

use std::fmt;

/// The most segments of a path. Paths come from event data too, and each segment is a level of nesting that whoever
/// handles the event descends into; no real document is so deep.
const SEGMENTS_MAX: usize = 64;
/// So much of a text is shown when it is not a path.
const SHOWN_MAX: usize = 100;

/// A parsed path, at least one segment long.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    segments: Vec<String>,
}

/// A text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a field path: {reason}; write host.name or [host][name]")]
pub struct PathError {
    path: String,
    reason: &'static str,
}

impl FieldPath {
    /// Reads either form. A name without brackets is split at its dots.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        let error = |reason| PathError { path: path.chars().take(SHOWN_MAX).collect(), reason };
        let segments: Vec<String> = if path.starts_with('[') {
            bracketed(path).map_err(error)?
        } else {
            path.split('.').take(SEGMENTS_MAX + 1).map(str::to_owned).collect()
        };
        if segments.len() > SEGMENTS_MAX {
            return Err(error("it has more than 64 parts"));
        }
        if segments.iter().any(String::is_empty) {
            return Err(error("a part of it is empty"));
        }
        Ok(Self { segments })
    }

    /// A path of one segment, taken as it is, dots and all.
    pub fn single(name: &str) -> Self {
        Self { segments: vec![name.to_owned()] }
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

fn bracketed(path: &str) -> Result<Vec<String>, &'static str> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() && segments.len() <= SEGMENTS_MAX {
        let inside = rest.strip_prefix('[').ok_or("text stands between brackets")?;
        let end = inside.find(']').ok_or("a bracket is not closed")?;
        segments.push(inside[..end].to_owned());
        rest = &inside[end + 1..];
    }
    Ok(segments)
}

impl fmt::Display for FieldPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.segments.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_field() {
        for text in ["host.name", "[host][name]"] {
            assert_eq!(FieldPath::parse(text).expect(text).segments(), ["host", "name"], "{text}");
        }
        assert_eq!(
            FieldPath::parse("[@metadata][pipeline]").expect("valid").segments(),
            ["@metadata", "pipeline"]
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "a..b", "[a", "[a]b", "[]"] {
            assert!(FieldPath::parse(text).is_err(), "{text}");
        }
    }

    /// An event's own text may be used as a path; a deep one would overrun the stack of whoever follows it.
    #[test]
    fn a_path_deeper_than_any_document_is_refused() {
        for (deep, deepest) in [
            ("[a]".repeat(100_000), "[a]".repeat(SEGMENTS_MAX)),
            (vec!["a"; 100_000].join("."), vec!["a"; SEGMENTS_MAX].join(".")),
        ] {
            let error = FieldPath::parse(&deep).expect_err("too deep").to_string();

            assert!(error.contains("more than 64 parts") && error.len() < 300, "{error}");
            assert_eq!(FieldPath::parse(&deepest).expect("deep enough").segments().len(), SEGMENTS_MAX);
        }
    }
}
