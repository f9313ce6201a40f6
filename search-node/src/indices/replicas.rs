//! What the settings of an index say about its copies: how many, on which nodes, and when they move.

use std::collections::BTreeMap;

use cluster::state::{IndexAllocation, Replicas, check_rule};
use serde_json::{Map, Value};

use crate::error::ApiError;

pub(super) const NUMBER: &str = "number_of_replicas";
const EXPAND: &str = "auto_expand_replicas";
const FILTERS: &str = "routing.allocation.";

/// As many as Elasticsearch has where nobody says.
const NUMBER_DEFAULT: u32 = 1;
/// More copies than any cluster has nodes.
const NUMBER_MAX: u32 = 10_000;

/// What an index says about its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopySettings {
    pub(super) replicas: Replicas,
    pub(super) filters: BTreeMap<String, String>,
    pub(super) allocation: IndexAllocation,
}

impl CopySettings {
    /// What flat settings say.
    pub(super) fn read(flat: &Map<String, Value>) -> Result<Self, ApiError> {
        Ok(Self {
            replicas: replicas_of(flat)?,
            filters: filters_of(flat)?,
            allocation: allocation_of(flat)?,
        })
    }
}

fn allocation_of(flat: &Map<String, Value>) -> Result<IndexAllocation, ApiError> {
    let mut allocation = IndexAllocation::default();
    for (key, value) in flat {
        let text = value.as_str().unwrap_or_default();
        let set = allocation.set(&format!("index.{key}"), text);
        set.map_err(|error| ApiError::argument(error.to_string()))?;
    }
    Ok(allocation)
}

/// `index.number_of_replicas` and `index.auto_expand_replicas` in flat settings.
fn replicas_of(flat: &Map<String, Value>) -> Result<Replicas, ApiError> {
    if let Some(range) = expansion(flat) {
        return read_range(range).ok_or_else(|| {
            ApiError::argument(format!(
                "failed to parse [index.{EXPAND}] from value: [{range}]; it must be false, or a range such as 0-1 or 0-all"
            ))
        });
    }
    let Some(text) = flat.get(NUMBER).and_then(Value::as_str) else {
        return Ok(Replicas::Number(NUMBER_DEFAULT));
    };
    let number: i64 = text.parse().map_err(|_| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [index.{NUMBER}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))
    })?;
    match u32::try_from(number) {
        Ok(number) if number <= NUMBER_MAX => Ok(Replicas::Number(number)),
        _ => {
            let bound =
                if number < 0 { "must be >= 0".to_owned() } else { format!("must be <= {NUMBER_MAX}") };
            Err(ApiError::argument(format!(
                "Failed to parse value [{text}] for setting [index.{NUMBER}] {bound}"
            )))
        }
    }
}

/// The range within which copies expand, where flat settings leave it to the nodes how many there are.
fn expansion(flat: &Map<String, Value>) -> Option<&str> {
    flat.get(EXPAND).and_then(Value::as_str).filter(|range| *range != "false")
}

/// Whether flat settings leave it to the nodes how many replicas there are.
pub(super) fn expands(flat: &Map<String, Value>) -> bool {
    expansion(flat).is_some()
}

fn read_range(text: &str) -> Option<Replicas> {
    let (least, most) = text.split_once('-')?;
    let least = least.parse().ok()?;
    let most = if most == "all" { NUMBER_MAX } else { most.parse().ok()? };
    (least <= most).then_some(Replicas::Expand { least, most })
}

/// `index.routing.allocation.{require,include,exclude}.*`, by the rule's name.
fn filters_of(flat: &Map<String, Value>) -> Result<BTreeMap<String, String>, ApiError> {
    let rule = |(key, value): (&String, &Value)| {
        let rule = key.strip_prefix(FILTERS)?;
        let kind = rule.split('.').next()?;
        let is_filter = matches!(kind, "require" | "include" | "exclude");
        Some((rule.to_owned(), value.as_str()?.to_owned()))
            .filter(|(_, value)| is_filter && !value.is_empty())
    };
    let rules: BTreeMap<String, String> = flat.iter().filter_map(rule).collect();
    for (rule, value) in &rules {
        check_rule(rule, value).map_err(|expected| {
            ApiError::argument(format!(
                "failed to parse value [{value}] for setting [index.{FILTERS}{rule}]: expected {expected}"
            ))
        })?;
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(pairs: &[(&str, &str)]) -> Map<String, Value> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
    }

    #[test]
    fn replicas_are_a_number_or_expand() {
        for (settings, expected) in [
            (flat(&[]), Replicas::Number(1)),
            (flat(&[(NUMBER, "0")]), Replicas::Number(0)),
            (flat(&[(NUMBER, "2"), (EXPAND, "false")]), Replicas::Number(2)),
            (flat(&[(NUMBER, "2"), (EXPAND, "0-1")]), Replicas::Expand { least: 0, most: 1 }),
            (flat(&[(EXPAND, "1-all")]), Replicas::Expand { least: 1, most: NUMBER_MAX }),
        ] {
            assert_eq!(replicas_of(&settings).expect("valid"), expected, "{settings:?}");
        }
        for settings in [
            &[(NUMBER, "-1")],
            &[(NUMBER, "x")],
            &[(NUMBER, "99999999")],
            &[(EXPAND, "2-1")],
            &[(EXPAND, "all")],
        ] {
            assert_eq!(replicas_of(&flat(settings)).expect_err("refused").status, 400, "{settings:?}");
        }
    }

    #[test]
    fn filters_are_the_rules_that_name_nodes() {
        let settings = flat(&[
            ("routing.allocation.require.rack", "a"),
            ("routing.allocation.exclude._name", ""),
            ("routing.allocation.enable", "all"),
            ("refresh_interval", "1s"),
        ]);
        assert_eq!(
            filters_of(&settings).expect("valid"),
            BTreeMap::from([("require.rack".to_owned(), "a".to_owned())])
        );
    }
}
