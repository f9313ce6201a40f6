//! Text into tokens. The browser's tokeniser follows the same rules; the shared cases hold both to them.
//!
//! A word runs to white space or one of `( ) : < > " { }`; a backslash takes the next character as it is.
//! `and`, `or` and `not` in any case are operators unless escaped or quoted.

use crate::kql::ast::{Literal, Span, WILDCARD};
use crate::kql::diagnostic::Diagnostic;

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenKind {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `:`
    Colon,
    /// `<`, `<=`, `>` or `>=`
    Compare(crate::kql::ast::Op),
    /// `and`
    And,
    /// `or`
    Or,
    /// `not`
    Not,
    /// A word or a quoted text.
    Literal(Literal),
}

impl TokenKind {
    /// The name that the shared cases use.
    pub fn name(&self) -> &'static str {
        match self {
            TokenKind::Open | TokenKind::Close => "paren",
            TokenKind::Colon => "colon",
            TokenKind::Compare(_) => "compare",
            TokenKind::And | TokenKind::Or | TokenKind::Not => "operator",
            TokenKind::Literal(literal) if literal.quoted => "quoted",
            TokenKind::Literal(_) => "word",
        }
    }
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// All tokens of `query`, or the first fault.
pub fn tokens(query: &str) -> Result<Vec<Token>, Diagnostic> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = query[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let token = token(query, at, c)?;
        at = token.span.end;
        found.push(token);
    }
    Ok(found)
}

fn token(query: &str, start: usize, first: char) -> Result<Token, Diagnostic> {
    use crate::kql::ast::Op;

    let equals = query[start + first.len_utf8()..].starts_with('=');
    let single =
        |kind: TokenKind, length: usize| Ok(Token { kind, span: Span { start, end: start + length } });
    match first {
        '(' => single(TokenKind::Open, 1),
        ')' => single(TokenKind::Close, 1),
        ':' => single(TokenKind::Colon, 1),
        '<' if equals => single(TokenKind::Compare(Op::Lte), 2),
        '<' => single(TokenKind::Compare(Op::Lt), 1),
        '>' if equals => single(TokenKind::Compare(Op::Gte), 2),
        '>' => single(TokenKind::Compare(Op::Gt), 1),
        '{' | '}' => Err(Diagnostic::new(
            query,
            Span { start, end: start + 1 },
            "nested",
            "",
            "Curly brackets (nested queries) are not supported; put the character in quotes to search for it.".to_owned(),
        )),
        '"' => quoted(query, start),
        _ => Ok(word(query, start)),
    }
}

fn quoted(query: &str, start: usize) -> Result<Token, Diagnostic> {
    let mut text = String::new();
    let mut chars = query[start + 1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let span = Span { start, end: start + 1 + at + 1 };
                return Ok(Token { kind: TokenKind::Literal(Literal { text, quoted: true, span }), span });
            }
            '\\' => text.extend(chars.next().map(|(_, escaped)| unescape(escaped))),
            other => text.push(other),
        }
    }
    let span = Span { start, end: query.len() };
    let end = Span { start: query.len(), end: query.len() };
    Err(Diagnostic::new(query, span, "unclosed_quote", "", "This quote is never closed.".to_owned())
        .with_fix(query, end, "\""))
}

fn word(query: &str, start: usize) -> Token {
    let mut text = String::new();
    let mut end = query.len();
    let mut escaped_any = false;
    let mut chars = query[start..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                escaped_any = true;
                text.extend(chars.next().map(|(_, escaped)| escaped));
            }
            '*' => text.push(WILDCARD),
            c if c.is_whitespace() || matches!(c, '(' | ')' | ':' | '<' | '>' | '"' | '{' | '}') => {
                end = start + at;
                break;
            }
            other => text.push(other),
        }
    }
    let span = Span { start, end };
    let kind = match text.to_ascii_lowercase().as_str() {
        "and" if !escaped_any => TokenKind::And,
        "or" if !escaped_any => TokenKind::Or,
        "not" if !escaped_any => TokenKind::Not,
        _ => TokenKind::Literal(Literal { text, quoted: false, span }),
    };
    Token { kind, span }
}

fn unescape(c: char) -> char {
    match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        other => other,
    }
}
