//! A query in Lucene's words, as `_validate/query` tells it: what the terms of texts are, and how clauses are joined.
//!
//! It tells what is looked for and not how: a query may be asked otherwise than it reads here. What Lucene has no short words
//! for is told by its name.

use serde_json::Value;

use super::ast::{Edits, Fuzziness, Matching, MultiMatchKind, Operator, Query, QueryString, RangeBounds};
use super::lower::QueryContext;
use super::query_string::{Clause, Group, Join, Sign, What, parse};
use super::simple_query_string;
use super::wildcard::name_matches;
use crate::engine::Layout;
use crate::json_values::plain;
use crate::mapping::{FieldKind, FieldMapping};

const NOTHING: &str = "MatchNoDocsQuery(\"User requested \"match_none\" query.\")";

/// Tells queries by what the fields of an index are.
pub(crate) struct Lucene<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) context: &'a QueryContext<'a>,
}

/// A query in words, and whether it is several clauses side by side, which stand in parentheses among others.
struct Told {
    text: String,
    is_several: bool,
}

impl Told {
    fn one(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_several: false }
    }

    fn inside(self) -> String {
        if self.is_several { format!("({})", self.text) } else { self.text }
    }
}

/// Clauses of one kind, by the sign before each.
fn clauses(parts: Vec<(&str, Told)>) -> Told {
    let shown: Vec<String> =
        parts.into_iter().map(|(sign, told)| format!("{sign}{}", told.inside())).collect();
    Told { text: shown.join(" "), is_several: true }
}

/// The best of several.
fn best(queries: Vec<Told>, tie_breaker: f32) -> Told {
    let shown: Vec<String> = queries.into_iter().map(Told::inside).collect();
    let tie = if tie_breaker == 0.0 { String::new() } else { format!("~{tie_breaker:?}") };
    Told::one(format!("({}){tie}", shown.join(" | ")))
}

