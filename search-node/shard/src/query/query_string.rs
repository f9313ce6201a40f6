//! Lucene's query language as `query_string` takes it: a text to a [`Query`].
//!
//! Grammar (after Elasticsearch's reference page "query string syntax"): clauses joined by `AND`, `OR`, `NOT`, `&&`, `||`,
//! `!`, `+`, `-`; `field:` before a clause or a group; groups in parentheses; `"phrases"~slop`; `[a TO b]`, `{a TO b}`,
//! `>=a`; `*` and `?`; `/regular expressions/`; `word~edits`; `^boost`; `\` before a sign takes away its meaning.

use serde_json::Value;

use super::QueryError;
use super::ast::{
    Edits, Fuzziness, Matching, MultiMatchKind, Operator, Query, RangeBounds, RegexpSyntax, Rewrite,
};

/// Deeper groups are refused.
const DEPTH_MAX: usize = 30;
/// More clauses are refused.
const CLAUSES_MAX: usize = 1024;

/// How a text is read.
pub(crate) struct Options<'a> {
    /// Fields for clauses that name none; empty for all.
    pub(crate) fields: &'a [(String, f32)],
    /// How texts are asked for, and how clauses without an operator are joined.
    pub(crate) matching: &'a Matching,
}

/// Whether a text can be read at all.
pub(crate) fn check(text: &str) -> Result<(), QueryError> {
    parse(text, &Options { fields: &[], matching: &Matching::default() }).map(|_| ())
}

