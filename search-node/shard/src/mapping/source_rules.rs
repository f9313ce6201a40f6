//! `_source` of a mapping: which parts of a document are kept to be shown. Those that are left out are searched all the same.

use serde_json::Value;

use super::error::MappingError;
use super::fields::Mapping;

/// Patterns of the paths that are kept, and of those that are not; without any of the first, all are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SourceRules {
    pub(crate) includes: Vec<String>,
    pub(crate) excludes: Vec<String>,
}

impl SourceRules {
    /// What a mapping says; nothing where all is kept.
    pub(crate) fn of(mapping: &Mapping) -> Option<Self> {
        // It was checked when it was put; what an older build took besides keeps everything.
        let rules = Self::read(mapping.parameters.get("_source")?).unwrap_or_default();
        (rules != Self::default()).then_some(rules)
    }

    /// Reads the member `_source` of a mapping.
    pub(super) fn read(said: &Value) -> Result<Self, MappingError> {
        let Some(members) = said.as_object() else {
            return Err(MappingError::parsing("[_source] must be an object"));
        };
        let mut rules = Self::default();
        for (key, value) in members {
            match key.as_str() {
                "includes" | "include" => rules.includes = patterns(key, value)?,
                "excludes" | "exclude" => rules.excludes = patterns(key, value)?,
                "enabled" | "compress" | "compress_threshold" => {}
                other => {
                    return Err(MappingError::parsing(format!(
                        "unsupported parameters for [_source]: [{other}]; known: enabled, includes, excludes"
                    )));
                }
            }
        }
        Ok(rules)
    }

    /// Refuses other rules than there are: documents that were left something out of do not get it back.
    pub(super) fn check_same(known: &Mapping, added: &Mapping) -> Result<(), MappingError> {
        let Some(said) = added.parameters.get("_source") else { return Ok(()) };
        let is_enabled = |said: Option<&Value>| {
            !said
                .and_then(|said| said.get("enabled"))
                .is_some_and(|enabled| *enabled == false || *enabled == "false")
        };
        let (before, after) = (is_enabled(known.parameters.get("_source")), is_enabled(Some(said)));
        if before != after {
            return Err(MappingError::argument(format!(
                "Mapper for [_source] conflicts with existing mapper:\n\tCannot update parameter [enabled] from [{before}] to [{after}]"
            )));
        }
        let (known, added) = (Self::of(known).unwrap_or_default(), Self::read(said)?);
        for (name, known, added) in
            [("includes", known.includes, added.includes), ("excludes", known.excludes, added.excludes)]
        {
            if known != added {
                return Err(MappingError::argument(format!(
                    "Mapper for [_source] conflicts with existing mapper:\n\tCannot update parameter [{name}] from [[{}]] to [[{}]]",
                    known.join(", "),
                    added.join(", ")
                )));
            }
        }
        Ok(())
    }
}

fn patterns(key: &str, value: &Value) -> Result<Vec<String>, MappingError> {
    let several = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let texts = several.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    texts.ok_or_else(|| {
        MappingError::parsing(format!("[{key}] of [_source] must be a list of patterns, not {value}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse_mapping;
    use super::*;

    #[test]
    fn rules_are_those_that_the_mapping_was_made_with() {
        let plain = parse_mapping(&json!({})).expect("valid");
        let ruled = parse_mapping(&json!({"_source": {"excludes": ["secret", "o.*"]}})).expect("valid");
        assert_eq!(SourceRules::of(&plain), None);
        assert_eq!(SourceRules::of(&ruled).expect("rules").excludes, ["secret", "o.*"]);

        ruled
            .merge(&parse_mapping(&json!({"properties": {"a": {"type": "long"}}})).expect("valid"))
            .expect("the same");
        ruled.merge(&ruled).expect("the same");
        for (known, added) in [
            (&plain, json!({"excludes": "x"})),
            (&ruled, json!({})),
            (&ruled, json!({"includes": ["a"], "excludes": ["secret", "o.*"]})),
        ] {
            let added = parse_mapping(&json!({"_source": added})).expect("valid");
            let refused = known.merge(&added).expect_err("refused");
            assert!(refused.reason.starts_with("Mapper for [_source] conflicts"), "{}", refused.reason);
        }
        for wrong in [json!([]), json!({"excludes": [1]}), json!({"hides": "a"})] {
            assert!(parse_mapping(&json!({"_source": wrong})).is_err(), "{wrong}");
        }
    }
}
