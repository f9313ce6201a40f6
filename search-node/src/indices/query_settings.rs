//! What the settings of an index say about queries: how much they may ask for, and which fields are meant where none is named.

use std::sync::Arc;

use script::Limits;
use serde_json::{Map, Value};
use shard::{QueryRules, Similarities, boosted_field};

use super::sound_settings::sound;
use crate::error::ApiError;

/// The fields of a query text that names none: one, a list, or names parted by commas.
pub(super) const DEFAULT_FIELD: &str = "query.default_field";
const TERMS: &str = "max_terms_count";
const REGEX: &str = "max_regex_length";
const QUERY_CACHE: &str = "queries.cache.enabled";
const REQUEST_CACHE: &str = "requests.cache.enable";
const SCRIPT_LOOPS: &str = "max_script_loops";
const SCRIPT_MEMORY: &str = "max_script_memory";

/// What the names of similarities that are defined begin with. They change while the index is closed.
pub(super) const SIMILARITY: &str = "similarity.";

/// The similarities that the settings define.
pub(super) fn similarities(flat: &Map<String, Value>) -> Result<Similarities, ApiError> {
    let defined = flat.iter().filter_map(|(key, value)| Some((key.strip_prefix(SIMILARITY)?, value)));
    Ok(Similarities::read(defined)?)
}

/// The names of the settings, all of which may be changed while the index is there.
pub(super) const NAMES: [&str; 5] = [DEFAULT_FIELD, TERMS, REGEX, SCRIPT_LOOPS, SCRIPT_MEMORY];

/// What the settings say.
pub(super) fn read(flat: &Map<String, Value>) -> Result<QueryRules, ApiError> {
    let usual = QueryRules::USUAL;
    Ok(QueryRules {
        default_fields: flat.get(DEFAULT_FIELD).map_or(Ok(Vec::new()), default_fields)?,
        terms_max: number(flat, TERMS, usual.terms_max)?,
        regex_max: number(flat, REGEX, usual.regex_max)?,
        script: Limits {
            loops: number(flat, SCRIPT_LOOPS, usual.script.loops as usize)? as u32,
            bytes: bytes(flat, SCRIPT_MEMORY, usual.script.bytes)?,
        },
        similarities: similarities(flat)?,
        keeps_filters: keeps_filters(flat),
    })
}

/// The same of settings that were agreed on, perhaps by a build on which they had no effect: what is refused is as if nobody had
/// said it.
pub(super) fn read_stored(flat: &Map<String, Value>) -> Arc<QueryRules> {
    let alone = |key: &str| flat.get(key).map(|value| (key.to_owned(), value.clone()));
    let well = NAMES
        .into_iter()
        .filter_map(alone)
        .filter(|setting| read(&[setting.clone()].into_iter().collect()).is_ok());
    let mut rules = read(&well.collect()).unwrap_or_default();
    rules.similarities = similarities(&sound(flat)).unwrap_or_default();
    rules.keeps_filters = keeps_filters(flat);
    Arc::new(rules)
}

/// Which has no effect on what is found, and so is not refused here.
fn keeps_filters(flat: &Map<String, Value>) -> bool {
    !flat.get(QUERY_CACHE).is_some_and(|said| *said == false || said == "false")
}

/// Nor has that.
pub(super) fn keeps_answers(flat: &Map<String, Value>) -> bool {
    !flat.get(REQUEST_CACHE).is_some_and(|said| *said == false || said == "false")
}

/// None at all stand for every field.
fn default_fields(said: &Value) -> Result<Vec<(String, f32)>, ApiError> {
    let names: Vec<String> = match said {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        other => {
            let text = other.as_str().unwrap_or_default();
            // An early build has kept a list as its text.
            serde_json::from_str(text)
                .unwrap_or_else(|_| text.split(',').map(|name| name.trim().to_owned()).collect())
        }
    };
    if names.iter().any(|name| name == "*") {
        return Ok(Vec::new());
    }
    let fields = names.iter().filter(|name| !name.is_empty()).map(|name| {
        boosted_field(name).ok_or_else(|| {
            ApiError::argument(format!(
                "Failed to parse value [{name}] for setting [index.{DEFAULT_FIELD}]: it must be a field, with a boost as in title^2"
            ))
        })
    });
    fields.collect()
}

fn number(flat: &Map<String, Value>, key: &str, usual: usize) -> Result<usize, ApiError> {
    let Some(text) = flat.get(key).and_then(Value::as_str) else { return Ok(usual) };
    let number: i32 = text.parse().map_err(|_| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [index.{key}]"))
            .caused_by("number_format_exception", format!("For input string: \"{text}\""))
    })?;
    usize::try_from(number).ok().filter(|number| *number >= 1).ok_or_else(|| {
        ApiError::argument(format!("Failed to parse value [{text}] for setting [index.{key}] must be >= 1"))
    })
}

fn bytes(flat: &Map<String, Value>, key: &str, usual: usize) -> Result<usize, ApiError> {
    let Some(text) = flat.get(key).and_then(Value::as_str) else { return Ok(usual) };
    let bytes = settings::parse_bytes(text).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.filter(|bytes| *bytes >= 1).ok_or_else(|| {
        ApiError::argument(format!(
            "failed to parse setting [index.{key}] with value [{text}] as a size in bytes: it must be an amount such as 10mb"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::settings::{IndexSettings, flatten, nest};
    use super::*;

    #[test]
    fn default_fields_are_one_or_several_with_boosts() {
        let two = vec![("a".to_owned(), 1.0), ("b.*".to_owned(), 2.0)];
        for (said, expected) in [
            (json!("*"), vec![]),
            (json!(["a", "*"]), vec![]),
            (json!("a"), vec![("a".to_owned(), 1.0)]),
            (json!("a, b.*^2"), two.clone()),
            (json!(["a", "b.*^2"]), two.clone()),
            (json!("[\"a\",\"b.*^2\"]"), two),
        ] {
            let flat = flatten(&json!({"query": {"default_field": said}})).expect("flat");
            let settings = IndexSettings::read(&flat).expect("valid");
            assert_eq!(settings.query.default_fields, expected, "{said}");
            assert_eq!(nest(&flat)["query"]["default_field"], said, "shown as it was said");
        }
        let flat = flatten(&json!({"query.default_field": "a^much"})).expect("flat");
        assert!(IndexSettings::read(&flat).expect_err("no boost").reason.contains("[a^much]"));
    }

    #[test]
    fn bounds_are_numbers_from_one_on() {
        let read = |text: &str| {
            let flat = flatten(&json!({"max_terms_count": text, "max_regex_length": "7"})).expect("flat");
            IndexSettings::read(&flat).map(|settings| (settings.query.terms_max, settings.query.regex_max))
        };
        assert_eq!(read("5"), Ok((5, 7)));
        let flat = flatten(&json!({"max_terms_count": "0", "max_regex_length": "7"})).expect("flat");
        let stored = read_stored(&flat);
        assert_eq!(
            (stored.terms_max, stored.regex_max),
            (QueryRules::USUAL.terms_max, 7),
            "of an early build"
        );
        for text in ["0", "-1", "many"] {
            let reason = format!("Failed to parse value [{text}] for setting [index.max_terms_count]");
            assert!(read(text).expect_err(text).reason.starts_with(&reason), "{text}");
        }
    }
}
