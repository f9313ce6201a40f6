//! Queries for terms that begin so, are like a pattern, or are a few edits away.

use std::borrow::Cow;
use std::sync::Arc;

use tantivy::Term as IndexTerm;
use tantivy::query::{DisjunctionMaxQuery, Query as TantivyQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

use super::keyed::expression;
use super::{Lowered, Lowering, all_or_none, constant, forgive, has_column_of_terms, has_terms, none};
use crate::analysis::LEADING_MAX;
use crate::mapping::{FieldKind, FieldMapping, IGNORED, INDEX_PREFIX, SEARCH_AS_YOU_TYPE, WRITTEN};
use crate::query::QueryError;
use crate::query::ast::{Fuzziness, RegexpSyntax, Rewrite};
use crate::query::regexp::{self, EFFORT_USUAL, Expression, TermAutomaton};
use crate::query::weights::column_terms::ColumnTerms;
use crate::query::weights::expanded::Expanded;
use crate::query::wildcard::{PATTERN_CHARS_MAX, between_signs, name_matches};

impl Lowering<'_> {
    /// A pattern in the form of the field's terms; its signs stay.
    pub(super) fn normalized_pattern<'p>(
        &self,
        mapping: &FieldMapping,
        pattern: &Pattern<'p>,
    ) -> Cow<'p, str> {
        let analysis = &self.layout.analysis;
        let analyzer = match (&mapping.analysis.normalizer, pattern.is_normalized) {
            (Some(name), _) => analysis.normalizer(name),
            (None, true) if mapping.kind.is_text() => analysis.analyzer(mapping.analysis.searching(analysis)),
            _ => return Cow::Borrowed(pattern.given),
        };
        let Ok(analyzer) = analyzer else { return Cow::Borrowed(pattern.given) };
        if !matches!(pattern.shape, Shape::Wildcard { .. }) {
            return Cow::Owned(analyzer.normalized(pattern.given));
        }
        Cow::Owned(between_signs(pattern.given, |text| analyzer.normalized(text)))
    }

    pub(in crate::query) fn prefix(
        &self,
        path: &str,
        value: &str,
        (case_insensitive, rewrite): (bool, Rewrite),
    ) -> Lowered {
        let is_plain = !case_insensitive && matches!(rewrite, Rewrite::Usual | Rewrite::Constant);
        if let Some(found) = is_plain.then(|| self.begins(path, value)).flatten() {
            return Ok(found);
        }
        let shape = Shape::Prefix { case_insensitive };
        self.pattern(&Pattern { shape, given: value, is_normalized: false, rewrite }, path)
    }

    /// In one field.
    pub(in crate::query) fn prefix_in(&self, path: &str, value: &str) -> Lowered {
        if let Some(found) = self.begins(path, value) {
            return Ok(found);
        }
        let (shape, rewrite) = (Shape::Prefix { case_insensitive: false }, Rewrite::Usual);
        self.pattern_in(&Pattern { shape, given: value, is_normalized: false, rewrite }, path)
    }

    /// Documents by a beginning that is a term of its own.
    fn begins(&self, path: &str, value: &str) -> Option<Box<dyn TantivyQuery>> {
        let path = self.layout.mapping.meant(path);
        let mapping = self.layout.mapping.leaf(path)?;
        let letters = value.chars().count();
        let root =
            match mapping.type_name.as_str() {
                SEARCH_AS_YOU_TYPE if (1..=LEADING_MAX).contains(&letters) => {
                    if mapping.subfields.is_empty() { path.rsplit_once('.')?.0 } else { path }
                }
                "text" if mapping.prefixes().is_some_and(|prefixes| prefixes.have(letters)) => path,
                _ => return None,
            };
        let field = self.layout.field(&format!("{root}.{INDEX_PREFIX}"))?;
        let term = IndexTerm::from_field_text(field, value);
        Some(constant(Box::new(TermQuery::new(term, IndexRecordOption::Basic))))
    }

    pub(in crate::query) fn pattern(&self, pattern: &Pattern<'_>, path: &str) -> Lowered {
        if path.contains('*') {
            let fields = self.expand(&[(path.to_owned(), 1.0)]);
            let queries = fields.iter().map(|(path, _)| forgive(self.pattern_in(pattern, path), true));
            return Ok(Box::new(DisjunctionMaxQuery::new(queries.collect::<Result<Vec<_>, _>>()?)));
        }
        self.pattern_in(pattern, path)
    }

    /// In one field.
    fn pattern_in(&self, pattern: &Pattern<'_>, path: &str) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.pattern_in(pattern, path)) {
            return made;
        }
        let (kind, given) = (pattern.shape.name(), pattern.given);
        check_length(given)?;
        if path == "_index" {
            return Ok(all_or_none(name_matches(given, self.context.index)));
        }
        if path == "_id" {
            return Err(no_patterns(kind, path, path));
        }
        let (text, field) = match (self.searchable(path)?, self.layout.field(IGNORED)) {
            (Some((mapping, _)), _) if mapping.kind == FieldKind::Version => {
                match self.layout.part(path, WRITTEN) {
                    Some(written) => (Cow::Borrowed(given), written),
                    None => return Ok(none()),
                }
            }
            (Some((mapping, _)), _) if has_column_of_terms(mapping) => {
                let expression = pattern.shape.expression(&self.normalized_pattern(mapping, pattern))?;
                let automaton = Arc::new(pattern.shape.automaton(&expression)?);
                return Ok(constant(Box::new(ColumnTerms::like(
                    self.layout.stored_name(path),
                    automaton,
                    self.shared.faults.clone(),
                ))));
            }
            (Some((mapping, _)), _) if !has_terms(mapping) => {
                return Err(no_patterns(kind, path, &mapping.type_name));
            }
            (Some((mapping, field)), _) => (self.normalized_pattern(mapping, pattern), field),
            (None, Some(field)) if path == IGNORED => (Cow::Borrowed(given), field),
            (None, _) => match self.keyed(path)? {
                Some(keyed) => (Cow::Borrowed(given), keyed.field),
                None => return Ok(none()),
            },
        };
        let mut made = pattern.shape.expression(&text)?;
        if let Some(keyed) = self.keyed(path)? {
            made = expression(keyed, made);
        }
        let automaton = Arc::new(pattern.shape.automaton(&made)?);
        // What is no text of its own has no words that count.
        let counted =
            self.searchable(path)?.filter(|(mapping, own)| *own == field && mapping.kind.counts_words());
        Ok(match counted {
            Some((mapping, _)) => {
                Expanded::like(self.scored(path, mapping, field), automaton, pattern.rewrite)
            }
            None => Expanded::all_the_same(field, automaton, self.shared.faults.clone()),
        })
    }

    pub(in crate::query) fn fuzzy(
        &self,
        path: &str,
        value: &str,
        (fuzziness, is_normalized): (Fuzziness, bool),
    ) -> Lowered {
        if path.contains('*') {
            let fields = self.expand(&[(path.to_owned(), 1.0)]);
            let is_text = |path: &str| {
                self.layout.mapping.searched(path).is_some_and(|field| {
                    has_terms(field) || has_column_of_terms(field) || field.kind == FieldKind::Version
                })
            };
            let fields = fields.iter().filter(|(path, _)| is_text(path));
            let queries = fields.map(|(path, _)| self.fuzzy_in(path, value, (fuzziness, is_normalized)));
            return Ok(Box::new(DisjunctionMaxQuery::new(queries.collect::<Result<Vec<_>, _>>()?)));
        }
        self.fuzzy_in(path, value, (fuzziness, is_normalized))
    }

    /// In one field.
    fn fuzzy_in(&self, path: &str, value: &str, (fuzziness, is_normalized): (Fuzziness, bool)) -> Lowered {
        if let Some(made) =
            self.of_runtime(path, |inside| inside.fuzzy_in(path, value, (fuzziness, is_normalized)))
        {
            return made;
        }
        let refused = |type_name: &str| {
            QueryError::shard(format!(
                "failed to create query: Can only use fuzzy queries on keyword and text fields - not on [{path}] which is of type [{type_name}]"
            ))
        };
        if matches!(path, "_id" | "_index") {
            return Err(refused(path));
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            if self.keyed(path)?.is_some() {
                return Err(QueryError::argument(
                    "[fuzzy] queries are not currently supported on keyed [flattened] fields.",
                ));
            }
            return Ok(none());
        };
        let field = match self.layout.part(path, WRITTEN) {
            Some(written) => written,
            None if has_terms(mapping) || has_column_of_terms(mapping) => field,
            None => return Err(refused(&mapping.type_name)),
        };
        let pattern = Pattern { shape: Shape::Exactly, given: value, is_normalized, rewrite: Rewrite::Usual };
        let near = self.fuzzy_words.near(&self.normalized_pattern(mapping, &pattern), fuzziness)?;
        if has_column_of_terms(mapping) {
            let automaton = near.automaton();
            return Ok(constant(Box::new(ColumnTerms::near(
                self.layout.stored_name(path),
                automaton,
                self.shared.faults.clone(),
            ))));
        }
        Ok(Box::new(Expanded::near(self.scored(path, mapping, field), near)))
    }
}

