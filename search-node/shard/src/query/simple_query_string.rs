//! The language of `simple_query_string`: words, `+` `|` `-`, groups, phrases, beginnings and edits. No text is wrong in it: a sign
//! that makes no sense is passed over. Only more than a query may have is refused.

use std::cell::Cell;

use serde_json::Value;

use super::QueryError;
use super::ast::{
    Edits, Fuzziness, Matching, MultiMatchKind, Operator, Query, Rewrite, Sign, SimpleQueryString,
};
use super::limits::QueryLimits;

/// Groups within groups beyond that are passed over.
const DEPTH_MAX: usize = 30;

type HasWords<'a> = dyn Fn(&[(String, f32)], &str, bool) -> bool + 'a;

/// What is to be known of the fields of an index.
pub(in crate::query) struct Fields<'a> {
    /// Those that are asked where the query names none; every field if there are none either.
    pub(in crate::query) defaults: &'a [(String, f32)],
    /// The field that phrases are looked for in, by a field and what the names of such fields end with.
    pub(in crate::query) quoted: &'a dyn Fn(&str, &str) -> String,
    /// Whether any of some fields has something to look for in a text, which may be a phrase.
    pub(in crate::query) has_words: &'a HasWords<'a>,
}

/// Reads a text.
pub(in crate::query) fn parse(asked: &SimpleQueryString, known: &Fields<'_>) -> Result<Query, QueryError> {
    if asked.text.trim() == "*" {
        return Ok(Query::MatchAll);
    }
    let defaults = known.defaults;
    let fields = [asked.fields.as_slice(), defaults].into_iter().find(|fields| !fields.is_empty());
    let every = [("*".to_owned(), 1.0)];
    let letters: Vec<char> = asked.text.chars().collect();
    let mut matching = asked.matching.clone();
    matching.minimum_should_match = None;
    matching.lenient = matching.lenient.or(fields.is_none().then_some(true));
    let language =
        Language { asked, fields: fields.unwrap_or(&every), matching, known, clauses: Cell::new(0) };
    let made = language.group(&letters, 0).unwrap_or(Query::MatchNone);
    QueryLimits::now().check_clauses(language.clauses.get())?;
    QueryLimits::now().check_depth(depth_of(&made))?;
    Ok(match (made, &asked.matching.minimum_should_match) {
        (Query::Bool { must, filter, should, must_not, .. }, Some(minimum)) => {
            Query::Bool { must, filter, should, must_not, minimum_should_match: Some(minimum.clone()) }
        }
        // Words that no sign parts are joined by what one field makes of them.
        (Query::MultiMatch { fields, value, kind, tie_breaker, mut matching }, Some(minimum)) => {
            if let [(field, _)] = fields.as_slice()
                && !field.contains('*')
            {
                matching.minimum_should_match = Some(minimum.clone());
            }
            Query::MultiMatch { fields, value, kind, tie_breaker, matching }
        }
        (made, _) => made,
    })
}

/// How deep bools stand in bools: where `+` and `|` take turns, each is around what was before.
fn depth_of(query: &Query) -> usize {
    let (mut deepest, mut open) = (0, vec![(query, 1)]);
    while let Some((query, depth)) = open.pop() {
        deepest = deepest.max(depth);
        if let Query::Bool { must, should, must_not, .. } = query {
            open.extend([must, should, must_not].into_iter().flatten().map(|query| (query, depth + 1)));
        }
    }
    deepest
}

struct Language<'a> {
    asked: &'a SimpleQueryString,
    fields: &'a [(String, f32)],
    matching: Matching,
    known: &'a Fields<'a>,
    /// How many clauses were read.
    clauses: Cell<usize>,
}

/// What was read of a group so far.
#[derive(Default)]
struct Tree {
    top: Option<Query>,
    /// What joined the last two.
    before: Option<Operator>,
    /// What joins the next one, where a sign says so.
    joins: Option<Operator>,
    /// Whether the next one is what must not match.
    is_not: bool,
}

impl Tree {
    fn sign(&mut self, operator: Operator) {
        if self.top.is_some() && self.joins.is_none() {
            self.joins = Some(operator);
        }
    }

    fn add(&mut self, query: Query, usual: Operator) {
        let query = if self.is_not { without(query) } else { query };
        self.top = Some(match self.top.take() {
            None => query,
            Some(top) => {
                let joins = self.joins.unwrap_or(usual);
                let top = if self.before == Some(joins) { top } else { joined(joins, vec![top]) };
                self.before = Some(joins);
                with(top, joins, query)
            }
        });
        self.forget();
    }

    fn forget(&mut self) {
        self.joins = None;
        self.is_not = false;
    }
}

