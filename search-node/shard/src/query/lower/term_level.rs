//! Queries for exact values: one, several, or a range of them.

use std::borrow::Cow;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;
use tantivy::Term;
use tantivy::query::{
    BooleanQuery, DisjunctionMaxQuery, Occur, Query as TantivyQuery, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::patterns::{Pattern, Shape};
use super::values::{Wanted, bounds, wanted};
use super::{Lowered, Lowering, constant, forgive, has_column_of_terms, keyed, none};
use crate::json_values::plain;
use crate::mapping::{FieldKind, FieldMapping};
use crate::query::QueryError;
use crate::query::ast::{RangeBounds, Rewrite};
use crate::query::weights::column_range::ColumnRange;
use crate::query::weights::column_terms::ColumnTerms;
use crate::query::weights::has_uid::{HasUid, Types};
use crate::query::weights::weighed::AllSegments;

impl Lowering<'_> {
    pub(in crate::query) fn term(&self, path: &str, value: &Value, case_insensitive: bool) -> Lowered {
        if let Some(made) = self.of_runtime(path, |values| values.term(path, value, case_insensitive)) {
            return made;
        }
        if let Some(meta) = self.meta_term(path, value) {
            return Ok(meta);
        }
        if !case_insensitive && let Some(found) = self.keyed_value(path, value)? {
            return Ok(found);
        }
        let like_text = || {
            let text = plain(value);
            let pattern = Pattern {
                shape: Shape::Exactly,
                given: &text,
                is_normalized: false,
                rewrite: Rewrite::Usual,
            };
            self.pattern(&pattern, path)
        };
        let Some((mapping, field)) = self.searchable(path)? else {
            return if self.keyed(path)?.is_some() { like_text() } else { Ok(none()) };
        };
        if case_insensitive && mapping.kind.has_terms() {
            return like_text();
        }
        self.exact(path, mapping, field, value)
    }

    pub(in crate::query) fn exact(
        &self,
        path: &str,
        mapping: &FieldMapping,
        field: Field,
        value: &Value,
    ) -> Lowered {
        if let FieldKind::Range { of } = &mapping.kind {
            return self.spans_of(path, mapping, of, value);
        }
        let value = self.normalized_value(mapping, value);
        if has_column_of_terms(mapping) {
            let terms = ColumnTerms::exactly(
                self.layout.stored_name(path),
                vec![plain(&value)],
                self.shared.faults.clone(),
            );
            return Ok(constant(Box::new(terms)));
        }
        Ok(match wanted(self.context, path, mapping, field, &value)? {
            Wanted::Nothing => none(),
            Wanted::Between(lower, upper) => self.between(path, mapping, lower, upper),
            Wanted::One(term) => match &mapping.kind {
                FieldKind::Text => self.weighed(path, mapping, &term, IndexRecordOption::WithFreqs),
                // A flag counts by how rare it is, as in Elasticsearch.
                FieldKind::Boolean if mapping.index && self.is_of_index => {
                    self.weighed(path, mapping, &term, IndexRecordOption::Basic)
                }
                FieldKind::Boolean | FieldKind::MatchOnlyText | FieldKind::ConstantKeyword { .. } => {
                    constant(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
                }
                FieldKind::Keyword { .. }
                | FieldKind::Flattened { .. }
                | FieldKind::Join(_)
                | FieldKind::Version
                    if mapping.index =>
                {
                    self.weighed(path, mapping, &term, IndexRecordOption::Basic)
                }
                _ => {
                    let (lower, upper) = (Bound::Included(term.clone()), Bound::Included(term));
                    self.between(path, mapping, lower, upper)
                }
            },
        })
    }

    pub(super) fn terms(&self, path: &str, values: &[Value]) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.terms(path, values)) {
            return made;
        }
        if path.starts_with('_') && self.layout.mapping.leaf(path).is_none() {
            if path == "_id" {
                return Ok(self.ids(&values.iter().map(plain).collect::<Vec<_>>(), &[]));
            }
            let clauses = values
                .iter()
                .filter_map(|value| Some((Occur::Should, self.meta_term(path, value)?)))
                .collect();
            return Ok(constant(Box::new(BooleanQuery::new(clauses))));
        }
        if let Some(keyed) = self.keyed(path)? {
            return Ok(keyed::any_of(keyed, values));
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            return Ok(none());
        };
        if mapping.index && mapping.kind.has_terms() {
            let terms = values
                .iter()
                .map(|value| Term::from_field_text(field, &plain(&self.normalized_value(mapping, value))));
            return Ok(constant(Box::new(TermSetQuery::new(terms))));
        }
        if has_column_of_terms(mapping) {
            let terms = values.iter().map(|value| plain(&self.normalized_value(mapping, value))).collect();
            return Ok(constant(Box::new(ColumnTerms::exactly(
                self.layout.stored_name(path),
                terms,
                self.shared.faults.clone(),
            ))));
        }
        let clauses = values
            .iter()
            .map(|value| Ok((Occur::Should, self.exact(path, mapping, field, value)?)))
            .collect::<Result<Vec<_>, QueryError>>()?;
        Ok(constant(Box::new(BooleanQuery::new(clauses))))
    }

    /// A value in the form of a field that normalizes.
    pub(in crate::query) fn normalized_value<'v>(
        &self,
        mapping: &FieldMapping,
        value: &'v Value,
    ) -> Cow<'v, Value> {
        let normalizer = mapping.analysis.normalizer.as_deref();
        match normalizer.and_then(|name| self.layout.analysis.normalizer(name).ok()) {
            Some(normalizer) if !value.is_null() => {
                Cow::Owned(Value::String(normalizer.normalized(&plain(value))))
            }
            _ => Cow::Borrowed(value),
        }
    }

    pub(super) fn normalized_range<'r>(
        &self,
        mapping: &FieldMapping,
        range: &'r RangeBounds,
    ) -> Cow<'r, RangeBounds> {
        if mapping.analysis.normalizer.is_none() {
            return Cow::Borrowed(range);
        }
        let mut normalized = range.clone();
        for (value, _) in [&mut normalized.lower, &mut normalized.upper].into_iter().flatten() {
            *value = self.normalized_value(mapping, value).into_owned();
        }
        Cow::Owned(normalized)
    }

    pub(super) fn range(&self, path: &str, range: &RangeBounds) -> Lowered {
        if path.contains('*') {
            let fields = self.expand(&[(path.to_owned(), 1.0)]);
            let queries = fields.iter().map(|(path, _)| forgive(self.range_of(path, range), true));
            return Ok(Box::new(DisjunctionMaxQuery::new(queries.collect::<Result<Vec<_>, _>>()?)));
        }
        self.range_of(path, range)
    }

    /// Of one field; a name is not looked at for patterns again, as a field's own name may have a `*`.
    pub(super) fn range_of(&self, path: &str, range: &RangeBounds) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.range_of(path, range)) {
            return made;
        }
        if matches!(path, "_id" | "_index") {
            return Err(QueryError::shard(format!(
                "failed to create query: Field [{path}] of type [{path}] does not support range queries"
            )));
        }
        if let Some(keyed) = self.keyed(path)? {
            return keyed::between(keyed, range);
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            return Ok(none());
        };
        if mapping.kind == FieldKind::Boolean {
            return self.flag_range(field, range);
        }
        if let FieldKind::Range { of } = &mapping.kind {
            return self.spans(path, mapping, of, range);
        }
        let range = self.normalized_range(mapping, range);
        let (lower, upper) = bounds(self.context, path, mapping, field, &range)?;
        if lower == Bound::Unbounded && upper == Bound::Unbounded {
            return Ok(constant(self.exists_in(path)?));
        }
        Ok(self.between(path, mapping, lower, upper))
    }

    /// Documents with a value of a range.
    fn between(
        &self,
        path: &str,
        mapping: &FieldMapping,
        lower: Bound<Term>,
        upper: Bound<Term>,
    ) -> Box<dyn TantivyQuery> {
        let (column, storage) = (self.layout.stored_name(path), mapping.kind.storage());
        let segments = AllSegments(Arc::clone(self.identities));
        let is_kept = mapping.doc_values && self.is_of_index;
        match ColumnRange::new(column, storage, (&lower, &upper), (segments, self.shared.faults.clone()))
            .filter(|_| is_kept)
        {
            Some(range) => constant(Box::new(range)),
            None => constant(Box::new(RangeQuery::new(lower, upper))),
        }
    }

    /// `false` comes before `true`.
    pub(super) fn flag_range(&self, field: Field, range: &RangeBounds) -> Lowered {
        let inside = |flag: bool| {
            let bound = |bound: &Option<(Value, bool)>| {
                bound.as_ref().map(|(value, included)| (plain(value) == "true", *included))
            };
            let above =
                bound(&range.lower).is_none_or(|(low, included)| flag & !low || included && flag == low);
            above
                && bound(&range.upper).is_none_or(|(high, included)| !flag & high || included && flag == high)
        };
        let clauses = [false, true].into_iter().filter(|flag| inside(*flag)).map(|flag| {
            let term = Term::from_field_bool(field, flag);
            let query: Box<dyn TantivyQuery> = Box::new(TermQuery::new(term, IndexRecordOption::Basic));
            (Occur::Should, query)
        });
        Ok(constant(Box::new(BooleanQuery::new(clauses.collect()))))
    }

    /// Ids of these types; without any, of the path's type or of every one.
    pub(super) fn ids(&self, ids: &[String], types: &[String]) -> Box<dyn TantivyQuery> {
        let types = match (types, self.context.doc_type) {
            ([], "") => Types::Every(self.layout.meta.doc_type),
            ([], of_path) => Types::Named(Arc::new([of_path.to_owned()])),
            (named, _) => Types::Named(named.into()),
        };
        constant(Box::new(HasUid::new(ids, types, self.identities)))
    }
}