/// A query for terms like a pattern.
pub(in crate::query) struct Pattern<'a> {
    pub(in crate::query) shape: Shape,
    pub(in crate::query) given: &'a str,
    /// Whether a text's analyzer brings the pattern into the form of its terms.
    pub(in crate::query) is_normalized: bool,
    pub(in crate::query) rewrite: Rewrite,
}

/// What a pattern is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// A value whose case does not matter.
    Exactly,
    Prefix {
        case_insensitive: bool,
    },
    Wildcard {
        case_insensitive: bool,
    },
    Regexp(RegexpSyntax),
}

impl Shape {
    /// The query that was asked, for what is said of fields that it cannot be asked of.
    fn name(self) -> &'static str {
        match self {
            Self::Exactly => "term",
            Self::Prefix { .. } => "prefix",
            Self::Wildcard { .. } => "wildcard",
            Self::Regexp(_) => "regexp",
        }
    }

    pub(in crate::query) fn expression(self, text: &str) -> Result<Expression, QueryError> {
        Ok(match self {
            Self::Exactly => regexp::exactly(text, true),
            Self::Prefix { case_insensitive } => regexp::beginning(text, case_insensitive),
            Self::Wildcard { case_insensitive } => regexp::wildcard(text, case_insensitive),
            Self::Regexp(RegexpSyntax { flags, case_insensitive, .. }) => {
                regexp::parse(text, flags, case_insensitive).map_err(|wrong| failed(&wrong))?
            }
        })
    }

    pub(in crate::query) fn automaton(self, expression: &Expression) -> Result<TermAutomaton, QueryError> {
        let effort = if let Self::Regexp(syntax) = self { syntax.effort } else { EFFORT_USUAL };
        expression.automaton(effort).map_err(|error| failed(&error))
    }
}

