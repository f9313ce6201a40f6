//! A composable index template (`_index_template`): what new indices of certain names are made with, out of parts.

use serde_json::{Map, Value, json};

use super::body::IndexBody;
use super::patterns::read_patterns;
use crate::error::ApiError;
use crate::indices::data_stream::TIMESTAMP;
use crate::indices::lenient::{number_of, text_of, texts_of, truth_of};
use crate::indices::names::matches;

/// An index template.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IndexTemplate {
    pub patterns: Vec<String>,
    /// The component templates that it is made of, in order.
    pub composed_of: Vec<String>,
    /// Those that may be missing.
    pub ignore_missing: Vec<String>,
    pub priority: Option<i64>,
    pub version: Option<i64>,
    pub meta: Option<Value>,
    pub allow_auto_create: Option<bool>,
    /// Whether a data stream is made instead of an index, and how.
    pub stream: Option<StreamTemplate>,
    pub body: Option<IndexBody>,
}

/// How a data stream is made.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StreamTemplate {
    pub is_hidden: bool,
    timestamp_field: Option<String>,
}

/// Who is told of in errors.
const WHAT: &str = "index_template";

impl IndexTemplate {
    /// Reads the body of a request, or what the map keeps.
    pub(crate) fn read(said: &Value) -> Result<Self, ApiError> {
        let Some(members) = said.as_object() else {
            return Err(ApiError::parsing(format!("[{WHAT}] must be an object, not [{said}]")));
        };
        let mut template = Self::default();
        let mut has_patterns = false;
        for (key, value) in members {
            let wrong = || {
                let reason = format!("[{WHAT}] [{key}] does not take the value [{value}]");
                ApiError::malformed(reason)
            };
            let names = || texts_of(value).ok_or_else(wrong);
            match key.as_str() {
                "index_patterns" => {
                    has_patterns = true;
                    template.patterns = read_patterns(value, WHAT)?;
                }
                _ if value.is_null() => {}
                "template" => template.body = Some(IndexBody::read(value, "template")?),
                "composed_of" => template.composed_of = names()?,
                "ignore_missing_component_templates" => template.ignore_missing = names()?,
                "priority" => template.priority = Some(number_of(value).ok_or_else(wrong)?),
                "version" => template.version = Some(number_of(value).ok_or_else(wrong)?),
                "_meta" => template.meta = Some(value.clone()).filter(Value::is_object),
                "allow_auto_create" => template.allow_auto_create = Some(truth_of(value).ok_or_else(wrong)?),
                "data_stream" => template.stream = Some(StreamTemplate::read(value)?),
                "deprecated" => {}
                other => {
                    let reason = format!("[{WHAT}] unknown field [{other}]");
                    return Err(ApiError::malformed(reason));
                }
            }
        }
        if !has_patterns {
            return Err(ApiError::argument("Required [index_patterns]"));
        }
        if template.priority.is_some_and(|priority| priority < 0) {
            return Err(ApiError::validation("index template priority must be >= 0"));
        }
        Ok(template)
    }

    /// As it is kept and shown.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = Map::from_iter([("index_patterns".to_owned(), json!(self.patterns))]);
        let mut put = |key: &str, value: Option<Value>| {
            shown.extend(value.map(|value| (key.to_owned(), value)));
        };
        put("template", self.body.as_ref().map(|body| Value::Object(body.to_json())));
        put("composed_of", Some(json!(self.composed_of)));
        put("priority", self.priority.map(Value::from));
        put("version", self.version.map(Value::from));
        put("_meta", self.meta.clone());
        put("data_stream", self.stream.as_ref().map(StreamTemplate::to_json));
        put("allow_auto_create", self.allow_auto_create.map(Value::from));
        let missing = (!self.ignore_missing.is_empty()).then(|| json!(self.ignore_missing));
        put("ignore_missing_component_templates", missing);
        Value::Object(shown)
    }

    /// Whether it is for indices of a name. One that is for every name is not for hidden ones.
    pub(super) fn is_for(&self, name: &str, is_hidden: bool) -> bool {
        is_for(&self.patterns, name, is_hidden)
    }

    pub(super) fn rank(&self) -> i64 {
        self.priority.unwrap_or(0)
    }
}

