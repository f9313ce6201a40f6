//! Queries of words: their texts go through an analyzer first.

use std::sync::Arc;

use serde_json::Value;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, Query as TantivyQuery};
use tantivy::schema::Field;

use super::text_terms::TextTerms;
use super::values::plain;
use super::{Lowered, Lowering, forgive, none};
use crate::analysis::{Analyzer, Term};
use crate::mapping::{FieldKind, FieldMapping, INDEX_PHRASE};
use crate::query::QueryError;
use crate::query::ast::{MultiMatchKind, Operator};
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::weights::in_level::Levels;
use crate::query::weights::source_phrase::{NestedTexts, SourceTexts};
use crate::query::weights::weighed::ScoredField;

impl Lowering<'_> {
    pub(in crate::query) fn match_field(
        &self,
        path: &str,
        value: &Value,
        operator: Operator,
        minimum: Option<&MinimumShouldMatch>,
    ) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.match_field(path, value, operator, minimum))
        {
            return made;
        }
        if let Some(meta) = self.meta_term(path, value) {
            return Ok(meta);
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            return Ok(self.keyed_value(path, value)?.unwrap_or_else(none));
        };
        if !mapping.kind.is_text() {
            return self.exact(path, mapping, field, value);
        }
        let own = || mapping.analysis.searching(&self.layout.analysis);
        let analyzer = self.analyzer(self.analyzer.unwrap_or_else(own))?;
        let terms = self.text_terms(path, mapping, field, analyzer.terms(&plain(value)));
        terms.matching(operator, minimum)
    }

    pub(in crate::query) fn phrase(
        &self,
        path: &str,
        value: &Value,
        slop: u32,
        expansions: Option<u32>,
    ) -> Lowered {
        if let Some(made) = self.of_runtime(path, |inside| inside.phrase(path, value, slop, expansions)) {
            return made;
        }
        if expansions.is_some() && matches!(path, "_id" | "_index") {
            return Err(QueryError::shard(format!(
                "failed to create query: Can only use phrase prefix queries on text fields - not on [{path}] which is of type [{path}]"
            )));
        }
        let Some((mapping, field)) = self.searchable(path)? else {
            let meta = self.meta_term(path, value);
            return Ok(
                if meta.is_some() { meta } else { self.keyed_value(path, value)? }.unwrap_or_else(none)
            );
        };
        if !mapping.kind.is_text() {
            return match (&mapping.kind, expansions.is_some()) {
                (FieldKind::Keyword { .. }, true) => self.prefix(path, &plain(value), false),
                _ => self.exact(path, mapping, field, value),
            };
        }
        let own = || mapping.analysis.quoting(&self.layout.analysis);
        let analyzer = self.analyzer(self.analyzer.unwrap_or_else(own))?;
        let terms = self.text_terms(path, mapping, field, analyzer.terms(&plain(value)));
        match terms.single() {
            Some(only) if expansions.is_some() && (!terms.is_scored || mapping.prefixes().is_some()) => {
                self.prefix(path, only, false)
            }
            None if terms.terms.len() > 1 && terms.is_scored && terms.texts.is_some() => {
                Err(QueryError::shard(format!(
                    "failed to create query: field:[{path}] was indexed without position data; cannot run PhraseQuery"
                )))
            }
            _ => match self.pairs(path, &terms, slop, expansions.is_some()) {
                Some(pairs) => pairs.phrase(0, None),
                None => terms.phrase(slop, expansions),
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
    pub(in crate::query) fn bool_prefix(
        &self,
        path: &str,
        value: &Value,
        operator: Operator,
        minimum: Option<&MinimumShouldMatch>,
    ) -> Lowered {
        let Some((mapping, field)) = self.searchable(path)? else {
            return self.prefix_in(path, &plain(value));
        };
        if !mapping.kind.is_text() {
            return self.prefix(path, &plain(value), false);
        }
        let own = || mapping.analysis.searching(&self.layout.analysis);
        let analyzer = self.analyzer(self.analyzer.unwrap_or_else(own))?;
        let mut terms = analyzer.terms(&plain(value));
        let Some(last) = terms.pop() else { return Ok(none()) };
        let occur = if operator == Operator::And { Occur::Must } else { Occur::Should };
        let mut clauses = Vec::with_capacity(terms.len() + 1);
        for term in terms {
            let one = self.text_terms(path, mapping, field, vec![term]);
            clauses.push((occur, one.matching(operator, None)?));
        }
        clauses.push((occur, self.prefix_in(path, &last.text)?));
        let count = clauses.len();
        let mut joined = BooleanQuery::new(clauses);
        if let (Some(minimum), Operator::Or) = (minimum, operator) {
            joined.set_minimum_number_should_match(minimum.of(count));
        }
        Ok(Box::new(joined))
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

    /// The analyzer of a name.
    pub(in crate::query) fn analyzer(&self, name: &str) -> Result<Arc<Analyzer>, QueryError> {
        let found = self.layout.analysis.find_analyzer(name).ok().flatten();
        found.ok_or_else(|| QueryError::shard(format!("failed to create query: analyzer [{name}] not found")))
    }

    pub(in crate::query) fn multi_match(
        &self,
        fields: &[(String, f32)],
        value: &Value,
        operator: Operator,
        kind: MultiMatchKind,
        lenient: bool,
    ) -> Lowered {
        let (fields, lenient) = self.expand(fields, lenient);
        let mut queries: Vec<Box<dyn TantivyQuery>> = Vec::new();
        for (path, boost) in &fields {
            let made = match kind {
                MultiMatchKind::Best | MultiMatchKind::Most => self.match_field(path, value, operator, None),
                MultiMatchKind::BoolPrefix => self.bool_prefix(path, value, operator, None),
                MultiMatchKind::Phrase => self.phrase(path, value, 0, None),
                MultiMatchKind::PhrasePrefix => self.phrase(path, value, 0, Some(50)),
            };
            let query = forgive(made, lenient)?;
            queries.push(if *boost == 1.0 { query } else { Box::new(BoostQuery::new(query, *boost)) });
        }
        Ok(match (queries.len(), kind) {
            (0, _) => none(),
            (1, _) => queries.remove(0),
            (_, MultiMatchKind::Most | MultiMatchKind::BoolPrefix) => {
                Box::new(BooleanQuery::new(queries.into_iter().map(|query| (Occur::Should, query)).collect()))
            }
            _ => Box::new(DisjunctionMaxQuery::new(queries)),
        })
    }
}
