//! Names of indices: which are allowed, and which an expression with wildcards means.

use crate::error::ApiError;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Refuses a name that Elasticsearch would refuse.
pub(super) fn check_index_name(name: &str) -> Result<(), ApiError> {
    let fault = |reason: &str| {
        Err(ApiError::new(
            400,
            "invalid_index_name_exception",
            format!("Invalid index name [{name}], {reason}"),
        )
        .with("index", name)
        .with("index_uuid", "_na_"))
    };
    if name.is_empty() {
        return fault("must not be empty");
    }
    if name == "." || name == ".." {
        return fault("must not be '.' or '..'");
    }
    if name.chars().any(|letter| letter.is_uppercase()) {
        return fault("must be lowercase");
    }
    if name.contains(|letter: char| " \"*\\<|,>/?#:".contains(letter) || letter.is_control()) {
        return fault("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?, #, :]");
    }
    if name.starts_with(['_', '-', '+']) {
        return fault("must not start with '_', '-', or '+'");
    }
    if name.len() > NAME_BYTES_MAX {
        return fault("index name is too long, more than 255 bytes");
    }
    Ok(())
}

/// What an expression does about names that do not exist.
#[derive(Debug, Clone, Copy)]
pub struct NameOptions {
    /// Whether a name without wildcards that does not exist is passed over.
    pub ignore_unavailable: bool,
    /// Whether wildcards may match nothing.
    pub allow_no_indices: bool,
    /// Whether wildcards match hidden names, those with a dot in front.
    pub expand_hidden: bool,
}

impl Default for NameOptions {
    fn default() -> Self {
        Self { ignore_unavailable: false, allow_no_indices: true, expand_hidden: false }
    }
}

/// The names that an expression such as `logs-*,-logs-old,metrics` means, in the order of `known`; each once.
/// `known` are all names, aliases and data streams included.
pub(crate) fn expand<'a>(
    expression: &str,
    known: &[&'a str],
    options: NameOptions,
) -> Result<Vec<&'a str>, ApiError> {
    let mut chosen: Vec<&str> = Vec::new();
    let mut had_wildcard = false;
    for part in expression.split(',') {
        let part = part.trim();
        if let (Some(excluded), true) = (part.strip_prefix('-'), had_wildcard) {
            chosen.retain(|name| !matches(excluded, name));
            continue;
        }
        let pattern = if part == "_all" || part.is_empty() { "*" } else { part };
        if pattern.contains('*') {
            had_wildcard = true;
            let hidden_too = options.expand_hidden || pattern.starts_with('.');
            let found =
                known.iter().filter(|name| (hidden_too || !name.starts_with('.')) && matches(pattern, name));
            let before = chosen.len();
            chosen.extend(found);
            if chosen.len() == before && !options.allow_no_indices {
                return Err(ApiError::no_index(part));
            }
        } else if let Some(name) = known.iter().find(|name| **name == pattern) {
            chosen.push(name);
        } else if !options.ignore_unavailable {
            return Err(ApiError::no_index(part));
        }
    }
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|name| seen.insert(*name));
    Ok(chosen)
}

/// Whether a pattern with `*` in it means the name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 5] = [".hidden", "logs-a", "logs-b", "metrics", "other"];

    #[test]
    fn expressions_mean_what_elasticsearch_means() {
        let strict = NameOptions::default();
        for (expression, expected) in [
            ("logs-*", vec!["logs-a", "logs-b"]),
            ("_all", vec!["logs-a", "logs-b", "metrics", "other"]),
            ("*,-logs-*", vec!["metrics", "other"]),
            ("metrics,logs-*,metrics", vec!["metrics", "logs-a", "logs-b"]),
            (".*", vec![".hidden"]),
            ("nothing*", vec![]),
        ] {
            assert_eq!(expand(expression, &KNOWN, strict).expect(expression), expected, "{expression}");
        }
        assert_eq!(expand("missing", &KNOWN, strict).expect_err("missing").kind, "index_not_found_exception");
        let lenient = NameOptions { ignore_unavailable: true, ..strict };
        assert_eq!(expand("missing,other", &KNOWN, lenient).expect("lenient"), ["other"]);
        let none = NameOptions { allow_no_indices: false, ..strict };
        assert!(expand("nothing*", &KNOWN, none).is_err());
    }

    #[test]
    fn names_that_no_index_may_have() {
        for name in ["", "_a", "-a", "+a", "A", "a b", "a*", "a/b", "a,b", "a#b", "a:b", ".", ".."] {
            assert!(check_index_name(name).is_err(), "{name}");
        }
        for name in ["a", ".hidden", "logs-2026.11.24", "数据"] {
            assert!(check_index_name(name).is_ok(), "{name}");
        }
    }
}
