//! A component template (`_component_template`): a part that index templates are made of.

use serde_json::{Map, Value, json};

use super::body::IndexBody;
use crate::error::ApiError;
use crate::indices::lenient::number_of;

/// A component template.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ComponentTemplate {
    pub body: IndexBody,
    pub version: Option<i64>,
    pub meta: Option<Value>,
}

const WHAT: &str = "component_template";

impl ComponentTemplate {
    /// Reads the body of a request, or what the map keeps.
    pub(crate) fn read(said: &Value) -> Result<Self, ApiError> {
        let fault = ApiError::malformed;
        let Some(members) = said.as_object() else {
            return Err(ApiError::parsing(format!("[{WHAT}] must be an object, not [{said}]")));
        };
        let mut template = Self::default();
        for (key, value) in members {
            match key.as_str() {
                "template" => template.body = IndexBody::read(value, "template")?,
                "version" | "_meta" if value.is_null() => {}
                "version" => {
                    let wrong = || fault(format!("[{WHAT}] [version] does not take the value [{value}]"));
                    template.version = Some(number_of(value).ok_or_else(wrong)?);
                }
                "_meta" => template.meta = Some(value.clone()).filter(Value::is_object),
                "deprecated" | "allow_auto_create" => {}
                other => return Err(fault(format!("[{WHAT}] unknown field [{other}]"))),
            }
        }
        if !members.contains_key("template") {
            return Err(ApiError::argument("Required [template]"));
        }
        Ok(template)
    }

    /// As it is kept and shown.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = Map::from_iter([("template".to_owned(), json!(self.body.to_json()))]);
        shown.extend(self.version.map(|version| ("version".to_owned(), json!(version))));
        shown.extend(self.meta.clone().map(|meta| ("_meta".to_owned(), meta)));
        Value::Object(shown)
    }
}
