//! Names of indices: which are allowed, and which an expression with wildcards means.

use std::collections::{BTreeMap, HashSet};

use crate::error::ApiError;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// Refuses a name that Elasticsearch would refuse.
pub(super) fn check_index_name(name: &str) -> Result<(), ApiError> {
    match fault_of_name(name) {
        None => Ok(()),
        Some(reason) => Err(ApiError::new(
            400,
            "invalid_index_name_exception",
            format!("Invalid index name [{name}], {reason}"),
        )
        .with("index", name)
        .with("index_uuid", "_na_")),
    }
}

/// The same for the name of an alias.
pub(super) fn check_alias_name(name: &str) -> Result<(), ApiError> {
    match fault_of_name(name) {
        // Aliases may have upper-case letters.
        None | Some(LOWERCASE) => Ok(()),
        Some(reason) => Err(ApiError::new(
            400,
            "invalid_alias_name_exception",
            format!("Invalid alias name [{name}]: {reason}"),
        )
        .with("index", "_na_")
        .with("index_uuid", "_na_")),
    }
}

const LOWERCASE: &str = "must be lowercase";

/// What is wrong with a name.
fn fault_of_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("must not be empty");
    }
    if name == "." || name == ".." {
        return Some("must not be '.' or '..'");
    }
    if name.contains(|letter: char| " \"*\\<|,>/?#:".contains(letter) || letter.is_control()) {
        return Some("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?, #, :]");
    }
    if name.starts_with(['_', '-', '+']) {
        return Some("must not start with '_', '-', or '+'");
    }
    if name.len() > NAME_BYTES_MAX {
        return Some("index name is too long, more than 255 bytes");
    }
    name.chars().any(char::is_uppercase).then_some(LOWERCASE)
}

/// What an expression does about names that do not exist, and which names its wildcards find.
#[derive(Debug, Clone, Copy)]
pub struct NameOptions {
    /// Whether a name without wildcards that does not exist is passed over.
    pub ignore_unavailable: bool,
    /// Whether wildcards may match nothing.
    pub allow_no_indices: bool,
    /// Whether wildcards match hidden names.
    pub expand_hidden: bool,
    /// Whether wildcards match open indices.
    pub expand_open: bool,
    /// Whether wildcards match closed indices.
    pub expand_closed: bool,
    /// Whether a closed index is refused that is meant by its name or an alias, unless unavailable ones are passed over.
    pub refuses_closed: bool,
    /// Whether `*` is a wildcard at all (`expand_wildcards=none`).
    pub expand_wildcards: bool,
    /// Whether aliases are meant; else only the indices themselves.
    pub with_aliases: bool,
    /// Whether data streams are meant.
    pub with_streams: bool,
}

impl Default for NameOptions {
    fn default() -> Self {
        Self {
            ignore_unavailable: false,
            allow_no_indices: true,
            expand_hidden: false,
            expand_open: true,
            expand_closed: false,
            refuses_closed: false,
            expand_wildcards: true,
            with_aliases: true,
            with_streams: true,
        }
    }
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameKind {
    Index,
    Alias,
    Stream,
}

/// A name that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub kind: NameKind,
    pub is_hidden: bool,
    /// Whether it is an index that is closed.
    pub is_closed: bool,
}

impl Known {
    pub(crate) fn new(kind: NameKind, is_hidden: bool) -> Self {
        Self { kind, is_hidden, is_closed: false }
    }
}

/// Every name that there is.
pub(crate) type KnownNames = BTreeMap<String, Known>;

