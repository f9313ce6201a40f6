//! Which indices a write may make (`action.auto_create_index`): all, none, or those that patterns allow.

use super::names::matches;
use crate::error::ApiError;

/// The setting's name.
pub(crate) const AUTO_CREATE: &str = "action.auto_create_index";

/// What the setting says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoCreate {
    All,
    None,
    /// The first pattern that means a name decides; one that no pattern means is not made.
    Named {
        text: String,
        rules: Vec<Rule>,
    },
}

/// A pattern, and whether it allows or forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pattern: String,
    allows: bool,
}

impl AutoCreate {
    /// Reads the setting's value.
    pub fn read(value: &str) -> Result<Self, String> {
        match value.trim() {
            "true" => return Ok(Self::All),
            "false" => return Ok(Self::None),
            _ => {}
        }
        let rules: Result<Vec<Rule>, String> =
            value.split(',').map(|part| rule(value, part.trim())).collect();
        Ok(Self::Named { text: value.to_owned(), rules: rules? })
    }

    /// Refuses a name of which no index is to be made.
    pub(super) fn check(&self, name: &str) -> Result<(), ApiError> {
        let refused = |why: String| {
            let mut error = ApiError::no_index(name);
            error.reason = format!("{} and {why}", error.reason);
            Err(error)
        };
        match self {
            Self::All => Ok(()),
            Self::None => refused(format!("[{AUTO_CREATE}] is [false]")),
            Self::Named { text, rules } => match rules.iter().find(|rule| matches(&rule.pattern, name)) {
                Some(Rule { allows: true, .. }) => Ok(()),
                Some(Rule { pattern, .. }) => refused(format!(
                    "[{AUTO_CREATE}] contains [-{pattern}] which forbids automatic creation of the index"
                )),
                None => refused(format!("[{AUTO_CREATE}] ([{text}]) doesn't match")),
            },
        }
    }
}

fn rule(value: &str, part: &str) -> Result<Rule, String> {
    let (pattern, allows) = match part.strip_prefix('-') {
        Some(pattern) => (pattern, false),
        None => (part.strip_prefix('+').unwrap_or(part), true),
    };
    if pattern.is_empty() {
        return Err(format!(
            "Can't parse [{value}] for setting [{AUTO_CREATE}] must be either [true, false, or a comma separated list of index patterns]"
        ));
    }
    Ok(Rule { pattern: pattern.to_owned(), allows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_means_a_name_decides() {
        for (value, name, reason) in [
            ("true", "a", None),
            (" false ", "a", Some("no such index [a] and [action.auto_create_index] is [false]")),
            ("logs-*", "logs-a", None),
            ("+logs-*", "logs-a", None),
            (
                "logs-*",
                "a",
                Some("no such index [a] and [action.auto_create_index] ([logs-*]) doesn't match"),
            ),
            (
                "-logs-b*, logs-*,-*",
                "logs-bc",
                Some(
                    "no such index [logs-bc] and [action.auto_create_index] contains [-logs-b*] which forbids automatic creation of the index",
                ),
            ),
            ("-logs-b*, logs-*,-*", "logs-a", None),
            (
                "-logs-b*, logs-*,-*",
                "a",
                Some(
                    "no such index [a] and [action.auto_create_index] contains [-*] which forbids automatic creation of the index",
                ),
            ),
        ] {
            let found = AutoCreate::read(value).expect("readable").check(name);
            assert_eq!(found.err().map(|error| error.reason).as_deref(), reason, "{value}: {name}");
        }
    }

    #[test]
    fn a_pattern_without_a_name_is_told() {
        for value in ["", "-", "a,,b", "+,a"] {
            let error = AutoCreate::read(value).expect_err("refused");
            assert!(error.contains(&format!("[{value}]")), "{error}");
        }
    }
}
