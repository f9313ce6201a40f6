//! The members of a new mapping that speak of documents as a whole: `_source`, `_routing`, `_field_names` and the like. What an older
//! build took of them is stored, and read as it is.

use serde_json::{Map, Value};

use super::error::MappingError;
use crate::json_values::plain;

/// What every document has and nobody arranges.
const FIXED: [&str; 7] = ["_id", "_index", "_type", "_seq_no", "_version", "_ignored", "_nested_path"];

/// What is said by a true or false.
const FLAGS: &[&str] = &["enabled", "required"];

/// Refuses what Elasticsearch refuses, and writes the rest as it shows it.
pub(super) fn check(members: &mut Map<String, Value>) -> Result<(), MappingError> {
    if members.get("_meta").is_some_and(Value::is_null) {
        members.remove("_meta");
    }
    for (name, said) in members.iter_mut() {
        match name.as_str() {
            "_source" => check_member(name, said, &["enabled", "includes", "excludes"])?,
            "_routing" => check_member(name, said, &["required"])?,
            // Which fields a document has is known without: it says nothing, and users of old templates say it.
            "_field_names" => check_member(name, said, &["enabled"])?,
            "_data_stream_timestamp" => check_member(name, said, &["enabled", "timestamp_field"])?,
            "_meta" if !said.is_object() => {
                return Err(MappingError::parsing(format!(
                    "[_meta] must be an object, not [{}]",
                    plain(said)
                )));
            }
            fixed if FIXED.contains(&fixed) => {
                return Err(MappingError::parsing(format!("{fixed} is not configurable")));
            }
            // Only a plugin knows it.
            "_size" => {
                return Err(MappingError::parsing(format!(
                    "Root mapping definition has unsupported parameters:  [_size : {said}]"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_member(name: &str, said: &mut Value, known: &[&str]) -> Result<(), MappingError> {
    let Some(parameters) = said.as_object_mut() else {
        return Err(MappingError::parsing(format!("[{name}] must be an object, not [{}]", plain(said))));
    };
    for (key, value) in parameters.iter_mut() {
        if !known.contains(&key.as_str()) {
            return Err(MappingError::parsing(format!(
                "unknown parameter [{key}] on mapper [{name}] of type [null]"
            )));
        }
        match value {
            Value::Null => {
                return Err(MappingError::parsing(format!(
                    "[{key}] on mapper [{name}] of type [null] must not have a [null] value"
                )));
            }
            flag if FLAGS.contains(&key.as_str()) => *flag = Value::Bool(truth(flag)?),
            Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
                items.iter_mut().for_each(|item| *item = Value::String(plain(item)));
            }
            _ => {}
        }
    }
    Ok(())
}

fn truth(value: &Value) -> Result<bool, MappingError> {
    match plain(value).as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(MappingError::argument(format!(
            "Failed to parse value [{other}] as only [true] or [false] are allowed."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::mapping::{parse_mapping, parse_new_mapping};

    #[test]
    fn what_says_nothing_of_documents_is_refused_in_elasticsearchs_words() {
        let object = |name: &str, shown: &str| format!("[{name}] must be an object, not [{shown}]");
        let truth = "Failed to parse value [x] as only [true] or [false] are allowed.".to_owned();
        for (body, reason) in [
            (json!({"_source": true}), object("_source", "true")),
            (json!({"_routing": []}), object("_routing", "[]")),
            (json!({"_field_names": null}), object("_field_names", "null")),
            (json!({"_meta": [1]}), object("_meta", "[1]")),
            (json!({"_source": {"enabled": "x"}}), truth.clone()),
            (json!({"_field_names": {"enabled": "x"}}), truth),
            (
                json!({"_source": {"compress": true}}),
                "unknown parameter [compress] on mapper [_source] of type [null]".to_owned(),
            ),
            (
                json!({"_routing": {"required": null}}),
                "[required] on mapper [_routing] of type [null] must not have a [null] value".to_owned(),
            ),
            (json!({"_id": {"fielddata": true}}), "_id is not configurable".to_owned()),
            (json!({"_type": {}}), "_type is not configurable".to_owned()),
            (
                json!({"_size": {"enabled": true}}),
                "Root mapping definition has unsupported parameters:  [_size : {\"enabled\":true}]"
                    .to_owned(),
            ),
            (
                json!({"_all": {"enabled": false}}),
                "Root mapping definition has unsupported parameters:  [_all : {\"enabled\":false}]"
                    .to_owned(),
            ),
        ] {
            assert_eq!(parse_new_mapping(&body).expect_err("refused").reason, reason, "{body}");
        }
        for stored in [
            json!({"_size": {"enabled": true}}),
            json!({"_source": {"compress": true}}),
            json!({"_meta": 1}),
            json!({"_routing": null}),
        ] {
            parse_mapping(&stored).unwrap_or_else(|error| panic!("{stored}: {error}"));
        }
    }

    #[test]
    fn what_is_taken_is_shown_as_elasticsearch_shows_it() {
        for (said, shown) in [
            (json!({"_source": {"enabled": "false"}}), json!({"_source": {"enabled": false}})),
            (json!({"_source": {"includes": [1, "a"]}}), json!({"_source": {"includes": ["1", "a"]}})),
            (json!({"_routing": {"required": "true"}}), json!({"_routing": {"required": true}})),
            (json!({"_field_names": {"enabled": false}}), json!({"_field_names": {"enabled": false}})),
            (json!({"_meta": null}), json!({})),
            (json!({"enabled": true}), json!({})),
            (
                json!({"enabled": "false", "dynamic": "strict"}),
                json!({"enabled": false, "dynamic": "strict"}),
            ),
            (json!({"properties": []}), json!({})),
            (
                json!({"properties": {"o": {"properties": []}, "n": {"type": "nested", "properties": []}}}),
                json!({"properties": {"o": {"type": "object"}, "n": {"type": "nested"}}}),
            ),
        ] {
            let mapping = parse_new_mapping(&said).unwrap_or_else(|error| panic!("{said}: {error}"));

            assert_eq!(mapping.to_json(), shown, "{said}");
            assert_eq!(parse_mapping(&shown).expect("as it is stored").to_json(), shown, "{said}");
        }
    }
}
