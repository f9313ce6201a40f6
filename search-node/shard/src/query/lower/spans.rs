//! Queries for spans.

use std::sync::Arc;

use tantivy::Term;
use tantivy::query::Query as TantivyQuery;
use tantivy::schema::Field;

use super::patterns::{Pattern, Shape, check_length};
use super::{Lowered, Lowering, constant, none};
use crate::json_values::plain;
use crate::mapping::FieldMapping;
use crate::query::QueryError;
use crate::query::ast::{Query, Rewrite, SpanClause, SpanQuery};
use crate::query::similarity::Similarity;
use crate::query::weights::expanded::Wanted;
use crate::query::weights::positions::{Like, Tree};
use crate::query::weights::spans::{SpanJoin, Spans};

/// Spans with the field that they count as.
struct InField {
    path: String,
    tree: Tree<SpanJoin>,
}

/// Terms like a pattern, or near a word, as `span_multi` and `intervals` have them.
pub(super) struct Terms {
    pub(super) wanted: Wanted,
    /// How many of them count; none for all that there may be.
    pub(super) most: Option<usize>,
}

impl Lowering<'_> {
    pub(super) fn spans_query(&self, spans: &SpanQuery) -> Lowered {
        // By itself it counts as of its own field.
        if let SpanQuery::Masked { of, .. } = spans {
            return self.spans_query(of);
        }
        let InField { path, tree } = self.term_spans(spans)?;
        let Some((mapping, field)) = self.searchable(&path)? else { return Ok(none()) };
        let field = self.scored(&path, mapping, field);
        let is_boolean = field.similarity == Similarity::Boolean;
        let spans: Box<dyn TantivyQuery> = Box::new(Spans { field, tree });
        Ok(if is_boolean { constant(spans) } else { spans })
    }

    fn term_spans(&self, spans: &SpanQuery) -> Result<InField, QueryError> {
        match spans {
            SpanQuery::Term { field, value } => self.span_term(field, &plain(value)),
            SpanQuery::Near { clauses, slop, in_order } => self.spans_near(clauses, *slop, *in_order),
            SpanQuery::Or { clauses } => {
                let parts = clauses.iter().map(|clause| self.term_spans(clause)).collect::<Result<_, _>>()?;
                joined(SpanJoin::Or, parts)
            }
            SpanQuery::Not { include, exclude, before, after } => {
                let how = SpanJoin::Not { before: *before, after: *after };
                joined(how, vec![self.term_spans(include)?, self.term_spans(exclude)?])
            }
            SpanQuery::First { of, end } => joined(SpanJoin::First { end: *end }, vec![self.term_spans(of)?]),
            SpanQuery::Containing { big, little } => {
                joined(SpanJoin::Containing, vec![self.term_spans(big)?, self.term_spans(little)?])
            }
            SpanQuery::Within { big, little } => {
                joined(SpanJoin::Within, vec![self.term_spans(big)?, self.term_spans(little)?])
            }
            SpanQuery::Multi { of } => self.span_multi(of),
            SpanQuery::Masked { of, field } => {
                let tree = self.term_spans(of)?.tree;
                Ok(InField { path: self.layout.mapping.meant(field).to_owned(), tree })
            }
        }
    }

    fn span_term(&self, path: &str, text: &str) -> Result<InField, QueryError> {
        let terms = match self.with_places(path, &format!("SpanTermQuery (term={text})"))? {
            Some((_, field)) => vec![Term::from_field_text(field, text)],
            None => Vec::new(),
        };
        Ok(InField { path: self.layout.mapping.meant(path).to_owned(), tree: Tree::Terms(terms) })
    }

    fn spans_near(&self, clauses: &[SpanClause], slop: i64, in_order: bool) -> Result<InField, QueryError> {
        let (mut parts, mut gaps) = (Vec::new(), vec![0]);
        for clause in clauses {
            match clause {
                SpanClause::Spans(spans) => {
                    parts.push(self.term_spans(spans)?);
                    gaps.push(0);
                }
                SpanClause::Gap(width) => {
                    if let Some(gap) = gaps.last_mut() {
                        *gap += *width;
                    }
                }
            }
        }
        joined(SpanJoin::Near { slop, in_order, gaps }, parts)
    }

    fn span_multi(&self, of: &Query) -> Result<InField, QueryError> {
        let (path, shown) = match of {
            Query::Prefix { field, value, .. } | Query::Fuzzy { field, value, .. } => (field, value),
            Query::Wildcard { field, pattern, .. } | Query::Regexp { field, pattern, .. } => (field, pattern),
            _ => return Err(QueryError::argument("[span_multi] [match] must be of type multi term query")),
        };
        let Some((mapping, field)) = self.with_places(path, "SpanMultiTermQueryWrapper")? else {
            return Ok(InField { path: path.clone(), tree: Tree::Terms(Vec::new()) });
        };
        let Terms { wanted, most } = self.terms_like(of, mapping)?;
        let like = Like { field, wanted, most, shown: shown.clone() };
        Ok(InField { path: self.layout.mapping.meant(path).to_owned(), tree: Tree::Like(like) })
    }

    /// The terms that a query for patterns or edits wants in a field.
    pub(super) fn terms_like(&self, of: &Query, mapping: &FieldMapping) -> Result<Terms, QueryError> {
        let (shape, given, is_normalized, rewrite) = match of {
            Query::Prefix { value, case_insensitive, rewrite, .. } => {
                (Shape::Prefix { case_insensitive: *case_insensitive }, value, false, *rewrite)
            }
            Query::Wildcard { pattern, case_insensitive, is_normalized, rewrite, .. } => {
                (Shape::Wildcard { case_insensitive: *case_insensitive }, pattern, *is_normalized, *rewrite)
            }
            Query::Regexp { pattern, syntax, rewrite, .. } => {
                self.context.rules.check_regex(pattern)?;
                (Shape::Regexp(*syntax), pattern, false, *rewrite)
            }
            Query::Fuzzy { value, fuzziness, is_normalized, .. } => {
                let pattern = Pattern {
                    shape: Shape::Exactly,
                    given: value,
                    is_normalized: *is_normalized,
                    rewrite: Rewrite::Usual,
                };
                let near = self.fuzzy_words.near(&self.normalized_pattern(mapping, &pattern), *fuzziness)?;
                let most = most_of(fuzziness.rewrite).or(Some(fuzziness.max_expansions));
                return Ok(Terms { wanted: Wanted::Near(near), most });
            }
            _ => return Err(QueryError::argument("a query for terms like a pattern was expected")),
        };
        check_length(given)?;
        let pattern = Pattern { shape, given, is_normalized, rewrite };
        let expression = shape.expression(&self.normalized_pattern(mapping, &pattern))?;
        let automaton = Arc::new(shape.automaton(&expression)?);
        Ok(Terms { wanted: Wanted::Like(automaton), most: most_of(rewrite) })
    }

    /// A field of words whose places are known; none if there is no such field.
    fn with_places(&self, path: &str, query: &str) -> Result<Option<(&FieldMapping, Field)>, QueryError> {
        let Some((mapping, field)) = self.searchable(path)? else { return Ok(None) };
        if mapping.kind.has_terms() && self.layout.has_positions(field) {
            return Ok(Some((mapping, field)));
        }
        Err(QueryError::shard(format!(
            "failed to create query: field \"{path}\" was indexed without position data; cannot run {query}"
        )))
    }
}

fn most_of(rewrite: Rewrite) -> Option<usize> {
    match rewrite {
        Rewrite::Top(most) | Rewrite::TopBoost(most) | Rewrite::TopBlended(most) => Some(most),
        _ => None,
    }
}

/// Spans that are joined must be of one field.
fn joined(how: SpanJoin, parts: Vec<InField>) -> Result<InField, QueryError> {
    let path = parts.first().map(|part| part.path.clone()).unwrap_or_default();
    if parts.iter().any(|part| part.path != path) {
        return Err(QueryError::shard("failed to create query: Clauses must have same field."));
    }
    let parts = parts.into_iter().map(|part| part.tree).collect();
    Ok(InField { path, tree: Tree::joined(how, parts) })
}
