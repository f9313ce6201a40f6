//! The stock grok patterns, embedded, and definitions of one's own.

use std::collections::HashMap;

macro_rules! files {
    ($set:literal: $($name:literal),* $(,)?) => {
        &[$(include_str!(concat!("../patterns/", $set, "/", $name))),*]
    };
}

const LEGACY: &[&str] = files!("legacy": "aws", "bacula", "bind", "bro", "exim", "firewalls", "grok-patterns", "haproxy",
    "httpd", "java", "junos", "linux-syslog", "maven", "mcollective", "mcollective-patterns", "mongodb", "nagios", "postgresql",
    "rails", "redis", "ruby", "squid");
const ECS: &[&str] = files!("ecs-v1": "aws", "bacula", "bind", "bro", "exim", "firewalls", "grok-patterns", "haproxy",
    "httpd", "java", "junos", "linux-syslog", "maven", "mcollective", "mongodb", "nagios", "postgresql",
    "rails", "redis", "ruby", "squid", "zeek");

/// Named pattern definitions.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    definitions: HashMap<String, String>,
}

impl Patterns {
    /// The stock patterns with ECS field names.
    pub fn ecs() -> Self {
        Self::stock(ECS)
    }

    /// The stock patterns with the field names of old.
    pub fn legacy() -> Self {
        Self::stock(LEGACY)
    }

    fn stock(files: &[&str]) -> Self {
        let mut patterns = Self::default();
        for file in files {
            patterns.read(file);
        }
        patterns
    }

    /// Adds the definitions of a pattern file: `NAME regexp` a line, `#` for comments.
    pub fn read(&mut self, file: &str) {
        for line in file.lines() {
            let line = line.trim_start();
            if let Some((name, regexp)) = line.split_once([' ', '\t'])
                && !line.starts_with('#')
            {
                self.define(name, regexp.trim_start());
            }
        }
    }

    /// Adds or replaces one definition.
    pub fn define(&mut self, name: &str, regexp: &str) {
        self.definitions.insert(name.to_owned(), regexp.to_owned());
    }

    /// The definition of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.definitions.get(name).map(String::as_str)
    }

    /// All names, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }
}
