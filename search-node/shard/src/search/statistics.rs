//! What scores count: documents, terms, and how long a field is on average.

use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

/// The counts of one point in time.
///
/// A field without norms, such as a keyword, has length 1 in every document, and so on average. tantivy takes the number of
/// its values instead, which a merge that drops deleted documents only estimates: scores would tell how often segments
/// were merged.
pub(super) struct Statistics<'a> {
    searcher: &'a Searcher,
}

impl<'a> Statistics<'a> {
    pub(super) fn new(searcher: &'a Searcher) -> Self {
        Self { searcher }
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        if self.searcher.schema().get_field_entry(field).has_fieldnorms() {
            self.searcher.total_num_tokens(field)
        } else {
            self.total_num_docs()
        }
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.searcher.total_num_docs()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        self.searcher.doc_freq(term)
    }
}
