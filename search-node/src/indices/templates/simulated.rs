//! What an index would be made with, without making it.

use serde_json::{Value, json};

use super::patterns::overlap;
use super::{IndexBody, IndexTemplate, Templates};
use crate::error::ApiError;
use crate::indices::nest;

/// What a name, or a template, leads to.
pub(crate) struct Simulated {
    pub body: IndexBody,
    /// Other templates that some of the same names fit, with their patterns.
    pub overlapping: Vec<(String, Vec<String>)>,
}

/// What a template is called that is simulated and not kept.
pub(super) const CALLED: &str = "simulated_template";

impl Templates {
    /// What an index of a name would be made with; nothing where no composable template fits. `added` is one that is not kept.
    pub(crate) fn simulate_index(
        &self,
        name: &str,
        added: Option<IndexTemplate>,
    ) -> Result<Option<Simulated>, ApiError> {
        let mut templates = self.clone();
        if let Some(added) = added {
            templates.check_index(CALLED, &added)?;
            templates.indices.insert(CALLED.to_owned(), added);
        }
        let Some((matching, template)) = templates.matching(name, false) else { return Ok(None) };
        templates.simulated(matching, template).map(Some)
    }

    /// What a template makes: one that is kept, or one that is not.
    pub(crate) fn simulate(
        &self,
        name: Option<&str>,
        added: Option<IndexTemplate>,
    ) -> Result<Simulated, ApiError> {
        let called = name.unwrap_or(CALLED);
        if let Some(added) = added {
            self.check_index(called, &added)?;
            return self.simulated(called, &added);
        }
        let found = name.and_then(|name| self.indices.get(name)).ok_or_else(|| {
            ApiError::argument(format!("unable to simulate template [{called}] that does not exist"))
        })?;
        self.simulated(called, found)
    }

    fn simulated(&self, name: &str, template: &IndexTemplate) -> Result<Simulated, ApiError> {
        let body = self.composed(name, template)?;
        let meets = |patterns: &[String]| {
            patterns.iter().any(|one| template.patterns.iter().any(|other| overlap(one, other)))
        };
        let composable = self.indices.iter().map(|(name, other)| (name, &other.patterns));
        let legacy = self.legacy.iter().map(|(name, other)| (name, &other.patterns));
        let others = legacy.chain(composable.filter(|(other, _)| *other != name));
        let overlapping = others.filter(|(_, patterns)| meets(patterns));
        Ok(Simulated {
            body,
            overlapping: overlapping.map(|(name, patterns)| (name.clone(), patterns.clone())).collect(),
        })
    }
}

impl Simulated {
    /// As the API shows it.
    pub(crate) fn to_json(&self) -> Value {
        let settings = self.body.settings.clone().unwrap_or_default();
        let settings = if settings.is_empty() { json!({}) } else { json!({"index": nest(&settings)}) };
        let overlapping: Vec<Value> = self
            .overlapping
            .iter()
            .map(|(name, patterns)| json!({"name": name, "index_patterns": patterns}))
            .collect();
        json!({
            "template": {
                "settings": settings,
                "mappings": self.body.mapping(),
                "aliases": self.body.aliases.clone().unwrap_or_default()
            },
            "overlapping": overlapping
        })
    }
}
