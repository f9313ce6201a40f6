//! The words and phrases of a query, by the fields that they are looked for in.

use serde_json::Value;

use crate::analysis::Analyzer;
use crate::engine::View;
use crate::json_values::text_of;
use crate::mapping::FieldKind;
use crate::query::query_string::{self, Group, Sign, What};
use crate::query::{
    Fuzziness, Matching, MultiMatchKind, Query, QueryContext, QueryString, Shape, TermAutomaton,
    read_simple_query_string, terms_like, wildcard_name_matches as name_matches,
};

/// What is looked for.
#[derive(Debug)]
pub(super) enum Needle {
    Word(String),
    /// Words like a pattern.
    Like(TermAutomaton),
    /// Words with few edits.
    Near {
        word: String,
        fuzziness: Fuzziness,
    },
    Phrase(Phrase),
}

#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) parts: Vec<Part>,
    pub(super) slop: u32,
    /// Whether the last word may go on.
    pub(super) goes_on: bool,
}

impl Phrase {
    /// Whether a word is one of it.
    pub(super) fn has(&self, term: &str) -> bool {
        let last = self.parts.len();
        self.parts.iter().enumerate().any(|(at, part)| part.is_word(term, self.goes_on && at + 1 == last))
    }
}

/// The words that may stand at a place of a phrase.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) position: usize,
    words: Vec<String>,
}

impl Part {
    pub(super) fn is_word(&self, term: &str, goes_on: bool) -> bool {
        self.words.iter().any(|word| if goes_on { term.starts_with(word.as_str()) } else { term == word })
    }
}

impl Needle {
    /// Whether a word is looked for by itself.
    pub(super) fn is_word(&self, term: &str) -> bool {
        match self {
            Self::Word(word) => word == term,
            Self::Like(automaton) => automaton.takes(term),
            Self::Near { word, fuzziness } => is_near(word, term, *fuzziness),
            Self::Phrase(_) => false,
        }
    }
}

/// All that a query looks for.
#[derive(Debug, Default)]
pub(super) struct Needles {
    needles: Vec<(String, Needle)>,
}

impl Needles {
    #[cfg(test)]
    pub(super) fn of_words(words: &[&str]) -> Self {
        let needle = |word: &&str| (String::new(), Needle::Word((*word).to_owned()));
        Self { needles: words.iter().map(needle).collect() }
    }

    pub(super) fn read(view: &View, context: &QueryContext<'_>, query: &Query) -> Self {
        let mut needles = Self::default();
        Collecting { view, context, needles: &mut needles }.query(query);
        needles
    }

    /// Those that are looked for in a field, or in one that counts for it.
    pub(super) fn of_fields(mut self, path: &str, others: &[String]) -> Self {
        self.needles
            .retain(|(field, _)| field == path || others.iter().any(|other| name_matches(other, field)));
        self
    }

    /// What a word counts as: itself, or the pattern that it is like.
    pub(super) fn key(&self, term: &str) -> String {
        let is_itself = self.all().any(|needle| match needle {
            Needle::Word(word) => word == term,
            Needle::Phrase(phrase) => phrase.has(term),
            Needle::Like(_) | Needle::Near { .. } => false,
        });
        match self.all().position(|needle| needle.is_word(term)).filter(|_| !is_itself) {
            Some(pattern) => format!("\0{pattern}"),
            None => term.to_owned(),
        }
    }

    /// What is looked for in a field, or everywhere, with its number.
    pub(super) fn of(&self, path: Option<&str>) -> impl Iterator<Item = (usize, &Needle)> {
        let all = self.needles.iter().enumerate();
        let is_meant = move |field: &str| path.is_none_or(|path| path == field);
        all.filter(move |(_, (field, _))| is_meant(field)).map(|(number, (_, needle))| (number, needle))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Needle> {
        self.needles.iter().map(|(_, needle)| needle)
    }
}

struct Collecting<'a> {
    view: &'a View,
    context: &'a QueryContext<'a>,
    needles: &'a mut Needles,
}

