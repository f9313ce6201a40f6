//! The words of a document with what the copy of its shard here counts of them.

use serde_json::{Map, Value};
use shard::TermVectorsAsked;

use super::get::Found;
use super::target::Target;
use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;

/// Those of a document that was read; none where there is no such document.
pub(crate) fn vectors_of_found(
    found: &Found,
    target: &Target,
    asked: &TermVectorsAsked,
) -> Result<Option<Map<String, Value>>, ApiError> {
    let Some(stored) = &found.document else { return Ok(None) };
    let source = serde_json::from_slice(&stored.source)
        .map_err(|error| ApiError::internal(format!("a stored document cannot be read: {error}")))?;
    vectors(&found.index, target, &source, asked).map(Some)
}

/// Those of a document that is in no index, and the index that it is looked at in.
pub(crate) fn vectors_of_document(
    node: &Node,
    target: &Target,
    document: &Value,
    asked: &TermVectorsAsked,
) -> Result<(String, Map<String, Value>), ApiError> {
    let index = target.existing_index(node)?;
    let vectors = vectors(&index, target, document, asked)?;
    Ok((index.name.clone(), vectors))
}

fn vectors(
    index: &Index,
    target: &Target,
    source: &Value,
    asked: &TermVectorsAsked,
) -> Result<Map<String, Value>, ApiError> {
    let (shard, _) = index.shard_to_read(target.required_id()?, target.routing.as_deref(), true)?;
    Ok(shard.reader().term_vectors(source, asked)?)
}
