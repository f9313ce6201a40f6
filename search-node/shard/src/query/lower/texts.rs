//! Queries of words: their texts go through an analyzer first.

use std::sync::Arc;

use serde_json::Value;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, Query as TantivyQuery};
use tantivy::schema::Field;

use super::text_terms::TextTerms;
use super::{Lowered, Lowering, all, forgive, none};
use crate::analysis::{Analyzer, Term};
use crate::json_values::plain;
use crate::mapping::{FieldKind, FieldMapping, INDEX_PHRASE};
use crate::query::QueryError;
use crate::query::ast::{Matching, MultiMatchKind, Operator, Rewrite, ZeroTerms};
use crate::query::weights::constant::Constant;
use crate::query::weights::in_level::Levels;
use crate::query::weights::source_phrase::{NestedTexts, SourceTexts};
use crate::query::weights::weighed::ScoredField;

impl Lowering<'_> {
    pub(super) fn match_field(&self, path: &str, value: &Value, matching: &Matching) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.match_field(path, value, matching)) {
            return made;
        }
        if let Some(meta) = self.meta_term(path, value) {
            return Ok(meta);
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            return Ok(self.keyed_value(path, value)?.unwrap_or_else(none));
        };
        if !mapping.kind.is_text() {
            if let Some(fuzziness) = matching.fuzziness {
                return self.fuzzy(path, &plain(value), (fuzziness, false));
            }
            let Some(values) = self.cut(value, matching)? else {
                return self.exact(path, mapping, field, value);
            };
            let occur = if matching.operator == Operator::And { Occur::Must } else { Occur::Should };
            let one = |value: &Value| Ok((occur, self.exact(path, mapping, field, value)?));
            let clauses = values.iter().map(one).collect::<Result<Vec<_>, QueryError>>()?;
            let is_empty = clauses.is_empty();
            return Ok(if is_empty { self.without_terms(matching) } else { joined(clauses, matching) });
        }
        let own = mapping.analysis.searching(&self.layout.analysis);
        let analyzer = self.analyzer(matching.analyzer.as_deref().unwrap_or(own))?;
        let terms = self.text_terms(path, mapping, field, self.terms_of(&analyzer, &plain(value)));
        if terms.terms.is_empty() {
            return Ok(self.without_terms(matching));
        }
        match matching.fuzziness {
            Some(fuzziness) => terms.matching_near(matching, |word| self.fuzzy_words.near(word, fuzziness)),
            None => terms.matching(matching),
        }
    }

    /// The values that an analyzer makes of one for a field whose values are whole; none where no analyzer is named.
    fn cut(&self, value: &Value, matching: &Matching) -> Result<Option<Vec<Value>>, QueryError> {
        let Some(name) = &matching.analyzer else { return Ok(None) };
        let terms = self.analyzer(name)?.terms(&plain(value));
        Ok(Some(terms.into_iter().map(|term| Value::from(term.text)).collect()))
    }

    /// A phrase of a field whose values are whole, which has no places.
    fn whole_phrase(
        &self,
        (path, mapping, field): (&str, &FieldMapping, Field),
        value: &Value,
        prefix: bool,
        matching: &Matching,
    ) -> Lowered {
        let values = self.cut(value, matching)?;
        match values.as_deref() {
            Some([]) => Ok(self.without_terms(matching)),
            Some([_, _, ..]) => Err(without_places(path)),
            _ if prefix => Err(no_phrase_prefix(path, &mapping.type_name)),
            Some([only]) => self.exact(path, mapping, field, only),
            None => self.exact(path, mapping, field, value),
        }
    }

    /// What a text without terms finds.
    pub(super) fn without_terms(&self, matching: &Matching) -> Box<dyn TantivyQuery> {
        if matching.zero_terms == ZeroTerms::All { all() } else { none() }
    }

    pub(super) fn phrase(&self, path: &str, value: &Value, prefix: bool, matching: &Matching) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.phrase(path, value, prefix, matching)) {
            return made;
        }
        if prefix && matches!(path, "_id" | "_index") {
            return Err(no_phrase_prefix(path, path));
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            let meta = self.meta_term(path, value);
            return Ok(
                if meta.is_some() { meta } else { self.keyed_value(path, value)? }.unwrap_or_else(none)
            );
        };
        if !mapping.kind.is_text() {
            return self.whole_phrase((path, mapping, field), value, prefix, matching);
        }
        let own = mapping.analysis.quoting(&self.layout.analysis);
        let analyzer = self.analyzer(matching.analyzer.as_deref().unwrap_or(own))?;
        let terms = self.text_terms(path, mapping, field, self.terms_of(&analyzer, &plain(value)));
        let expansions = prefix.then_some(matching.max_expansions);
        match terms.single() {
            Some(only) if prefix && (!terms.is_scored || mapping.prefixes().is_some()) => {
                self.prefix(path, only, (false, Rewrite::Usual))
            }
            None if terms.terms.is_empty() => Ok(self.without_terms(matching)),
            None if terms.terms.len() > 1 && terms.is_scored && terms.texts.is_some() => {
                Err(without_places(path))
            }
            _ => match self.pairs(path, &terms, matching.slop, prefix) {
                Some(pairs) => pairs.phrase(0, None),
                None => terms.phrase(matching.slop, expansions),
            },
        }
    }

    /// A phrase of words next to one another as the pairs of them, where these are terms of their own (`index_phrases`).
    fn pairs(&self, path: &str, phrase: &TextTerms, slop: u32, is_prefix: bool) -> Option<TextTerms> {
        let path = self.layout.mapping.meant(path);
        if slop > 0 || is_prefix || !self.layout.mapping.leaf(path)?.subfields.contains_key(INDEX_PHRASE) {
            return None;
        }
        let field = self.layout.field(&format!("{path}.{INDEX_PHRASE}"))?;
        let first = phrase.terms.first()?.position;
        let is_plain = |(at, term): (usize, &Term)| term.position == first + at && term.length == 1;
        if phrase.terms.len() < 2 || !phrase.terms.iter().enumerate().all(is_plain) {
            return None;
        }
        let pair = |(at, two): (usize, &[Term])| {
            let text = format!("{} {}", two[0].text, two[1].text);
            Term { text, position: at, length: 1 }
        };
        let terms = phrase.terms.windows(2).enumerate().map(pair).collect();
        let scored = ScoredField { field, column: None, ..phrase.scored.clone() };
        Some(TextTerms { terms, texts: None, is_scored: true, scored })
    }

    /// The terms as a bool of them, the last of which may go on.
    pub(super) fn bool_prefix(&self, path: &str, value: &Value, matching: &Matching) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.bool_prefix(path, value, matching)) {
            return made;
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            return match self.meta_term(path, value) {
                Some(meta) => Ok(meta),
                None => self.prefix_in(path, &plain(value)),
            };
        };
        if !mapping.kind.is_text() {
            return self.whole_bool_prefix((path, mapping, field), value, matching);
        }
        let own = mapping.analysis.searching(&self.layout.analysis);
        let analyzer = self.analyzer(matching.analyzer.as_deref().unwrap_or(own))?;
        let mut terms = self.terms_of(&analyzer, &plain(value));
        let Some(last) = terms.pop() else { return Ok(self.without_terms(matching)) };
        let occur = if matching.operator == Operator::And { Occur::Must } else { Occur::Should };
        let mut clauses = Vec::with_capacity(terms.len() + 1);
        for term in terms {
            let near = matching.fuzziness.map(|fuzziness| self.fuzzy_words.near(&term.text, fuzziness));
            let one = self.text_terms(path, mapping, field, vec![term]);
            let made = match near {
                Some(near) => one.near(near?),
                None => one.matching(&Matching::default())?,
            };
            clauses.push((occur, made));
        }
        clauses.push((occur, self.prefix_in(path, &last.text)?));
        Ok(joined(clauses, matching))
    }

    /// The same of a field whose values are whole: only keywords go on, unless an analyzer is named.
    fn whole_bool_prefix(
        &self,
        (path, mapping, field): (&str, &FieldMapping, Field),
        value: &Value,
        matching: &Matching,
    ) -> Lowered {
        if let Some(fuzziness) = matching.fuzziness
            && !matches!(mapping.kind, FieldKind::Keyword { .. })
        {
            return self.fuzzy(path, &plain(value), (fuzziness, false));
        }
        let beginning = |value: &Value| self.prefix(path, &plain(value), (false, Rewrite::Usual));
        let Some(mut values) = self.cut(value, matching)? else {
            return match mapping.kind {
                FieldKind::Keyword { .. } if mapping.type_name == "keyword" => beginning(value),
                _ => self.exact(path, mapping, field, value),
            };
        };
        let Some(last) = values.pop() else { return Ok(self.without_terms(matching)) };
        let occur = if matching.operator == Operator::And { Occur::Must } else { Occur::Should };
        let last = beginning(&last)?;
        let one = |value: &Value| Ok((occur, self.exact(path, mapping, field, value)?));
        let mut clauses = values.iter().map(one).collect::<Result<Vec<_>, QueryError>>()?;
        clauses.push((occur, last));
        Ok(joined(clauses, matching))
    }

    /// Terms of a text in a field, with what tells phrases where the index does not know places.
    fn text_terms(&self, path: &str, mapping: &FieldMapping, field: Field, terms: Vec<Term>) -> TextTerms {
        let texts = (!self.layout.has_positions(field)).then(|| {
            let analysis = &self.layout.analysis;
            let analyzer = self.analyzer(mapping.analysis.indexing(analysis)).ok()?;
            let paths = self.layout.mapping.sources_of(self.layout.mapping.meant(path));
            let gap = mapping.analysis.gap(analysis) as usize;
            let nested = self.nested_texts();
            Some(Arc::new(SourceTexts { source: self.layout.meta.source, paths, analyzer, gap, nested }))
        });
        let is_scored = mapping.kind != FieldKind::MatchOnlyText;
        let scored = self.scored(path, mapping, field);
        TextTerms { terms, texts: texts.flatten(), is_scored, scored }
    }

    /// Where the texts of the nested objects stand that are looked for.
    fn nested_texts(&self) -> Option<NestedTexts> {
        let (path, paths) = (self.nested_in?, self.layout.nested_path()?);
        Some(NestedTexts {
            path: path.to_owned(),
            objects: Levels::new(self.identities, paths, Some(path)),
            documents: Levels::new(self.identities, paths, None),
        })
    }

    /// The terms of a text that is asked for; not all of them where the search ends meanwhile, as nothing comes of it then.
    pub(in crate::query) fn terms_of(&self, analyzer: &Analyzer, text: &str) -> Vec<Term> {
        let mut looks = self.shared.faults.looks();
        let terms = analyzer.terms_until(text, || looks.is_over_after(1));
        terms.map(|(terms, _)| terms).unwrap_or_default()
    }

    /// The analyzer of a name.
    pub(in crate::query) fn analyzer(&self, name: &str) -> Result<Arc<Analyzer>, QueryError> {
        let found = self.layout.analysis.find_analyzer(name).ok().flatten();
        found.ok_or_else(|| QueryError::shard(format!("failed to create query: analyzer [{name}] not found")))
    }

    pub(super) fn multi_match(
        &self,
        fields: &[(String, f32)],
        value: &Value,
        (kind, tie_breaker): (MultiMatchKind, Option<f32>),
        matching: &Matching,
    ) -> Lowered {
        let lenient = self.is_lenient(fields, matching);
        let fields = self.expand(fields);
        let tie_breaker = tie_breaker.unwrap_or(kind.tie_breaker());
        if kind == MultiMatchKind::Cross {
            return self.cross_fields(
                &fields,
                value,
                tie_breaker,
                &Matching { lenient: Some(lenient), ..matching.clone() },
            );
        }
        let mut queries: Vec<Box<dyn TantivyQuery>> = Vec::new();
        for (path, boost) in &fields {
            let made = match kind {
                MultiMatchKind::Best | MultiMatchKind::Most | MultiMatchKind::Cross => {
                    self.match_field(path, value, matching)
                }
                MultiMatchKind::BoolPrefix => self.bool_prefix(path, value, matching),
                MultiMatchKind::Phrase => self.phrase(path, value, false, matching),
                MultiMatchKind::PhrasePrefix => self.phrase(path, value, true, matching),
            };
            queries.push(boosted(forgive(made, lenient)?, *boost));
        }
        Ok(best_of(queries, tie_breaker))
    }
}

