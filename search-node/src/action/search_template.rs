//! Searches as templates: which template is meant, and what comes of it with the values of a request.

use std::sync::Arc;

use mustache::Escape;
use serde_json::{Value, json};

use super::weight::Weight;
use crate::error::ApiError;
use crate::indices::no_script;
use crate::memory::Reservation;
use crate::node::Node;
use crate::script_contexts::{MUSTACHE, read_template};

/// What memory is reserved for.
const WHAT: &str = "search_template";

/// What a request says of a template. Requests that say the same share it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SearchTemplate {
    pub source: Option<Arc<str>>,
    pub id: Option<String>,
    params: Arc<Value>,
    /// Members that a search made of it gets beside its own.
    explain: Option<bool>,
    profile: Option<bool>,
}

impl SearchTemplate {
    /// Reads the body of a request.
    pub(crate) fn read(body: &Value) -> Result<Self, ApiError> {
        let members = body
            .as_object()
            .ok_or_else(|| ApiError::parsing("[search_template] the body must be an object"))?;
        let mut asked = Self { params: Arc::new(json!({})), ..Self::default() };
        for (key, value) in members {
            let wrong = || ApiError::malformed(format!("[search_template] failed to parse field [{key}]"));
            match (key.as_str(), value) {
                ("source" | "inline" | "template", Value::String(text)) => {
                    asked.source = Some(text.as_str().into())
                }
                ("source" | "inline" | "template", Value::Object(_)) => {
                    asked.source = Some(value.to_string().into())
                }
                ("id", Value::String(id)) => asked.id = Some(id.clone()),
                ("params", Value::Object(_)) => asked.params = Arc::new(value.clone()),
                ("params", Value::Null) => {}
                ("explain", Value::Bool(flag)) => asked.explain = Some(*flag),
                ("profile", Value::Bool(flag)) => asked.profile = Some(*flag),
                ("source" | "inline" | "template" | "id" | "params" | "explain" | "profile", _) => {
                    return Err(wrong());
                }
                (other, _) => {
                    let reason = format!("[search_template] unknown field [{other}]");
                    return Err(ApiError::malformed(reason));
                }
            }
        }
        Ok(asked)
    }

    /// The same template with other values.
    pub(crate) fn with_params(&self, params: Value) -> Self {
        Self { params: Arc::new(params), ..self.clone() }
    }

    /// Refuses a request that names no template.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.source.is_none() && self.id.is_none() {
            let faults = ["template is missing", "template's script type is missing"].map(str::to_owned);
            return Err(ApiError::validations(&faults));
        }
        Ok(())
    }

    /// The text that comes of it.
    pub(crate) fn render(&self, node: &Node) -> Result<String, ApiError> {
        self.check()?;
        let limits = node.settings.scripts;
        let (source, escape) = match (&self.id, &self.source) {
            (Some(id), _) => stored(node, id)?,
            (None, source) => (source.clone().unwrap_or_else(|| "".into()), Escape::Json),
        };
        if source.len() > limits.source_bytes_max {
            return Err(ApiError::argument(format!(
                "exceeded max allowed inline script size in bytes [{}] with size [{}] for script [{}...]",
                limits.source_bytes_max,
                source.len(),
                begin_of(&source)
            )));
        }
        let template = read_template(&source)?;
        template.render(&self.params, escape, limits.output_bytes_max).map_err(|fault| {
            ApiError::new(
                400,
                "general_script_exception",
                format!("Error running [{}...]", begin_of(&source)),
            )
            .caused_by("size_limit_exceeded_exception", fault.to_string())
        })
    }

    /// The search that comes of it, with the memory that is promised for it: little may say much.
    pub(crate) fn search(&self, node: &Node) -> Result<(Value, Reservation), ApiError> {
        let text = self.render(node)?;
        let reserved = node.memory.reserve_now(Weight::of_read(text.as_bytes()), WHAT)?;
        let mut body = as_json(&text)?;
        for (name, flag) in [("explain", self.explain), ("profile", self.profile)] {
            if let (Some(flag), Value::Object(members)) = (flag, &mut body) {
                members.insert(name.to_owned(), json!(flag));
            }
        }
        Ok((body, reserved))
    }
}

/// How much of a text is shown that may be long.
const SHOWN_CHARS: usize = 10;

fn begin_of(source: &str) -> String {
    source.chars().take(SHOWN_CHARS).collect()
}

/// What came of a template, as JSON.
pub(crate) fn as_json(text: &str) -> Result<Value, ApiError> {
    crate::json::read(text.as_bytes()).map_err(|error| ApiError::json(&error))
}

fn stored(node: &Node, id: &str) -> Result<(Arc<str>, Escape), ApiError> {
    let script = node.indices.script(id).ok_or_else(|| no_script(id))?;
    if script.lang != MUSTACHE {
        let lang = script.lang;
        return Err(ApiError::argument(format!(
            "{lang} engine does not know how to handle context [template]"
        )));
    }
    let escape = match script.content_type() {
        None => Escape::Json,
        Some(name) => Escape::of_media_type(name)
            .ok_or_else(|| ApiError::argument(format!("No encoder found for MIME type [{name}]")))?,
    };
    Ok((script.source.into(), escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_named_or_given() {
        let read = |body: Value| SearchTemplate::read(&body);
        assert_eq!(
            read(json!({"source": {"size": 1}})).expect("given").source.as_deref(),
            Some("{\"size\":1}")
        );
        assert_eq!(read(json!({"id": "x", "params": null})).expect("named").id.as_deref(), Some("x"));
        let nothing = read(json!({"params": {}})).expect("read").check().expect_err("nothing");
        assert_eq!(
            nothing.reason,
            "Validation Failed: 1: template is missing;2: template's script type is missing;"
        );
        for body in [json!({"bad": 1}), json!({"source": 1}), json!({"params": []}), json!([])] {
            assert!(read(body.clone()).is_err(), "{body}");
        }
    }
}
