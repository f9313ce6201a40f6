//! From the tree to tantivy: each query against the mapping's fields.
//!
//! Each family of queries has its room: `texts` has those of words, `term_level` those of exact values, `patterns` those of terms
//! that are like something, `compound` and `nested` those of other queries. What tantivy does not have is in `weights`.

mod compound;
mod cross_fields;
mod geo;
mod intervals;
mod joins;
mod keyed;
mod more_like_this;
mod nested;
mod patterns;
mod prepared;
mod presence;
mod query_string;
mod range_fields;
mod runtime;
mod scored;
mod scoring;
mod shared;
mod sliced;
mod spans;
mod term_level;
mod text_terms;
mod texts;
pub(in crate::query) mod values;

use std::sync::Arc;

use serde_json::Value;
use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query as TantivyQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use self::patterns::Pattern;
pub(crate) use self::patterns::{Shape, terms_like};
pub(crate) use self::prepared::{Asked, Prepared};
use self::presence::any_term;
pub(crate) use self::range_fields::no_aggregation_of_spans;
use self::runtime::RuntimeValues;
pub(crate) use self::runtime::{HeldValues, runtime_fields_of};
use self::shared::Shared;
use self::texts::boosted;
use super::QueryError;
use super::ast::{Matching, Query};
use super::rules::QueryRules;
use super::simple_query_string;
use super::weights::constant::{constant, unscored};
use super::weights::demoted::Demoted;
use super::weights::excluded::Excluded;
use super::weights::fuzzy::FuzzyWords;
use super::wildcard::name_matches;
use crate::engine::{AllIdentities, Layout};
use crate::json_values::plain;
use crate::mapping::{FieldKind, FieldMapping, IGNORED, Mapping};

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

pub(in crate::query) type Lowered = Result<Box<dyn TantivyQuery>, QueryError>;

#[derive(Clone, Copy)]
struct Lowering<'a> {
    layout: &'a Layout,
    identities: &'a Arc<AllIdentities>,
    context: &'a QueryContext<'a>,
    fuzzy_words: &'a FuzzyWords,
    /// What queries are made ready with.
    shared: &'a Shared<'a>,
    /// The runtime fields that were met.
    runtime: &'a RuntimeValues,
    /// The path of the nested objects that are looked for; none for documents.
    nested_in: Option<&'a str>,
    /// Whether the fields are those of the index, and not of values that were read for runtime fields.
    is_of_index: bool,
}

fn all() -> Box<dyn TantivyQuery> {
    Box::new(AllQuery)
}

pub(in crate::query) fn none() -> Box<dyn TantivyQuery> {
    Box::new(EmptyQuery)
}

pub(in crate::query) fn all_or_none(all_match: bool) -> Box<dyn TantivyQuery> {
    if all_match { all() } else { none() }
}

impl<'a> Lowering<'a> {
    fn new(
        shared: &'a Shared<'a>,
        context: &'a QueryContext<'a>,
        nested_in: Option<&'a str>,
        fuzzy_words: &'a FuzzyWords,
        runtime: &'a RuntimeValues,
    ) -> Self {
        let (layout, identities) = (&*shared.view.layout, &shared.view.identities);
        Self { layout, identities, context, fuzzy_words, shared, runtime, nested_in, is_of_index: true }
    }
}