/// The names that an expression such as `logs-*,-logs-old,metrics` means, each once.
pub(crate) fn expand(
    expression: &str,
    known: &KnownNames,
    options: NameOptions,
) -> Result<Vec<String>, ApiError> {
    let mut chosen: Vec<String> = Vec::new();
    let mut had_wildcard = false;
    for part in parts(expression)? {
        let pattern = if part == "_all" { "*" } else { part };
        let is_wildcard = pattern.contains('*') && options.expand_wildcards;
        if let (Some(excluded), true) = (pattern.strip_prefix('-'), had_wildcard) {
            chosen.retain(|name| !matches(excluded, name));
        } else if is_wildcard {
            had_wildcard = true;
            let found = known.iter().filter(|(name, known)| options.finds(pattern, name, **known));
            let before = chosen.len();
            chosen.extend(found.map(|(name, _)| name.clone()));
            if chosen.len() == before && !options.allow_no_indices {
                return Err(ApiError::no_index(part));
            }
        } else if let Some(named) = known.get(pattern) {
            match options.refusal(pattern, *named) {
                None => chosen.push(pattern.to_owned()),
                Some(_) if options.ignore_unavailable => {}
                Some(refusal) => return Err(refusal),
            }
        } else {
            check_expression(pattern)?;
            // Without wildcards a name alone may mean nothing, as with them.
            let may_be_none = !options.expand_wildcards && part == expression && options.allow_no_indices;
            if !options.ignore_unavailable && !may_be_none {
                return Err(ApiError::no_index(part));
            }
        }
    }
    let mut seen = HashSet::new();
    chosen.retain(|name| seen.insert(name.clone()));
    if chosen.is_empty() && !options.allow_no_indices {
        return Err(ApiError::no_index(expression));
    }
    Ok(chosen)
}

