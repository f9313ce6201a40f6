//! Lucene's query language as `query_string` takes it: a text to clauses.
//!
//! Grammar (after Elasticsearch's reference page "query string syntax"): clauses joined by `AND`, `OR`, `NOT`, `&&`, `||`,
//! `!`, `+`, `-`; `field:` before a clause or a group; groups in parentheses; `"phrases"~slop`; `[a TO b]`, `{a TO b}`,
//! `>=a`; `*` and `?`; `/regular expressions/`; `word~edits`; `^boost`; `\` before a sign takes away its meaning. Words side by
//! side without a sign between them are one text.

mod tokens;

use self::tokens::{Kind, Token, tokens};
use super::QueryError;

/// Deeper groups are refused.
const DEPTH_MAX: usize = 30;
/// More clauses are refused.
const CLAUSES_MAX: usize = 1024;

/// Clauses side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Group {
    pub(crate) clauses: Vec<Clause>,
}

/// One clause.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clause {
    /// What joins it to the one before.
    pub(crate) joined: Option<Join>,
    pub(crate) sign: Option<Sign>,
    /// The field that it names, or that a group around it names.
    pub(crate) field: Option<String>,
    pub(crate) what: What,
    pub(crate) boost: f32,
}

/// A word between two clauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
}

/// What stands before a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Must,
    MustNot,
}

/// What a clause asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// One word, or several side by side.
    Words {
        text: String,
        are_several: bool,
    },
    Phrase {
        text: String,
        slop: Option<u32>,
    },
    /// Escapes stay in the pattern.
    Wildcard(String),
    /// A word and `*`.
    Prefix(String),
    Regexp(String),
    Fuzzy {
        word: String,
        edits: Option<f32>,
    },
    /// Bounds, and whether they belong to it; none for an open end.
    Range {
        lower: Option<Bound>,
        upper: Option<Bound>,
    },
    Group(Group),
}

/// An end of a range, and whether it belongs to it.
type Bound = (String, bool);

/// Reads a text.
pub(crate) fn parse(text: &str, has_field: bool) -> Result<Group, QueryError> {
    if text.trim().is_empty() {
        return Ok(Group::default());
    }
    let mut parser = Parser { text, has_field, tokens: tokens(text)?, at: 0, clauses: 0 };
    let group = parser.group(None, 0)?;
    if parser.at < parser.tokens.len() {
        return Err(parser.unexpected());
    }
    Ok(group)
}

/// A text that cannot be read, or is not allowed.
pub(in crate::query) fn failed(text: &str, reason: &str) -> QueryError {
    QueryError { kind: "query_shard_exception", reason: format!("Failed to parse query [{text}]: {reason}") }
}

/// A text without any sign that means something.
pub(in crate::query) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\+-!():^[]\"{}~*?|&/".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

