//! What an index keeps of the words of a text: `index_options` and `norms`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::MappingError;
use super::fields::{FieldKind, FieldMapping};
use super::text_parameters::Prefixes;
use super::values::{PRESENCE_PART, Part};
use crate::json_values::plain;

/// What an index keeps of each word of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IndexOptions {
    /// Which documents have it.
    Docs,
    /// How often, too.
    Freqs,
    /// And where.
    #[default]
    Positions,
}

/// What an index keeps of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TextOptions {
    pub(crate) index_options: IndexOptions,
    /// Whether it keeps how long the text of a document is, by which matches in short texts count more.
    pub(crate) norms: bool,
    /// Whether it keeps the words of each document in a column, to sort and aggregate by them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) fielddata: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { index_options: IndexOptions::default(), norms: true, fielddata: false }
    }
}

impl TextOptions {
    /// What parameters of a text say.
    pub(super) fn read(parameters: &Map<String, Value>) -> Result<Self, MappingError> {
        let text = |key: &str| parameters.get(key).map(plain);
        let index_options = match text("index_options").as_deref() {
            None | Some("positions" | "offsets") => IndexOptions::Positions,
            Some("freqs") => IndexOptions::Freqs,
            Some("docs") => IndexOptions::Docs,
            Some(other) => {
                return Err(MappingError::parsing(format!(
                    "Unknown value [{other}] for field [index_options] - accepted values are [positions, docs, freqs, offsets]"
                )));
            }
        };
        let norms = text("norms").as_deref() != Some("false");
        Ok(Self { index_options, norms, fielddata: text("fielddata").as_deref() == Some("true") })
    }
}

impl FieldMapping {
    /// The name of the similarity by which its words count.
    pub(crate) fn similarity(&self) -> Option<&str> {
        self.parameters.get("similarity")?.as_str()
    }

    /// What is kept of its texts.
    pub(crate) fn text_options(&self) -> TextOptions {
        match self.kind {
            // They were checked when the mapping was read.
            FieldKind::Text => TextOptions::read(&self.parameters).unwrap_or_default(),
            _ => TextOptions::default(),
        }
    }

    /// The beginnings of words that are terms of their own.
    pub(crate) fn prefixes(&self) -> Option<Prefixes> {
        Prefixes::read("", &self.parameters).ok().flatten()
    }

    /// What is kept beside the field's own structure.
    pub(crate) fn parts(&self) -> &'static [Part] {
        // Without norms nothing tells which documents have the text.
        if self.kind == FieldKind::Text && self.index && !self.text_options().norms {
            return &PRESENCE_PART;
        }
        // Nor does anything where there is no column.
        if self.index && !self.doc_values && !self.kind.is_text() && self.kind.parts().is_empty() {
            return &PRESENCE_PART;
        }
        self.kind.parts()
    }
}
