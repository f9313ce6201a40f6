//! A text in several fields as if they were one: each word may be in any of them.

use serde_json::Value;
use tantivy::Term as IndexTerm;
use tantivy::query::{Occur, Query as TantivyQuery};
use tantivy::schema::Field;

use super::texts::{best_of, boosted, joined};
use super::values::plain;
use super::{Lowered, Lowering, forgive};
use crate::mapping::FieldMapping;
use crate::query::QueryError;
use crate::query::ast::{Matching, Operator};
use crate::query::weights::blended::{Blended, InField};

/// Fields whose texts are cut in the same way.
struct Group<'a> {
    analyzer: &'a str,
    fields: Vec<(&'a str, f32)>,
}

impl Lowering<'_> {
    pub(super) fn cross_fields(
        &self,
        fields: &[(String, f32)],
        value: &Value,
        tie_breaker: f32,
        matching: &Matching,
    ) -> Lowered {
        let mut queries = Vec::new();
        for group in self.groups_of(fields, matching)? {
            let made = match group.fields.as_slice() {
                [(path, boost)] => {
                    boosted(forgive(self.match_field(path, value, matching), matching.lenient)?, *boost)
                }
                _ => self.across(&group, value, tie_breaker, matching)?,
            };
            queries.push(made);
        }
        Ok(best_of(queries, tie_breaker))
    }

    /// The fields that there are, by how their texts are cut. What is no text is taken as it is.
    fn groups_of<'f>(
        &'f self,
        fields: &'f [(String, f32)],
        matching: &'f Matching,
    ) -> Result<Vec<Group<'f>>, QueryError> {
        let mut groups: Vec<Group<'f>> = Vec::new();
        for (path, boost) in fields {
            let Some(mapping) = self.layout.mapping.leaf(path) else { continue };
            let own = if mapping.kind.is_text() {
                mapping.analysis.searching(&self.layout.analysis)
            } else {
                "keyword"
            };
            let analyzer = matching.analyzer.as_deref().unwrap_or(own);
            match groups.iter_mut().find(|group| group.analyzer == analyzer) {
                Some(group) => group.fields.push((path, *boost)),
                None => groups.push(Group { analyzer, fields: vec![(path, *boost)] }),
            }
        }
        Ok(groups)
    }

    /// Each word in any of the fields.
    fn across(&self, group: &Group<'_>, value: &Value, tie_breaker: f32, matching: &Matching) -> Lowered {
        let analyzer = self.analyzer(group.analyzer)?;
        let terms = analyzer.terms(&plain(value));
        if terms.is_empty() {
            return Ok(self.without_terms(matching));
        }
        let occur = if matching.operator == Operator::And { Occur::Must } else { Occur::Should };
        let mut clauses = Vec::new();
        for same_place in terms.chunk_by(|one, other| one.position == other.position) {
            let words: Vec<&str> = same_place.iter().map(|term| term.text.as_str()).collect();
            clauses.push((occur, self.word_across(group, &words, tie_breaker, matching.lenient)?));
        }
        Ok(joined(clauses, matching))
    }

    /// One word, or several for the same.
    fn word_across(&self, group: &Group<'_>, words: &[&str], tie_breaker: f32, lenient: bool) -> Lowered {
        let mut queries: Vec<Box<dyn TantivyQuery>> = Vec::new();
        let mut fields = Vec::new();
        for (path, boost) in &group.fields {
            for word in words {
                match self.scored_word(path)? {
                    Some((mapping, field)) => fields.push(InField {
                        field: self.scored(path, mapping, field),
                        term: IndexTerm::from_field_text(field, word),
                        boost: *boost,
                    }),
                    None => {
                        let made = forgive(self.term(path, &Value::from(*word), false), lenient)?;
                        queries.push(boosted(made, *boost));
                    }
                }
            }
        }
        if !fields.is_empty() {
            queries.push(Box::new(Blended { fields, tie_breaker }));
        }
        Ok(best_of(queries, tie_breaker))
    }

    /// The field at a path, if its words count by how rare they are.
    fn scored_word(&self, path: &str) -> Result<Option<(&FieldMapping, Field)>, QueryError> {
        if self.layout.mapping.runtime.get(path).is_some() {
            return Ok(None);
        }
        let found = self.searchable(path)?;
        Ok(found.filter(|(mapping, _)| mapping.index && mapping.kind.counts_words()))
    }
}
