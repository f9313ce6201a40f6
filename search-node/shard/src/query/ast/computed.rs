//! What hits are sorted by that is in no column.

use super::ScoreScript;
use crate::mapping::Point;

/// How far the points of a field are from others.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoDistance {
    /// The field.
    pub field: String,
    /// The points from which it is measured, at least one.
    pub(in crate::query) points: Vec<Point>,
    /// In what it is told, in metres.
    pub(in crate::query) unit: f64,
    /// Whether the earth counts as flat.
    pub(in crate::query) is_plane: bool,
    /// Whether it is infinite where the mapping has no such field; else that is refused.
    pub ignore_unmapped: bool,
}

/// What a script computes of each document.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptSort {
    pub(in crate::query) script: ScoreScript,
    /// Whether that is a text, and not a number.
    pub is_text: bool,
}

impl ScriptSort {
    /// Reads the script.
    pub fn read(script: &serde_json::Value, is_text: bool) -> Result<Self, crate::query::QueryError> {
        Ok(Self { script: crate::query::dsl::read_script(script)?, is_text })
    }
}
