//! What scores count: documents, terms, and how long a field is on average.

use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::{Field, FieldType};
use tantivy::{Searcher, Term};

use crate::analysis::RAW;
use crate::engine::View;
use crate::query::Levels;

/// The counts of one point in time.
///
/// A keyword has no norms, and length 1 in every document, and so on average. tantivy takes the number of
/// its values instead, which a merge that drops deleted documents only estimates: scores would tell how often segments
/// were merged.
///
/// Where there are nested objects, only what a query can match counts: documents, or the nested objects of one path.
pub(crate) struct Statistics<'a> {
    searcher: &'a Searcher,
    documents: u64,
}

impl<'a> Statistics<'a> {
    /// Those that queries for documents are scored by.
    pub(crate) fn new(view: &'a View) -> tantivy::Result<Self> {
        Self::of_level(view, None)
    }

    /// Those that queries for the nested objects at a path are scored by; for documents without one.
    pub(crate) fn of_level(view: &'a View, path: Option<&str>) -> tantivy::Result<Self> {
        let searcher = &view.searcher;
        Ok(match view.layout.nested_path() {
            Some(paths) => Self::of(searcher, Levels::new(&view.identities, paths, path).count(searcher)?),
            None => Self { searcher, documents: searcher.total_num_docs()? },
        })
    }

    /// Those of so many that a query can match.
    pub(crate) fn of(searcher: &'a Searcher, documents: u64) -> Self {
        Self { searcher, documents: documents.max(1) }
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let entry = self.searcher.schema().get_field_entry(field);
        let is_text = |kind: &FieldType| match kind {
            FieldType::Str(options) => {
                options.get_indexing_options().is_some_and(|indexing| indexing.tokenizer() != RAW)
            }
            _ => false,
        };
        // A text without norms has length 1 as well, and is as long on average as it is.
        if entry.has_fieldnorms() || is_text(entry.field_type()) {
            self.searcher.total_num_tokens(field)
        } else {
            self.total_num_docs()
        }
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        // What is included in the documents around is found there too, and no term is in more documents than there are.
        Ok(self.searcher.doc_freq(term)?.min(self.documents))
    }
}
