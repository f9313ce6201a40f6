//! The parameters of a component as settings or a request give them: texts, numbers and lists in either form.

use serde_json::{Map, Value};

use super::error::{AnalysisError, Result};
use super::java_regex::Pattern;
use crate::json_values::plain;

/// The parameters of one component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Params<'a> {
    /// The name it was given.
    pub(crate) name: &'a str,
    values: &'a Map<String, Value>,
}

impl<'a> Params<'a> {
    pub(crate) fn new(name: &'a str, values: &'a Map<String, Value>) -> Self {
        Self { name, values }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// The parameters of some names, for a part of the component that takes them.
    pub(crate) fn only(&self, keys: &[&str]) -> Map<String, Value> {
        let wanted = self.values.iter().filter(|(key, _)| keys.contains(&key.as_str()));
        wanted.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key as one text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(plain)
    }

    /// The values of a list. One text is cut at its commas, as Elasticsearch cuts it.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<String>> {
        Some(match self.get(key)? {
            Value::Array(items) => items.iter().map(plain).collect(),
            one => {
                let text = plain(one);
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
            }
        })
    }

    /// The values of a list of rules, in which commas mean something: one text is one rule.
    pub(crate) fn rules(&self, key: &str) -> Option<Vec<String>> {
        Some(match self.get(key)? {
            Value::Array(items) => items.iter().map(plain).collect(),
            one => vec![plain(one)],
        })
    }

    pub(crate) fn number(&self, key: &str, default: i64) -> Result<i64> {
        let Some(text) = self.text(key) else { return Ok(default) };
        text.parse().map_err(|_| self.unread(key, &text))
    }

    /// A number of things, from `least` on.
    pub(crate) fn count(&self, key: &str, default: usize, least: usize) -> Result<usize> {
        let Some(text) = self.text(key) else { return Ok(default) };
        let number: i32 = text.parse().map_err(|_| self.unread(key, &text))?;
        usize::try_from(number).ok().filter(|number| *number >= least).ok_or_else(|| {
            AnalysisError::argument(format!(
                "[{key}] of [{}] must be at least [{least}], but was [{text}]",
                self.name
            ))
        })
    }

    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.text(key).as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(AnalysisError::argument(format!(
                "Failed to parse value [{other}] as only [true] or [false] are allowed for [{key}] of [{}]",
                self.name
            ))),
        }
    }

    /// A regular expression, with Java's `flags` beside it.
    pub(crate) fn pattern(&self, key: &str, default: Option<&str>) -> Result<Pattern> {
        let text = self.text(key).or_else(|| default.map(str::to_owned));
        let Some(text) = text else {
            return Err(AnalysisError::argument(format!("{key} is missing for [{}]", self.name)));
        };
        let flags = self.text("flags").unwrap_or_default();
        Pattern::new(&text, &flags)
    }

    /// Refuses a file of the node: nodes of a cluster would each need it.
    pub(crate) fn refuse_files(&self, keys: &[(&str, &str)]) -> Result<()> {
        match keys.iter().find(|(key, _)| self.has(key)) {
            None => Ok(()),
            Some((key, instead)) => Err(AnalysisError::argument(format!(
                "[{key}] of [{}] is not supported, as files are not the same on all nodes; give the lines in [{instead}]",
                self.name
            ))),
        }
    }

    fn unread(&self, key: &str, text: &str) -> AnalysisError {
        AnalysisError::argument(format!(
            "Failed to parse value [{text}] for setting [{key}] of [{}]",
            self.name
        ))
    }
}
