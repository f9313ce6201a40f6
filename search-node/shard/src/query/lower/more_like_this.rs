//! `more_like_this`: the words of texts that tell most about them, looked for in other documents.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use tantivy::Term;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query as TantivyQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::{Lowered, Lowering, none, unscored};
use crate::json_values::{plain, plain_values_at};
use crate::mapping::{FieldKind, FieldMapping};
use crate::query::QueryError;
use crate::query::ast::{Liked, MoreLikeThis};
use crate::query::faults::COMPUTING;

/// How often words are in what is liked.
type Counts = BTreeMap<String, u32>;

/// A word with what it tells.
struct Telling {
    term: Term,
    weight: f64,
}

impl Lowering<'_> {
    pub(super) fn more_like_this(&self, asked: &MoreLikeThis) -> Lowered {
        let fields = self.liked_fields(asked)?;
        // The analyzer that is asked for is that of texts; the values of documents are read as their fields are.
        let of_texts = |mapping| asked.analyzer.as_deref().unwrap_or_else(|| self.own_analyzer(mapping));
        let mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        let documents: Vec<&Liked> =
            asked.like.iter().filter(|liked| matches!(liked, Liked::Document { .. })).collect();
        let texts: Vec<&str> = asked
            .like
            .iter()
            .filter_map(|liked| match liked {
                Liked::Text(text) => Some(text.as_str()),
                Liked::Document { .. } => None,
            })
            .collect();
        if !documents.is_empty() {
            let mut terms = Vec::new();
            for path in &fields {
                let Some((mapping, field)) = self.liked_field(path, asked)? else { continue };
                let mut counts = Counts::new();
                for liked in &documents {
                    self.count_document(liked, path, (mapping, asked), &mut counts)?;
                }
                let mut skipped = Counts::new();
                for unliked in &asked.unlike {
                    match unliked {
                        Liked::Text(text) => {
                            self.count_text(text, (mapping, asked), of_texts(mapping), &mut skipped)?
                        }
                        document => self.count_document(document, path, (mapping, asked), &mut skipped)?,
                    }
                }
                counts.retain(|word, _| !skipped.contains_key(word));
                terms.extend(self.telling(&[field], counts, asked)?);
            }
            clauses.push((Occur::Should, self.any_of_telling(&fields, terms, asked)?));
        }
        // Texts are read as values of the first field alone, and their words looked for in each field that has them most often, as in Elasticsearch.
        if let (false, Some(path)) = (texts.is_empty(), fields.first())
            && let Some((mapping, _)) = self.liked_field(path, asked)?
        {
            let mut counts = Counts::new();
            texts.iter().try_for_each(|text| {
                self.count_text(text, (mapping, asked), of_texts(mapping), &mut counts)
            })?;
            let mut skipped = Counts::new();
            for unliked in &asked.unlike {
                if let Liked::Text(text) = unliked {
                    self.count_text(text, (mapping, asked), of_texts(mapping), &mut skipped)?;
                }
            }
            counts.retain(|word, _| !skipped.contains_key(word));
            let mut among = Vec::new();
            for path in &fields {
                among.extend(self.liked_field(path, asked)?.map(|(_, field)| field));
            }
            let terms = self.telling(&among, counts, asked)?;
            clauses.push((Occur::Should, self.any_of_telling(&fields, terms, asked)?));
        }
        if clauses.is_empty() {
            return Ok(none());
        }
        let ids = documents.iter().filter_map(|liked| match liked {
            Liked::Document { index, id: Some(id), .. }
                if index.as_deref().is_none_or(|index| index == self.context.index) =>
            {
                Some(id.clone())
            }
            _ => None,
        });
        let ids: Vec<String> = ids.collect();
        if asked.include || ids.is_empty() {
            return Ok(Box::new(BooleanQuery::new(clauses)));
        }
        let found: Box<dyn TantivyQuery> = Box::new(BooleanQuery::new(clauses));
        Ok(Box::new(BooleanQuery::new(vec![
            (Occur::Must, found),
            (Occur::MustNot, unscored(self.ids(&ids, &[]))),
        ])))
    }

    /// The fields that are looked at; without any said, those that are looked at for every text.
    fn liked_fields(&self, asked: &MoreLikeThis) -> Result<Vec<String>, QueryError> {
        if asked.fields.is_empty() {
            let has_text = asked.like.iter().any(|liked| matches!(liked, Liked::Text(_)));
            if has_text && self.context.rules.default_fields.is_empty() {
                return Err(QueryError::shard(
                    "failed to create query: [more_like_this] query cannot infer the field to analyze the free text, you should update the [index.query.default_field] index setting to a field that exists in the mapping or set the [fields] option in the query.",
                ));
            }
            let fields = self.expand(&[]);
            let is_liked = |path: &String| self.layout.mapping.leaf(path).is_some_and(can_be_liked);
            return Ok(fields.into_iter().map(|(path, _)| path).filter(is_liked).collect());
        }
        for path in &asked.fields {
            if let Some(mapping) = self.layout.mapping.leaf(path)
                && !can_be_liked(mapping)
                && asked.fail_on_unsupported_field
            {
                return Err(QueryError::argument(format!(
                    "more_like_this only supports text/keyword fields: [{path}]"
                )));
            }
        }
        Ok(asked.fields.clone())
    }

    fn liked_field(
        &self,
        path: &str,
        _asked: &MoreLikeThis,
    ) -> Result<Option<(&FieldMapping, Field)>, QueryError> {
        Ok(self.searchable(path)?.filter(|(mapping, _)| can_be_liked(mapping)))
    }

    fn count_document(
        &self,
        liked: &Liked,
        path: &str,
        about: (&FieldMapping, &MoreLikeThis),
        counts: &mut Counts,
    ) -> Result<(), QueryError> {
        let Liked::Document { source, fields, .. } = liked else { return Ok(()) };
        if fields.as_ref().is_some_and(|fields| !fields.iter().any(|field| field == path)) {
            return Ok(());
        }
        let mut texts = Vec::new();
        // A field that is another way to look at the values of one has these.
        let mut from = path;
        loop {
            plain_values_at(source, from, &mut |value| texts.push(plain(value)));
            match from.rsplit_once('.') {
                Some((around, _)) if texts.is_empty() && self.layout.mapping.leaf(around).is_some() => {
                    from = around;
                }
                _ => break,
            }
        }
        let own = self.own_analyzer(about.0);
        texts.iter().try_for_each(|text| self.count_text(text, about, own, counts))
    }

    fn own_analyzer<'m>(&'m self, mapping: &'m FieldMapping) -> &'m str {
        mapping.analysis.indexing(&self.layout.analysis)
    }

    fn count_text(
        &self,
        text: &str,
        (mapping, asked): (&FieldMapping, &MoreLikeThis),
        analyzer: &str,
        counts: &mut Counts,
    ) -> Result<(), QueryError> {
        let words: Vec<String> = if mapping.kind.is_text() {
            let analyzer = self.analyzer(analyzer)?;
            self.terms_of(&analyzer, text).into_iter().map(|term| term.text).collect()
        } else {
            vec![plain(&self.normalized_value(mapping, &Value::from(text)))]
        };
        let stops: HashSet<&str> = asked.stop_words.iter().map(String::as_str).collect();
        for word in words {
            let length = word.encode_utf16().count();
            let fits = length >= asked.length_min && (asked.length_max == 0 || length <= asked.length_max);
            if fits && !stops.contains(word.as_str()) {
                *counts.entry(word).or_default() += 1;
            }
        }
        Ok(())
    }

    /// The words that tell most: often in what is liked, and seldom elsewhere. Each is looked for in that of some fields in which most
    /// documents have it.
    fn telling(
        &self,
        fields: &[Field],
        counts: Counts,
        asked: &MoreLikeThis,
    ) -> Result<Vec<Telling>, QueryError> {
        let searcher = &self.shared.view.searcher;
        let unreadable = |error: tantivy::TantivyError| QueryError::shard(error.to_string());
        let documents = searcher.num_docs();
        let (mut telling, mut looks) = (Vec::new(), self.shared.faults.looks());
        for (word, count) in counts {
            if count < asked.term_freq_min {
                continue;
            }
            // Of a search that ends nothing comes.
            if looks.is_over_after(COMPUTING.saturating_mul(u32::try_from(fields.len()).unwrap_or(u32::MAX)))
            {
                break;
            }
            let mut found: Option<(Term, u64)> = None;
            for field in fields {
                let term = Term::from_field_text(*field, &word);
                let with_term = searcher.doc_freq(&term).map_err(unreadable)?;
                if found.as_ref().is_none_or(|(_, most)| with_term > *most) {
                    found = Some((term, with_term));
                }
            }
            let Some((term, with_term)) = found else { continue };
            if with_term == 0 || with_term < asked.doc_freq_min || with_term > asked.doc_freq_max {
                continue;
            }
            let rarity = ((documents as f64 + 1.0) / (with_term as f64 + 1.0)).ln() + 1.0;
            telling.push(Telling { term, weight: f64::from(count as f32 * rarity as f32) });
        }
        telling.sort_by(|a, b| b.weight.partial_cmp(&a.weight).unwrap_or(Ordering::Equal));
        telling.truncate(asked.terms_max);
        // Weights are those beside the word that tells least, as in Elasticsearch.
        let least = telling.last().map_or(1.0, |last: &Telling| last.weight);
        for word in &mut telling {
            word.weight /= least;
        }
        Ok(telling)
    }

    fn any_of_telling(&self, fields: &[String], terms: Vec<Telling>, asked: &MoreLikeThis) -> Lowered {
        let mut clauses: Vec<(Occur, Box<dyn TantivyQuery>)> = Vec::new();
        for Telling { term, weight } in terms {
            let path = fields.iter().find(|path| self.layout.field(path) == Some(term.field()));
            let Some((path, mapping)) = path.and_then(|path| Some((path, self.layout.mapping.leaf(path)?)))
            else {
                continue;
            };
            let kept = if mapping.kind == FieldKind::Text {
                IndexRecordOption::WithFreqs
            } else {
                IndexRecordOption::Basic
            };
            let query = self.weighed(path, mapping, &term, kept);
            let query: Box<dyn TantivyQuery> = if asked.boost_terms > 0.0 {
                Box::new(BoostQuery::new(query, (f64::from(asked.boost_terms) * weight) as f32))
            } else {
                query
            };
            clauses.push((Occur::Should, query));
        }
        let least = asked.minimum_should_match.of(clauses.len());
        if clauses.is_empty() || least > clauses.len() {
            return Ok(none());
        }
        Ok(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, least.max(1))))
    }
}

fn can_be_liked(mapping: &FieldMapping) -> bool {
    mapping.index
        && matches!(mapping.kind, FieldKind::Text | FieldKind::MatchOnlyText | FieldKind::Keyword { .. })
}
