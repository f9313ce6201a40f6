//! Dynamic templates: which type an unknown field becomes, by its name, path or the type of its value.

use serde_json::{Map, Value, json};

use super::definition::{parse_field, parse_property};
use super::error::MappingError;
use super::fields::{FieldMapping, ObjectMapping};
use crate::query::wildcard_name_matches as name_matches;

/// One template; the first that fits is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamicTemplate {
    name: String,
    match_type: Option<String>,
    match_name: Vec<String>,
    unmatch_name: Vec<String>,
    match_path: Vec<String>,
    unmatch_path: Vec<String>,
    mapping: Map<String, Value>,
    given: Value,
}

/// Types of values as templates name them.
const VALUE_TYPES: [&str; 7] = ["*", "string", "long", "double", "boolean", "date", "object"];

impl DynamicTemplate {
    /// Reads the value of `dynamic_templates`.
    pub(super) fn parse_all(value: &Value) -> Result<Vec<Self>, MappingError> {
        let fault =
            || MappingError::parsing("Dynamic template syntax error. An array of named objects is expected.");
        let items = value.as_array().ok_or_else(fault)?;
        items
            .iter()
            .map(|item| {
                let (name, body) =
                    item.as_object().and_then(|object| object.iter().next()).ok_or_else(fault)?;
                Self::parse(name, body)
            })
            .collect()
    }

    fn parse(name: &str, body: &Value) -> Result<Self, MappingError> {
        let object = body.as_object().cloned().unwrap_or_default();
        let mut template = Self {
            name: name.to_owned(),
            match_type: None,
            match_name: Vec::new(),
            unmatch_name: Vec::new(),
            match_path: Vec::new(),
            unmatch_path: Vec::new(),
            mapping: Map::new(),
            given: body.clone(),
        };
        for (key, value) in &object {
            match key.as_str() {
                "match_mapping_type" => {
                    let kind = value.as_str().unwrap_or_default();
                    if !VALUE_TYPES.contains(&kind) {
                        return Err(MappingError::argument(format!(
                            "No field type matched on [{kind}], possible values are [object, string, long, double, boolean, date, *]"
                        )));
                    }
                    template.match_type = Some(kind.to_owned());
                }
                "match" => template.match_name = texts(value),
                "unmatch" => template.unmatch_name = texts(value),
                "path_match" => template.match_path = texts(value),
                "path_unmatch" => template.unmatch_path = texts(value),
                "mapping" => template.mapping = value.as_object().cloned().unwrap_or_default(),
                other => {
                    return Err(MappingError::argument(format!(
                        "Illegal dynamic template parameter: [{other}] in template [{name}]"
                    )));
                }
            }
        }
        if template.mapping.is_empty() {
            return Err(MappingError::parsing(format!("template [{name}] must have a mapping")));
        }
        Ok(template)
    }

    /// The field that a value of `value_type` at `path` becomes by this template, if it fits.
    pub(super) fn field(&self, path: &str, value_type: &str) -> Option<Result<FieldMapping, MappingError>> {
        let name = path.rsplit('.').next().unwrap_or(path);
        self.fits(path, name, value_type).then(|| {
            let body = self.filled(name, value_type);
            let default = if value_type == "string" { "text" } else { value_type };
            let type_name = body.get("type").and_then(Value::as_str).unwrap_or(default).to_owned();
            parse_field(name, &type_name, &body)
        })
    }

    /// What an object at `path` becomes by this template, if it is one for objects and fits. It is in an object without a name.
    pub(super) fn object(&self, path: &str) -> Option<Result<ObjectMapping, MappingError>> {
        let (prefix, name) = path.rsplit_once('.').map_or(("", path), |(parent, name)| (parent, name));
        let is_for_objects = self.match_type.as_deref() == Some("object");
        (is_for_objects && self.fits(path, name, "object")).then(|| {
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
            let mut around = ObjectMapping::default();
            parse_property(name, &self.filled(name, "object"), &prefix, &mut around)?;
            Ok(around)
        })
    }

    fn filled(&self, name: &str, value_type: &str) -> Map<String, Value> {
        self.mapping.iter().map(|(key, value)| (key.clone(), filled(value, name, value_type))).collect()
    }

    fn fits(&self, path: &str, name: &str, value_type: &str) -> bool {
        let any =
            |patterns: &[String], text: &str| patterns.iter().any(|pattern| name_matches(pattern, text));
        self.match_type.as_deref().is_none_or(|kind| kind == "*" || kind == value_type)
            && (self.match_name.is_empty() || any(&self.match_name, name))
            && !any(&self.unmatch_name, name)
            && (self.match_path.is_empty() || any(&self.match_path, path))
            && !any(&self.unmatch_path, path)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ self.name.clone(): self.given })
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        one => one.as_str().map(str::to_owned).into_iter().collect(),
    }
}

fn filled(value: &Value, name: &str, value_type: &str) -> Value {
    match value {
        Value::String(text) => {
            let kind = if value_type == "string" { "text" } else { value_type };
            json!(text.replace("{name}", name).replace("{dynamic_type}", kind))
        }
        Value::Object(object) => Value::Object(
            object.iter().map(|(key, value)| (key.clone(), filled(value, name, value_type))).collect(),
        ),
        other => other.clone(),
    }
}
