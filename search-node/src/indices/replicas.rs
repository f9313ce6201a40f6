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
        let (settings, mut left_out) = Self::read_stored(flat);
        if left_out.is_empty() { Ok(settings) } else { Err(left_out.swap_remove(0)) }
    }

    /// The same of settings that were agreed on, perhaps by a build that knew other bounds: what is refused is left out, as if nobody
    /// had said it; and why.
    pub(super) fn read_stored(flat: &Map<String, Value>) -> (Self, Vec<ApiError>) {
        let mut left_out = Vec::new();
        let settings = Self {
            replicas: replicas_of(flat, &mut left_out),
            filters: filters_of(flat, &mut left_out),
            allocation: allocation_of(flat, &mut left_out),
        };
        (settings, left_out)
    }
}

fn allocation_of(flat: &Map<String, Value>, left_out: &mut Vec<ApiError>) -> IndexAllocation {
    let mut allocation = IndexAllocation::default();
    for (key, value) in flat {
        let text = value.as_str().unwrap_or_default();
        if let Err(error) = allocation.set(&format!("index.{key}"), text) {
            left_out.push(ApiError::argument(error.to_string()));
        }
    }
    allocation
}

/// `index.number_of_replicas` and `index.auto_expand_replicas` in flat settings.
fn replicas_of(flat: &Map<String, Value>, left_out: &mut Vec<ApiError>) -> Replicas {
    if let Some(range) = expansion(flat) {
        if let Some(replicas) = read_range(range) {
            return replicas;
        }
        left_out.push(ApiError::argument(format!(
            "failed to parse [index.{EXPAND}] from value: [{range}]; it must be false, or a range such as 0-1 or 0-all"
        )));
    }
    let number = flat.get(NUMBER).and_then(Value::as_str).map(read_number);
    let number = number.transpose().unwrap_or_else(|error| {
        left_out.push(error);
        None
    });
    Replicas::Number(number.unwrap_or(NUMBER_DEFAULT))
}

fn read_number(text: &str) -> Result<u32, ApiError> {
    let number: i64 = text.parse().map_err(|_| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [index.{NUMBER}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))
    })?;
    match u32::try_from(number) {
        Ok(number) if number <= NUMBER_MAX => Ok(number),
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

/// The tiers whose nodes an index prefers. Each node here has what nodes of all tiers have, so it is met anywhere, and no attribute.
const TIERS: &str = "include._tier_preference";
const TIER_NAMES: [&str; 5] = ["data_content", "data_hot", "data_warm", "data_cold", "data_frozen"];

/// `index.routing.allocation.{require,include,exclude}.*`, by the rule's name.
fn filters_of(flat: &Map<String, Value>, left_out: &mut Vec<ApiError>) -> BTreeMap<String, String> {
    let rule = |(key, value): (&String, &Value)| {
        let rule = key.strip_prefix(FILTERS)?;
        let kind = rule.split('.').next()?;
        let is_filter = matches!(kind, "require" | "include" | "exclude");
        Some((rule.to_owned(), value.as_str()?.to_owned()))
            .filter(|(_, value)| is_filter && !value.is_empty())
    };
    let mut rules: BTreeMap<String, String> = flat.iter().filter_map(rule).collect();
    if let Some(tiers) = rules.remove(TIERS)
        && let Some(other) = tiers.split(',').find(|tier| !TIER_NAMES.contains(&tier.trim()))
    {
        left_out.push(ApiError::argument(format!(
            "Invalid tier names found in [{tiers}]: [{other}] is none of [{}]",
            TIER_NAMES.join(", ")
        )));
    }
    rules.retain(|rule, value| {
        let checked = check_rule(rule, value);
        if let Err(expected) = checked {
            left_out.push(ApiError::argument(format!(
                "failed to parse value [{value}] for setting [index.{FILTERS}{rule}]: expected {expected}"
            )));
        }
        checked.is_ok()
    });
    rules
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
            assert_eq!(CopySettings::read(&settings).expect("valid").replicas, expected, "{settings:?}");
        }
        for settings in [
            &[(NUMBER, "-1")],
            &[(NUMBER, "x")],
            &[(NUMBER, "99999999")],
            &[(EXPAND, "2-1")],
            &[(EXPAND, "all")],
        ] {
            assert_eq!(CopySettings::read(&flat(settings)).expect_err("refused").status, 400, "{settings:?}");
        }
    }

    #[test]
    fn preferred_tiers_are_met_by_every_node() {
        let tiers = |names: &str| {
            CopySettings::read(&flat(&[("routing.allocation.include._tier_preference", names)]))
        };
        assert!(tiers("data_warm,data_hot").expect("tiers").filters.is_empty());
        assert!(tiers("warm").expect_err("no tier").reason.contains("Invalid tier names found in [warm]"));
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
            CopySettings::read(&settings).expect("valid").filters,
            BTreeMap::from([("require.rack".to_owned(), "a".to_owned())])
        );
    }

    #[test]
    fn what_is_not_taken_any_more_costs_itself_alone() {
        let stored = flat(&[
            (EXPAND, "0"),
            (NUMBER, "2"),
            ("routing.allocation.exclude._ip", "alpha"),
            ("routing.allocation.exclude._name", "n1"),
            ("routing.allocation.total_shards_per_node", "-7"),
            ("allocation.max_retries", "9"),
        ]);
        assert!(CopySettings::read(&stored).is_err());

        let (read, left_out) = CopySettings::read_stored(&stored);

        assert_eq!(read.replicas, Replicas::Number(2));
        assert_eq!(read.filters, BTreeMap::from([("exclude._name".to_owned(), "n1".to_owned())]));
        assert_eq!((read.allocation.shards_per_node, read.allocation.max_retries), (None, 9));
        let named = [EXPAND, "routing.allocation.exclude._ip", "routing.allocation.total_shards_per_node"];
        assert_eq!(left_out.len(), named.len());
        for (error, name) in left_out.iter().zip(named) {
            assert!(error.reason.contains(&format!("index.{name}")), "{}", error.reason);
        }
    }
}
