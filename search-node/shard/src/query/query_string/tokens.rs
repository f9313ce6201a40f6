//! A text in Lucene's query language, cut into its tokens. Of those that fit, the longest is taken: `AND` is an operator, `ANDROID` a word.

use super::{Bound, failed};
use crate::query::QueryError;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    And,
    Or,
    Not,
    Plus,
    Minus,
    Open,
    Close,
    Colon,
    /// `*` alone.
    Star,
    /// A word.
    Word(String),
    /// A sign that stands alone, which is a word and none of several.
    Alone(char),
    /// A word and `*`, without that.
    Prefix(String),
    /// A word with signs for other letters, as it stands there.
    Wildcard(String),
    /// Between two `/`.
    Regexp(String),
    Quoted(String),
    /// `~` and what stands behind it.
    Near(String),
    /// `^2`
    Boost(f32),
    Range {
        lower: Option<Bound>,
        upper: Option<Bound>,
    },
}

/// A token and where it begins.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{3000}')
}

/// Whether a letter may be in a word.
fn is_of_word(letter: char) -> bool {
    !is_space(letter) && !"!():^[]\"{}~*?\\/".contains(letter)
}

/// Cuts a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        let Some(kind) = lexer.next()? else { return Ok(tokens) };
        tokens.push(Token { kind, at });
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(is_space).len();
    }

    fn fault(&self, reason: &str) -> QueryError {
        failed(self.text, &format!("{reason} at character {}", self.at + 1))
    }

    /// Goes on so many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    fn next(&mut self) -> Result<Option<Kind>, QueryError> {
        let Some(letter) = self.peek() else { return Ok(None) };
        let sign = match letter {
            '+' | '-' | '!' if self.rest()[1..].starts_with(is_space) => Some(Kind::Alone(letter)),
            '+' => Some(Kind::Plus),
            '-' => Some(Kind::Minus),
            '!' => Some(Kind::Not),
            '(' => Some(Kind::Open),
            ')' => Some(Kind::Close),
            ':' => Some(Kind::Colon),
            _ => None,
        };
        if let Some(kind) = sign {
            self.at += 1;
            return Ok(Some(kind));
        }
        match letter {
            '"' => self.quoted(),
            '/' => self.regexp(),
            '~' => self.near(),
            '^' => self.boost(),
            '[' | '{' => self.range(),
            _ => self.word(),
        }
        .map(Some)
    }

    /// How many bytes of words follow, with signs for other letters where these are taken.
    fn run(&self, with_signs: bool) -> usize {
        let mut letters = self.rest().char_indices();
        while let Some((at, letter)) = letters.next() {
            let is_taken = match letter {
                '\\' => letters.next().is_some(),
                '*' | '?' => with_signs,
                other => is_of_word(other),
            };
            if !is_taken {
                return at;
            }
        }
        self.rest().len()
    }

    fn word(&mut self) -> Result<Kind, QueryError> {
        let length = self.run(true);
        if length == 0 {
            let sign = self.peek().map(String::from).unwrap_or_default();
            return Err(self.fault(&match sign.as_str() {
                "\\" => "a `\\` at the end".to_owned(),
                other => format!("unexpected `{other}`"),
            }));
        }
        let image = &self.rest()[..length];
        let plain = self.run(false);
        let kind = match image {
            "AND" | "&&" => Kind::And,
            "OR" | "||" => Kind::Or,
            "NOT" => Kind::Not,
            "*" => Kind::Star,
            _ if plain == length => Kind::Word(self.unescaped(image)?),
            _ if plain > 0 && &image[plain..] == "*" => Kind::Prefix(self.unescaped(&image[..plain])?),
            _ => Kind::Wildcard(image.to_owned()),
        };
        self.take(length);
        Ok(kind)
    }

    /// A text without its `\`, and with the letters that `\u0041` stands for.
    fn unescaped(&self, image: &str) -> Result<String, QueryError> {
        let mut text = String::with_capacity(image.len());
        let mut units: Vec<u16> = Vec::new();
        let mut letters = image.chars();
        loop {
            let letter = letters.next();
            let (escaped, is_escaped) = match letter {
                Some('\\') => (letters.next(), true),
                other => (other, false),
            };
            if let (Some('u'), true) = (escaped, is_escaped) {
                let digits: String = letters.by_ref().take(4).collect();
                let is_number = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_number);
                units.push(unit.ok_or_else(|| self.fault("`\\u` needs four hexadecimal digits"))?);
                continue;
            }
            // Two halves of a letter stand side by side.
            text.push_str(&String::from_utf16_lossy(&std::mem::take(&mut units)));
            match escaped {
                Some(letter) => text.push(letter),
                None => return Ok(text),
            }
        }
    }

    /// How long a text in quotes is that begins here, with both of them; none where it does not end.
    fn quoted_length(&self) -> Option<usize> {
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => return Some(at + 1),
                '\\' => drop(letters.next()),
                _ => {}
            }
        }
        None
    }

    fn quoted(&mut self) -> Result<Kind, QueryError> {
        let length = self.quoted_length().ok_or_else(|| self.fault("a `\"` without its end"))?;
        let text = self.unescaped(&self.rest()[1..length - 1])?;
        self.take(length);
        Ok(Kind::Quoted(text))
    }

    /// `/a.c/`; a `\` before a `/` takes that in, where another one follows. All others are the expression's own.
    fn regexp(&mut self) -> Result<Kind, QueryError> {
        let bytes = self.rest().as_bytes();
        let mut end = None;
        for (at, byte) in bytes.iter().enumerate().skip(1) {
            if *byte == b'/' {
                end = Some(at);
                if bytes[at - 1] != b'\\' {
                    break;
                }
            }
        }
        let end = end.ok_or_else(|| self.fault("a `/` without its end"))?;
        let pattern = self.rest()[1..end].replace("\\/", "/");
        self.take(end + 1);
        Ok(Kind::Regexp(pattern))
    }

    fn near(&mut self) -> Result<Kind, QueryError> {
        self.take(1);
        let length = self.run(false);
        Ok(Kind::Near(self.take(length).to_owned()))
    }

    fn boost(&mut self) -> Result<Kind, QueryError> {
        self.take(1);
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let whole = digits(self.rest());
        let part = self.rest()[whole..].strip_prefix('.').map_or(0, digits);
        let length = if part > 0 { whole + 1 + part } else { whole };
        let number = self.rest()[..length].parse().ok().filter(|_| whole > 0);
        let number = number.ok_or_else(|| self.fault("`^` needs a number"))?;
        self.take(length);
        Ok(Kind::Boost(number))
    }

    /// `[a TO b]`, `{a TO b}`, mixed, with `*` for an open end.
    fn range(&mut self) -> Result<Kind, QueryError> {
        let from_included = self.take(1) == "[";
        let lower = self.bound()?;
        self.skip_space();
        let has_to = self.rest().strip_prefix("TO").is_some_and(|rest| rest.starts_with([' ', '"']));
        if !has_to {
            return Err(self.fault("a range needs TO between its bounds"));
        }
        self.take(2);
        let upper = self.bound()?;
        self.skip_space();
        let to_included = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.fault("a range without its end")),
        };
        self.take(1);
        let open = |text: String, included| (text != "*").then_some((text, included));
        Ok(Kind::Range { lower: open(lower, from_included), upper: open(upper, to_included) })
    }

    fn bound(&mut self) -> Result<String, QueryError> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.find(|c: char| is_space(c) || "]}".contains(c)).unwrap_or(rest.len());
        if let Some(quoted) = self.quoted_length().filter(|quoted| rest.starts_with('"') && *quoted >= length)
        {
            let text = self.unescaped(&rest[1..quoted - 1])?;
            self.take(quoted);
            return Ok(text);
        }
        if length == 0 {
            return Err(self.fault("a range without a bound"));
        }
        if rest.starts_with('"') {
            return Err(self.fault("a `\"` without its end"));
        }
        let text = self.unescaped(&rest[..length])?;
        self.take(length);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).expect("tokens").into_iter().map(|token| token.kind).collect()
    }

    fn word(text: &str) -> Kind {
        Kind::Word(text.to_owned())
    }

    #[test]
    fn the_longest_token_is_taken() {
        assert_eq!(
            kinds("ANDa AND &&a && a||b ||"),
            [word("ANDa"), Kind::And, word("&&a"), Kind::And, word("a||b"), Kind::Or]
        );
        assert_eq!(
            kinds("* ** a* a** ?"),
            [
                Kind::Star,
                Kind::Wildcard("**".to_owned()),
                Kind::Prefix("a".to_owned()),
                Kind::Wildcard("a**".to_owned()),
                Kind::Wildcard("?".to_owned())
            ]
        );
        assert_eq!(kinds("+ a -b !"), [Kind::Alone('+'), word("a"), Kind::Minus, word("b"), Kind::Not]);
        assert_eq!(
            kinds("a~ b~1.5^2"),
            [word("a"), Kind::Near(String::new()), word("b"), Kind::Near("1.5".to_owned()), Kind::Boost(2.0)]
        );
        assert_eq!(kinds("/a\\/b/ /c\\/"), [Kind::Regexp("a/b".to_owned()), Kind::Regexp("c\\".to_owned())]);
    }

    #[test]
    fn letters_may_be_written_by_their_numbers() {
        assert_eq!(kinds("\\u0041\\u00e9 \"\\ud83d\\ude00\""), [word("Aé"), Kind::Quoted("😀".to_owned())]);
        for text in ["\\u00zz", "\\u12", "a\\u", "\"\\u+123\""] {
            assert!(tokens(text).expect_err(text).reason.contains("four hexadecimal digits"), "{text}");
        }
    }
}
