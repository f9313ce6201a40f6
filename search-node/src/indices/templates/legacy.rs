//! A legacy index template (`_template`): all that fit a new index count, those of a higher order more; none where a composable one
//! fits.

use serde_json::{Map, Value, json};

use super::body::IndexBody;
use super::patterns::read_patterns;
use crate::error::ApiError;
use crate::indices::lenient::number_of;

/// A legacy template.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LegacyTemplate {
    pub patterns: Vec<String>,
    pub order: i64,
    pub version: Option<i64>,
    pub body: IndexBody,
}

const WHAT: &str = "template";

impl LegacyTemplate {
    /// Reads the body of a request, or what the map keeps.
    pub(crate) fn read(said: &Value) -> Result<Self, ApiError> {
        let Some(members) = said.as_object() else {
            return Err(ApiError::parsing(format!("[{WHAT}] must be an object, not [{said}]")));
        };
        let mut template = Self::default();
        for (key, value) in members {
            let number = || {
                let reason = format!("[{WHAT}] [{key}] does not take the value [{value}]");
                number_of(value).ok_or_else(|| ApiError::parsing(reason))
            };
            match key.as_str() {
                "index_patterns" | "template" => template.patterns = read_patterns(value, WHAT)?,
                "order" => template.order = number()?,
                "version" if value.is_null() => {}
                "version" => template.version = Some(number()?),
                other if template.body.take(other, value)? => {}
                other => {
                    return Err(ApiError::new(
                        400,
                        "parse_exception",
                        format!("unknown key [{other}] in the template "),
                    ));
                }
            }
        }
        if template.patterns.is_empty() {
            return Err(ApiError::validation("index patterns are missing"));
        }
        Ok(template)
    }

    /// As it is kept and shown: every part, also where nothing was said.
    pub(crate) fn to_json(&self) -> Value {
        let mut shown = Map::from_iter([("order".to_owned(), json!(self.order))]);
        shown.extend(self.version.map(|version| ("version".to_owned(), json!(version))));
        shown.insert("index_patterns".to_owned(), json!(self.patterns));
        let mut body = self.body.to_json();
        for part in ["settings", "mappings", "aliases"] {
            shown.insert(part.to_owned(), body.remove(part).unwrap_or_else(|| json!({})));
        }
        Value::Object(shown)
    }
}
