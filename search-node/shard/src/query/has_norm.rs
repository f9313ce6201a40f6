//! Documents that have a text: those whose norm, the number of its terms, is not zero.
//!
//! Norms are there for every analyzed field anyway, so that `exists` on a text costs nothing when documents are written.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::Field;
use tantivy::{DocId, DocSet, Score, TERMINATED};

/// Matches documents with at least one term in a field with norms.
#[derive(Debug, Clone)]
pub(super) struct HasNorm {
    field: Field,
}

impl HasNorm {
    pub(super) fn new(field: Field) -> Self {
        Self { field }
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
        let mut documents = NormedDocuments { norms, max_doc: reader.max_doc(), at: 0 };
        documents.settle();
        Ok(Box::new(ConstScorer::new(documents, boost)))
    }

    fn explain(&self, _reader: &SegmentReader, _document: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("has a term in the field", 1.0))
    }
}

struct NormedDocuments {
    norms: FieldNormReader,
    max_doc: DocId,
    at: DocId,
}

impl NormedDocuments {
    /// Moves on to a document that has a term.
    fn settle(&mut self) {
        while self.at < self.max_doc && self.norms.fieldnorm_id(self.at) == 0 {
            self.at += 1;
        }
        if self.at >= self.max_doc {
            self.at = TERMINATED;
        }
    }
}

impl DocSet for NormedDocuments {
    fn advance(&mut self) -> DocId {
        if self.at != TERMINATED {
            self.at += 1;
            self.settle();
        }
        self.at
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.at < target {
            self.at = target;
            self.settle();
        }
        self.at
    }

    fn doc(&self) -> DocId {
        self.at
    }

    fn size_hint(&self) -> u32 {
        self.max_doc
    }
}
