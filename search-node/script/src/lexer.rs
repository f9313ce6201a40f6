//! From the text of a script to its words.

/// A word, and where it begins, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub word: Word,
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Name(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Sign(&'static str),
}

/// Signs, the longer ones first, so that `==` is not read as two.
const SIGNS: [&str; 38] = [
    "===", "!==", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "==", "!=", "<=", ">=", "&&", "||", "(",
    ")", "[", "]", "{", "}", ".", ",", ";", ":", "?", "=", "<", ">", "+", "-", "*", "/", "%", "!", "&", "|",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = skip(rest)?;
        let at = text.len() - rest.len() + 1;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (word, length) = if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Word::Name(rest[..length].to_owned()), length)
        } else if first.is_ascii_digit() {
            number(rest).ok_or_else(|| format!("the number at {at} cannot be read"))?
        } else if first == '\'' || first == '"' {
            quoted(rest, first).ok_or_else(|| format!("the text that begins at {at} does not end"))?
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("unexpected character [{first}] at {at}"))?;
            (Word::Sign(sign), sign.len())
        };
        tokens.push(Token { word, at });
        rest = &rest[length..];
    }
}

/// Passes over blanks and remarks.
fn skip(mut rest: &str) -> Result<&str, String> {
    loop {
        rest = rest.trim_start();
        if let Some(remark) = rest.strip_prefix("//") {
            rest = remark.find('\n').map_or("", |end| &remark[end..]);
        } else if let Some(remark) = rest.strip_prefix("/*") {
            let end = remark.find("*/").ok_or("a remark does not end")?;
            rest = &remark[end + 2..];
        } else {
            return Ok(rest);
        }
    }
}

fn number(text: &str) -> Option<(Word, usize)> {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let mut length = digits(text);
    let mut is_float = false;
    if text[length..].starts_with('.') && text[length + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        is_float = true;
        length += 1 + digits(&text[length + 1..]);
    }
    let exponent =
        text[length..].strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['-', '+']).unwrap_or(rest));
    if let Some(rest) = exponent.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        is_float = true;
        length = text.len() - rest.len() + digits(rest);
    }
    let plain = &text[..length];
    let suffix = text[length..].chars().next().filter(|c| c.is_alphabetic());
    let word = match suffix {
        Some('d' | 'D' | 'f' | 'F') => Word::Float(plain.parse().ok()?),
        Some('l' | 'L') if !is_float => Word::Integer(plain.parse().ok()?),
        Some(_) => return None,
        None if is_float => Word::Float(plain.parse().ok()?),
        None => Word::Integer(plain.parse().ok()?),
    };
    Some((word, length + suffix.map_or(0, char::len_utf8)))
}

fn quoted(text: &str, quote: char) -> Option<(Word, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            letter if letter == quote => return Some((Word::Text(value), at + 1)),
            letter => value.push(letter),
        }
    }
    None
}
