//! The options of one plugin, read by name and kind; a wrong kind is a fault at its place.

use crate::language::Fault;
use crate::language::ast::{Literal, Plugin};
use crate::variables::{Variables, expand};

/// The options of a plugin.
pub struct Options<'a> {
    plugin: &'a Plugin,
    variables: Variables<'a>,
}

impl<'a> Options<'a> {
    /// Of this plugin.
    pub fn new(plugin: &'a Plugin, variables: Variables<'a>) -> Self {
        Self { plugin, variables }
    }

    /// A fault at the option, or at the plugin where it is not set.
    pub fn fault(&self, option: &str, reason: impl Into<String>) -> Fault {
        let at = self
            .plugin
            .attributes
            .iter()
            .find(|attribute| attribute.name == option)
            .map_or(self.plugin.at, |attribute| attribute.at);
        Fault {
            file: self.plugin.file.clone(),
            at,
            reason: format!("`{}`: {}", self.plugin.name, reason.into()),
        }
    }

    fn last(&self, option: &str) -> Option<&'a Literal> {
        self.plugin
            .attributes
            .iter()
            .rev()
            .find(|attribute| attribute.name == option)
            .map(|attribute| &attribute.value)
    }

    /// Whether the option is written.
    pub fn has(&self, option: &str) -> bool {
        self.last(option).is_some()
    }

    fn wrong(&self, option: &str, want: &str) -> Fault {
        self.fault(option, format!("`{option}` must be {want}"))
    }

    fn expand(&self, option: &str, text: &str) -> Result<String, Fault> {
        expand(text, self.variables).map_err(|unset| self.fault(option, format!("`{option}`: {unset}")))
    }

    fn scalar(&self, option: &str, literal: &Literal, want: &str) -> Result<String, Fault> {
        match literal {
            Literal::Text(text) => self.expand(option, text),
            Literal::Number(number) => Ok(number.clone()),
            Literal::Plugin(codec) => Ok(codec.name.clone()),
            Literal::Array(_) | Literal::Hash(_) => Err(self.wrong(option, want)),
        }
    }

    /// A text, if it is set.
    pub fn text(&self, option: &str) -> Result<Option<String>, Fault> {
        self.last(option).map(|literal| self.scalar(option, literal, "a text")).transpose()
    }

    /// A whole number.
    pub fn number(&self, option: &str, default: u64) -> Result<u64, Fault> {
        match self.text(option)? {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| self.wrong(option, "a whole number")),
        }
    }

    /// A size in bytes: a number, or one with a unit such as `16mb`.
    pub fn bytes(&self, option: &str, default: usize) -> Result<usize, Fault> {
        let Some(text) = self.text(option)? else { return Ok(default) };
        settings::parse_bytes(&text)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .ok_or_else(|| self.wrong(option, "a size, e.g. 16mb"))
    }

    /// true or false.
    pub fn flag(&self, option: &str, default: bool) -> Result<bool, Fault> {
        match self.text(option)?.as_deref() {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(self.wrong(option, "true or false")),
        }
    }

    /// A list of texts; a single one is a list of one, and several settings of one option add up.
    pub fn list(&self, option: &str) -> Result<Vec<String>, Fault> {
        let mut out = Vec::new();
        for attribute in self.plugin.attributes.iter().filter(|attribute| attribute.name == option) {
            out.extend(self.texts(option, &attribute.value)?);
        }
        Ok(out)
    }

    fn texts(&self, option: &str, literal: &Literal) -> Result<Vec<String>, Fault> {
        match literal {
            Literal::Array(items) => {
                items.iter().map(|item| self.scalar(option, item, "a list of texts")).collect()
            }
            single => Ok(vec![self.scalar(option, single, "a text or a list of texts")?]),
        }
    }

    /// Pairs, from a hash or a flat list of even length.
    pub fn pairs(&self, option: &str) -> Result<Vec<(String, String)>, Fault> {
        let mut out = Vec::new();
        for (key, values) in self.lists(option)? {
            out.extend(values.into_iter().map(|value| (key.clone(), value)));
        }
        Ok(out)
    }

    /// Keys with one value or several.
    pub fn lists(&self, option: &str) -> Result<Vec<(String, Vec<String>)>, Fault> {
        let mut out = Vec::new();
        for attribute in self.plugin.attributes.iter().filter(|attribute| attribute.name == option) {
            match &attribute.value {
                Literal::Hash(entries) => {
                    for (key, value) in entries {
                        out.push((self.expand(option, key)?, self.texts(option, value)?));
                    }
                }
                Literal::Array(items) if items.len() % 2 == 0 => {
                    for pair in items.chunks(2) {
                        out.push((self.scalar(option, &pair[0], "pairs")?, self.texts(option, &pair[1])?));
                    }
                }
                _ => return Err(self.wrong(option, "a hash such as { \"a\" => \"b\" }")),
            }
        }
        Ok(out)
    }

    /// The codec's name.
    pub fn codec(&self, default: &str) -> Result<String, Fault> {
        Ok(self.text("codec")?.unwrap_or_else(|| default.to_owned()))
    }

    /// The name under which the plugin is counted.
    pub fn id(&self) -> String {
        match self.text("id") {
            Ok(Some(id)) => id,
            _ => format!("{}@{}:{}", self.plugin.name, self.plugin.at.line, self.plugin.at.column),
        }
    }

    /// The plugin's name.
    pub fn name(&self) -> &str {
        &self.plugin.name
    }
}
