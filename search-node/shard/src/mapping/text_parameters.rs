//! Parameters of `text` beside its analyzers: what is kept of it besides, and what they must look like.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::error::MappingError;
use super::fields::FieldMapping;
use super::subfields::ways_of_text;
use super::text_options::{IndexOptions, TextOptions};
use crate::json_values::plain;

/// The beginnings of words that are terms of their own (`index_prefixes`), by how many letters they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefixes {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

const LEAST_DEFAULT: i64 = 2;
const MOST_DEFAULT: i64 = 5;
/// Elasticsearch's bound on `max_chars`.
const MOST_BOUND: i64 = 20;

const TERM_VECTORS: [&str; 7] = [
    "no",
    "yes",
    "with_positions",
    "with_offsets",
    "with_positions_offsets",
    "with_positions_payloads",
    "with_positions_offsets_payloads",
];

/// Whether it is one of these parameters.
pub(super) fn is_one(parameter: &str) -> bool {
    matches!(parameter, "index_prefixes" | "index_phrases" | "term_vector" | "fielddata_frequency_filter")
}

fn whole(object: &Map<String, Value>, key: &str, default: i64) -> Result<i64, MappingError> {
    let Some(value) = object.get(key) else { return Ok(default) };
    value.as_i64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| {
        MappingError::argument(format!("[{key}] must be a whole number, but was [{}]", plain(value)))
    })
}

/// An object with these keys alone.
fn object<'a>(
    name: &str,
    parameter: &str,
    value: &'a Value,
    keys: &[&str],
) -> Result<&'a Map<String, Value>, MappingError> {
    let Value::Object(object) = value else {
        return Err(MappingError::parsing(format!(
            "[{parameter}] of [{name}] must be an object, but was [{}]",
            plain(value)
        )));
    };
    match object.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
        Some((key, value)) => Err(MappingError::parsing(format!(
            "Mapping definition for [{name}] has unsupported parameters:  [{key} : {}]",
            plain(value)
        ))),
        None => Ok(object),
    }
}

impl Prefixes {
    /// Whether they have beginnings of so many letters.
    pub(crate) fn have(self, letters: usize) -> bool {
        (self.least..=self.most).contains(&letters)
    }

    /// What a mapping asks for; nothing where it does not.
    pub(super) fn read(name: &str, parameters: &Map<String, Value>) -> Result<Option<Self>, MappingError> {
        let Some(value) = parameters.get("index_prefixes").filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let said = object(name, "index_prefixes", value, &["min_chars", "max_chars"])?;
        let least = whole(said, "min_chars", LEAST_DEFAULT)?;
        let most = whole(said, "max_chars", MOST_DEFAULT)?;
        if least > most {
            return Err(MappingError::argument(format!(
                "min_chars [{least}] must be less than max_chars [{most}]"
            )));
        }
        if least < 1 {
            return Err(MappingError::argument(format!("min_chars [{least}] must be greater than zero")));
        }
        if most >= MOST_BOUND {
            return Err(MappingError::argument(format!("max_chars [{most}] must be less than {MOST_BOUND}")));
        }
        let letters = |count: i64| usize::try_from(count).unwrap_or_default();
        Ok(Some(Self { least: letters(least), most: letters(most) }))
    }
}

impl fmt::Display for Prefixes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{{ min_chars={}, max_chars={} }}", self.least, self.most)
    }
}

/// The ways in which a text is kept besides, where its parameters ask for such. Those that cannot be are none.
pub(super) fn ways(parameters: &Map<String, Value>, field: &FieldMapping) -> BTreeMap<String, FieldMapping> {
    if !field.index {
        return BTreeMap::new();
    }
    let prefixes = Prefixes::read("", parameters).ok().flatten();
    let has_places = field.text_options().index_options == IndexOptions::Positions;
    ways_of_text(field, prefixes, has_places && asks_for_phrases(parameters))
}

fn asks_for_phrases(parameters: &Map<String, Value>) -> bool {
    parameters.get("index_phrases").map(plain).as_deref() == Some("true")
}

/// Refuses what no text can be kept like.
pub(super) fn check(name: &str, parameters: &Map<String, Value>) -> Result<(), MappingError> {
    check_each(name, parameters)?;
    let kept = TextOptions::read(parameters)?;
    let prefixes = Prefixes::read(name, parameters)?;
    let phrases = asks_for_phrases(parameters);
    let is_indexed = parameters.get("index").map(plain).as_deref() != Some("false");
    let refused = |what: &str| Err(MappingError::argument(format!("Cannot set {what}")));
    if prefixes.is_some() && !is_indexed {
        return refused(&format!("index_prefixes on unindexed field [{name}]"));
    }
    if phrases && !is_indexed {
        return refused(&format!("index_phrases on unindexed field [{name}]"));
    }
    if phrases && kept.index_options != IndexOptions::Positions {
        return refused(&format!("index_phrases on field [{name}] if positions are not enabled"));
    }
    Ok(())
}

