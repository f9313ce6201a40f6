//! From the tree to tantivy: each query against the mapping's fields. `texts` has those of words, `patterns` those of terms that are
//! like something.

use std::borrow::Cow;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, ExistsQuery, Occur,
    Query as TantivyQuery, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::QueryError;
use super::ast::{Query, RangeBounds};
use super::column_terms::ColumnTerms;
use super::fuzzy::FuzzyWords;
use super::has_norm::HasNorm;
use super::has_uid::{HasUid, Types};
use super::keyed;
use super::minimum_should_match::MinimumShouldMatch;
use super::patterns::Pattern;
use super::query_string::{self, Options};
use super::rules::QueryRules;
use super::runtime::{Asked, RuntimeValues};
use super::values::{Wanted, bounds, plain, wanted};
use super::wildcard::{exact_regex, name_matches, to_regex};
use crate::engine::{AllIdentities, Layout, View};
use crate::mapping::{FieldKind, FieldMapping, IGNORED, Mapping, ObjectMapping, PRESENCE};
use crate::search::SearchError;

/// What a query needs to know beside the mapping.
#[derive(Debug, Clone, Copy)]
pub struct QueryContext<'a> {
    /// The index's name, which `_index` is compared with.
    pub index: &'a str,
    /// The type of a typed path, which ids belong to; empty without one, and then ids of every type are meant.
    pub doc_type: &'a str,
    /// Milliseconds since 1970, for `now`.
    pub now_millis: i64,
    /// What the index says about queries.
    pub rules: &'a QueryRules,
}

pub(super) type Lowered = Result<Box<dyn TantivyQuery>, QueryError>;

/// The tantivy query of `query`, to be asked in some segments.
pub(crate) fn lower(
    query: &Query,
    view: &View,
    context: &QueryContext<'_>,
    asked: Asked<'_>,
) -> Result<Box<dyn TantivyQuery>, SearchError> {
    lower_at(query, None, view, context, asked)
}

/// The same for a query that looks for the nested objects at a path.
pub(crate) fn lower_nested(
    query: &Query,
    path: &str,
    view: &View,
    context: &QueryContext<'_>,
    asked: Asked<'_>,
) -> Result<Box<dyn TantivyQuery>, SearchError> {
    lower_at(query, Some(path), view, context, asked)
}

fn lower_at(
    query: &Query,
    nested_in: Option<&str>,
    view: &View,
    context: &QueryContext<'_>,
    asked: Asked<'_>,
) -> Result<Box<dyn TantivyQuery>, SearchError> {
    let (fuzzy_words, runtime) = (FuzzyWords::default(), RuntimeValues::default());
    let lowering = Lowering::new(view, context, nested_in, &fuzzy_words, &runtime);
    let lowered = lowering.at_level(lowering.query(query)?);
    if runtime.read(view, asked)? {
        return Ok(lowering.at_level(lowering.query(query)?));
    }
    Ok(lowered)
}

#[derive(Clone, Copy)]
pub(super) struct Lowering<'a> {
    pub(super) layout: &'a Layout,
    pub(super) identities: &'a Arc<AllIdentities>,
    pub(super) context: &'a QueryContext<'a>,
    pub(super) fuzzy_words: &'a FuzzyWords,
    /// The runtime fields that were met.
    pub(super) runtime: &'a RuntimeValues,
    /// The analyzer that a query names for its texts.
    pub(super) analyzer: Option<&'a str>,
    /// The path of the nested objects that are looked for; none for documents.
    pub(super) nested_in: Option<&'a str>,
}

fn all() -> Box<dyn TantivyQuery> {
    Box::new(AllQuery)
}

pub(super) fn none() -> Box<dyn TantivyQuery> {
    Box::new(EmptyQuery)
}

pub(super) fn all_or_none(all_match: bool) -> Box<dyn TantivyQuery> {
    if all_match { all() } else { none() }
}

