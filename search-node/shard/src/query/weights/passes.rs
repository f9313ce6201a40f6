//! Whether documents are among others, asked in their order.

use tantivy::query::Scorer;
use tantivy::{DocId, TERMINATED};

/// Whether a document is among those of `others`, which move on to it. The documents that are asked for must rise.
pub(crate) fn passes(others: &mut dyn Scorer, document: DocId) -> bool {
    if others.doc() < document && others.doc() != TERMINATED {
        others.seek(document);
    }
    others.doc() == document
}
