//! The words and phrases of a query, by the fields that they are looked for in.

use serde_json::Value;

use super::HighlightKind;
use super::spans::{SpanTree, Spans};
use crate::analysis::Analyzer;
use crate::engine::View;
use crate::json_values::{plain, text_of};
use crate::mapping::FieldKind;
use crate::query::query_string::{self, Group, Sign, What};
use crate::query::{
    Fuzziness, Intervals, Matching, MultiMatchKind, Query, QueryContext, QueryString, Shape, SpanClause,
    SpanJoin, SpanQuery, TermAutomaton, between_signs, read_simple_query_string, terms_like,
    wildcard_name_matches as name_matches,
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
    /// Words one after the other, as fragments by term vectors know them.
    Phrase(Phrase),
    /// Words by where they stand.
    Spans(Box<Spans>),
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
            Self::Phrase(_) | Self::Spans(_) => false,
        }
    }

    /// Whether a word may be shown for it.
    pub(super) fn has(&self, term: &str) -> bool {
        match self {
            Self::Phrase(phrase) => phrase.has(term),
            Self::Spans(spans) => spans.has(term),
            other => other.is_word(term),
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

    pub(super) fn read(view: &View, context: &QueryContext<'_>, query: &Query, kind: HighlightKind) -> Self {
        let mut needles = Self::default();
        Collecting { view, context, kind, needles: &mut needles }.query(query);
        needles
    }

    /// Those that are looked for in a field, or in one that counts for it.
    pub(super) fn of_fields(self, path: &str, others: &[String], kind: HighlightKind) -> Self {
        let is_meant = |field: &str| field == path || others.iter().any(|other| name_matches(other, field));
        let (mut needles, mut of_several) = (Vec::new(), Vec::new());
        for (field, needle) in self.needles {
            match needle {
                Needle::Spans(mut spans) => {
                    if kind == HighlightKind::Unified && !spans.is_within(&is_meant) {
                        of_several.push(spans);
                        continue;
                    }
                    spans.tree.mark_only(&is_meant);
                    if !spans.tree.marks().is_empty() {
                        needles.push((field, Needle::Spans(spans)));
                    }
                }
                needle if is_meant(&field) => needles.push((field, needle)),
                _ => {}
            }
        }
        // As in Lucene, words of spans that are of other fields too count by themselves, unless something else goes by places.
        if !needles.iter().any(|(_, needle)| matches!(needle, Needle::Spans(_))) {
            of_several.into_iter().for_each(|spans| spans.tree.into_words(&is_meant, &mut needles));
        }
        Self { needles }
    }

    /// What a word counts as: itself, or the pattern that it is like.
    pub(super) fn key(&self, term: &str) -> String {
        let is_itself = self.all().any(|needle| match needle {
            Needle::Word(word) => word == term,
            Needle::Phrase(_) | Needle::Spans(_) => needle.has(term),
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
    kind: HighlightKind,
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
            Query::Prefix { .. } | Query::Wildcard { .. } | Query::Regexp { .. } | Query::Fuzzy { .. } => {
                if let Some((field, needle)) = self.pattern(query) {
                    self.add(field, needle);
                }
            }
            Query::Span(spans) => self.spans(spans),
            Query::Intervals { field, intervals } => self.intervals(field, intervals),
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
                if let Ok(group) = query_string::parse(&asked.text, !asked.are_listed) {
                    self.group(&group, asked);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, field: &str, needle: Needle) {
        let path = self.meant(field).to_owned();
        self.needles.needles.push((path, needle));
    }

    fn meant<'f>(&'f self, field: &'f str) -> &'f str {
        self.view.layout.mapping.meant(field)
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
        match (parts.len(), goes_on) {
            (0, _) => {}
            (1, false) => {
                let words = parts.into_iter().flat_map(|part| part.words);
                words.for_each(|word| self.add(field, Needle::Word(word)));
            }
            _ => {
                let phrase = Phrase { parts, slop: matching.slop, goes_on };
                let needle = match self.kind {
                    HighlightKind::Vectors => Needle::Phrase(phrase),
                    HighlightKind::Unified | HighlightKind::Plain => {
                        let tree = near(self.meant(field), &phrase);
                        Needle::Spans(Box::new(Spans { tree, masks: Vec::new() }))
                    }
                };
                self.add(field, needle);
            }
        }
    }

    fn like(&mut self, field: &str, shape: Shape, pattern: &str) {
        if let Some(automaton) = terms_like(shape, pattern) {
            self.add(field, Needle::Like(automaton));
        }
    }

    /// What a query for terms like a pattern looks for.
    fn pattern<'q>(&self, query: &'q Query) -> Option<(&'q str, Needle)> {
        let (field, shape, pattern) = match query {
            Query::Prefix { field, value, case_insensitive, .. } => {
                (field, Shape::Prefix { case_insensitive: *case_insensitive }, value.clone())
            }
            Query::Wildcard { field, pattern, case_insensitive, .. } => {
                let pattern = self.normalized(field, pattern);
                (field, Shape::Wildcard { case_insensitive: *case_insensitive }, pattern)
            }
            Query::Regexp { field, pattern, syntax, .. } => (field, Shape::Regexp(*syntax), pattern.clone()),
            Query::Fuzzy { field, value, fuzziness, .. } => {
                return Some((field, Needle::Near { word: value.clone(), fuzziness: *fuzziness }));
            }
            _ => return None,
        };
        Some((field, Needle::Like(terms_like(shape, &pattern)?)))
    }

    fn spans(&mut self, spans: &SpanQuery) {
        if let (HighlightKind::Vectors, SpanQuery::Term { field, value }) = (self.kind, spans) {
            return self.add(field, Needle::Word(plain(value)));
        }
        // Fragments by term vectors know no other spans.
        if self.kind == HighlightKind::Vectors {
            return;
        }
        let mut masks = Vec::new();
        if let Some(tree) = self.span_tree(spans, &mut masks) {
            self.add("", Needle::Spans(Box::new(Spans { tree, masks })));
        }
    }

    fn span_tree(&self, spans: &SpanQuery, masks: &mut Vec<String>) -> Option<SpanTree> {
        let mut all = |spans: &[&SpanQuery]| -> Option<Vec<SpanTree>> {
            spans.iter().map(|spans| self.span_tree(spans, masks)).collect()
        };
        let (how, parts) = match spans {
            SpanQuery::Term { field, value } => {
                return Some(SpanTree::word(self.meant(field), Needle::Word(plain(value))));
            }
            SpanQuery::Multi { of } => {
                let (field, needle) = self.pattern(of)?;
                return Some(SpanTree::word(self.meant(field), needle));
            }
            SpanQuery::Masked { of, field } => {
                masks.push(self.meant(field).to_owned());
                return self.span_tree(of, masks);
            }
            SpanQuery::Near { clauses, slop, in_order } => {
                let (mut parts, mut gaps) = (Vec::new(), vec![0]);
                for clause in clauses {
                    match (clause, gaps.last_mut()) {
                        (SpanClause::Spans(spans), _) => {
                            parts.push(self.span_tree(spans, masks)?);
                            gaps.push(0);
                        }
                        (SpanClause::Gap(width), Some(gap)) => *gap += *width,
                        (SpanClause::Gap(_), None) => {}
                    }
                }
                (SpanJoin::Near { slop: *slop, in_order: *in_order, gaps }, parts)
            }
            SpanQuery::Or { clauses } => (SpanJoin::Or, all(&clauses.iter().collect::<Vec<_>>())?),
            SpanQuery::Not { include, exclude, before, after } => {
                (SpanJoin::Not { before: *before, after: *after }, all(&[include, exclude])?)
            }
            SpanQuery::First { of, end } => (SpanJoin::First { end: *end }, all(&[of])?),
            SpanQuery::Containing { big, little } => (SpanJoin::Containing, all(&[big, little])?),
            SpanQuery::Within { big, little } => (SpanJoin::Within, all(&[big, little])?),
        };
        Some(SpanTree::Joined { how, parts })
    }

    /// The words of intervals, wherever they stand, as Lucene shows them.
    fn intervals(&mut self, path: &str, intervals: &Intervals) {
        let filter = match intervals {
            Intervals::Match { text, words, filter, .. } => {
                let field = words.use_field.as_deref().unwrap_or(path);
                let analyzer = self.analyzer(field, words.analyzer.as_deref());
                let terms = analyzer.map_or_else(Vec::new, |analyzer| analyzer.terms(text));
                if self.kind != HighlightKind::Vectors {
                    terms.into_iter().for_each(|term| self.add(field, Needle::Word(term.text)));
                }
                filter
            }
            Intervals::Like { of, words, .. } => {
                let field = words.use_field.as_deref().unwrap_or(path);
                if let (HighlightKind::Unified, Some(analyzer)) =
                    (self.kind, self.analyzer(field, words.analyzer.as_deref()))
                    && let Some((_, needle)) = self.pattern(&normalized(of, &analyzer))
                {
                    self.add(field, needle);
                }
                return;
            }
            Intervals::AnyOf { intervals, filter } | Intervals::AllOf { intervals, filter, .. } => {
                intervals.iter().for_each(|one| self.intervals(path, one));
                filter
            }
        };
        if let Some(filter) = filter.as_ref().filter(|filter| !filter.rule.starts_with("not_")) {
            self.intervals(path, &filter.others);
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

/// A phrase as spans: what it leaves out counts as slop, and without slop it is in order.
fn near(field: &str, phrase: &Phrase) -> SpanTree {
    let place = |part: Option<&Part>| part.map_or(0, |part| part.position);
    let left_out = (place(phrase.parts.last()) + 1) - place(phrase.parts.first()) - phrase.parts.len();
    let word = |word: &String, goes_on| match terms_like(Shape::Prefix { case_insensitive: false }, word) {
        Some(beginning) if goes_on => SpanTree::word(field, Needle::Like(beginning)),
        _ => SpanTree::word(field, Needle::Word(word.clone())),
    };
    let part = |(at, part): (usize, &Part)| {
        let goes_on = phrase.goes_on && at + 1 == phrase.parts.len();
        SpanTree::any(part.words.iter().map(|text| word(text, goes_on)).collect())
    };
    let mut parts: Vec<SpanTree> = phrase.parts.iter().enumerate().map(part).collect();
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let slop = i64::from(phrase.slop) + left_out as i64;
    let how = SpanJoin::Near { slop, in_order: phrase.slop == 0, gaps: Vec::new() };
    SpanTree::Joined { how, parts }
}

/// A pattern in the form of the terms of an analyzer.
fn normalized(of: &Query, analyzer: &Analyzer) -> Query {
    let mut of = of.clone();
    match &mut of {
        Query::Prefix { value, .. } | Query::Fuzzy { value, .. } => *value = analyzer.normalized(value),
        Query::Wildcard { pattern, .. } => {
            *pattern = between_signs(pattern, |text| analyzer.normalized(text));
        }
        _ => {}
    }
    of
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