fn joined(operator: Operator, queries: Vec<Query>) -> Query {
    let (must, should) = match operator {
        Operator::And => (queries, Vec::new()),
        Operator::Or => (Vec::new(), queries),
    };
    Query::Bool { must, filter: Vec::new(), should, must_not: Vec::new(), minimum_should_match: None }
}

/// Another clause of a bool.
fn with(top: Query, operator: Operator, query: Query) -> Query {
    match top {
        Query::Bool { mut must, filter, mut should, must_not, minimum_should_match } => {
            match operator {
                Operator::And => must.push(query),
                Operator::Or => should.push(query),
            }
            Query::Bool { must, filter, should, must_not, minimum_should_match }
        }
        other => joined(operator, vec![other, query]),
    }
}

/// Everything that does not match.
fn without(query: Query) -> Query {
    Query::Bool {
        must: Vec::new(),
        filter: Vec::new(),
        should: vec![Query::MatchAll],
        must_not: vec![query],
        minimum_should_match: None,
    }
}

impl Language<'_> {
    fn has(&self, sign: Sign) -> bool {
        self.asked.signs.contains(&sign)
    }

    /// The sign that a letter is here.
    fn sign(&self, letter: char) -> Option<Sign> {
        let sign = match letter {
            '+' => Sign::And,
            '|' => Sign::Or,
            '-' => Sign::Not,
            '"' => Sign::Phrase,
            '(' | ')' => Sign::Precedence,
            ' ' | '\t' | '\n' | '\r' => Sign::Whitespace,
            '\\' => Sign::Escape,
            _ => return None,
        };
        self.has(sign).then_some(sign)
    }

    fn group(&self, letters: &[char], depth: usize) -> Option<Query> {
        let mut tree = Tree::default();
        let closes = self.closes(letters);
        let mut at = 0;
        while let Some(letter) = letters.get(at) {
            match self.sign(*letter) {
                Some(Sign::Precedence) if *letter == '(' => {
                    at = self.subgroup(letters, (at, closes[at]), depth, &mut tree);
                }
                Some(Sign::Precedence | Sign::Whitespace) => {
                    // A `-` that stands alone is none.
                    tree.is_not = false;
                    at += 1;
                }
                Some(Sign::Phrase) => at = self.phrase(letters, at, &mut tree),
                Some(Sign::And) => {
                    tree.sign(Operator::And);
                    at += 1;
                }
                Some(Sign::Or) => {
                    tree.sign(Operator::Or);
                    at += 1;
                }
                Some(Sign::Not) => {
                    tree.is_not = !tree.is_not;
                    at += 1;
                }
                _ => at = self.word(letters, at, &mut tree),
            }
        }
        tree.top
    }

    /// Where each parenthesis that opens is closed, if it is.
    fn closes(&self, letters: &[char]) -> Vec<Option<usize>> {
        let (mut closes, mut open, mut at) = (vec![None; letters.len()], Vec::new(), 0);
        while let Some(letter) = letters.get(at) {
            match self.sign(*letter) {
                Some(Sign::Escape) => at += 1,
                Some(Sign::Precedence) if *letter == '(' => open.push(at),
                Some(Sign::Precedence) => {
                    if let Some(opened) = open.pop() {
                        closes[opened] = Some(at);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        closes
    }

    /// Adds what was read; once there are too many the rest is passed over, as all of it is refused then.
    fn add(&self, tree: &mut Tree, query: Query) {
        self.clauses.set(self.clauses.get() + 1);
        if QueryLimits::now().check_clauses(self.clauses.get()).is_ok() {
            tree.add(query, self.matching.operator);
        }
    }

    /// Adds words, unless no field has anything to look for in them, as all are stop words.
    fn add_words(&self, tree: &mut Tree, text: String, kind: MultiMatchKind, matching: Matching) {
        let is_phrase = kind == MultiMatchKind::Phrase;
        let fields = self.fields_for(kind);
        if (self.known.has_words)(&fields, &text, is_phrase) {
            self.add(tree, self.matched(fields, text, kind, matching));
        } else {
            tree.forget();
        }
    }

    /// What stands between parentheses; where that ends.
    fn subgroup(
        &self,
        letters: &[char],
        (from, closed): (usize, Option<usize>),
        depth: usize,
        tree: &mut Tree,
    ) -> usize {
        let start = from + 1;
        let Some(at) = closed else { return start };
        if at == start || depth >= DEPTH_MAX {
            tree.forget();
        } else if let Some(query) = self.group(&letters[start..at], depth + 1) {
            self.add(tree, query);
        } else {
            tree.forget();
        }
        at + 1
    }

    fn phrase(&self, letters: &[char], from: usize, tree: &mut Tree) -> usize {
        let start = from + 1;
        let (mut text, mut at) = (String::new(), start);
        while let Some(letter) = letters.get(at) {
            match self.sign(*letter) {
                Some(Sign::Escape) => {
                    at += 1;
                    text.extend(letters.get(at));
                }
                Some(Sign::Phrase) => break,
                _ => text.push(*letter),
            }
            at += 1;
        }
        if at >= letters.len() {
            return start;
        }
        if at == start {
            tree.forget();
            return at + 1;
        }
        let has_slop = self.has(Sign::Slop) && letters.get(at + 1) == Some(&'~');
        let (slop, end) = if has_slop { self.number(letters, at + 2) } else { (0, at + 1) };
        let matching = Matching { slop, ..self.matching.clone() };
        self.add_words(tree, text, MultiMatchKind::Phrase, matching);
        end
    }

    /// The number behind a `~`, and where it ends; zero where none stands there.
    fn number(&self, letters: &[char], from: usize) -> (u32, usize) {
        let ends = |letter: &char| self.sign(*letter).is_some_and(|sign| sign != Sign::Escape);
        let length = letters[from.min(letters.len())..].iter().take_while(|letter| !ends(letter)).count();
        let digits: String = letters[from.min(letters.len())..][..length].iter().collect();
        (digits.parse().unwrap_or(0), from + length)
    }

    fn word(&self, letters: &[char], from: usize, tree: &mut Tree) -> usize {
        let (mut text, mut at) = (String::new(), from);
        let (mut is_prefix, mut is_near) = (false, false);
        while let Some(letter) = letters.get(at) {
            match self.sign(*letter) {
                Some(Sign::Escape) => {
                    is_prefix = false;
                    at += 1;
                    text.extend(letters.get(at));
                }
                // Within a word a `-` is a letter.
                Some(Sign::Not) | None if *letter == '~' && !text.is_empty() && self.has(Sign::Fuzzy) => {
                    is_near = true;
                    break;
                }
                Some(Sign::Not) | None => {
                    is_prefix = !text.is_empty() && *letter == '*' && self.has(Sign::Prefix);
                    text.push(*letter);
                }
                Some(_) => break,
            }
            at += 1;
        }
        let (edits, end) = match is_near {
            true => match self.number(letters, at + 1) {
                // Without a number it is as many as there may be.
                (_, end) if end == at + 1 => (2, end),
                told => told,
            },
            false => (0, at),
        };
        if text.is_empty() {
            return end.max(from + 1);
        }
        let query = if is_near && edits > 0 {
            self.near(&text, edits.min(2) as u8)
        } else if is_prefix {
            self.beginning(&text[..text.len() - 1])
        } else {
            self.add_words(tree, text, MultiMatchKind::Most, self.matching.clone());
            return end;
        };
        self.add(tree, query);
        end
    }

    fn fields_for(&self, kind: MultiMatchKind) -> Vec<(String, f32)> {
        let mut fields = self.fields.to_vec();
        if let (MultiMatchKind::Phrase, Some(suffix)) = (kind, &self.asked.quote_field_suffix) {
            fields.iter_mut().for_each(|(field, _)| *field = (self.known.quoted)(field, suffix));
        }
        fields
    }

    fn matched(
        &self,
        fields: Vec<(String, f32)>,
        text: String,
        kind: MultiMatchKind,
        matching: Matching,
    ) -> Query {
        Query::MultiMatch { fields, value: Value::String(text), kind, tie_breaker: None, matching }
    }

    fn near(&self, word: &str, edits: u8) -> Query {
        let fuzziness = Fuzziness { edits: Edits::Count(edits), ..self.asked.fuzziness };
        self.in_each_field(|field| Query::Fuzzy {
            field,
            value: word.to_owned(),
            fuzziness,
            is_normalized: true,
        })
    }

    fn beginning(&self, text: &str) -> Query {
        if self.asked.analyze_wildcard {
            let kind = MultiMatchKind::BoolPrefix;
            return self.matched(self.fields_for(kind), text.to_owned(), kind, self.matching.clone());
        }
        let mut pattern = String::with_capacity(text.len() + 1);
        for letter in text.chars() {
            if matches!(letter, '*' | '?' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('*');
        self.in_each_field(|field| Query::Wildcard {
            field,
            pattern: pattern.clone(),
            case_insensitive: false,
            is_normalized: true,
            rewrite: Rewrite::Usual,
        })
    }

    fn in_each_field(&self, make: impl Fn(String) -> Query) -> Query {
        let made = |(field, boost): &(String, f32)| make(field.clone()).boosted(*boost);
        let mut queries: Vec<Query> = self.fields.iter().map(made).collect();
        if queries.len() == 1 { queries.remove(0) } else { Query::DisMax { queries, tie_breaker: 1.0 } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, operator: Operator) -> Query {
        let asked = SimpleQueryString {
            text: text.to_owned(),
            fields: vec![("f".to_owned(), 1.0)],
            signs: Sign::ALL.to_vec(),
            fuzziness: Fuzziness::default(),
            matching: Matching { operator, ..Matching::default() },
            analyze_wildcard: false,
            quote_field_suffix: None,
        };
        let known = Fields {
            defaults: &[],
            quoted: &|field, suffix| format!("{field}{suffix}"),
            has_words: &|_, text, _| text != "the",
        };
        parse(&asked, &known).expect("not too much")
    }

    /// A query as a short text: `&(…)` for all of them, `|(…)` for any, `!` for what must not be.
    fn shown(query: &Query) -> String {
        let list = |queries: &[Query]| queries.iter().map(shown).collect::<Vec<_>>().join(" ");
        match query {
            Query::MultiMatch { value, kind: MultiMatchKind::Phrase, matching, .. } => {
                format!("'{}'~{}", value.as_str().unwrap_or_default(), matching.slop)
            }
            Query::MultiMatch { value, .. } => value.as_str().unwrap_or_default().to_owned(),
            Query::Fuzzy { value, fuzziness, .. } => format!("{value}~{}", fuzziness.edits.of("")),
            Query::Wildcard { pattern, .. } => pattern.clone(),
            Query::Bool { must_not, .. } if !must_not.is_empty() => format!("!{}", list(must_not)),
            Query::Bool { must, should, .. } if should.is_empty() => format!("&({})", list(must)),
            Query::Bool { must, should, .. } if must.is_empty() => format!("|({})", list(should)),
            Query::Bool { must, should, .. } => format!("&({} |({}))", list(must), list(should)),
            Query::MatchNone => "nothing".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn signs_join_words() {
        for (text, expected) in [
            ("a", "a"),
            ("a b", "|(a b)"),
            ("a + b", "&(a b)"),
            ("a b + c", "&(|(a b) c)"),
            ("a + (b | c)", "&(a |(b c))"),
            ("-a", "!a"),
            ("--a", "a"),
            ("a +-b", "&(a !b)"),
            ("a-b", "a-b"),
            ("\"a b\"", "'a b'~0"),
            ("\"a b\"~3 c", "|('a b'~3 c)"),
            ("a*", "a*"),
            ("a~1", "a~1"),
            ("a~", "a~2"),
            ("a\\*", "a*"),
            ("a\\+b", "a+b"),
            ("(a", "a"),
            ("a)", "a"),
            ("\"a", "a"),
            ("\"\"", "nothing"),
            ("()", "nothing"),
            ("+ |", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(shown(&read(text, Operator::Or)), expected, "{text}");
        }
        assert_eq!(shown(&read("a b", Operator::And)), "&(a b)");
        assert_eq!(shown(&read("a | b", Operator::And)), "|(a b)");
    }

    #[test]
    fn signs_that_are_off_are_letters() {
        let asked = SimpleQueryString {
            text: "a+b -c*".to_owned(),
            fields: vec![("f".to_owned(), 1.0)],
            signs: vec![Sign::Whitespace],
            fuzziness: Fuzziness::default(),
            matching: Matching::default(),
            analyze_wildcard: false,
            quote_field_suffix: None,
        };
        let known = Fields {
            defaults: &[],
            quoted: &|field, suffix| format!("{field}{suffix}"),
            has_words: &|_, _, _| true,
        };
        assert_eq!(shown(&parse(&asked, &known).expect("not too much")), "|(a+b -c*)");
    }

    #[test]
    fn words_that_are_none_are_passed_over() {
        for (text, operator, expected) in [
            ("the quick", Operator::And, "quick"),
            ("quick the fox", Operator::And, "&(quick fox)"),
            ("quick + the", Operator::Or, "quick"),
            ("quick | the + fox", Operator::Or, "&(quick fox)"),
            ("-the quick", Operator::Or, "quick"),
            ("(the) quick", Operator::And, "quick"),
            ("\"the\" quick", Operator::And, "quick"),
            ("the", Operator::Or, "nothing"),
            ("-the", Operator::Or, "nothing"),
        ] {
            assert_eq!(shown(&read(text, operator)), expected, "{text}");
        }
    }

    #[test]
    fn only_the_last_sign_of_a_beginning_is_its_sign() {
        for (text, expected) in [
            ("a*", "a*"),
            ("a**", "a\\**"),
            ("**", "\\**"),
            ("a\\**", "a\\**"),
            ("* a", "|(* a)"),
            ("\"*\"", "'*'~0"),
        ] {
            assert_eq!(shown(&read(text, Operator::Or)), expected, "{text}");
        }
        assert_eq!(read(" * ", Operator::Or), Query::MatchAll);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in r#"[a*?"\\()~+| \-0-9]{0,60}"#) {
            read(&text, Operator::And);
        }
    }
}
