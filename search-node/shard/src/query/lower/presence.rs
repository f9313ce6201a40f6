//! Queries for documents that have a field at all.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{BooleanQuery, ExistsQuery, InvertedIndexRangeQuery, Occur, Query as TantivyQuery};
use tantivy::schema::Field;

use super::{Lowered, Lowering, all, constant, keyed, none};
use crate::mapping::{FieldKind, IGNORED, ObjectMapping, PRESENCE, SOUTH, Structure};
use crate::query::QueryError;
use crate::query::ast::RangeBounds;
use crate::query::weights::has_norm::HasNorm;

impl Lowering<'_> {
    pub(super) fn exists(&self, path: &str) -> Lowered {
        if path.contains('*') {
            let fields = self.expand(&[(path.to_owned(), 1.0)]);
            let clauses = fields.iter().map(|(path, _)| Ok((Occur::Should, self.exists_in(path)?)));
            return Ok(Box::new(BooleanQuery::new(clauses.collect::<Result<Vec<_>, QueryError>>()?)));
        }
        self.exists_in(path)
    }

    /// In one field or object.
    pub(super) fn exists_in(&self, path: &str) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.exists_in(path)) {
            return made;
        }
        if matches!(path, "_id" | "_index" | "_type" | "_source" | "_seq_no" | "_version") {
            return Ok(all());
        }
        if path == IGNORED {
            let field = self.layout.field(path);
            return Ok(field.map_or_else(none, |field| constant(Box::new(any_term(field)))));
        }
        if let Some(mapping) = self.layout.mapping.leaf(path) {
            let Some(field) = self.layout.field(path) else {
                return Ok(none());
            };
            return Ok(match &mapping.kind {
                FieldKind::Text | FieldKind::MatchOnlyText if mapping.index => {
                    match self.layout.part(path, PRESENCE) {
                        Some(presence) => self.has_column(self.layout.schema.get_field_name(presence)),
                        None => Box::new(HasNorm::new(field, self.shared.faults.clone())),
                    }
                }
                FieldKind::Text | FieldKind::MatchOnlyText => none(),
                // Whatever its parameters are, each shape has a box around it.
                FieldKind::Structured(Structure::GeoShape) => match self.layout.part(path, SOUTH) {
                    Some(side) => self.has_column(self.layout.schema.get_field_name(side)),
                    None => none(),
                },
                _ if mapping.doc_values || matches!(mapping.kind, FieldKind::Range { .. }) => {
                    self.has_column(self.layout.stored_name(path))
                }
                _ => match self.layout.part(path, PRESENCE) {
                    Some(presence) => self.has_column(self.layout.schema.get_field_name(presence)),
                    None => none(),
                },
            });
        }
        if let Some(keyed) = self.keyed(path)? {
            return keyed::between(keyed, &RangeBounds::default());
        }
        let mapping = &self.layout.mapping;
        let mut clauses = Vec::new();
        for (below, _) in mapping.runtime.iter() {
            if below.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')) {
                clauses.push((Occur::Should, self.exists_in(below)?));
            }
        }
        if let Some(object) = mapping.object(path) {
            self.exists_below(object, path, &mut clauses)?;
        }
        Ok(if clauses.is_empty() { none() } else { Box::new(BooleanQuery::new(clauses)) })
    }

    /// Documents with a value in a column.
    pub(super) fn has_column(&self, name: &str) -> Box<dyn TantivyQuery> {
        Box::new(ExistsQuery::new(name.to_owned(), false))
    }

    pub(super) fn exists_below(
        &self,
        object: &ObjectMapping,
        path: &str,
        clauses: &mut Vec<(Occur, Box<dyn TantivyQuery>)>,
    ) -> Result<(), QueryError> {
        for name in object.fields.keys() {
            clauses.push((Occur::Should, self.exists_in(&format!("{path}.{name}"))?));
        }
        object
            .objects
            .iter()
            .try_for_each(|(name, child)| self.exists_below(child, &format!("{path}.{name}"), clauses))
    }
}

/// Every document that has any term in a field without a column.
pub(super) fn any_term(field: Field) -> InvertedIndexRangeQuery {
    InvertedIndexRangeQuery::new(Bound::Included(Term::from_field_text(field, "")), Bound::Unbounded)
}
