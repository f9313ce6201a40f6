//! How the words of a field count.

use tantivy::Term;
use tantivy::query::{Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::Lowering;
use crate::mapping::{FieldMapping, PRESENCE};
use crate::query::weights::weighed::{AllSegments, ScoredField};

impl Lowering<'_> {
    /// A field with what its words count by.
    pub(super) fn scored(&self, path: &str, mapping: &FieldMapping, field: Field) -> ScoredField {
        let name = |field| self.layout.schema.get_field_name(field).to_owned();
        let column = match self.layout.part(path, PRESENCE) {
            Some(presence) => Some(name(presence)),
            None => mapping.doc_values.then(|| name(field)),
        };
        ScoredField {
            faults: self.shared.faults.clone(),
            field,
            similarity: self.context.rules.similarities.of(mapping.similarity()),
            identities: AllSegments(self.identities.clone()),
            column,
        }
    }

    /// A term of a field, which counts by the field's similarity.
    pub(super) fn weighed(
        &self,
        path: &str,
        mapping: &FieldMapping,
        term: &Term,
        kept: IndexRecordOption,
    ) -> Box<dyn Query> {
        let query = Box::new(TermQuery::new(term.clone(), kept));
        self.scored(path, mapping, term.field()).weighed(query, vec![term.clone()])
    }
}