impl Collecting<'_> {
    fn query(&mut self, query: &Query) {
        match query {
            Query::Term { field, value, .. } => self.whole(field, value),
            Query::Terms { field, values } => values.iter().for_each(|value| self.whole(field, value)),
            Query::Match { field, value, matching } => self.words(field, value, matching, false),
            Query::BoolPrefix { field, value, matching } => self.words(field, value, matching, true),
            Query::Phrase { field, value, prefix, matching } => self.phrase(field, value, *prefix, matching),
            Query::MultiMatch { fields, value, kind, matching, .. } => {
                for path in self.fields(fields) {
                    match kind {
                        MultiMatchKind::Phrase => self.phrase(&path, value, false, matching),
                        MultiMatchKind::PhrasePrefix => self.phrase(&path, value, true, matching),
                        MultiMatchKind::BoolPrefix => self.words(&path, value, matching, true),
                        _ => self.words(&path, value, matching, false),
                    }
                }
            }
            Query::CombinedFields { fields, value, matching } => {
                self.fields(fields).iter().for_each(|path| self.words(path, value, matching, false));
            }
            Query::Prefix { field, value, case_insensitive, .. } => {
                self.like(field, Shape::Prefix { case_insensitive: *case_insensitive }, value);
            }
            Query::Wildcard { field, pattern, case_insensitive, .. } => {
                let pattern = self.normalized(field, pattern);
                self.like(field, Shape::Wildcard { case_insensitive: *case_insensitive }, &pattern);
            }
            Query::Regexp { field, pattern, syntax, .. } => self.like(field, Shape::Regexp(*syntax), pattern),
            Query::Fuzzy { field, value, fuzziness, .. } => {
                let near = Needle::Near { word: value.clone(), fuzziness: *fuzziness };
                self.add(field, near);
            }
            Query::Bool { must, filter, should, .. } => {
                must.iter().chain(filter).chain(should).for_each(|query| self.query(query));
            }
            Query::DisMax { queries, .. } => queries.iter().for_each(|query| self.query(query)),
            Query::Boosting { positive: query, .. }
            | Query::Nested { query, .. }
            | Query::Constant { query }
            | Query::Named { query, .. }
            | Query::Boost { query, .. } => self.query(query),
            Query::SimpleQueryString(asked) => {
                if let Ok(read) = read_simple_query_string(asked, self.context) {
                    self.query(&read);
                }
            }
            Query::QueryString(asked) => {
                if let Ok(group) = query_string::parse(&asked.text) {
                    self.group(&group, asked);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, field: &str, needle: Needle) {
        let path = self.view.layout.mapping.meant(field).to_owned();
        self.needles.needles.push((path, needle));
    }

    /// The fields that names and patterns mean; all where there are none.
    fn fields(&self, asked: &[(String, f32)]) -> Vec<String> {
        let mapping = &self.view.layout.mapping;
        let is_meant =
            |path: &str| asked.is_empty() || asked.iter().any(|(name, _)| name_matches(name, path));
        mapping.leaves().into_iter().map(|leaf| leaf.path).filter(|path| is_meant(path)).collect()
    }

    /// How a text is cut that is looked for in a field; none for a field whose values are whole.
    fn analyzer(&self, field: &str, own: Option<&str>) -> Option<std::sync::Arc<Analyzer>> {
        let layout = &self.view.layout;
        let mapping = layout.mapping.leaf(field)?;
        if !mapping.kind.is_text() {
            return None;
        }
        let name = own.unwrap_or_else(|| mapping.analysis.searching(&layout.analysis));
        layout.analysis.find_analyzer(name).ok().flatten()
    }

    /// A value as the terms of its field have it.
    fn normalized(&self, field: &str, text: &str) -> String {
        let layout = &self.view.layout;
        let normalizer = layout.mapping.leaf(field).and_then(|mapping| mapping.analysis.normalizer.as_ref());
        let normalizer = normalizer.and_then(|name| layout.analysis.normalizer(name).ok());
        normalizer.map_or_else(|| text.to_owned(), |normalizer| normalizer.normalized(text))
    }

    fn whole(&mut self, field: &str, value: &Value) {
        let Some(text) = text_of(value) else { return };
        let text = match self.view.layout.mapping.leaf(field).map(|mapping| &mapping.kind) {
            Some(FieldKind::Keyword { .. }) => self.normalized(field, &text),
            _ => text,
        };
        self.add(field, Needle::Word(text));
    }

    fn words(&mut self, field: &str, value: &Value, matching: &Matching, goes_on: bool) {
        let Some(text) = text_of(value) else { return };
        let Some(analyzer) = self.analyzer(field, matching.analyzer.as_deref()) else {
            return self.whole(field, value);
        };
        let terms = analyzer.terms(&text);
        let last = terms.last().map(|term| term.position);
        for term in terms {
            if goes_on && Some(term.position) == last {
                self.like(field, Shape::Prefix { case_insensitive: false }, &term.text);
                continue;
            }
            self.add(
                field,
                match matching.fuzziness {
                    Some(fuzziness) => Needle::Near { word: term.text, fuzziness },
                    None => Needle::Word(term.text),
                },
            );
        }
    }

    fn phrase(&mut self, field: &str, value: &Value, goes_on: bool, matching: &Matching) {
        let Some(text) = text_of(value) else { return };
        let Some(analyzer) = self.analyzer(field, matching.analyzer.as_deref()) else {
            return self.whole(field, value);
        };
        let mut parts: Vec<Part> = Vec::new();
        for term in analyzer.terms(&text) {
            match parts.last_mut().filter(|part| part.position == term.position) {
                Some(part) => part.words.push(term.text),
                None => parts.push(Part { position: term.position, words: vec![term.text] }),
            }
        }
        if !parts.is_empty() {
            self.add(field, Needle::Phrase(Phrase { parts, slop: matching.slop, goes_on }));
        }
    }

    fn like(&mut self, field: &str, shape: Shape, pattern: &str) {
        if let Some(automaton) = terms_like(shape, pattern) {
            self.add(field, Needle::Like(automaton));
        }
    }

    /// The clauses of a text in Lucene's language, but for those that must not match.
    fn group(&mut self, group: &Group, asked: &QueryString) {
        for clause in group.clauses.iter().filter(|clause| clause.sign != Some(Sign::MustNot)) {
            let fields = match &clause.field {
                Some(field) => vec![(field.clone(), 1.0)],
                None if asked.fields.is_empty() => self.context.rules.default_fields.clone(),
                None => asked.fields.clone(),
            };
            for path in self.fields(&fields) {
                match &clause.what {
                    What::Group(_) => {}
                    What::Words { text, .. } => {
                        self.words(&path, &Value::from(text.as_str()), &asked.matching, false);
                    }
                    What::Phrase { text, slop } => {
                        let slop = slop.unwrap_or(asked.matching.slop);
                        let matching = Matching { slop, ..asked.matching.clone() };
                        self.phrase(&path, &Value::from(text.as_str()), false, &matching);
                    }
                    What::Fuzzy { word, .. } => {
                        let near = Needle::Near { word: word.to_lowercase(), fuzziness: asked.fuzziness };
                        self.add(&path, near);
                    }
                    What::Prefix(beginning) => {
                        self.like(&path, Shape::Prefix { case_insensitive: true }, beginning);
                    }
                    What::Wildcard(pattern) => {
                        self.like(&path, Shape::Wildcard { case_insensitive: true }, pattern);
                    }
                    What::Regexp(pattern) => self.like(&path, Shape::Regexp(asked.regexp), pattern),
                    What::Range { .. } => {}
                }
            }
            if let What::Group(group) = &clause.what {
                self.group(group, asked);
            }
        }
    }
}

/// Whether two words are as few edits apart as are allowed.
fn is_near(word: &str, term: &str, fuzziness: Fuzziness) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), term.chars().collect());
    let most = usize::from(fuzziness.edits.of(word));
    let fixed = fuzziness.prefix_length.min(a.len());
    if a.len().abs_diff(b.len()) > most || b.get(..fixed) != Some(&a[..fixed]) {
        return false;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let least = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if is_swapped && fuzziness.transpositions { least.min(rows[i - 2][j - 2] + 1) } else { least }
            };
        }
    }
    rows[a.len()][b.len()] <= most
}
