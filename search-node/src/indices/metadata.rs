//! What is known of an index beside its documents, kept durable in its folder.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The metadata of an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexMetadata {
    pub name: String,
    pub uuid: String,
    pub created_millis: i64,
    /// Flat, without `index.` in front.
    pub settings: Map<String, Value>,
    pub mapping: Value,
    pub aliases: Map<String, Value>,
    /// The data stream that this is a backing index of.
    pub data_stream: Option<String>,
}

/// The name of the file in the index's folder.
pub(super) const FILE: &str = "index.state";
