//! Documents that have a text: those whose norm, the number of its terms, is not zero.
//!
//! Norms are there for every analyzed field anyway, so that `exists` on a text costs nothing when documents are written.

use tantivy::index::SegmentReader;
use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{DocId, Score};

use super::explained::matched;
use super::walked::Walked;
use crate::query::faults::Faults;

/// Matches documents with at least one term in a field with norms.
#[derive(Debug, Clone)]
pub(in crate::query) struct HasNorm {
    field: Field,
    faults: Faults,
}

impl HasNorm {
    pub(in crate::query) fn new(field: Field, faults: Faults) -> Self {
        Self { field, faults }
    }
}

impl Query for HasNorm {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for HasNorm {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        // A segment that predates the field shows no norms, or only zeros.
        let Some(norms) = reader.fieldnorms_readers().get_field(self.field)? else {
            return Ok(Box::new(EmptyScorer));
        };
        let look = move |document| (norms.fieldnorm_id(document) != 0).then_some(boost);
        Ok(Box::new(Walked::new(reader.max_doc(), &self.faults, look)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        matched(self, reader, document, "has a term in the field")
    }
}
