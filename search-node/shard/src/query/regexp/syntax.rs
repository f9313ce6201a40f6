//! Reads an expression. Grammar: `a|b`, `a&b`, `ab`, `a?`, `a*`, `a+`, `a{2}`, `a{2,}`, `a{2,3}`, `~a`, `[a-c]`, `[^a]`, `.`, `#` (nothing),
//! `@` (anything), `"as it is"`, `(a)`, `()`, `<1-20>`, `\d`, `\s`, `\w` and their opposites, `\` before any other sign.

use super::shapes::{letter, numbers};
use super::{Expression, Letters, all_but, in_order};
use crate::query::QueryError;

/// Deeper groups are refused.
const DEPTH_MAX: usize = 200;

/// Which of the signs that not every expression needs mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) struct Flags {
    bits: u32,
}

impl Flags {
    const INTERSECTION: u32 = 1;
    const COMPLEMENT: u32 = 2;
    const EMPTY: u32 = 4;
    const ANYSTRING: u32 = 8;
    const AUTOMATON: u32 = 16;
    const INTERVAL: u32 = 32;

    /// All of them.
    pub(in crate::query) const ALL: Self = Self { bits: 0xffff };

    const NAMED: [(&str, u32); 8] = [
        ("ALL", Self::ALL.bits),
        ("ANYSTRING", Self::ANYSTRING),
        ("AUTOMATON", Self::AUTOMATON),
        ("COMPLEMENT", Self::COMPLEMENT),
        ("EMPTY", Self::EMPTY),
        ("INTERSECTION", Self::INTERSECTION),
        ("INTERVAL", Self::INTERVAL),
        ("NONE", 0),
    ];

    /// Those of Lucene's number.
    pub(in crate::query) fn of_bits(bits: u32) -> Self {
        Self { bits }
    }

    /// Reads `INTERSECTION|COMPLEMENT`.
    pub(in crate::query) fn parse(text: &str) -> Result<Self, QueryError> {
        if text.is_empty() {
            return Ok(Self::ALL);
        }
        let mut bits = 0;
        for name in text.split('|').filter(|name| !name.is_empty()) {
            let found = Self::NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let (_, flag) =
                found.ok_or_else(|| QueryError::argument(format!("Unknown regexp flag [{name}]")))?;
            bits |= flag;
        }
        Ok(Self { bits })
    }

    fn has(self, flag: u32) -> bool {
        self.bits & flag != 0
    }
}

impl Default for Flags {
    fn default() -> Self {
        Self::ALL
    }
}

/// Reads an expression; what is wrong with it, in Lucene's words.
pub(in crate::query) fn parse(
    text: &str,
    flags: Flags,
    case_insensitive: bool,
) -> Result<Expression, String> {
    let mut parser = Parser { letters: text.chars().collect(), at: 0, depth: 0, flags, case_insensitive };
    if parser.letters.is_empty() {
        return Ok(Expression::Empty);
    }
    let expression = parser.any()?;
    if parser.peek().is_some() {
        return Err(parser.expected("end-of-string"));
    }
    Ok(expression)
}

struct Parser {
    letters: Vec<char>,
    at: usize,
    depth: usize,
    flags: Flags,
    case_insensitive: bool,
}

type Read = Result<Expression, String>;