/// Whether patterns are for indices of a name.
pub(super) fn is_for(patterns: &[String], name: &str, is_hidden: bool) -> bool {
    let is_global = patterns.iter().any(|pattern| pattern == "*");
    !(is_hidden && is_global) && patterns.iter().any(|pattern| matches(pattern, name))
}

impl StreamTemplate {
    fn read(said: &Value) -> Result<Self, ApiError> {
        let wrong = |key: &str, value: &Value| {
            let reason = format!("[data_stream_template] [{key}] does not take the value [{value}]");
            ApiError::malformed(reason)
        };
        let members = said.as_object().ok_or_else(|| wrong("data_stream", said))?;
        let mut stream = Self::default();
        for (key, value) in members {
            match key.as_str() {
                "hidden" => stream.is_hidden = truth_of(value).ok_or_else(|| wrong(key, value))?,
                "timestamp_field" => {
                    let name = value.get("name").and_then(text_of).ok_or_else(|| wrong(key, value))?;
                    stream.timestamp_field = Some(name).filter(|name| name != TIMESTAMP);
                }
                "allow_custom_routing" if value == &json!(false) => {}
                other => {
                    let reason = format!("[data_stream_template] unknown field [{other}]");
                    return Err(ApiError::malformed(reason));
                }
            }
        }
        Ok(stream)
    }

    fn to_json(&self) -> Value {
        let mut shown = json!({"hidden": self.is_hidden});
        if let Some(name) = &self.timestamp_field {
            shown["timestamp_field"] = json!({"name": name});
        }
        shown
    }

    /// The field by which documents are ordered in time.
    pub(crate) fn timestamp_field(&self) -> &str {
        self.timestamp_field.as_deref().unwrap_or(TIMESTAMP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_shown_as_it_was_said() {
        let said = json!({
            "index_patterns": "logs-*", "priority": "7", "composed_of": ["a"], "version": 3, "_meta": {"x": 1},
            "template": {"settings": {"number_of_shards": 2}, "mappings": {"properties": {}}, "aliases": {"x": {}}},
            "data_stream": {}, "allow_auto_create": true, "ignore_missing_component_templates": ["b"]
        });
        let shown = json!({
            "index_patterns": ["logs-*"], "priority": 7, "composed_of": ["a"], "version": 3, "_meta": {"x": 1},
            "template": {
                "settings": {"index": {"number_of_shards": "2"}}, "mappings": {"properties": {}},
                "aliases": {"x": {}}
            },
            "data_stream": {"hidden": false}, "allow_auto_create": true,
            "ignore_missing_component_templates": ["b"]
        });

        let read = IndexTemplate::read(&said).expect("read");

        assert_eq!(read.to_json(), shown);
        assert_eq!(IndexTemplate::read(&shown).expect("read again"), read);
    }

    #[test]
    fn what_no_template_says_is_refused_by_name() {
        for (said, reason) in [
            (json!([]), "[index_template] must be an object"),
            (json!({}), "Required [index_patterns]"),
            (json!({"index_patterns": []}), "[index_template] index_patterns must be a list"),
            (json!({"index_patterns": ["a"], "color": 1}), "[index_template] unknown field [color]"),
            (json!({"index_patterns": ["a"], "priority": "x"}), "[index_template] [priority] does not take"),
            (
                json!({"index_patterns": ["a"], "priority": -1}),
                "Validation Failed: 1: index template priority",
            ),
            (json!({"index_patterns": ["a"], "template": {"color": 1}}), "[template] unknown field [color]"),
            (
                json!({"index_patterns": ["a"], "data_stream": {"x": 1}}),
                "[data_stream_template] unknown field [x]",
            ),
        ] {
            let error = IndexTemplate::read(&said).expect_err("refused");
            assert!(error.status == 400 && error.reason.starts_with(reason), "{said}: {}", error.reason);
        }
    }

    #[test]
    fn a_template_for_every_name_is_not_for_hidden_ones() {
        let of =
            |pattern: &str| IndexTemplate { patterns: vec![pattern.to_owned()], ..IndexTemplate::default() };
        assert!(of("*").is_for("a", false) && !of("*").is_for("a", true));
        assert!(of("a*").is_for("ab", true) && !of("a*").is_for("b", false));
    }
}