/// Reads a text.
pub(crate) fn parse(text: &str, options: &Options<'_>) -> Result<Query, QueryError> {
    let mut parser = Parser { text, at: 0, options, clauses: 0 };
    let query = parser.clauses(None, 0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.fault(&format!("unexpected `{}`", &parser.rest()[..1.min(parser.rest().len())])));
    }
    Ok(query)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    options: &'a Options<'a>,
    clauses: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Occur {
    Must,
    Should,
    MustNot,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// A word operator stands alone: `ANDROID` is no operator.
    fn accept_word(&mut self, word: &str) -> bool {
        let follows = self.rest().strip_prefix(word).map(|rest| rest.chars().next());
        match follows {
            Some(None) => {
                self.at += word.len();
                true
            }
            Some(Some(next)) if next.is_whitespace() || matches!(next, '(' | '+' | '-' | '!' | '"' | '[') => {
                self.at += word.len();
                true
            }
            _ => false,
        }
    }

    fn fault(&self, reason: &str) -> QueryError {
        QueryError {
            kind: "query_shard_exception",
            reason: format!("Failed to parse query [{}]: {reason} at character {}", self.text, self.at + 1),
        }
    }

    /// Clauses up to the end or a closing parenthesis, joined as Lucene's classic parser joins them.
    fn clauses(&mut self, field: Option<&str>, depth: usize) -> Result<Query, QueryError> {
        if depth > DEPTH_MAX {
            return Err(self.fault(&format!("groups nested deeper than {DEPTH_MAX}")));
        }
        let mut joined: Vec<(Occur, Query)> = Vec::new();
        loop {
            self.skip_space();
            if self.at >= self.text.len() || self.peek() == Some(')') {
                break;
            }
            let and = self.accept_word("AND") || self.accept("&&");
            let or = !and && (self.accept_word("OR") || self.accept("||"));
            if (and || or) && joined.is_empty() {
                return Err(self.fault("an operator without a clause before it"));
            }
            self.skip_space();
            let not = self.accept_word("NOT") || self.accept("!") || self.accept("-");
            let plus = !not && self.accept("+");
            self.skip_space();
            if self.at >= self.text.len() || self.peek() == Some(')') {
                return Err(self.fault("an operator without a clause after it"));
            }
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(self.fault(&format!("more than {CLAUSES_MAX} clauses")));
            }
            let query = self.clause(field, depth)?;
            self.join(&mut joined, and, or, not, plus, query);
        }
        Ok(bool_of(joined))
    }

    fn join(
        &self,
        joined: &mut Vec<(Occur, Query)>,
        and: bool,
        or: bool,
        not: bool,
        plus: bool,
        query: Query,
    ) {
        let by_default = self.options.matching.operator == Operator::And;
        if let Some(last) = joined.last_mut()
            && last.0 != Occur::MustNot
        {
            if and {
                last.0 = Occur::Must;
            } else if or && by_default {
                last.0 = Occur::Should;
            }
        }
        let required = plus || and || (by_default && !or);
        let occur = match (not, required) {
            (true, _) => Occur::MustNot,
            (false, true) => Occur::Must,
            (false, false) => Occur::Should,
        };
        joined.push((occur, query));
    }

    fn clause(&mut self, field: Option<&str>, depth: usize) -> Result<Query, QueryError> {
        let named = self.field_name();
        let field = named.as_deref().or(field);
        let query = if self.accept("(") {
            let group = self.clauses(field, depth + 1)?;
            self.skip_space();
            if !self.accept(")") {
                return Err(self.fault("a `(` without its `)`"));
            }
            group
        } else {
            self.leaf(field)?
        };
        let boost = self.suffix_number('^')?;
        Ok(query.boosted(boost.unwrap_or(1.0)))
    }

    /// `name:` if one stands here.
    fn field_name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut letters = self.rest().char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                ':' if !name.is_empty() => {
                    self.at += at + 1;
                    return Some(name);
                }
                '\\' => name.push(letters.next()?.1),
                _ if letter.is_whitespace() || "()[]{}\"^~/:<>!".contains(letter) => return None,
                _ => name.push(letter),
            }
        }
        None
    }

    fn leaf(&mut self, field: Option<&str>) -> Result<Query, QueryError> {
        match self.peek() {
            Some('"') => self.phrase(field),
            Some('[' | '{') => self.range(field),
            Some('>' | '<') => self.one_sided(field),
            Some('/') => self.regexp(field),
            _ => self.word(field),
        }
    }

    fn phrase(&mut self, field: Option<&str>) -> Result<Query, QueryError> {
        let text = self.quoted('"')?;
        let slop = self.suffix_number('~')?.map_or(self.options.matching.slop, |slop| slop as u32);
        let matching = Matching { slop, ..self.options.matching.clone() };
        Ok(self.matching(field, Value::String(text), MultiMatchKind::Phrase, matching))
    }

    fn quoted(&mut self, quote: char) -> Result<String, QueryError> {
        let start = self.at;
        self.at += quote.len_utf8();
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            self.at += letter.len_utf8();
            match letter {
                '\\' if quote == '"' => {
                    if let Some(escaped) = self.peek() {
                        self.at += escaped.len_utf8();
                        text.push(escaped);
                    }
                }
                _ if letter == quote => return Ok(text),
                _ => text.push(letter),
            }
        }
        self.at = start;
        Err(self.fault(&format!("a `{quote}` without its end")))
    }

    fn regexp(&mut self, field: Option<&str>) -> Result<Query, QueryError> {
        let pattern = self.quoted('/')?;
        Ok(self.each_field(field, |field| Query::Regexp {
            field,
            pattern: pattern.clone(),
            syntax: RegexpSyntax::default(),
            rewrite: Rewrite::Usual,
        }))
    }

    /// `[a TO b]`, `{a TO b}`, mixed, with `*` for an open end.
    fn range(&mut self, field: Option<&str>) -> Result<Query, QueryError> {
        let from_included = self.accept("[") || !self.accept("{");
        let lower = self.bound()?;
        self.skip_space();
        if !self.accept_word("TO") {
            return Err(self.fault("a range needs TO between its bounds"));
        }
        let upper = self.bound()?;
        self.skip_space();
        let to_included = self.accept("]");
        if !to_included && !self.accept("}") {
            return Err(self.fault("a range without its end"));
        }
        let open = |text: String, included| (text != "*").then_some((Value::String(text), included));
        let bounds = RangeBounds {
            lower: open(lower, from_included),
            upper: open(upper, to_included),
            ..Default::default()
        };
        Ok(self.each_field(field, |field| Query::Range { field, bounds: bounds.clone() }))
    }

    fn bound(&mut self) -> Result<String, QueryError> {
        self.skip_space();
        if self.peek() == Some('"') {
            return self.quoted('"');
        }
        let end =
            self.rest().find(|c: char| c.is_whitespace() || "]}".contains(c)).unwrap_or(self.rest().len());
        let text = self.rest()[..end].to_owned();
        self.at += end;
        if text.is_empty() { Err(self.fault("a range without a bound")) } else { Ok(text) }
    }

    fn one_sided(&mut self, field: Option<&str>) -> Result<Query, QueryError> {
        let above = self.accept(">");
        if !above {
            self.accept("<");
        }
        let included = self.accept("=");
        let (text, _) = self.bare()?;
        let bound = Some((Value::String(text), included));
        let bounds = if above {
            RangeBounds { lower: bound, ..Default::default() }
        } else {
            RangeBounds { upper: bound, ..Default::default() }
        };
        Ok(self.each_field(field, |field| Query::Range { field, bounds: bounds.clone() }))
    }

    fn word(&mut self, field: Option<&str>) -> Result<Query, QueryError> {
        let (text, wild) = self.bare()?;
        if field == Some("_exists_") {
            return Ok(Query::Constant { query: Box::new(Query::Exists { field: text }) });
        }
        if self.accept("~") {
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            let edits = self.rest()[..digits].parse::<u8>().map(|edits| Edits::Count(edits.min(2)));
            let fuzziness = Fuzziness { edits: edits.unwrap_or_default(), ..Fuzziness::default() };
            self.at += digits;
            return Ok(self.each_field(field, |field| Query::Fuzzy {
                field,
                value: text.clone(),
                fuzziness,
                is_normalized: true,
            }));
        }
        Ok(match (wild, text.as_str(), field) {
            (true, "*", None | Some("*")) => Query::MatchAll,
            (true, "*", Some(field)) => {
                Query::Constant { query: Box::new(Query::Exists { field: field.to_owned() }) }
            }
            (true, ..) => self.each_field(field, |field| Query::Wildcard {
                field,
                pattern: text.clone(),
                case_insensitive: false,
                is_normalized: true,
                rewrite: Rewrite::Usual,
            }),
            (false, ..) => {
                let matching = self.options.matching.clone();
                self.matching(field, Value::String(text), MultiMatchKind::Best, matching)
            }
        })
    }

    /// A bare word; whether it has a `*` or `?` that means one. In a wild word, escapes stay for the pattern.
    fn bare(&mut self) -> Result<(String, bool), QueryError> {
        let (mut plain, mut pattern, mut wild) = (String::new(), String::new(), false);
        let start = self.at;
        while let Some(letter) = self.peek() {
            match letter {
                '\\' => {
                    self.at += 1;
                    let Some(escaped) = self.peek() else {
                        return Err(self.fault("a `\\` at the end"));
                    };
                    plain.push(escaped);
                    pattern.push('\\');
                    pattern.push(escaped);
                    self.at += escaped.len_utf8();
                    continue;
                }
                '*' | '?' => wild = true,
                _ if letter.is_whitespace() || "()[]{}\"^~".contains(letter) => break,
                ':' => return Err(self.fault("a `:` that names no field; write `\\:` for the sign itself")),
                _ => {}
            }
            plain.push(letter);
            pattern.push(letter);
            self.at += letter.len_utf8();
        }
        if self.at == start {
            return Err(self.fault("a word is missing"));
        }
        Ok((if wild { pattern } else { plain }, wild))
    }

    fn matching(&self, field: Option<&str>, value: Value, kind: MultiMatchKind, matching: Matching) -> Query {
        let fields = match field {
            Some(field) => vec![(field.to_owned(), 1.0)],
            None => self.options.fields.to_vec(),
        };
        let lenient = matching.lenient || field.is_none() && self.options.fields.is_empty();
        let matching = Matching { lenient, ..matching };
        Query::MultiMatch { fields, value, kind, tie_breaker: None, matching }
    }

    /// A query of patterns or ranges for each field that a clause without a name asks. Ids have none, and here that is no fault.
    fn each_field(&self, field: Option<&str>, make: impl Fn(String) -> Query) -> Query {
        match field {
            Some("_id") => Query::MatchNone,
            Some(field) => make(field.to_owned()),
            None if self.options.fields.is_empty() => make("*".to_owned()),
            None => {
                let queries = self
                    .options
                    .fields
                    .iter()
                    .map(|(field, boost)| make(field.clone()).boosted(*boost))
                    .collect();
                Query::DisMax { queries, tie_breaker: 0.0 }
            }
        }
    }

    /// `^2`, `~3`
    fn suffix_number(&mut self, sign: char) -> Result<Option<f32>, QueryError> {
        if self.peek() != Some(sign) {
            return Ok(None);
        }
        self.at += 1;
        let length = self.rest().bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let number =
            self.rest()[..length].parse().map_err(|_| self.fault(&format!("`{sign}` needs a number")))?;
        self.at += length;
        Ok(Some(number))
    }
}