/// The names and patterns of an expression. Only one that says nothing at all means everything: an empty name in a list must never
/// do, and is one that does not exist, but for those at the end.
fn parts(expression: &str) -> Result<Vec<&str>, ApiError> {
    if expression.is_empty() {
        return Ok(vec!["*"]);
    }
    let named = expression.trim_end_matches(',');
    if named.is_empty() {
        let reason = "Validation Failed: 1: index / indices is missing;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    Ok(named.split(',').collect())
}

/// A name that nothing can have is a fault of the request.
fn check_expression(name: &str) -> Result<(), ApiError> {
    if name.starts_with('_') {
        let reason = format!("Invalid index name [{name}], must not start with '_'.");
        return Err(ApiError::new(400, "invalid_index_name_exception", reason)
            .with("index", name)
            .with("index_uuid", "_na_"));
    }
    Ok(())
}

impl NameOptions {
    fn means(self, kind: NameKind) -> bool {
        match kind {
            NameKind::Index => true,
            NameKind::Alias => self.with_aliases,
            NameKind::Stream => self.with_streams,
        }
    }

    /// Whether a pattern finds a name.
    fn finds(self, pattern: &str, name: &str, known: Known) -> bool {
        // A pattern that begins with a dot is after hidden names that do so too.
        let is_shown =
            !known.is_hidden || self.expand_hidden || pattern.starts_with('.') && name.starts_with('.');
        let is_expanded = match known.kind {
            NameKind::Index => self.expands_to(known.is_closed),
            NameKind::Alias | NameKind::Stream => self.expand_open || self.expand_closed,
        };
        is_expanded && is_shown && self.means(known.kind) && matches(pattern, name)
    }

    /// Whether wildcards match indices that are closed, or those that are open.
    pub(super) fn expands_to(self, is_closed: bool) -> bool {
        if is_closed { self.expand_closed } else { self.expand_open }
    }

    /// Why a name is not meant although it is there.
    fn refusal(self, name: &str, known: Known) -> Option<ApiError> {
        match known.kind {
            kind if self.means(kind) => None,
            NameKind::Stream => Some(ApiError::no_index(name)),
            NameKind::Alias | NameKind::Index => Some(ApiError::argument(format!(
                "The provided expression [{name}] matches an alias, specify the corresponding concrete indices instead."
            ))),
        }
    }
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

    fn known() -> KnownNames {
        let of = Known::new;
        let closed = Known { is_closed: true, ..of(NameKind::Index, false) };
        [
            (".ds-stream-1", of(NameKind::Index, true)),
            (".plain", of(NameKind::Index, false)),
            ("all", of(NameKind::Alias, false)),
            ("hidden", of(NameKind::Index, true)),
            ("logs-a", of(NameKind::Index, false)),
            ("logs-b", of(NameKind::Index, false)),
            ("shut", closed),
            ("stream", of(NameKind::Stream, false)),
        ]
        .map(|(name, known)| (name.to_owned(), known))
        .into()
    }

    #[test]
    fn expressions_mean_what_elasticsearch_means() {
        let usual = NameOptions::default();
        let hidden = NameOptions { expand_hidden: true, ..usual };
        let closed = NameOptions { expand_open: false, expand_closed: true, ..usual };
        let both = NameOptions { expand_closed: true, ..usual };
        let concrete = NameOptions { with_aliases: false, with_streams: false, ..usual };
        let lenient = NameOptions { ignore_unavailable: true, ..usual };
        for (expression, options, expected) in [
            ("logs-*", usual, vec!["logs-a", "logs-b"]),
            ("_all", usual, vec![".plain", "all", "logs-a", "logs-b", "stream"]),
            ("*,-logs-*", usual, vec![".plain", "all", "stream"]),
            ("*,-logs-a,-.*", usual, vec!["all", "logs-b", "stream"]),
            ("stream,logs-*,stream", usual, vec!["stream", "logs-a", "logs-b"]),
            (".*", usual, vec![".ds-stream-1", ".plain"]),
            ("h*", usual, vec![]),
            ("h*", hidden, vec!["hidden"]),
            ("hidden", usual, vec!["hidden"]),
            ("logs-*", closed, vec![]),
            ("logs-a", closed, vec!["logs-a"]),
            ("s*", usual, vec!["stream"]),
            ("s*", closed, vec!["shut", "stream"]),
            ("s*,l*", both, vec!["shut", "stream", "logs-a", "logs-b"]),
            ("shut", usual, vec!["shut"]),
            ("*", concrete, vec![".plain", "logs-a", "logs-b"]),
            ("missing,logs-a", lenient, vec!["logs-a"]),
            ("nothing*", usual, vec![]),
            ("logs-a,", usual, vec!["logs-a"]),
            ("logs-a,,", usual, vec!["logs-a"]),
            ("logs-a,,logs-b", lenient, vec!["logs-a", "logs-b"]),
            ("", concrete, vec![".plain", "logs-a", "logs-b"]),
            ("logs-*", NameOptions { expand_wildcards: false, ..usual }, vec![]),
        ] {
            assert_eq!(expand(expression, &known(), options).expect(expression), expected, "{expression}");
        }
    }

    /// What deletes must not mean more than it says.
    #[test]
    fn an_empty_name_is_never_all() {
        for expression in [",", ",,", ",logs-a", "logs-a,,logs-b", " ", "logs-a, ", " logs-a", "%20"] {
            let refused = expand(expression, &known(), NameOptions::default());
            assert!(refused.is_err(), "{expression:?} means {refused:?}");
        }
    }

    #[test]
    fn names_that_are_not_there_or_not_meant_are_refused_in_elasticsearchs_words() {
        let usual = NameOptions::default();
        let none = NameOptions { allow_no_indices: false, ..usual };
        let literal = NameOptions { expand_wildcards: false, ..usual };
        let literal_and_none = NameOptions { allow_no_indices: false, ..literal };
        let concrete = NameOptions { with_aliases: false, with_streams: false, ..usual };
        for (expression, options, status, reason) in [
            ("missing", usual, 404, "no such index [missing]"),
            // An exclusion is one only after a wildcard.
            ("-logs-a", usual, 404, "no such index [-logs-a]"),
            ("nothing*", none, 404, "no such index [nothing*]"),
            ("logs-*,x", literal, 404, "no such index [logs-*]"),
            ("logs-*", literal_and_none, 404, "no such index [logs-*]"),
            ("_nothing", usual, 400, "Invalid index name [_nothing], must not start with '_'."),
            (
                "all",
                concrete,
                400,
                "The provided expression [all] matches an alias, specify the corresponding concrete indices instead.",
            ),
            ("stream", concrete, 404, "no such index [stream]"),
        ] {
            let error = expand(expression, &known(), options).expect_err(expression);
            assert_eq!((error.status, error.reason.as_str()), (status, reason), "{expression}");
        }
    }

    #[test]
    fn names_that_no_index_may_have() {
        for name in ["", "_a", "-a", "+a", "A", "a b", "a*", "a/b", "a,b", "a#b", "a:b", ".", ".."] {
            assert!(check_index_name(name).is_err(), "{name}");
        }
        for name in ["a", ".hidden", "logs-2026.11.24", "数据"] {
            assert!(check_index_name(name).is_ok(), "{name}");
        }
        assert!(check_alias_name("A").is_ok() && check_alias_name("_a").is_err());
    }
}