fn check_each(name: &str, parameters: &Map<String, Value>) -> Result<(), MappingError> {
    if let Some(vector) = parameters.get("term_vector")
        && !TERM_VECTORS.contains(&plain(vector).as_str())
    {
        return Err(MappingError::parsing(format!(
            "Unknown value [{}] for field [term_vector] - accepted values are [{}]",
            plain(vector),
            TERM_VECTORS.join(", ")
        )));
    }
    for flag in ["norms", "fielddata", "eager_global_ordinals", "index_phrases"] {
        if let Some(value) = parameters.get(flag)
            && !matches!(plain(value).as_str(), "true" | "false")
        {
            return Err(MappingError::argument(format!(
                "Failed to parse value [{}] as only [true] or [false] are allowed.",
                plain(value)
            )));
        }
    }
    if let Some(filter) = parameters.get("fielddata_frequency_filter").filter(|filter| !filter.is_null()) {
        let said = object(name, "fielddata_frequency_filter", filter, &["min", "max", "min_segment_size"])?;
        for key in ["min", "max"] {
            let is_number = |value: &Value| value.is_number() || plain(value).parse::<f64>().is_ok();
            if let Some(value) = said.get(key).filter(|value| !is_number(value)) {
                return Err(MappingError::argument(format!(
                    "[{key}] of [fielddata_frequency_filter] must be a number, but was [{}]",
                    plain(value)
                )));
            }
        }
        whole(said, "min_segment_size", 0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::{parse_mapping, parse_new_mapping};

    #[test]
    fn parameters_of_texts_are_checked() {
        for (parameters, reason) in [
            (
                json!({"index_prefixes": {"min_chars": 5, "max_chars": 2}}),
                "min_chars [5] must be less than max_chars [2]",
            ),
            (json!({"index_prefixes": {"min_chars": 0}}), "min_chars [0] must be greater than zero"),
            (json!({"index_prefixes": {"max_chars": 20}}), "max_chars [20] must be less than 20"),
            (
                json!({"index_prefixes": {"size": 1}}),
                "Mapping definition for [t] has unsupported parameters:  [size : 1]",
            ),
            (
                json!({"index_prefixes": {}, "index": false}),
                "Cannot set index_prefixes on unindexed field [t]",
            ),
            (
                json!({"index_phrases": true, "index": false}),
                "Cannot set index_phrases on unindexed field [t]",
            ),
            (
                json!({"index_phrases": true, "index_options": "freqs"}),
                "Cannot set index_phrases on field [t] if positions are not enabled",
            ),
            (
                json!({"term_vector": "maybe"}),
                "Unknown value [maybe] for field [term_vector] - accepted values are [no, yes, with_positions, with_offsets, with_positions_offsets, with_positions_payloads, with_positions_offsets_payloads]",
            ),
            (json!({"norms": "no"}), "Failed to parse value [no] as only [true] or [false] are allowed."),
            (
                json!({"fielddata_frequency_filter": {"min": "few"}}),
                "[min] of [fielddata_frequency_filter] must be a number, but was [few]",
            ),
        ] {
            let mut field = parameters;
            field["type"] = json!("text");
            let mapping = json!({"properties": {"t": field}});
            assert_eq!(parse_new_mapping(&mapping).expect_err("refused").reason, reason);
            parse_mapping(&mapping).expect("stored");
        }
    }

    #[test]
    fn only_texts_that_ask_for_it_are_kept_in_other_ways() {
        let mapping = parse_mapping(&json!({"properties": {
            "plain": {"type": "text", "fields": {"fast": {"type": "text", "index_prefixes": {}}}},
            "both": {"type": "text", "index_prefixes": {"min_chars": 1, "max_chars": 10}, "index_phrases": true}
        }}))
        .expect("valid");

        let mut paths: Vec<String> = mapping.leaves().into_iter().map(|leaf| leaf.path).collect();
        paths.sort();

        assert_eq!(
            paths,
            [
                "both",
                "both._index_phrase",
                "both._index_prefix",
                "plain",
                "plain.fast",
                "plain.fast._index_prefix"
            ]
        );
    }
}