impl Lowering<'_> {
    /// A query as tantivy asks it, measured where that is wanted.
    pub(in crate::query) fn query(&self, query: &Query) -> Lowered {
        match self.shared.profiler {
            // A name says nothing of what is measured.
            Some(profiler) if !matches!(query, Query::Named { .. }) => {
                profiler.measured(query, || self.unmeasured(query))
            }
            _ => self.unmeasured(query),
        }
    }

    fn unmeasured(&self, query: &Query) -> Lowered {
        match query {
            Query::MatchAll => Ok(all()),
            Query::MatchNone => Ok(none()),
            Query::Slice(sliced) => self.slice(sliced),
            Query::Term { field, value, case_insensitive } => self.term(field, value, *case_insensitive),
            Query::Terms { field, values } => {
                self.context.rules.check_terms(values.len())?;
                self.terms(field, values)
            }
            Query::Match { field, value, matching } => {
                let made = self.match_field(field, value, matching);
                forgive(made, matching.is_lenient())
            }
            Query::Phrase { field, value, prefix, matching } => {
                forgive(self.phrase(field, value, *prefix, matching), matching.is_lenient())
            }
            Query::MultiMatch { fields, value, kind, tie_breaker, matching } => {
                self.multi_match(fields, value, (*kind, *tie_breaker), matching)
            }
            Query::BoolPrefix { field, value, matching } => self.bool_prefix(field, value, matching),
            Query::Range { field, bounds } => self.range(field, bounds),
            Query::Exists { field } => self.exists(field),
            Query::Ids { values, types } => Ok(self.ids(values, types)),
            Query::Prefix { field, value, case_insensitive, rewrite } => {
                self.prefix(field, value, (*case_insensitive, *rewrite))
            }
            Query::Wildcard { field, pattern, case_insensitive, is_normalized, rewrite } => {
                let shape = Shape::Wildcard { case_insensitive: *case_insensitive };
                self.pattern(
                    &Pattern { shape, given: pattern, is_normalized: *is_normalized, rewrite: *rewrite },
                    field,
                )
            }
            Query::Regexp { field, pattern, syntax, rewrite } => {
                self.context.rules.check_regex(pattern)?;
                let shape = Shape::Regexp(*syntax);
                self.pattern(
                    &Pattern { shape, given: pattern, is_normalized: false, rewrite: *rewrite },
                    field,
                )
            }
            Query::Fuzzy { field, value, fuzziness, is_normalized } => {
                self.fuzzy(field, value, (*fuzziness, *is_normalized))
            }
            Query::Bool { must, filter, should, must_not, minimum_should_match } => {
                self.bool(must, filter, should, must_not, minimum_should_match.as_ref())
            }
            Query::DisMax { queries, tie_breaker } => {
                let queries = queries.iter().map(|query| self.query(query)).collect::<Result<Vec<_>, _>>()?;
                Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, *tie_breaker)))
            }
            Query::Boosting { positive, negative, negative_boost } => Ok(Box::new(Demoted {
                positive: self.query(positive)?,
                negative: self.query(negative)?,
                by: *negative_boost,
            })),
            Query::CombinedFields { fields, value, matching } => {
                self.combined_fields(fields, value, matching)
            }
            Query::SimpleQueryString(asked) => {
                let known = simple_query_string::Fields {
                    defaults: &self.context.rules.default_fields,
                    quoted: &|path, suffix| self.with_suffix(path, suffix),
                    has_words: &|fields, text, is_phrase| {
                        self.any_has_words(fields, text, &asked.matching, is_phrase)
                    },
                };
                let query = simple_query_string::parse(asked, &known)?;
                self.query(&query)
            }
            Query::Nested { path, query, score_mode, ignore_unmapped, .. } => {
                self.nested(path, query, *score_mode, *ignore_unmapped)
            }
            Query::ParentId { child, id, ignore_unmapped } => self.parent_id(child, id, *ignore_unmapped),
            Query::FunctionScore(scored) => self.function_score(scored),
            Query::Script(script) => Ok(self.script_filter(script)),
            Query::ScriptScore { query, script, min_score } => self.script_score(query, script, *min_score),
            Query::RankFeature { field, function } => self.rank_feature(field, *function),
            Query::DistanceFeature { field, origin, pivot } => self.distance_feature(field, origin, pivot),
            Query::TermsSet(asked) => self.terms_set(asked),
            Query::TermsOf { field } => Err(terms_not_read(field)),
            Query::Pinned { documents, organic } => self.pinned(documents, organic),
            Query::MoreLikeThis(asked) => self.more_like_this(asked),
            Query::Joined(joined) => self.joined(joined),
            Query::Geo(asked) => self.geo(asked),
            Query::Constant { query } => Ok(constant(self.query(query)?)),
            Query::QueryString(asked) => self.query_string(asked),
            Query::Span(spans) => self.spans_query(spans),
            Query::Intervals { field, intervals } => self.intervals(field, intervals),
            Query::Named { query, .. } => self.query(query),
            Query::Boost { query, boost } => Ok(boosted(self.query(query)?, *boost)),
        }
    }

    /// Matches that are left out.
    pub(in crate::query) fn excluded(&self, query: Box<dyn TantivyQuery>) -> Box<dyn TantivyQuery> {
        Box::new(Excluded { query: unscored(query), faults: self.shared.faults.clone() })
    }

    /// The field at a path, if documents can be searched by it.
    pub(in crate::query) fn searchable(
        &self,
        path: &str,
    ) -> Result<Option<(&FieldMapping, Field)>, QueryError> {
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

    pub(in crate::query) fn meta_term(&self, path: &str, value: &Value) -> Option<Box<dyn TantivyQuery>> {
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
                let typed: Box<dyn TantivyQuery> = Box::new(any_term(meta.doc_type));
                Box::new(BooleanQuery::new(vec![(Occur::Must, all()), (Occur::MustNot, typed)]))
            }
            "_type" => constant(raw(meta.doc_type)),
            "_routing" => constant(raw(meta.routing)),
            IGNORED => constant(raw(self.layout.field(IGNORED)?)),
            _ => return None,
        })
    }

    /// Names for patterns; no fields at all stand for those of the index, or every field.
    pub(in crate::query) fn expand(&self, fields: &[(String, f32)]) -> Vec<(String, f32)> {
        let every = [("*".to_owned(), 1.0)];
        let fields = self.or_defaults(fields).unwrap_or(&every);
        let mut expanded = Vec::new();
        for (pattern, boost) in fields {
            if !pattern.contains('*') {
                expanded.push((pattern.clone(), *boost));
                continue;
            }
            let Mapping { runtime, .. } = &*self.layout.mapping;
            let leaves = self.layout.mapping.leaves().into_iter();
            let searchable =
                leaves.filter(|leaf| leaf.field.is_searchable() && runtime.get(&leaf.path).is_none());
            let names =
                searchable.map(|leaf| leaf.path).chain(runtime.iter().map(|(path, _)| path.to_owned()));
            expanded.extend(names.filter(|path| name_matches(pattern, path)).map(|path| (path, *boost)));
        }
        expanded
    }

    /// The fields that are asked, or those of the index where none are; none for every field.
    fn or_defaults<'f>(&'f self, fields: &'f [(String, f32)]) -> Option<&'f [(String, f32)]> {
        [fields, &self.context.rules.default_fields].into_iter().find(|fields| !fields.is_empty())
    }

    /// Whether a value that does not fit one of the fields matches nothing there instead of failing.
    pub(in crate::query) fn is_lenient(&self, fields: &[(String, f32)], matching: &Matching) -> bool {
        let asks_all =
            || self.or_defaults(fields).is_none_or(|fields| fields.iter().any(|(field, _)| field == "*"));
        matching.lenient.unwrap_or_else(asks_all)
    }
}

/// Whether a field's texts can be looked up as terms.
pub(in crate::query) fn has_terms(mapping: &FieldMapping) -> bool {
    mapping.index && mapping.kind.has_terms()
}

/// Whether a field's terms are found by its column alone.
pub(in crate::query) fn has_column_of_terms(mapping: &FieldMapping) -> bool {
    !mapping.index && mapping.doc_values && matches!(mapping.kind, FieldKind::Keyword { .. })
}

/// The values of a `terms` are in a document that nobody has read.
fn terms_not_read(field: &str) -> QueryError {
    QueryError {
        kind: "unsupported_operation_exception",
        reason: format!(
            "the values of [terms] on [{field}] cannot be looked up here: query must be rewritten first"
        ),
    }
}

/// A value that does not fit the field matches nothing, where the request says so.
pub(in crate::query) fn forgive(made: Lowered, lenient: bool) -> Lowered {
    match made {
        Err(_) if lenient => Ok(none()),
        other => other,
    }
}