impl Parser {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn accept(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(sign);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<char, String> {
        let letter = self.peek().ok_or("unexpected end-of-string")?;
        self.at += 1;
        Ok(letter)
    }

    fn expected(&self, what: &str) -> String {
        format!("{what} expected at position {}", self.at)
    }

    fn sign_missing(&self, sign: char) -> String {
        format!("expected '{sign}' at position {}", self.at)
    }

    /// `a|b`
    fn any(&mut self) -> Read {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("groups nested deeper than {DEPTH_MAX} at position {}", self.at));
        }
        let mut ways = vec![self.both()?];
        while self.accept('|') {
            ways.push(self.both()?);
        }
        self.depth -= 1;
        Ok(if ways.len() == 1 { ways.remove(0) } else { Expression::Any(ways) })
    }

    /// `a&b`
    fn both(&mut self) -> Read {
        let mut all = self.sequence()?;
        while self.flags.has(Flags::INTERSECTION) && self.accept('&') {
            all = Expression::Both(Box::new(all), Box::new(self.sequence()?));
        }
        Ok(all)
    }

    fn sequence(&mut self) -> Read {
        let mut parts = vec![self.repeated()?];
        while let Some(sign) = self.peek() {
            if matches!(sign, ')' | '|') || sign == '&' && self.flags.has(Flags::INTERSECTION) {
                break;
            }
            parts.push(self.repeated()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Sequence(parts) })
    }

    fn repeated(&mut self) -> Read {
        let mut made = self.opposite()?;
        let mut signs = 0;
        while let Some(sign @ ('?' | '*' | '+' | '{')) = self.peek() {
            self.at += 1;
            let (least, most) = match sign {
                '?' => (0, Some(1)),
                '*' => (0, None),
                '+' => (1, None),
                _ => self.counts()?,
            };
            made = Expression::Repeated { of: Box::new(made), least, most };
            signs += 1;
            if signs > DEPTH_MAX {
                return Err(format!("repeated more than {DEPTH_MAX} times at position {}", self.at));
            }
        }
        Ok(made)
    }

    /// `2}`, `2,}`, `2,3}`
    fn counts(&mut self) -> Result<(u32, Option<u32>), String> {
        let least = self.count()?.ok_or_else(|| self.expected("integer"))?;
        let most = if self.accept(',') { self.count()? } else { Some(least) };
        if !self.accept('}') {
            return Err(self.sign_missing('}'));
        }
        match most {
            Some(most) if least > most => {
                Err(format!("invalid repetition range(out of order): {least}..{most}"))
            }
            most => Ok((least, most)),
        }
    }

    fn count(&mut self) -> Result<Option<u32>, String> {
        let from = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from {
            return Ok(None);
        }
        let digits: String = self.letters[from..self.at].iter().collect();
        let count = digits.parse::<i32>().map_err(|_| format!("For input string: \"{digits}\""))?;
        Ok(Some(count as u32))
    }

    /// `~a`
    fn opposite(&mut self) -> Read {
        let mut signs = 0;
        while self.flags.has(Flags::COMPLEMENT) && self.accept('~') {
            signs += 1;
        }
        let made = self.class()?;
        // Twice is not at all.
        Ok(if signs % 2 == 1 { Expression::Not(Box::new(made)) } else { made })
    }

    /// `[a-c]`
    fn class(&mut self) -> Read {
        if !self.accept('[') {
            return self.simple();
        }
        let is_opposite = self.accept('^');
        let mut letters = Vec::new();
        loop {
            self.members(&mut letters)?;
            if self.peek().is_none_or(|sign| sign == ']') {
                break;
            }
        }
        if !self.accept(']') {
            return Err(self.sign_missing(']'));
        }
        let letters = in_order(letters);
        Ok(Expression::Letter(if is_opposite { all_but(&letters) } else { letters }))
    }

    /// A letter, a range of them, or a class that has a name.
    fn members(&mut self, letters: &mut Vec<Letters>) -> Result<(), String> {
        if let Some(named) = self.named_class()? {
            letters.extend(named);
            return Ok(());
        }
        let from = self.letter()?;
        if !self.accept('-') {
            if let Expression::Letter(found) = letter(from, self.case_insensitive) {
                letters.extend(found);
            }
            return Ok(());
        }
        let to = self.letter()?;
        if from > to {
            let (from, to) = (u32::from(from), u32::from(to));
            return Err(format!("invalid range: from ({from}) cannot be > to ({to})"));
        }
        letters.push((u32::from(from), u32::from(to)));
        Ok(())
    }

    fn simple(&mut self) -> Read {
        match self.peek() {
            Some('.') => {
                self.at += 1;
                Ok(Expression::any_letter())
            }
            Some('#') if self.flags.has(Flags::EMPTY) => {
                self.at += 1;
                Ok(Expression::Nothing)
            }
            Some('@') if self.flags.has(Flags::ANYSTRING) => {
                self.at += 1;
                Ok(Expression::any_text())
            }
            Some('"') => self.quoted(),
            Some('(') => self.group(),
            Some('<') if self.flags.has(Flags::AUTOMATON | Flags::INTERVAL) => self.between(),
            _ => match self.named_class()? {
                Some(letters) => Ok(Expression::Letter(letters)),
                None => Ok(letter(self.letter()?, self.case_insensitive)),
            },
        }
    }

    fn quoted(&mut self) -> Read {
        self.at += 1;
        let mut parts = Vec::new();
        while let Some(one) = self.peek().filter(|sign| *sign != '"') {
            parts.push(letter(one, self.case_insensitive));
            self.at += 1;
        }
        if self.accept('"') { Ok(Expression::Sequence(parts)) } else { Err(self.sign_missing('"')) }
    }

    fn group(&mut self) -> Read {
        self.at += 1;
        if self.accept(')') {
            return Ok(Expression::Empty);
        }
        let made = self.any()?;
        if self.accept(')') { Ok(made) } else { Err(self.sign_missing(')')) }
    }

    /// `<1-20>`
    fn between(&mut self) -> Read {
        self.at += 1;
        let from = self.at;
        while self.peek().is_some_and(|sign| sign != '>') {
            self.at += 1;
        }
        let text: String = self.letters[from..self.at].iter().collect();
        if !self.accept('>') {
            return Err(self.sign_missing('>'));
        }
        let wrong = || format!("interval syntax error at position {}", self.at - 1);
        let Some((low, high)) = text.split_once('-') else {
            return Err(if self.flags.has(Flags::AUTOMATON) {
                format!("'{text}' not found")
            } else {
                wrong()
            });
        };
        if !self.flags.has(Flags::INTERVAL) {
            return Err(format!("illegal identifier at position {}", self.at - 1));
        }
        let number = |text: &str| text.parse::<i32>().ok().filter(|_| !text.starts_with('+'));
        let (Some(first), Some(last)) = (number(low), number(high)) else { return Err(wrong()) };
        let digits = (low.chars().count() == high.chars().count()).then(|| low.chars().count());
        let (first, last) = (first.min(last) as u32, first.max(last) as u32);
        Ok(numbers(first, last, digits))
    }

    /// `\d` and the like.
    fn named_class(&mut self) -> Result<Option<Vec<Letters>>, String> {
        let (Some('\\'), Some(name)) = (self.peek(), self.letters.get(self.at + 1)) else { return Ok(None) };
        let range = |first: char, last: char| (u32::from(first), u32::from(last));
        let letters = match name.to_ascii_lowercase() {
            'd' => vec![range('0', '9')],
            's' => vec![range('\t', '\n'), range('\r', '\r'), range(' ', ' ')],
            'w' => vec![range('0', '9'), range('A', 'Z'), range('_', '_'), range('a', 'z')],
            other if other.is_ascii_alphabetic() => return Err(format!("invalid character class \\{name}")),
            _ => return Ok(None),
        };
        let is_opposite = name.is_ascii_uppercase();
        self.at += 2;
        Ok(Some(if is_opposite { all_but(&letters) } else { letters }))
    }

    /// A letter, or a sign that `\` takes its meaning from.
    fn letter(&mut self) -> Result<char, String> {
        self.accept('\\');
        self.next()
    }
}
