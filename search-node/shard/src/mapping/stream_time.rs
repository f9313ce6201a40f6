//! The time that every document of a data stream says once.

use serde_json_borrow::Value as Json;

use super::document::{DocumentParser, SourceView};
use super::error::MappingError;
use super::fields::Mapping;

/// What may not be said of the field of the one time.
const TIME_FORBIDDEN: [&str; 2] = ["null_value", "ignore_malformed"];

impl DocumentParser {
    /// Refuses a document of a data stream that does not say its one time.
    pub(crate) fn check_time(&self, source: &SourceView<'_>) -> Result<(), MappingError> {
        let Some(field) = &self.time_field else { return Ok(()) };
        let fault = match count_at(source, field) {
            1 => return Ok(()),
            0 => format!("data stream timestamp field [{field}] is missing"),
            _ => format!("data stream timestamp field [{field}] encountered multiple values"),
        };
        Err(MappingError::parsing("failed to parse").caused_by("illegal_argument_exception", fault))
    }
}

impl Mapping {
    /// The same of a mapping that comes after another one: who said so before, to an older build, may go on.
    pub fn check_time_field_after(&self, before: &Mapping) -> Result<(), MappingError> {
        self.check_time_field().or_else(|error| before.check_time_field().map_or(Ok(()), |()| Err(error)))
    }

    /// Refuses a field of the one time by which a document without a readable one would be taken.
    pub fn check_time_field(&self) -> Result<(), MappingError> {
        let Some(name) = time_field_of(self) else { return Ok(()) };
        let Some(field) = self.leaf(&name) else { return Ok(()) };
        let said = TIME_FORBIDDEN.iter().find(|parameter| match **parameter {
            "ignore_malformed" => field.ignore_malformed,
            other => field.parameters.get(other).is_some_and(|value| !value.is_null()),
        });
        said.map_or(Ok(()), |parameter| {
            Err(MappingError::argument(format!(
                "data stream timestamp field [{name}] has disallowed [{parameter}] attribute specified"
            )))
        })
    }
}

/// The field that `_data_stream_timestamp` asks for.
pub(super) fn time_field_of(mapping: &Mapping) -> Option<String> {
    let said = mapping.parameters.get("_data_stream_timestamp")?;
    let is_enabled = said["enabled"].as_bool() == Some(true);
    let named = said["timestamp_field"]["name"].as_str().unwrap_or("@timestamp");
    is_enabled.then(|| named.to_owned())
}

/// How many values there are at a path, through objects, lists and names with dots.
fn count_at(value: &Json<'_>, path: &str) -> usize {
    match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, child)| match path.strip_prefix(name) {
                Some("") => count_values(child),
                Some(rest) => rest.strip_prefix('.').map_or(0, |rest| count_at(child, rest)),
                None => 0,
            })
            .sum(),
        Json::Array(items) => items.iter().map(|item| count_at(item, path)).sum(),
        _ => 0,
    }
}

fn count_values(value: &Json<'_>) -> usize {
    match value {
        Json::Null => 0,
        Json::Array(items) => items.iter().map(count_values).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::analysis::Analysis;
    use crate::mapping::parse_mapping;

    #[test]
    fn documents_of_a_data_stream_say_one_time() {
        for (said, field) in [
            (json!({"enabled": true}), "@timestamp"),
            (json!({"enabled": true, "timestamp_field": {"name": "a.time"}}), "a.time"),
        ] {
            let mapping = parse_mapping(&json!({"_data_stream_timestamp": said})).expect("a mapping");
            let parser = DocumentParser::new(Arc::new(mapping), &Analysis::plain(), &|_| None);
            for (document, fault) in [
                (json!({"@timestamp": 1, "a": {"time": "x"}}), None),
                (json!({"@timestamp": [1], "a.time": 1}), None),
                (json!({"@timestamp": null, "a": [{"time": null}]}), Some("is missing")),
                (json!({"b": 1}), Some("is missing")),
                (
                    json!({"@timestamp": [1, 2], "a": [{"time": 1}, {"time": 2}]}),
                    Some("encountered multiple values"),
                ),
            ] {
                let text = document.to_string();
                let source: SourceView<'_> = serde_json::from_str(&text).expect("JSON");

                let found = parser.check_time(&source).err().and_then(|error| error.cause);

                let expected = fault.map(|fault| format!("data stream timestamp field [{field}] {fault}"));
                assert_eq!(found.map(|(_, reason)| reason), expected, "{document}");
            }
        }
        let plain = DocumentParser::new(Arc::new(Mapping::default()), &Analysis::plain(), &|_| None);
        assert!(plain.check_time(&serde_json::from_str("{}").expect("JSON")).is_ok());
    }
}