impl Lucene<'_> {
    /// The query in words.
    pub(crate) fn tell(&self, query: &Query) -> String {
        self.told(query).text
    }

    fn told(&self, query: &Query) -> Told {
        match query {
            Query::MatchAll => Told::one("*:*"),
            Query::MatchNone => Told::one(NOTHING),
            Query::Term { field, value, .. } => self.term(field, value),
            Query::Terms { field, values } => {
                let values: Vec<String> = values.iter().map(plain).collect();
                self.of_field(field, |_| Told::one(format!("{field}:({})", values.join(" "))))
            }
            Query::Match { field, value, matching } => self.matched(field, value, matching),
            Query::Phrase { field, value, prefix, matching } => self.phrase(field, value, *prefix, matching),
            Query::BoolPrefix { field, value, matching } => self.bool_prefix(field, value, matching),
            Query::MultiMatch { fields, value, kind, tie_breaker, matching } => {
                let tie_breaker = tie_breaker.unwrap_or(kind.tie_breaker());
                self.each_field(fields, tie_breaker, |path| match kind {
                    MultiMatchKind::Phrase => self.phrase(path, value, false, matching),
                    MultiMatchKind::PhrasePrefix => self.phrase(path, value, true, matching),
                    MultiMatchKind::BoolPrefix => self.bool_prefix(path, value, matching),
                    _ => self.matched(path, value, matching),
                })
            }
            Query::Range { field, bounds } => self.of_field(field, |mapping| range(field, mapping, bounds)),
            Query::Exists { field } => Told::one(format!("FieldExistsQuery [field={field}]")),
            Query::Ids { values, .. } => Told::one(format!("_id:({})", values.join(" "))),
            Query::Prefix { field, value, .. } => {
                self.of_field(field, |_| Told::one(format!("{field}:{value}*")))
            }
            Query::Wildcard { field, pattern, .. } => {
                self.of_field(field, |_| Told::one(format!("{field}:{pattern}")))
            }
            Query::Regexp { field, pattern, .. } => {
                self.of_field(field, |_| Told::one(format!("{field}:/{pattern}/")))
            }
            Query::Fuzzy { field, value, fuzziness, .. } => {
                self.of_field(field, |_| Told::one(near(field, value, fuzziness)))
            }
            Query::Bool { must, filter, should, must_not, minimum_should_match } => {
                let least = minimum_should_match.as_ref().map(|least| least.of(should.len()));
                self.joined(
                    (must.as_slice(), filter.as_slice(), should.as_slice(), must_not.as_slice()),
                    least,
                )
            }
            Query::DisMax { queries, tie_breaker } => {
                best(queries.iter().map(|query| self.told(query)).collect(), *tie_breaker)
            }
            Query::Boosting { positive, negative, negative_boost } => Told::one(format!(
                "FunctionScoreQuery({}, scored by boost(queryboost(score({}))^{negative_boost:?}))",
                self.tell(positive),
                self.tell(negative)
            )),
            Query::Constant { query } => Told::one(format!("ConstantScore({})", self.tell(query))),
            Query::Named { query, .. } => self.told(query),
            Query::Boost { query, boost } => Told::one(format!("({})^{boost:?}", self.tell(query))),
            Query::Nested { query, .. } => {
                Told::one(format!("ToParentBlockJoinQuery ({})", self.tell(query)))
            }
            Query::FunctionScore(asked) => {
                Told::one(format!("function score ({}, functions: [..])", self.tell(&asked.query)))
            }
            Query::ScriptScore { query, .. } => Told::one(format!("ScriptScoreQuery({})", self.tell(query))),
            Query::QueryString(asked) => self.query_string(asked),
            Query::SimpleQueryString(asked) => {
                let quoted =
                    |path: &str, suffix: &str| match self.layout.mapping.leaf(&format!("{path}{suffix}")) {
                        Some(_) => format!("{path}{suffix}"),
                        None => path.to_owned(),
                    };
                let known = simple_query_string::Fields {
                    defaults: &self.context.rules.default_fields,
                    quoted: &quoted,
                    has_words: &|fields, text, _| self.have_words(fields, text, &asked.matching),
                };
                let read = simple_query_string::parse(asked, &known);
                // What is too much is refused by the search itself.
                self.told(&read.unwrap_or(Query::MatchNone))
            }
            Query::Pinned { organic, .. } => Told::one(format!("PinnedQuery({})", self.tell(organic))),
            other => Told::one(by_name(other)),
        }
    }

    /// What is told of a field that is mapped.
    fn of_field(&self, path: &str, tell: impl FnOnce(Option<&FieldMapping>) -> Told) -> Told {
        let mapping = &self.layout.mapping;
        match mapping.leaf(mapping.meant(path)) {
            Some(found) => tell(Some(found)),
            None if self.is_mapped(path) => tell(None),
            None => Told::one(NOTHING),
        }
    }

    /// The same of one whose texts are looked for.
    fn of_text(&self, path: &str, tell: impl FnOnce(Option<&FieldMapping>) -> Told) -> Told {
        match self.is_mapped(path) {
            true => self.of_field(path, tell),
            false => Told::one(format!("MatchNoDocsQuery(\"unmapped fields [{path}]\")")),
        }
    }

    fn is_mapped(&self, path: &str) -> bool {
        let mapping = &self.layout.mapping;
        mapping.leaf(mapping.meant(path)).is_some()
            || path.starts_with('_')
            || self.layout.keyed(path).is_some()
    }

    fn term(&self, path: &str, value: &Value) -> Told {
        self.of_field(path, |mapping| match is_whole(mapping) {
            true => Told::one(format!("{path}:[{0} TO {0}]", plain(value))),
            false => Told::one(format!("{path}:{}", plain(value))),
        })
    }

    /// The terms of a text with their places.
    fn words(&self, mapping: &FieldMapping, value: &Value, analyzer: Option<&str>) -> Vec<(String, usize)> {
        let analysis = &self.layout.analysis;
        let name = analyzer.unwrap_or_else(|| mapping.analysis.searching(analysis));
        match analysis.find_analyzer(name) {
            Ok(Some(analyzer)) => {
                analyzer.terms(&plain(value)).into_iter().map(|term| (term.text, term.position)).collect()
            }
            _ => vec![(plain(value), 0)],
        }
    }

    /// Whether a text has words in any of some fields.
    fn have_words(&self, fields: &[(String, f32)], text: &str, matching: &Matching) -> bool {
        let has_words = |path: &str| match self.layout.mapping.leaf(path) {
            Some(mapping) if mapping.kind.is_text() => {
                !self.words(mapping, &Value::from(text), matching.analyzer.as_deref()).is_empty()
            }
            _ => true,
        };
        let meant = self.meant(fields);
        meant.is_empty() || meant.iter().any(|(path, _)| has_words(path))
    }

    fn matched(&self, path: &str, value: &Value, matching: &Matching) -> Told {
        self.of_text(path, |mapping| {
            let Some(mapping) = mapping.filter(|mapping| mapping.kind.is_text()) else {
                return self.term(path, value);
            };
            let words = self.words(mapping, value, matching.analyzer.as_deref());
            let tell = |word: &str| match &matching.fuzziness {
                Some(fuzziness) => near(path, word, fuzziness),
                None => format!("{path}:{word}"),
            };
            // Words of one place are one.
            let mut places: Vec<(usize, Vec<String>)> = Vec::new();
            for (word, position) in &words {
                match places.last_mut().filter(|(place, _)| place == position) {
                    Some((_, same)) => same.push(word.clone()),
                    None => places.push((*position, vec![word.clone()])),
                }
            }
            let mut told: Vec<Told> = places
                .into_iter()
                .map(|(_, words)| match words.as_slice() {
                    [word] => Told::one(tell(word)),
                    same => {
                        let same: Vec<String> = same.iter().map(|word| tell(word)).collect();
                        Told::one(format!("Synonym({})", same.join(" ")))
                    }
                })
                .collect();
            if told.len() < 2 {
                return told.pop().unwrap_or_else(|| Told::one("MatchNoDocsQuery(\"\")"));
            }
            let sign = if matching.operator == Operator::And { "+" } else { "" };
            let least = matching.minimum_should_match.as_ref().map(|least| least.of(told.len()));
            let all = clauses(told.into_iter().map(|told| (sign, told)).collect());
            with_least(all, least.filter(|_| sign.is_empty()))
        })
    }

    fn phrase(&self, path: &str, value: &Value, goes_on: bool, matching: &Matching) -> Told {
        self.of_text(path, |mapping| {
            let Some(mapping) = mapping.filter(|mapping| mapping.kind.is_text()) else {
                return self.term(path, value);
            };
            let words: Vec<String> = self
                .words(mapping, value, matching.analyzer.as_deref())
                .into_iter()
                .map(|(word, _)| word)
                .collect();
            let end = if goes_on { "*" } else { "" };
            match words.as_slice() {
                [] => Told::one("MatchNoDocsQuery(\"\")"),
                [word] => Told::one(format!("{path}:{word}{end}")),
                several => {
                    let slop = if matching.slop > 0 { format!("~{}", matching.slop) } else { String::new() };
                    Told::one(format!("{path}:\"{}{end}\"{slop}", several.join(" ")))
                }
            }
        })
    }

    fn bool_prefix(&self, path: &str, value: &Value, matching: &Matching) -> Told {
        self.of_text(path, |mapping| {
            let Some(mapping) = mapping.filter(|mapping| mapping.kind.is_text()) else {
                return self.term(path, value);
            };
            let words = self.words(mapping, value, matching.analyzer.as_deref());
            let last = words.len().saturating_sub(1);
            let mut told: Vec<(&str, Told)> = words
                .iter()
                .enumerate()
                .map(|(at, (word, _))| {
                    let end = if at == last { "*" } else { "" };
                    ("", Told::one(format!("{path}:{word}{end}")))
                })
                .collect();
            if told.len() < 2 {
                return told.pop().map_or_else(|| Told::one("MatchNoDocsQuery(\"\")"), |(_, told)| told);
            }
            clauses(told)
        })
    }

    /// A text in every field that is meant, each with its boost.
    fn each_field(&self, fields: &[(String, f32)], tie_breaker: f32, tell: impl Fn(&str) -> Told) -> Told {
        let mut told: Vec<Told> = self
            .meant(fields)
            .into_iter()
            .map(|(path, boost)| {
                let told = tell(&path);
                if boost == 1.0 { told } else { Told::one(format!("({})^{boost:?}", told.text)) }
            })
            .collect();
        match told.len() {
            0 => Told::one(NOTHING),
            1 => told.remove(0),
            _ => best(told, tie_breaker),
        }
    }

    /// The fields that names and patterns mean; of an index as a whole where none is named.
    fn meant(&self, fields: &[(String, f32)]) -> Vec<(String, f32)> {
        let defaults: Vec<(String, f32)>;
        let named = match fields.is_empty() {
            false => fields,
            true => {
                let own = &self.context.rules.default_fields;
                defaults = if own.is_empty() { vec![("*".to_owned(), 1.0)] } else { own.clone() };
                &defaults
            }
        };
        let mut meant = Vec::new();
        for (name, boost) in named {
            if !name.contains('*') {
                meant.push((name.clone(), *boost));
                continue;
            }
            let is_word = |field: &FieldMapping| {
                field.index && (field.kind.is_text() || matches!(field.kind, FieldKind::Keyword { .. }))
            };
            let leaves = self.layout.mapping.leaves().into_iter();
            let fits = leaves.filter(|leaf| is_word(leaf.field) && name_matches(name, &leaf.path));
            meant.extend(fits.map(|leaf| (leaf.path, *boost)));
        }
        meant
    }

    fn joined(
        &self,
        (must, filter, should, must_not): (&[Query], &[Query], &[Query], &[Query]),
        least: Option<usize>,
    ) -> Told {
        let mut parts: Vec<(&str, Told)> = Vec::new();
        for (sign, queries) in [("+", must), ("-", must_not), ("", should), ("#", filter)] {
            parts.extend(queries.iter().map(|query| (sign, self.told(query))));
        }
        if parts.is_empty() {
            return Told::one("*:*");
        }
        if must_not.len() == parts.len() {
            parts.push(("#", Told::one("*:*")));
        }
        with_least(clauses(parts), least.filter(|_| !should.is_empty()))
    }

    fn query_string(&self, asked: &QueryString) -> Told {
        match parse(&asked.text, asked.has_field(self.context.rules)) {
            Ok(group) => self.group(asked, &group),
            Err(_) => Told::one(NOTHING),
        }
    }

    fn group(&self, asked: &QueryString, group: &Group) -> Told {
        let is_all = asked.matching.operator == Operator::And;
        let mut parts: Vec<(&str, Told)> = Vec::new();
        for clause in &group.clauses {
            if clause.joined == Some(Join::And)
                && let Some((sign, _)) = parts.last_mut().filter(|(sign, _)| sign.is_empty())
            {
                *sign = "+";
            }
            let sign = match (clause.sign, clause.joined) {
                (Some(Sign::Must), _) | (None, Some(Join::And)) => "+",
                (Some(Sign::MustNot), _) => "-",
                (None, Some(Join::Or)) => "",
                (None, None) => {
                    if is_all {
                        "+"
                    } else {
                        ""
                    }
                }
            };
            parts.push((sign, self.clause(asked, clause)));
        }
        match parts.as_slice() {
            [] => Told::one(NOTHING),
            [(sign, _)] if *sign != "-" => parts.remove(0).1,
            _ => clauses(parts),
        }
    }

    fn clause(&self, asked: &QueryString, clause: &Clause) -> Told {
        let told = match (&clause.what, clause.field.as_deref()) {
            (What::Group(group), _) => self.group(asked, group),
            (What::Wildcard(pattern), Some("_exists_")) => self.present(pattern),
            (What::Words { text, .. }, Some("_exists_")) => self.present(text),
            (What::Wildcard(pattern), None | Some("*")) if pattern == "*" => Told::one("*:*"),
            (what, field) => {
                let named = field.map(|field| vec![(field.to_owned(), 1.0)]);
                let fields = named.as_deref().unwrap_or(&asked.fields);
                let tie_breaker = asked.tie_breaker.unwrap_or(asked.kind.tie_breaker());
                self.each_field(fields, tie_breaker, |path| self.leaf(asked, path, what))
            }
        };
        if clause.boost == 1.0 { told } else { Told::one(format!("({})^{:?}", told.text, clause.boost)) }
    }

    fn present(&self, path: &str) -> Told {
        Told::one(format!("ConstantScore(FieldExistsQuery [field={path}])"))
    }

    fn leaf(&self, asked: &QueryString, path: &str, what: &What) -> Told {
        let text = |text: &str| Value::from(text);
        match what {
            What::Words { text: words, .. } => self.matched(path, &text(words), &asked.matching),
            What::Phrase { text: words, slop } => {
                let slop = slop.unwrap_or(asked.matching.slop);
                self.phrase(path, &text(words), false, &Matching { slop, ..asked.matching.clone() })
            }
            What::Wildcard(pattern) => self.of_field(path, |_| Told::one(format!("{path}:{pattern}"))),
            What::Prefix(beginning) => self.of_field(path, |_| Told::one(format!("{path}:{beginning}*"))),
            What::Regexp(pattern) => self.of_field(path, |_| Told::one(format!("{path}:/{pattern}/"))),
            What::Fuzzy { word, edits } => {
                let edits = edits.map_or(asked.fuzziness.edits, |edits| Edits::Count(edits as u8));
                let fuzziness = Fuzziness { edits, ..asked.fuzziness };
                self.of_field(path, |_| Told::one(near(path, word, &fuzziness)))
            }
            What::Range { lower, upper } => {
                let bound = |bound: &Option<(String, bool)>| {
                    bound.as_ref().map(|(value, is_inside)| (Value::from(value.as_str()), *is_inside))
                };
                let bounds =
                    RangeBounds { lower: bound(lower), upper: bound(upper), ..RangeBounds::default() };
                self.of_field(path, |mapping| range(path, mapping, &bounds))
            }
            What::Group(group) => self.group(asked, group),
        }
    }
}

