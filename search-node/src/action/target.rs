//! Which document a request means, and whether it may be meant.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 512;

/// Which document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub index: Arc<str>,
    pub doc_type: Arc<str>,
    pub id: Option<String>,
    pub routing: Option<String>,
}

impl Target {
    /// The id, which must be there and well-formed.
    pub(super) fn required_id(&self) -> Result<&str, ApiError> {
        let id = self.id.as_deref().ok_or_else(|| ApiError::validation("id is missing"))?;
        check_id(id)?;
        Ok(id)
    }

    /// The one index that holds the document, which must exist.
    pub(super) fn existing_index(&self, node: &Node) -> Result<Arc<Index>, ApiError> {
        let found = node.indices.resolve(&self.index, Default::default())?;
        match found.as_slice() {
            [only] => Ok(Arc::clone(only)),
            [] => Err(ApiError::no_index(&self.index)),
            several => Err(ApiError::argument(format!(
                "alias [{}] has more than one index associated with it [{}], can't execute a single index op",
                self.index,
                several.iter().map(|index| index.name.as_str()).collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    /// The one index that a document is deleted from: of an alias, the one that is written to.
    pub(super) fn index_to_delete(&self, node: &Node) -> Result<Arc<Index>, ApiError> {
        if node.indices.get(&self.index).is_none()
            && let Some(written) = node.indices.lookup().write_index(&self.index, false)
        {
            return written;
        }
        self.existing_index(node)
    }

    /// The same document with the routing value that an alias has for it, where the request names one.
    pub(crate) fn routed<'a>(&'a self, node: &Node, index: &Index) -> Result<Cow<'a, Self>, ApiError> {
        if *self.index == *index.name {
            return Ok(Cow::Borrowed(self));
        }
        let routing = node.indices.lookup().index_routing(&self.index, index, self.routing.as_deref())?;
        if routing == self.routing {
            return Ok(Cow::Borrowed(self));
        }
        Ok(Cow::Owned(Self { routing, ..self.clone() }))
    }

    /// Refuses a request without routing where the index wants one: it would look in the wrong shard.
    pub(super) fn check_routing(&self, index: &Index, id: &str) -> Result<(), ApiError> {
        check_routing(index, &self.doc_type, id, self.routing.as_deref())
    }
}

/// The same for a document that is not asked for but found.
pub(super) fn check_routing(
    index: &Index,
    doc_type: &str,
    id: &str,
    routing: Option<&str>,
) -> Result<(), ApiError> {
    if routing.is_some() || !index.requires_routing() {
        return Ok(());
    }
    Err(ApiError::new(
        400,
        "routing_missing_exception",
        format!("routing is required for [{}]/[{doc_type}]/[{id}]", index.name),
    )
    .with("index_uuid", "_na_")
    .with("index", index.name.as_str()))
}

pub(super) fn check_id(id: &str) -> Result<(), ApiError> {
    if id.is_empty() {
        return Err(ApiError::argument("if _id is specified it must not be empty"));
    }
    if id.contains('\0') {
        return Err(ApiError::validation(format!(
            "id [{}] must not contain a zero byte",
            id.escape_default()
        )));
    }
    if id.len() > ID_BYTES_MAX {
        return Err(ApiError::validation(format!(
            "id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}",
            id.len()
        )));
    }
    Ok(())
}

/// `_doc` is the type of typeless calls and is not written down.
pub(super) fn typed(doc_type: &str) -> Option<&str> {
    Some(doc_type).filter(|doc_type| *doc_type != "_doc")
}
