//! Lucene's query language as `query_string` takes it: a text to clauses.
//!
//! Grammar (after Elasticsearch's reference page "query string syntax"): clauses joined by `AND`, `OR`, `NOT`, `&&`, `||`,
//! `!`, `+`, `-`; `field:` before a clause or a group; groups in parentheses; `"phrases"~slop`; `[a TO b]`, `{a TO b}`,
//! `>=a`; `*` and `?`; `/regular expressions/`; `word~edits`; `^boost`; `\` before a sign takes away its meaning. Words side by
//! side without a sign between them are one text.

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
        lower: Option<(String, bool)>,
        upper: Option<(String, bool)>,
    },
    Group(Group),
}

/// Reads a text.
pub(crate) fn parse(text: &str) -> Result<Group, QueryError> {
    let mut parser = Parser { text, at: 0, clauses: 0 };
    let group = parser.group(None, 0)?;
    parser.skip_space();
    if parser.at < text.len() {
        let sign = parser.peek().map(String::from).unwrap_or_default();
        return Err(parser.fault(&format!("unexpected `{sign}`")));
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

/// Where a word ends.
fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || "()[]{}\"^~:!/".contains(letter)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    clauses: usize,
}

/// A word as it stands there.
struct Bare {
    plain: String,
    pattern: String,
    /// How many signs it has that stand for other letters, and whether the only one is a `*` at its end.
    wild: usize,
    is_prefix: bool,
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

    fn is_done(&self) -> bool {
        self.at >= self.text.len() || self.peek() == Some(')')
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
        let behind = self.rest().strip_prefix(word);
        let found =
            behind.is_some_and(|rest| rest.chars().next().is_none_or(|next| next != ':' && ends_word(next)));
        if found {
            self.at += word.len();
        }
        found
    }

    fn fault(&self, reason: &str) -> QueryError {
        failed(self.text, &format!("{reason} at character {}", self.at + 1))
    }

    /// Clauses up to the end or a closing parenthesis.
    fn group(&mut self, field: Option<&str>, depth: usize) -> Result<Group, QueryError> {
        if depth > DEPTH_MAX {
            return Err(self.fault(&format!("groups nested deeper than {DEPTH_MAX}")));
        }
        let mut group = Group::default();
        loop {
            self.skip_space();
            if self.is_done() {
                break;
            }
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(self.fault(&format!("more than {CLAUSES_MAX} clauses")));
            }
            if let Some(text) = self.several_words()? {
                let what = What::Words { text, are_several: true };
                let field = field.map(str::to_owned);
                group.clauses.push(Clause { joined: None, sign: None, field, what, boost: 1.0 });
                continue;
            }
            let joined = self.join();
            if joined.is_some() && group.clauses.is_empty() {
                return Err(self.fault("an operator without a clause before it"));
            }
            self.skip_space();
            let sign = self.sign();
            self.skip_space();
            if self.is_done() {
                return Err(self.fault("an operator without a clause after it"));
            }
            group.clauses.push(self.clause((joined, sign), field, depth)?);
        }
        Ok(group)
    }

    fn join(&mut self) -> Option<Join> {
        if self.accept_word("AND") || self.accept("&&") {
            Some(Join::And)
        } else if self.accept_word("OR") || self.accept("||") {
            Some(Join::Or)
        } else {
            None
        }
    }

    /// A sign that stands alone is a word, and no sign.
    fn sign(&mut self) -> Option<Sign> {
        let stands_alone = self.rest().chars().nth(1).is_some_and(char::is_whitespace);
        if self.accept_word("NOT") {
            return Some(Sign::MustNot);
        }
        if stands_alone {
            return None;
        }
        if self.accept("!") || self.accept("-") {
            Some(Sign::MustNot)
        } else {
            self.accept("+").then_some(Sign::Must)
        }
    }

    /// Words side by side, of which none is more than a word; none if that are not two at least.
    fn several_words(&mut self) -> Result<Option<String>, QueryError> {
        let begin = self.at;
        let (mut words, mut end) = (Vec::new(), self.at);
        loop {
            self.skip_space();
            let begins_word =
                self.peek().is_some_and(|letter| !ends_word(letter) && !"+-*?".contains(letter));
            if !begins_word || self.stands_here(&["AND", "OR", "NOT", "&&", "||"]) {
                break;
            }
            let Ok(word) = self.bare() else { break };
            if word.wild > 0 || self.belongs_to_word_before() {
                break;
            }
            words.push(word.plain);
            end = self.at;
        }
        let are_several = words.len() > 1;
        self.at = if are_several { end } else { begin };
        Ok(are_several.then(|| words.join(" ")))
    }

    /// Whether one of these words stands here.
    fn stands_here(&mut self, words: &[&str]) -> bool {
        let at = self.at;
        let found = words.iter().any(|word| self.accept_word(word));
        self.at = at;
        found
    }

    /// Whether what comes next belongs to the word before it alone: a sign behind it, or a word that joins it to the next clause.
    fn belongs_to_word_before(&mut self) -> bool {
        if matches!(self.peek(), Some('^' | '~')) {
            return true;
        }
        let at = self.at;
        self.skip_space();
        let found = self.peek() == Some(':') || self.stands_here(&["AND", "OR", "&&", "||", "*"]);
        self.at = at;
        found
    }

    fn clause(
        &mut self,
        (joined, sign): (Option<Join>, Option<Sign>),
        field: Option<&str>,
        depth: usize,
    ) -> Result<Clause, QueryError> {
        let named = self.field_name();
        let field = named.as_deref().or(field);
        self.skip_space();
        let mut boost = 1.0;
        let what = if self.accept("(") {
            let group = self.group(field, depth + 1)?;
            self.skip_space();
            if !self.accept(")") {
                return Err(self.fault("a `(` without its `)`"));
            }
            What::Group(group)
        } else {
            self.leaf(field, &mut boost)?
        };
        if let Some(number) = self.suffix_number('^')? {
            boost = number.ok_or_else(|| self.fault("`^` needs a number"))?;
        }
        Ok(Clause { joined, sign, field: field.map(str::to_owned), what, boost })
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
                _ if letter.is_whitespace() && !name.is_empty() => {
                    let behind = self.rest()[at..].trim_start().strip_prefix(':')?;
                    self.at = self.text.len() - behind.len();
                    return Some(name);
                }
                _ if ends_word(letter) => return None,
                _ => name.push(letter),
            }
        }
        None
    }

    fn leaf(&mut self, field: Option<&str>, boost: &mut f32) -> Result<What, QueryError> {
        match self.peek() {
            Some('"') => {
                let text = self.quoted()?;
                let slop = self.suffix_number('~')?.flatten().map(|slop| slop as u32);
                Ok(What::Phrase { text, slop })
            }
            Some('[' | '{') => self.range(),
            Some('/') => self.regexp(),
            Some('>' | '<') if field.is_some() => self.one_sided(),
            _ => self.word(boost),
        }
    }

    fn quoted(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            self.at += letter.len_utf8();
            match letter {
                '\\' => {
                    if let Some(escaped) = self.peek() {
                        self.at += escaped.len_utf8();
                        text.push(escaped);
                    }
                }
                '"' => return Ok(text),
                _ => text.push(letter),
            }
        }
        self.at = start;
        Err(self.fault("a `\"` without its end"))
    }

    /// `/a.c/`; a `\` before a `/` is the expression's own, as all others.
    fn regexp(&mut self) -> Result<What, QueryError> {
        let start = self.at;
        self.at += 1;
        let mut pattern = String::new();
        while let Some(letter) = self.peek() {
            self.at += letter.len_utf8();
            match letter {
                '/' => return Ok(What::Regexp(pattern)),
                '\\' => {
                    let escaped = self.peek();
                    if escaped != Some('/') {
                        pattern.push('\\');
                    }
                    if let Some(escaped) = escaped {
                        self.at += escaped.len_utf8();
                        pattern.push(escaped);
                    }
                }
                _ => pattern.push(letter),
            }
        }
        self.at = start;
        Err(self.fault("a `/` without its end"))
    }

    /// `[a TO b]`, `{a TO b}`, mixed, with `*` for an open end.
    fn range(&mut self) -> Result<What, QueryError> {
        let from_included = self.accept("[") || !self.accept("{");
        let lower = self.bound()?;
        self.skip_space();
        let has_to = self.rest().strip_prefix("TO").is_some_and(|rest| rest.starts_with([' ', '"']));
        if !has_to {
            return Err(self.fault("a range needs TO between its bounds"));
        }
        self.at += 2;
        let upper = self.bound()?;
        self.skip_space();
        let to_included = self.accept("]");
        if !to_included && !self.accept("}") {
            return Err(self.fault("a range without its end"));
        }
        let open = |text: String, included| (text != "*").then_some((text, included));
        Ok(What::Range { lower: open(lower, from_included), upper: open(upper, to_included) })
    }

    fn bound(&mut self) -> Result<String, QueryError> {
        self.skip_space();
        if self.peek() == Some('"') {
            return self.quoted();
        }
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "]}".contains(c)).unwrap_or(rest.len());
        self.at += end;
        if end == 0 {
            return Err(self.fault("a range without a bound"));
        }
        let mut text = String::with_capacity(end);
        let mut letters = rest[..end].chars();
        while let Some(letter) = letters.next() {
            text.extend(if letter == '\\' { letters.next() } else { Some(letter) });
        }
        Ok(text)
    }

    fn one_sided(&mut self) -> Result<What, QueryError> {
        let is_above = self.accept(">");
        if !is_above {
            self.accept("<");
        }
        let included = self.accept("=");
        let text = if self.peek() == Some('"') { self.quoted()? } else { self.bare()?.plain };
        let bound = Some((text, included));
        Ok(if is_above {
            What::Range { lower: bound, upper: None }
        } else {
            What::Range { lower: None, upper: bound }
        })
    }

    fn word(&mut self, boost: &mut f32) -> Result<What, QueryError> {
        let Bare { plain, pattern, wild, is_prefix } = self.bare()?;
        // A boost may stand before the edits.
        if let Some(number) = self.suffix_number('^')? {
            *boost = number.ok_or_else(|| self.fault("`^` needs a number"))?;
        }
        if let Some(edits) = self.suffix_number('~')? {
            return Ok(What::Fuzzy { word: plain, edits });
        }
        Ok(match wild {
            0 => What::Words { text: plain, are_several: false },
            1 if is_prefix && pattern != "*" => What::Prefix(plain[..plain.len() - 1].to_owned()),
            _ => What::Wildcard(pattern),
        })
    }

    fn bare(&mut self) -> Result<Bare, QueryError> {
        let mut bare = Bare { plain: String::new(), pattern: String::new(), wild: 0, is_prefix: false };
        let start = self.at;
        while let Some(letter) = self.peek() {
            bare.is_prefix = false;
            match letter {
                '\\' => {
                    self.at += 1;
                    let Some(escaped) = self.peek() else {
                        return Err(self.fault("a `\\` at the end"));
                    };
                    bare.plain.push(escaped);
                    bare.pattern.extend(['\\', escaped]);
                    self.at += escaped.len_utf8();
                    continue;
                }
                '*' | '?' => {
                    bare.wild += 1;
                    bare.is_prefix = letter == '*';
                }
                ':' => return Err(self.fault("a `:` that names no field; write `\\:` for the sign itself")),
                _ if ends_word(letter) => {
                    bare.is_prefix = bare.pattern.ends_with('*') && !bare.pattern.ends_with("\\*");
                    break;
                }
                _ => {}
            }
            bare.plain.push(letter);
            bare.pattern.push(letter);
            self.at += letter.len_utf8();
        }
        if self.at == start {
            return Err(self.fault("a word is missing"));
        }
        Ok(bare)
    }

    /// `^2`, `~3`; the number may be missing.
    fn suffix_number(&mut self, sign: char) -> Result<Option<Option<f32>>, QueryError> {
        if self.peek() != Some(sign) {
            return Ok(None);
        }
        self.at += 1;
        let length = self.rest().bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        if length == 0 {
            return Ok(Some(None));
        }
        let number = self.rest()[..length].parse();
        let number = number.map_err(|_| self.fault(&format!("`{sign}` needs a number")))?;
        self.at += length;
        Ok(Some(Some(number)))
    }
}

#[cfg(test)]
mod tests;
