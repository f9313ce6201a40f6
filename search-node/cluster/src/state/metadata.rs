//! What the cluster keeps under a name and only nodes read: templates, pipelines, settings of the cluster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// Texts by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    kinds: BTreeMap<String, BTreeMap<String, MetadataText>>,
}

/// A text, and the version of the state that it came with. No other text of its name ever has that version, also not after the
/// first was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataText {
    pub version: u64,
    pub text: String,
}

impl Metadata {
    /// The text of a name, if there is one.
    pub fn get(&self, kind: &str, name: &str) -> Option<&MetadataText> {
        self.kinds.get(kind)?.get(name)
    }

    /// All of a kind, by name.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &MetadataText)> {
        self.kinds.get(kind).into_iter().flatten().map(|(name, text)| (name.as_str(), text))
    }

    /// Changes a text that is as it was seen (none: there was none), or deletes it.
    pub(super) fn change(
        &mut self,
        kind: String,
        name: String,
        seen: Option<u64>,
        text: Option<String>,
        version: u64,
    ) -> Result<(), Refusal> {
        let current = self.get(&kind, &name).map(|known| known.version);
        if current != seen {
            return Err(Refusal::MetadataChanged { kind, name, seen, current });
        }
        match text {
            Some(text) => {
                self.kinds.entry(kind).or_default().insert(name, MetadataText { version, text });
            }
            None => {
                if let Some(names) = self.kinds.get_mut(&kind) {
                    names.remove(&name);
                }
                self.kinds.retain(|_, names| !names.is_empty());
            }
        }
        Ok(())
    }
}
