//! Whether documents are among others, and what they score there, asked in their order.

use tantivy::query::Scorer;
use tantivy::{DocId, Score, TERMINATED};

/// Whether a document is among those of `others`, which move on to it. The documents that are asked for must rise.
pub(crate) fn passes(others: &mut dyn Scorer, document: DocId) -> bool {
    if others.doc() < document && others.doc() != TERMINATED {
        others.seek(document);
    }
    others.doc() == document
}

/// What a document scores among `others`, which move on to it; none where it is not among them.
pub(crate) fn score_at(others: &mut dyn Scorer, document: DocId) -> Option<Score> {
    passes(others, document).then(|| others.score())
}