fn bool_of(joined: Vec<(Occur, Query)>) -> Query {
    if joined.is_empty() {
        return Query::MatchNone;
    }
    if let [(Occur::Should | Occur::Must, only)] = joined.as_slice() {
        return only.clone();
    }
    let (mut must, mut should, mut must_not) = (Vec::new(), Vec::new(), Vec::new());
    for (occur, query) in joined {
        match occur {
            Occur::Must => must.push(query),
            Occur::Should => should.push(query),
            Occur::MustNot => must_not.push(query),
        }
    }
    Query::Bool { must, filter: Vec::new(), should, must_not, minimum_should_match: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, operator: Operator) -> Query {
        let matching = Matching { operator, ..Matching::default() };
        parse(text, &Options { fields: &[], matching: &matching }).expect(text)
    }

    fn matched(field: &str, text: &str) -> Query {
        Query::MultiMatch {
            fields: vec![(field.into(), 1.0)],
            value: Value::String(text.into()),
            kind: MultiMatchKind::Best,
            tie_breaker: None,
            matching: Matching::default(),
        }
    }

    #[test]
    fn operators_join_as_lucene_joins_them() {
        let query = read("a:1 OR b:2 AND c:3 -d:4", Operator::Or);

        assert_eq!(
            query,
            Query::Bool {
                must: vec![matched("b", "2"), matched("c", "3")],
                filter: vec![],
                should: vec![matched("a", "1")],
                must_not: vec![matched("d", "4")],
                minimum_should_match: None
            }
        );
    }

    #[test]
    fn every_leaf_is_read() {
        assert_eq!(read("*:*", Operator::Or), Query::MatchAll);
        assert_eq!(read("a:x\\:y", Operator::Or), matched("a", "x:y"));
        assert!(matches!(read("a:*", Operator::Or), Query::Constant { .. }));
        assert!(matches!(read("a:b*", Operator::Or), Query::Wildcard { .. }));
        assert!(matches!(read("a:/b.c/", Operator::Or), Query::Regexp { .. }));
        assert!(matches!(
            read("a:word~1", Operator::Or),
            Query::Fuzzy { fuzziness: Fuzziness { edits: Edits::Count(1), .. }, .. }
        ));
        let Query::MultiMatch { matching, .. } = read("a:\"b c\"~2", Operator::Or) else {
            panic!("a phrase")
        };
        assert_eq!(matching.slop, 2);
        assert!(matches!(read("a:(b OR c)^2", Operator::Or), Query::Boost { .. }));
        let Query::Range { bounds, .. } = read("a:[1 TO *}", Operator::Or) else { panic!("a range") };
        assert_eq!((bounds.lower, bounds.upper), (Some((Value::String("1".into()), true)), None));
        let Query::Range { bounds, .. } = read("a:<=5", Operator::Or) else { panic!("a range") };
        assert_eq!(bounds.upper, Some((Value::String("5".into()), true)));
    }

    #[test]
    fn what_cannot_be_read_is_shown_with_its_place() {
        for (text, place) in [
            ("a:(b", "without its `)`"),
            ("a:\"b", "without its end"),
            ("AND a", "before it"),
            ("a AND", "after it"),
            ("a:[1 2]", "needs TO"),
            ("a)", "unexpected `)`"),
        ] {
            let error = check(text).expect_err(text);
            assert!(
                error.reason.contains(place) && error.reason.contains("at character"),
                "{text}: {}",
                error.reason
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}") {
            let _ = check(&text);
        }

        #[test]
        fn no_text_of_signs_panics(text in r#"[a:*?"\\()\[\]{}^~/<>=+!&| TO0-9ANDOR-]{0,60}"#) {
            let _ = check(&text);
        }
    }
}