/// Refuses a pattern whose automaton would take too long to make.
pub(super) fn check_length(given: &str) -> Result<(), QueryError> {
    let length = given.chars().count();
    if length <= PATTERN_CHARS_MAX {
        return Ok(());
    }
    Err(QueryError::argument(format!(
        "The length of regex [{length}] used in the [regexp] query has exceeded the allowed maximum of [{PATTERN_CHARS_MAX}]. This maximum can be set by changing the [index.max_regex_length] index level setting."
    )))
}

fn failed(why: &dyn std::fmt::Display) -> QueryError {
    QueryError::shard(format!("failed to create query: {why}"))
}

/// What takes the terms that are like a pattern; none where it cannot be read.
pub(crate) fn terms_like(shape: Shape, pattern: &str) -> Option<TermAutomaton> {
    shape.automaton(&shape.expression(pattern).ok()?).ok()
}

/// A pattern that was asked of a field whose values are no texts, or are not kept as terms.
fn no_patterns(kind: &str, path: &str, type_name: &str) -> QueryError {
    let fields =
        if kind == "regexp" { "keyword and text fields" } else { "keyword, text and wildcard fields" };
    QueryError::shard(format!(
        "Can only use {kind} queries on {fields} - not on [{path}] which is of type [{type_name}]"
    ))
}