fn with_least(all: Told, least: Option<usize>) -> Told {
    match least.filter(|least| *least > 0) {
        Some(least) => Told { text: format!("({})~{least}", all.text), is_several: true },
        None => all,
    }
}

fn near(path: &str, word: &str, fuzziness: &Fuzziness) -> String {
    match fuzziness.edits.of(word) {
        0 => format!("{path}:{word}"),
        edits => format!("{path}:{word}~{edits}"),
    }
}

fn is_whole(mapping: Option<&FieldMapping>) -> bool {
    mapping.and_then(whole_bounds).is_some()
}

/// The least and the greatest value of a field of whole numbers.
fn whole_bounds(mapping: &FieldMapping) -> Option<(i64, i64)> {
    match mapping.type_name.as_str() {
        "long" => Some((i64::MIN, i64::MAX)),
        "integer" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        "short" => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        "byte" => Some((i64::from(i8::MIN), i64::from(i8::MAX))),
        _ => None,
    }
}

fn range(path: &str, mapping: Option<&FieldMapping>, bounds: &RangeBounds) -> Told {
    let whole = |bound: &Option<(Value, bool)>, open: i64, step: i64| match bound {
        None => Some(open),
        Some((value, is_inside)) => {
            let value: i64 = plain(value).parse().ok()?;
            if *is_inside { Some(value) } else { value.checked_add(step) }
        }
    };
    if let Some((least, most)) = mapping.and_then(whole_bounds)
        && let (Some(lower), Some(upper)) = (whole(&bounds.lower, least, 1), whole(&bounds.upper, most, -1))
    {
        return Told::one(format!("{path}:[{lower} TO {upper}]"));
    }
    let value =
        |bound: &Option<(Value, bool)>| bound.as_ref().map_or("*".to_owned(), |(value, _)| plain(value));
    let is_inside = |bound: &Option<(Value, bool)>| bound.as_ref().is_some_and(|(_, is_inside)| *is_inside);
    let (begin, end) = (
        if is_inside(&bounds.lower) || bounds.lower.is_none() { '[' } else { '{' },
        if is_inside(&bounds.upper) || bounds.upper.is_none() { ']' } else { '}' },
    );
    Told::one(format!("{path}:{begin}{} TO {}{end}", value(&bounds.lower), value(&bounds.upper)))
}

/// What has no words in Lucene's short language.
fn by_name(query: &Query) -> String {
    let shown = format!("{query:?}");
    let name: String = shown.chars().take_while(|letter| letter.is_alphanumeric()).collect();
    format!("{name}Query")
}
