//! Texts in Lucene's query language: the clauses of a text against the mapping's fields.

use std::sync::Arc;

use serde_json::Value;
use tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery};

use super::texts::{best_of, boosted};
use super::{Lowered, Lowering, all, constant, forgive, none, unscored};
use crate::analysis::Analyzer;
use crate::mapping::FieldKind;
use crate::query::QueryError;
use crate::query::ast::{
    Edits, Fuzziness, Matching, MultiMatchKind, Operator, Query, QueryString, RangeBounds,
};
use crate::query::limits::QueryLimits;
use crate::query::minimum_should_match::MinimumShouldMatch;
use crate::query::query_string::{Clause, Group, Join, Sign, What, failed, parse};
use crate::query::wildcard::between_signs;

type Clauses = Vec<(Occur, Box<dyn TantivyQuery>)>;

/// A text with what is to be known of it.
struct Text<'a> {
    asked: &'a QueryString,
    /// The fields of clauses that name none.
    fields: &'a [(String, f32)],
    /// How much of the scores of other fields than the best one is added.
    tie_breaker: f32,
    matching: Matching,
}

impl Lowering<'_> {
    pub(super) fn query_string(&self, asked: &QueryString) -> Lowered {
        let matching = Matching { lenient: asked.lenient, ..asked.matching.clone() };
        let lenient = Some(self.is_lenient(&asked.fields, &matching));
        let matching = Matching { lenient, ..matching };
        let tie_breaker = asked.tie_breaker.unwrap_or(asked.kind.tie_breaker());
        let text = Text { asked, fields: &asked.fields, tie_breaker, matching };
        let named = [("analyzer", &asked.matching.analyzer), ("quote_analyzer", &asked.quote_analyzer)];
        for (what, name) in named.into_iter().filter_map(|(what, name)| Some((what, name.as_ref()?))) {
            let not_found = |_| QueryError::shard(format!("[query_string] {what} [{name}] not found"));
            self.analyzer(name).map_err(not_found)?;
        }
        let group = parse(&asked.text, asked.has_field(self.context.rules))?;
        Ok(self.group(&text, &group, asked.minimum_should_match.as_ref())?.unwrap_or_else(none))
    }

    /// Clauses joined as Lucene joins them; none where none of them has a word.
    fn group(
        &self,
        text: &Text<'_>,
        group: &Group,
        minimum: Option<&MinimumShouldMatch>,
    ) -> Result<Option<Box<dyn TantivyQuery>>, QueryError> {
        let by_default = text.matching.operator == Operator::And;
        let mut clauses: Clauses = Vec::new();
        for clause in &group.clauses {
            if let Some(last) = clauses.last_mut().filter(|last| last.0 != Occur::MustNot) {
                match clause.joined {
                    Some(Join::And) => last.0 = Occur::Must,
                    Some(Join::Or) if by_default => last.0 = Occur::Should,
                    _ => {}
                }
            }
            let Some(query) = self.clause(text, clause)? else { continue };
            if let What::Words { are_several: true, .. } = clause.what {
                let occur = if by_default { Occur::Must } else { Occur::Should };
                spread(query, occur, &mut clauses);
                continue;
            }
            let is_required = if by_default {
                clause.joined != Some(Join::Or)
            } else {
                clause.sign == Some(Sign::Must) || clause.joined == Some(Join::And)
            };
            let occur = match (clause.sign, is_required) {
                (Some(Sign::MustNot), _) => Occur::MustNot,
                (_, true) => Occur::Must,
                (_, false) => Occur::Should,
            };
            clauses.push((occur, if occur == Occur::MustNot { self.excluded(query) } else { query }));
        }
        let checked = QueryLimits::now().check_clauses(clauses.len());
        checked.map_err(|error| QueryError { kind: "too_many_clauses", ..error })?;
        Ok(joined(clauses, minimum))
    }

    /// One clause; none if it has no words, as all of them are stop words.
    fn clause(&self, text: &Text<'_>, clause: &Clause) -> Result<Option<Box<dyn TantivyQuery>>, QueryError> {
        let field = clause.field.as_deref();
        let made = match &clause.what {
            What::Group(group) => self.group(text, group, None)?,
            What::Words { text: word, .. } | What::Phrase { text: word, .. } if field == Some("_exists_") => {
                Some(constant(self.exists(word)?))
            }
            What::Words { text: words, .. } => self.words(text, field, words)?,
            What::Phrase { text: words, slop } => self.quoted(text, field, words, *slop)?,
            What::Range { lower, upper } => Some(self.each_field(text, field, |path| {
                let bound = |bound: &Option<(String, bool)>| {
                    bound.as_ref().map(|(text, is_in)| (Value::from(text.as_str()), *is_in))
                };
                let (lower, upper) = (bound(lower), bound(upper));
                let time_zone = text.asked.time_zone.clone();
                self.range_of(path, &RangeBounds { lower, upper, time_zone, ..Default::default() })
            })?),
            What::Fuzzy { word, edits } => Some(self.near(text, field, word, *edits)?),
            What::Regexp(pattern) => {
                let (syntax, rewrite) = (text.asked.regexp, text.asked.rewrite);
                Some(self.each_field(text, field, |path| {
                    let (field, pattern) = (path.to_owned(), pattern.clone());
                    self.query(&Query::Regexp { field, pattern, syntax, rewrite })
                })?)
            }
            What::Prefix(beginning) => Some(self.beginning(text, field, beginning)?),
            What::Wildcard(pattern) => Some(self.wildcard(text, field, pattern)?),
        };
        Ok(made.map(|query| boosted(query, clause.boost)))
    }

    /// The fields that a clause asks; those of phrases may have names of their own.
    fn fields_of(&self, text: &Text<'_>, field: Option<&str>, is_quoted: bool) -> (Vec<(String, f32)>, bool) {
        let named = field.map(|field| [(field.to_owned(), 1.0)]);
        let fields = named.as_ref().map_or(text.fields, |named| named.as_slice());
        let lenient = self.is_lenient(fields, &text.matching);
        let mut fields = self.expand(fields);
        if let (true, Some(suffix)) = (is_quoted, &text.asked.quote_field_suffix) {
            for (path, _) in &mut fields {
                *path = self.with_suffix(path, suffix);
            }
        }
        (fields, lenient)
    }

    /// The field with a longer name, if there is one.
    pub(super) fn with_suffix(&self, path: &str, suffix: &str) -> String {
        let longer = format!("{path}{suffix}");
        if self.layout.mapping.leaf(&longer).is_some() { longer } else { path.to_owned() }
    }

    fn words(
        &self,
        text: &Text<'_>,
        field: Option<&str>,
        words: &str,
    ) -> Result<Option<Box<dyn TantivyQuery>>, QueryError> {
        let of_date = |path: &str| {
            let kind = self.layout.mapping.leaf(path).map(|mapping| &mapping.kind);
            matches!(kind, Some(FieldKind::Date(_) | FieldKind::DateNanos(_)))
        };
        if let (Some(path), Some(zone)) = (field.filter(|path| of_date(path)), &text.asked.time_zone) {
            let bound = Some((Value::from(words), true));
            let time_zone = Some(zone.clone());
            let day = RangeBounds { lower: bound.clone(), upper: bound, time_zone, ..Default::default() };
            return Ok(Some(forgive(self.range_of(path, &day), text.matching.is_lenient())?));
        }
        let (fields, lenient) = self.fields_of(text, field, false);
        let matching = Matching { lenient: Some(lenient), ..text.matching.clone() };
        self.matched(fields, words, (text.asked.kind, text.tie_breaker), matching)
    }

    fn quoted(
        &self,
        text: &Text<'_>,
        field: Option<&str>,
        words: &str,
        slop: Option<u32>,
    ) -> Result<Option<Box<dyn TantivyQuery>>, QueryError> {
        let (fields, lenient) = self.fields_of(text, field, true);
        let analyzer = text.asked.quote_analyzer.clone().or(text.matching.analyzer.clone());
        let slop = slop.unwrap_or(text.matching.slop);
        let matching = Matching { lenient: Some(lenient), slop, analyzer, ..text.matching.clone() };
        self.matched(fields, words, (MultiMatchKind::Phrase, text.tie_breaker), matching)
    }

    /// A text in those of the fields where it has words.
    fn matched(
        &self,
        mut fields: Vec<(String, f32)>,
        words: &str,
        (kind, tie_breaker): (MultiMatchKind, f32),
        matching: Matching,
    ) -> Result<Option<Box<dyn TantivyQuery>>, QueryError> {
        if fields.is_empty() {
            return Ok(Some(none()));
        }
        let is_quoted = kind == MultiMatchKind::Phrase;
        let mut kept = Vec::with_capacity(fields.len());
        for field in fields.drain(..) {
            if self.has_words(&field.0, words, &matching, is_quoted)? {
                kept.push(field);
            }
        }
        if kept.is_empty() {
            return Ok(None);
        }
        let value = Value::from(words);
        self.multi_match(&kept, &value, (kind, Some(tie_breaker)), &matching).map(Some)
    }

    /// Whether a text has words in any of some fields; what cannot be told is found out where it is asked.
    pub(super) fn any_has_words(
        &self,
        fields: &[(String, f32)],
        words: &str,
        matching: &Matching,
        is_quoted: bool,
    ) -> bool {
        let fields = self.expand(fields);
        let mut has_words = fields.iter().map(|(path, _)| self.has_words(path, words, matching, is_quoted));
        fields.is_empty() || has_words.any(|has_words| has_words.unwrap_or(true))
    }

    fn has_words(
        &self,
        path: &str,
        words: &str,
        matching: &Matching,
        is_quoted: bool,
    ) -> Result<bool, QueryError> {
        let analysis = &self.layout.analysis;
        let Some(mapping) = self.layout.mapping.leaf(path).filter(|mapping| mapping.kind.is_text()) else {
            return Ok(true);
        };
        let own =
            if is_quoted { mapping.analysis.quoting(analysis) } else { mapping.analysis.searching(analysis) };
        let analyzer = self.analyzer(matching.analyzer.as_deref().unwrap_or(own))?;
        Ok(!self.terms_of(&analyzer, words).is_empty())
    }

    /// The best of what is made for each field.
    fn each_field(&self, text: &Text<'_>, field: Option<&str>, make: impl Fn(&str) -> Lowered) -> Lowered {
        // Ids have no order and no patterns, and here that is no fault.
        if field == Some("_id") {
            return Ok(none());
        }
        let (fields, lenient) = self.fields_of(text, field, false);
        let one = |(path, boost): &(String, f32)| Ok(boosted(forgive(make(path), lenient)?, *boost));
        let queries = fields.iter().map(one).collect::<Result<Vec<_>, QueryError>>()?;
        Ok(best_of(queries, text.tie_breaker))
    }

    fn near(&self, text: &Text<'_>, field: Option<&str>, word: &str, edits: Option<f32>) -> Lowered {
        let usual = text.asked.fuzziness;
        let edits = edits.map_or(usual.edits, |edits| Edits::Count(edits.min(2.0) as u8));
        let fuzziness = Fuzziness { edits, ..usual };
        self.each_field(text, field, |path| match self.by_analyzer(text, path)? {
            Some(analyzer) => self.fuzzy(path, &analyzer.normalized(word), (fuzziness, false)),
            None => self.fuzzy(path, word, (fuzziness, true)),
        })
    }

    fn beginning(&self, text: &Text<'_>, field: Option<&str>, beginning: &str) -> Lowered {
        if text.asked.analyze_wildcard {
            let value = Value::from(beginning);
            return self.each_field(text, field, |path| self.bool_prefix(path, &value, &text.matching));
        }
        let mut pattern = String::with_capacity(beginning.len() + 1);
        for letter in beginning.chars() {
            if matches!(letter, '*' | '?' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('*');
        self.each_field(text, field, |path| self.pattern_of(text, path, &pattern))
    }

    /// Documents with a term like a pattern, which the analyzer that was asked for brings into the form of terms.
    fn pattern_of(&self, text: &Text<'_>, path: &str, pattern: &str) -> Lowered {
        let (pattern, is_normalized) = match self.by_analyzer(text, path)? {
            Some(analyzer) => (between_signs(pattern, |text| analyzer.normalized(text)), false),
            None => (pattern.to_owned(), true),
        };
        let (field, case_insensitive, rewrite) = (path.to_owned(), false, text.asked.rewrite);
        self.query(&Query::Wildcard { field, pattern, case_insensitive, is_normalized, rewrite })
    }

    /// The analyzer that was asked for, if a field has texts.
    fn by_analyzer(&self, text: &Text<'_>, path: &str) -> Result<Option<Arc<Analyzer>>, QueryError> {
        let is_text = self.layout.mapping.leaf(path).is_some_and(|mapping| mapping.kind.is_text());
        let name = text.matching.analyzer.as_ref().filter(|_| is_text);
        name.map(|name| self.analyzer(name)).transpose()
    }

    fn wildcard(&self, text: &Text<'_>, field: Option<&str>, pattern: &str) -> Lowered {
        let asked = match (field, text.fields) {
            (Some(field), _) => Some(field),
            (None, [(only, _)]) => Some(only.as_str()),
            (None, _) => None,
        };
        if pattern == "*" {
            return match asked {
                Some("*") => Ok(all()),
                Some(path) => Ok(constant(self.exists(path)?)),
                None => self.each_field(text, field, |path| Ok(constant(self.exists(path)?))),
            };
        }
        if !text.asked.allow_leading_wildcard && pattern.starts_with(['*', '?']) {
            let reason = "'*' or '?' not allowed as first character in WildcardQuery";
            return Err(failed(&text.asked.text, reason));
        }
        self.each_field(text, field, |path| self.pattern_of(text, path, pattern))
    }
}

/// The words of one text, each a clause of its own.
fn spread(query: Box<dyn TantivyQuery>, occur: Occur, clauses: &mut Clauses) {
    match query.downcast_ref::<BooleanQuery>() {
        Some(words) => clauses.extend(words.clauses().iter().map(|(_, word)| (occur, word.box_clone()))),
        None => clauses.push((occur, query)),
    }
}

fn joined(mut clauses: Clauses, minimum: Option<&MinimumShouldMatch>) -> Option<Box<dyn TantivyQuery>> {
    let count = |occur| clauses.iter().filter(|(own, _)| *own == occur).count();
    let (optional, required) = (count(Occur::Should), count(Occur::Must));
    if clauses.is_empty() {
        return None;
    }
    if clauses.len() == 1 && optional + required == 1 {
        return clauses.pop().map(|(_, query)| query);
    }
    if optional + required == 0 {
        clauses.push((Occur::Must, unscored(all())));
    }
    let by_default = usize::from(required == 0 && optional > 0);
    let wanted = minimum.map_or(by_default, |minimum| minimum.of(optional));
    if wanted > optional {
        return Some(none());
    }
    Some(Box::new(BooleanQuery::with_minimum_required_clauses(clauses, wanted.max(by_default))))
}