struct Parser<'a> {
    text: &'a str,
    /// Whether words that name no field are of one, or of every field, rather than of several that were listed.
    has_field: bool,
    tokens: Vec<Token>,
    at: usize,
    clauses: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.further(0)
    }

    /// The token that stands so many further.
    fn further(&self, by: usize) -> Option<&Kind> {
        self.tokens.get(self.at + by).map(|token| &token.kind)
    }

    fn accept(&mut self, kind: &Kind) -> bool {
        let is_it = self.peek() == Some(kind);
        self.at += usize::from(is_it);
        is_it
    }

    /// The token that stands here, moved past.
    fn take(&mut self) -> Option<Kind> {
        let token = self.tokens.get_mut(self.at)?;
        self.at += 1;
        Some(std::mem::replace(&mut token.kind, Kind::Close))
    }

    fn is_done(&self) -> bool {
        matches!(self.peek(), None | Some(Kind::Close))
    }

    fn fault(&self, reason: &str) -> QueryError {
        let place = self.tokens.get(self.at).map_or(self.text.len(), |token| token.at);
        failed(self.text, &format!("{reason} at character {}", place + 1))
    }

    fn unexpected(&self) -> QueryError {
        let here = self.tokens.get(self.at).map_or(self.text.len(), |token| token.at);
        let next = self.tokens.get(self.at + 1).map_or(self.text.len(), |token| token.at);
        match self.text[here..next].trim_end() {
            "" => self.fault("a word is missing"),
            token => self.fault(&format!("unexpected `{token}`")),
        }
    }

    /// Clauses up to the end or a closing parenthesis, one at least.
    fn group(&mut self, field: Option<&str>, depth: usize) -> Result<Group, QueryError> {
        if depth > DEPTH_MAX {
            return Err(self.fault(&format!("groups nested deeper than {DEPTH_MAX}")));
        }
        let mut group = Group::default();
        loop {
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(self.fault(&format!("more than {CLAUSES_MAX} clauses")));
            }
            if let Some(text) = self.several_words() {
                let what = words(self.has_field || field.is_some(), text, true);
                let field = field.map(str::to_owned);
                group.clauses.push(Clause { joined: None, sign: None, field, what, boost: 1.0 });
            } else {
                let joined = self.join();
                if joined.is_some() && group.clauses.is_empty() {
                    self.at -= 1;
                    return Err(self.fault("an operator without a clause before it"));
                }
                let sign = self.sign();
                if self.is_done() {
                    let is_operator = joined.is_some() || sign.is_some();
                    let reason = "an operator without a clause after it";
                    return Err(if is_operator { self.fault(reason) } else { self.unexpected() });
                }
                group.clauses.push(self.clause((joined, sign), field, depth)?);
            }
            if self.is_done() {
                return Ok(group);
            }
        }
    }

    fn join(&mut self) -> Option<Join> {
        if self.accept(&Kind::And) { Some(Join::And) } else { self.accept(&Kind::Or).then_some(Join::Or) }
    }

    fn sign(&mut self) -> Option<Sign> {
        if self.accept(&Kind::Not) || self.accept(&Kind::Minus) {
            Some(Sign::MustNot)
        } else {
            self.accept(&Kind::Plus).then_some(Sign::Must)
        }
    }

    /// Words side by side, of which none is more than a word; none if that are not two at least.
    fn several_words(&mut self) -> Option<String> {
        let is_word = |kind: Option<&Kind>| matches!(kind, Some(Kind::Word(_)));
        // What comes next may belong to the word before it alone.
        let goes_on = |parser: &Self| {
            let belongs_to_word = matches!(
                parser.further(1),
                Some(Kind::Colon | Kind::Star | Kind::Near(_) | Kind::Boost(_) | Kind::And | Kind::Or)
            );
            is_word(parser.peek()) && !belongs_to_word
        };
        if !is_word(self.peek()) || !is_word(self.further(1)) {
            return None;
        }
        let begin = self.at;
        self.at += 1;
        while goes_on(self) {
            self.at += 1;
        }
        if self.at == begin + 1 {
            self.at = begin;
            return None;
        }
        let words = self.tokens[begin..self.at].iter().filter_map(|token| match &token.kind {
            Kind::Word(text) => Some(text.as_str()),
            _ => None,
        });
        Some(words.collect::<Vec<_>>().join(" "))
    }

    fn clause(
        &mut self,
        (joined, sign): (Option<Join>, Option<Sign>),
        field: Option<&str>,
        depth: usize,
    ) -> Result<Clause, QueryError> {
        let named = self.field_name();
        let field = named.as_deref().or(field);
        let (what, boost) = if self.accept(&Kind::Open) {
            let group = self.group(field, depth + 1)?;
            if !self.accept(&Kind::Close) {
                return Err(self.fault("a `(` without its `)`"));
            }
            (What::Group(group), self.boost())
        } else {
            self.leaf(field)?
        };
        let boost = boost.unwrap_or(1.0);
        Ok(Clause { joined, sign, field: field.map(str::to_owned), what, boost })
    }

    /// `name:` if one stands here.
    fn field_name(&mut self) -> Option<String> {
        if self.further(1) != Some(&Kind::Colon) {
            return None;
        }
        let name = match self.peek()? {
            Kind::Word(name) => name.clone(),
            Kind::Star => "*".to_owned(),
            _ => return None,
        };
        self.at += 2;
        Some(name)
    }

    fn boost(&mut self) -> Option<f32> {
        let Some(Kind::Boost(boost)) = self.peek() else { return None };
        let boost = *boost;
        self.at += 1;
        Some(boost)
    }

    fn near(&mut self) -> Option<String> {
        let Some(Kind::Near(number)) = self.peek() else { return None };
        let number = number.clone();
        self.at += 1;
        Some(number)
    }

    fn leaf(&mut self, field: Option<&str>) -> Result<(What, Option<f32>), QueryError> {
        let is_leaf = matches!(
            self.peek(),
            Some(
                Kind::Word(_)
                    | Kind::Alone(_)
                    | Kind::Star
                    | Kind::Prefix(_)
                    | Kind::Wildcard(_)
                    | Kind::Regexp(_)
                    | Kind::Quoted(_)
                    | Kind::Range { .. }
            )
        );
        let Some(kind) = is_leaf.then(|| self.take()).flatten() else {
            return Err(match self.peek() {
                Some(Kind::Colon) => self.fault("a `:` that names no field; write `\\:` for the sign itself"),
                _ => self.unexpected(),
            });
        };
        if let Kind::Range { lower, upper } = kind {
            return Ok((What::Range { lower, upper }, self.boost()));
        }
        // A boost may stand before the edits.
        let before = self.boost();
        let near = self.near();
        let boost = if before.is_some() || near.is_none() { before } else { self.boost() };
        let kind = if let Kind::Alone(sign) = kind { Kind::Word(sign.to_string()) } else { kind };
        let what = match (kind, near) {
            (Kind::Quoted(text), near) => {
                What::Phrase { text, slop: near.map(slop_of).transpose()?.flatten() }
            }
            (Kind::Word(word), Some(edits)) => What::Fuzzy { word, edits: edits_of(&edits)? },
            (Kind::Word(word), None) => words(self.has_field || field.is_some(), word, false),
            (Kind::Prefix(text), _) => What::Prefix(text),
            (Kind::Wildcard(pattern), _) => What::Wildcard(pattern),
            (Kind::Regexp(pattern), _) => What::Regexp(pattern),
            _ => What::Wildcard("*".to_owned()),
        };
        Ok((what, boost))
    }
}