pub(super) fn constant(query: Box<dyn TantivyQuery>) -> Box<dyn TantivyQuery> {
    Box::new(ConstScoreQuery::new(query, 1.0))
}

/// Matches that add nothing to the score.
pub(super) fn unscored(query: Box<dyn TantivyQuery>) -> Box<dyn TantivyQuery> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

impl<'a> Lowering<'a> {
    pub(super) fn new(
        view: &'a View,
        context: &'a QueryContext<'a>,
        nested_in: Option<&'a str>,
        fuzzy_words: &'a FuzzyWords,
        runtime: &'a RuntimeValues,
    ) -> Self {
        let (layout, identities) = (&*view.layout, &view.identities);
        Self { layout, identities, context, fuzzy_words, runtime, analyzer: None, nested_in }
    }
}

impl Lowering<'_> {
    pub(super) fn query(&self, query: &Query) -> Lowered {
        match query {
            Query::MatchAll => Ok(all()),
            Query::MatchNone => Ok(none()),
            Query::Term { field, value, case_insensitive } => self.term(field, value, *case_insensitive),
            Query::Terms { field, values } => {
                self.context.rules.check_terms(values.len())?;
                self.terms(field, values)
            }
            Query::Match { field, value, operator, minimum_should_match, lenient } => {
                let made = self.match_field(field, value, *operator, minimum_should_match.as_ref());
                forgive(made, *lenient)
            }
            Query::Phrase { field, value, slop, prefix, lenient } => {
                forgive(self.phrase(field, value, *slop, *prefix), *lenient)
            }
            Query::MultiMatch { fields, value, operator, kind, lenient } => {
                self.multi_match(fields, value, *operator, *kind, *lenient)
            }
            Query::BoolPrefix { field, value, operator, minimum_should_match } => {
                self.bool_prefix(field, value, *operator, minimum_should_match.as_ref())
            }
            Query::Range { field, bounds } => self.range(field, bounds),
            Query::Exists { field } => self.exists(field),
            Query::Ids { values, types } => Ok(self.ids(values, types)),
            Query::Prefix { field, value, case_insensitive } => self.prefix(field, value, *case_insensitive),
            Query::Wildcard { field, pattern, case_insensitive, is_normalized } => {
                let to_regex = |pattern: &str| to_regex(pattern, *case_insensitive);
                self.pattern(
                    &Pattern {
                        kind: "wildcard",
                        given: pattern,
                        to_regex: &to_regex,
                        is_normalized: *is_normalized,
                    },
                    field,
                )
            }
            Query::Regexp { field, pattern } => {
                self.context.rules.check_regex(pattern)?;
                let to_regex = |pattern: &str| pattern.to_owned();
                self.pattern(
                    &Pattern { kind: "regexp", given: pattern, to_regex: &to_regex, is_normalized: false },
                    field,
                )
            }
            Query::Fuzzy { field, value, edits } => self.fuzzy(field, value, *edits),
            Query::Bool { must, filter, should, must_not, minimum_should_match } => {
                self.bool(must, filter, should, must_not, minimum_should_match.as_ref())
            }
            Query::DisMax { queries, tie_breaker } => {
                let queries = queries.iter().map(|query| self.query(query)).collect::<Result<Vec<_>, _>>()?;
                Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, *tie_breaker)))
            }
            Query::Nested { path, query, score_mode, ignore_unmapped, .. } => {
                self.nested(path, query, *score_mode, *ignore_unmapped)
            }
            Query::ParentId { child, id, ignore_unmapped } => self.parent_id(child, id, *ignore_unmapped),
            Query::Constant { query } => Ok(constant(self.query(query)?)),
            Query::QueryString { text, fields, operator, lenient } => {
                let fields = if fields.is_empty() { &self.context.rules.default_fields } else { fields };
                let options = Options { fields, operator: *operator, lenient: *lenient };
                self.query(&query_string::parse(text, &options)?)
            }
            Query::Analyzed { query, analyzer } => {
                self.analyzer(analyzer)?;
                Lowering { analyzer: Some(analyzer), ..*self }.query(query)
            }
            Query::Boost { query, boost } => Ok(Box::new(BoostQuery::new(self.query(query)?, *boost))),
        }
    }

    /// The field at a path, if documents can be searched by it.
    pub(super) fn searchable(&self, path: &str) -> Result<Option<(&FieldMapping, Field)>, QueryError> {
        let Some(mapping) = self.layout.mapping.leaf(path) else {
            return Ok(None);
        };
        match self.layout.field(path) {
            Some(field) if mapping.is_searchable() => Ok(Some((mapping, field))),
            _ => Err(QueryError::shard(format!(
                "failed to create query: Cannot search on field [{path}] since it is not indexed."
            ))),
        }
    }

    pub(super) fn meta_term(&self, path: &str, value: &Value) -> Option<Box<dyn TantivyQuery>> {
        let text = plain(value);
        let meta = self.layout.meta;
        let raw = |field| -> Box<dyn TantivyQuery> {
            Box::new(TermQuery::new(Term::from_field_text(field, &text), IndexRecordOption::Basic))
        };
        Some(match path {
            "_id" => self.ids(std::slice::from_ref(&text), &[]),
            "_index" => all_or_none(name_matches(&text, self.context.index)),
            // Only other types than `_doc` are written down: `_doc` is whatever has no type.
            "_type" if text == "_doc" => {
                let typed: Box<dyn TantivyQuery> = Box::new(AnyTerm::of(meta.doc_type));
                Box::new(BooleanQuery::new(vec![(Occur::Must, all()), (Occur::MustNot, typed)]))
            }
            "_type" => constant(raw(meta.doc_type)),
            "_routing" => constant(raw(meta.routing)),
            IGNORED => constant(raw(self.layout.field(IGNORED)?)),
            _ => return None,
        })
    }

    pub(super) fn term(&self, path: &str, value: &Value, case_insensitive: bool) -> Lowered {
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
            let to_regex = |text: &str| exact_regex(text, true);
            let pattern = Pattern { kind: "term", given: &text, to_regex: &to_regex, is_normalized: false };
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

    pub(super) fn exact(&self, path: &str, mapping: &FieldMapping, field: Field, value: &Value) -> Lowered {
        if let FieldKind::Range { of } = &mapping.kind {
            return self.spans_of(path, mapping, of, value);
        }
        let value = self.normalized_value(mapping, value);
        if has_column_of_terms(mapping) {
            let terms = ColumnTerms::exactly(self.layout.stored_name(path), vec![plain(&value)]);
            return Ok(constant(Box::new(terms)));
        }
        Ok(match wanted(self.context, path, mapping, field, &value)? {
            Wanted::Nothing => none(),
            Wanted::Between(lower, upper) => constant(Box::new(RangeQuery::new(lower, upper))),
            Wanted::One(term) => match &mapping.kind {
                FieldKind::Text => self.weighed(mapping, &term, IndexRecordOption::WithFreqs),
                FieldKind::Boolean | FieldKind::MatchOnlyText => {
                    constant(Box::new(TermQuery::new(term, IndexRecordOption::Basic)))
                }
                FieldKind::Keyword { .. }
                | FieldKind::ConstantKeyword { .. }
                | FieldKind::Flattened { .. }
                | FieldKind::Join(_)
                | FieldKind::Version
                    if mapping.index =>
                {
                    self.weighed(mapping, &term, IndexRecordOption::Basic)
                }
                _ => {
                    constant(Box::new(RangeQuery::new(Bound::Included(term.clone()), Bound::Included(term))))
                }
            },
        })
    }

    fn terms(&self, path: &str, values: &[Value]) -> Lowered {
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
            return Ok(constant(Box::new(ColumnTerms::exactly(self.layout.stored_name(path), terms))));
        }
        let clauses = values
            .iter()
            .map(|value| Ok((Occur::Should, self.exact(path, mapping, field, value)?)))
            .collect::<Result<Vec<_>, QueryError>>()?;
        Ok(constant(Box::new(BooleanQuery::new(clauses))))
    }

    /// A value in the form of a field that normalizes.
    pub(super) fn normalized_value<'v>(&self, mapping: &FieldMapping, value: &'v Value) -> Cow<'v, Value> {
        let normalizer = mapping.analysis.normalizer.as_deref();
        match normalizer.and_then(|name| self.layout.analysis.normalizer(name).ok()) {
            Some(normalizer) if !value.is_null() => {
                Cow::Owned(Value::String(normalizer.normalized(&plain(value))))
            }
            _ => Cow::Borrowed(value),
        }
    }

    fn normalized_range<'r>(&self, mapping: &FieldMapping, range: &'r RangeBounds) -> Cow<'r, RangeBounds> {
        if mapping.analysis.normalizer.is_none() {
            return Cow::Borrowed(range);
        }
        let mut normalized = range.clone();
        for (value, _) in [&mut normalized.lower, &mut normalized.upper].into_iter().flatten() {
            *value = self.normalized_value(mapping, value).into_owned();
        }
        Cow::Owned(normalized)
    }

    /// Names for patterns; no fields at all stand for every field, and then values need not fit.
    pub(super) fn expand(&self, fields: &[(String, f32)], lenient: bool) -> (Vec<(String, f32)>, bool) {
        let every = [("*".to_owned(), 1.0)];
        let defaults = &self.context.rules.default_fields;
        let fields = match (fields.is_empty(), defaults.is_empty()) {
            (true, true) => &every[..],
            (true, false) => defaults,
            (false, _) => fields,
        };
        let mut expanded = Vec::new();
        let mut forgiving = lenient;
        for (pattern, boost) in fields {
            if !pattern.contains('*') {
                expanded.push((pattern.clone(), *boost));
                continue;
            }
            forgiving = true;
            let Mapping { runtime, .. } = &*self.layout.mapping;
            let leaves = self.layout.mapping.leaves().into_iter();
            let searchable =
                leaves.filter(|leaf| leaf.field.is_searchable() && runtime.get(&leaf.path).is_none());
            let names =
                searchable.map(|leaf| leaf.path).chain(runtime.iter().map(|(path, _)| path.to_owned()));
            expanded.extend(names.filter(|path| name_matches(pattern, path)).map(|path| (path, *boost)));
        }
        (expanded, forgiving)
    }

    fn range(&self, path: &str, range: &RangeBounds) -> Lowered {
        if path.contains('*') {
            let (fields, _) = self.expand(&[(path.to_owned(), 1.0)], true);
            let queries = fields.iter().map(|(path, _)| forgive(self.range_of(path, range), true));
            return Ok(Box::new(DisjunctionMaxQuery::new(queries.collect::<Result<Vec<_>, _>>()?)));
        }
        self.range_of(path, range)
    }

    /// Of one field; a name is not looked at for patterns again, as a field's own name may have a `*`.
    fn range_of(&self, path: &str, range: &RangeBounds) -> Lowered {
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
        Ok(constant(Box::new(RangeQuery::new(lower, upper))))
    }

    /// `false` comes before `true`.
    fn flag_range(&self, field: Field, range: &RangeBounds) -> Lowered {
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

    fn exists(&self, path: &str) -> Lowered {
        if path.contains('*') {
            let (fields, _) = self.expand(&[(path.to_owned(), 1.0)], true);
            let clauses = fields.iter().map(|(path, _)| Ok((Occur::Should, self.exists_in(path)?)));
            return Ok(Box::new(BooleanQuery::new(clauses.collect::<Result<Vec<_>, QueryError>>()?)));
        }
        self.exists_in(path)
    }

    /// In one field or object.
    fn exists_in(&self, path: &str) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.exists_in(path)) {
            return made;
        }
        if matches!(path, "_id" | "_index" | "_type" | "_source" | "_seq_no" | "_version") {
            return Ok(all());
        }
        if path == IGNORED {
            let field = self.layout.field(path);
            return Ok(field.map_or_else(none, |field| constant(Box::new(AnyTerm::of(field)))));
        }
        if let Some(mapping) = self.layout.mapping.leaf(path) {
            let Some(field) = self.layout.field(path) else {
                return Ok(none());
            };
            return Ok(match &mapping.kind {
                FieldKind::Text | FieldKind::MatchOnlyText if mapping.index => {
                    match self.layout.part(path, PRESENCE) {
                        Some(presence) => self.has_column(self.layout.schema.get_field_name(presence)),
                        None => Box::new(HasNorm::new(field)),
                    }
                }
                FieldKind::Text | FieldKind::MatchOnlyText => none(),
                _ if mapping.doc_values || matches!(mapping.kind, FieldKind::Range { .. }) => {
                    self.has_column(self.layout.stored_name(path))
                }
                _ => none(),
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
    fn has_column(&self, name: &str) -> Box<dyn TantivyQuery> {
        Box::new(ExistsQuery::new(name.to_owned(), false))
    }

    fn exists_below(
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

    /// Ids of these types; without any, of the path's type or of every one.
    fn ids(&self, ids: &[String], types: &[String]) -> Box<dyn TantivyQuery> {
        let types = match (types, self.context.doc_type) {
            ([], "") => Types::Every(self.layout.meta.doc_type),
            ([], of_path) => Types::Named(Arc::new([of_path.to_owned()])),
            (named, _) => Types::Named(named.into()),
        };
        constant(Box::new(HasUid::new(ids, types, self.identities)))
    }

    fn bool(
        &self,
        must: &[Query],
        filter: &[Query],
        should: &[Query],
        must_not: &[Query],
        minimum: Option<&MinimumShouldMatch>,
    ) -> Lowered {
        let mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        for query in must {
            let lowered = self.query(query)?;
            // tantivy leaves a bare match-all out of an intersection, and with it the score that it gives.
            let scored = if *query == Query::MatchAll { constant(lowered) } else { lowered };
            clauses.push((Occur::Must, scored));
        }
        for query in filter {
            clauses.push((Occur::Must, unscored(self.query(query)?)));
        }
        for query in must_not {
            clauses.push((Occur::MustNot, self.query(query)?));
        }
        let required = !must.is_empty() || !filter.is_empty();
        if must.is_empty() && filter.is_empty() && should.is_empty() {
            // An empty bool matches everything with score 1, one that only forbids scores 0.
            let base = if must_not.is_empty() { all() } else { unscored(all()) };
            clauses.push((Occur::Must, base));
        }
        for query in should {
            clauses.push((Occur::Should, self.query(query)?));
        }
        let by_default = usize::from(!required && !should.is_empty());
        let wanted = minimum.map_or(by_default, |minimum| minimum.of(should.len()));
        if wanted > should.len() {
            return Ok(none());
        }
        Ok(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, wanted)))
    }
}

/// Whether a field's texts can be looked up as terms.
pub(super) fn has_terms(mapping: &FieldMapping) -> bool {
    mapping.index && mapping.kind.has_terms()
}

/// Whether a field's terms are found by its column alone.
pub(super) fn has_column_of_terms(mapping: &FieldMapping) -> bool {
    !mapping.index && mapping.doc_values && matches!(mapping.kind, FieldKind::Keyword { .. })
}

/// A value that does not fit the field matches nothing, where the request says so.
pub(super) fn forgive(made: Lowered, lenient: bool) -> Lowered {
    match made {
        Err(_) if lenient => Ok(none()),
        other => other,
    }
}

/// Every document that has any term in a field without a column.
struct AnyTerm;

impl AnyTerm {
    fn of(field: Field) -> RangeQueryOverTerms {
        tantivy::query::InvertedIndexRangeQuery::new(
            Bound::Included(Term::from_field_text(field, "")),
            Bound::Unbounded,
        )
    }
}

type RangeQueryOverTerms = tantivy::query::InvertedIndexRangeQuery;