fn without_places(path: &str) -> QueryError {
    QueryError::shard(format!(
        "failed to create query: field:[{path}] was indexed without position data; cannot run PhraseQuery"
    ))
}

fn no_phrase_prefix(path: &str, type_name: &str) -> QueryError {
    QueryError::shard(format!(
        "failed to create query: Can only use phrase prefix queries on text fields - not on [{path}] which is of type [{type_name}]"
    ))
}

/// A query with its score multiplied.
pub(super) fn boosted(query: Box<dyn TantivyQuery>, boost: f32) -> Box<dyn TantivyQuery> {
    if boost == 1.0 {
        return query;
    }
    match query.downcast_ref::<Constant>() {
        Some(same) => Box::new(same.boosted(boost)),
        None => Box::new(BoostQuery::new(query, boost)),
    }
}

/// The best of several, and so much of the others.
pub(super) fn best_of(mut queries: Vec<Box<dyn TantivyQuery>>, tie_breaker: f32) -> Box<dyn TantivyQuery> {
    match queries.len() {
        0 => none(),
        1 => queries.remove(0),
        _ => Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, tie_breaker)),
    }
}

/// Clauses of words, of which as many must match as is asked.
pub(super) fn joined(
    mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)>,
    matching: &Matching,
) -> Box<dyn TantivyQuery> {
    let count = clauses.len();
    if count == 1 {
        return clauses.remove(0).1;
    }
    // Clauses that must match are none of those of which some should.
    let optional = if matching.operator == Operator::Or { count } else { 0 };
    let wanted = matching.minimum_should_match.as_ref().map_or(0, |minimum| minimum.of(optional));
    if wanted > optional {
        return none();
    }
    let mut joined = BooleanQuery::new(clauses);
    if wanted > 1 {
        joined.set_minimum_number_should_match(wanted);
    }
    Box::new(joined)
}