/// Words, which in a field may be a range with one end: `>=5`.
fn words(has_field: bool, text: String, are_several: bool) -> What {
    let one_sided = |sign: char| {
        let rest = text.strip_prefix(sign).filter(|rest| has_field && !rest.is_empty())?;
        match rest.strip_prefix('=').filter(|value| !value.is_empty()) {
            Some(value) => Some((value.to_owned(), true)),
            None => Some((rest.to_owned(), false)),
        }
    };
    if let Some(lower) = one_sided('>') {
        return What::Range { lower: Some(lower), upper: None };
    }
    match one_sided('<') {
        Some(upper) => What::Range { lower: None, upper: Some(upper) },
        None => What::Words { text, are_several },
    }
}

/// How far the words of a phrase may be moved; what is no number is passed over.
fn slop_of(number: String) -> Result<Option<u32>, QueryError> {
    match number.parse::<f32>().map(|number| number as i32) {
        Ok(slop) if slop < 0 => {
            Err(QueryError::shard(format!("failed to create query: Slop must be >= 0, got {slop}")))
        }
        Ok(slop) => Ok(Some(slop.unsigned_abs())),
        Err(_) => Ok(None),
    }
}

/// How many edits a word may have; none for as many as is usual.
fn edits_of(number: &str) -> Result<Option<f32>, QueryError> {
    let number = number.to_uppercase();
    if number.is_empty() || number == "AUTO" {
        return Ok(None);
    }
    match number
        .parse::<f32>()
        .ok()
        .filter(|_| number.bytes().all(|letter| b"0123456789.E+-".contains(&letter)))
    {
        Some(edits) if edits < 0.0 => Err(QueryError::shard(format!(
            "failed to create query: Valid edit distances are [0, 1, 2] but was [{}]",
            edits as i32
        ))),
        Some(edits) => Ok(Some(edits)),
        None => Err(QueryError::shard(format!("failed to create query: For input string: \"{number}\""))),
    }
}

#[cfg(test)]
mod tests;
