//! A text in several fields as if they were one: each word may be in any of them.

use serde_json::Value;
use tantivy::Term as IndexTerm;
use tantivy::query::{Occur, Query as TantivyQuery};
use tantivy::schema::Field;

use super::texts::{best_of, boosted, joined};
use super::{Lowered, Lowering, forgive, none};
use crate::json_values::plain;
use crate::mapping::{FieldKind, FieldMapping};
use crate::query::QueryError;
use crate::query::ast::{Matching, Operator};
use crate::query::weights::blended::{Blended, InField};
use crate::query::weights::combined::Combined;

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
                    boosted(forgive(self.match_field(path, value, matching), matching.is_lenient())?, *boost)
                }
                _ => self.across(&group, value, tie_breaker, matching)?,
            };
            queries.push(made);
        }
        Ok(best_of(queries, tie_breaker))
    }

    /// A text in several fields that count as one.
    pub(super) fn combined_fields(
        &self,
        fields: &[(String, f32)],
        value: &Value,
        matching: &Matching,
    ) -> Lowered {
        let fields = self.expand(fields);
        for (path, _) in &fields {
            if let Some(other) = self.layout.mapping.leaf(path).filter(|field| field.kind != FieldKind::Text)
            {
                return Err(QueryError::shard(format!(
                    "failed to create query: Field [{path}] of type [{}] does not support [combined_fields] queries",
                    other.type_name
                )));
            }
        }
        let groups = self.groups_of(&fields, matching)?;
        let [group] = groups.as_slice() else {
            return if groups.is_empty() { Ok(none()) } else { Err(different_analyzers(&groups)) };
        };
        let make = |words: &[&str]| -> Lowered {
            let mut all = Vec::new();
            for (path, boost) in &group.fields {
                let Some((mapping, field)) = self.searchable(path)? else { continue };
                let scored = self.scored(path, mapping, field);
                all.extend(words.iter().map(|word| InField {
                    field: scored.clone(),
                    term: IndexTerm::from_field_text(field, word),
                    boost: *boost,
                }));
            }
            Ok(Box::new(Combined { fields: all }))
        };
        self.each_word(group.analyzer, value, matching, make)
    }

    /// The fields that there are, by how their texts are cut. What is no text is taken as it is.
    fn groups_of<'f>(
        &'f self,
        fields: &'f [(String, f32)],
        matching: &'f Matching,
    ) -> Result<Vec<Group<'f>>, QueryError> {
        let mut groups: Vec<Group<'f>> = Vec::new();
        for (path, boost) in fields {
            let runtime = self.layout.mapping.runtime.get(path);
            let Some(mapping) = runtime.or_else(|| self.layout.mapping.leaf(path)) else { continue };
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
        self.each_word(group.analyzer, value, matching, |words| {
            self.word_across(group, words, tie_breaker, matching.is_lenient())
        })
    }

    /// What is made of each word of a text, or of several words for the same, joined.
    fn each_word(
        &self,
        analyzer: &str,
        value: &Value,
        matching: &Matching,
        make: impl Fn(&[&str]) -> Lowered,
    ) -> Lowered {
        let terms = self.terms_of(&*self.analyzer(analyzer)?, &plain(value));
        if terms.is_empty() {
            return Ok(self.without_terms(matching));
        }
        let occur = if matching.operator == Operator::And { Occur::Must } else { Occur::Should };
        let mut clauses = Vec::new();
        for same_place in terms.chunk_by(|one, other| one.position == other.position) {
            let words: Vec<&str> = same_place.iter().map(|term| term.text.as_str()).collect();
            clauses.push((occur, make(&words)?));
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

fn different_analyzers(groups: &[Group<'_>]) -> QueryError {
    let first = |group: &Group<'_>| group.fields.first().map_or("", |(path, _)| path).to_owned();
    let fields: Vec<String> = groups.iter().map(first).collect();
    QueryError::argument(format!(
        "All fields in [combined_fields] query must have the same search analyzer, but those of [{}] differ",
        fields.join(", ")
    ))
}
