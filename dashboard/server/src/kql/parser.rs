//! Tokens into a tree: `or` binds less than `and`, `and` less than `not`; words side by side are joined by `and`.

use crate::kql::NESTING_MAX;
use crate::kql::ast::{Expr, Literal, Op, Span};
use crate::kql::diagnostic::Diagnostic;
use crate::kql::lexer::{Token, TokenKind, tokens};

/// Reads a query. An empty one asks for everything.
pub fn parse(query: &str) -> Result<Expr, Diagnostic> {
    let tokens = tokens(query)?;
    if tokens.is_empty() {
        return Ok(Expr::All);
    }
    let mut parser = Parser { query, tokens: &tokens, at: 0, depth: 0 };
    let tree = parser.any(None)?;
    match parser.peek() {
        None => Ok(tree),
        Some(token) => Err(parser.stray(token)),
    }
}

struct Parser<'a> {
    query: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// `a or b`; inside `field:(…)` every plain value belongs to `field`.
    fn any(&mut self, field: Option<&Literal>) -> Result<Expr, Diagnostic> {
        let mut parts = vec![self.all(field)?];
        while self.take(&TokenKind::Or) {
            parts.push(self.all(field)?);
        }
        Ok(joined(parts, Expr::Or))
    }

    /// `a and b`, also written `a b`.
    fn all(&mut self, field: Option<&Literal>) -> Result<Expr, Diagnostic> {
        let mut parts = vec![self.negated(field)?];
        loop {
            let explicit = self.take(&TokenKind::And);
            let goes_on = matches!(
                self.peek().map(|token| &token.kind),
                Some(TokenKind::Literal(_) | TokenKind::Open | TokenKind::Not)
            );
            if !explicit && !goes_on {
                return Ok(joined(parts, Expr::And));
            }
            parts.push(self.negated(field)?);
        }
    }

    fn negated(&mut self, field: Option<&Literal>) -> Result<Expr, Diagnostic> {
        if !self.take(&TokenKind::Not) {
            return self.primary(field);
        }
        self.deeper()?;
        let inner = self.negated(field)?;
        self.depth -= 1;
        Ok(Expr::Not(Box::new(inner)))
    }

    fn primary(&mut self, field: Option<&Literal>) -> Result<Expr, Diagnostic> {
        let Some(token) = self.peek() else {
            return Err(self.missing());
        };
        match &token.kind {
            TokenKind::Open => self.group(field),
            TokenKind::Literal(literal) => {
                self.at += 1;
                match field {
                    Some(field) => Ok(is(field, literal.clone())),
                    None => self.after_literal(literal),
                }
            }
            _ => Err(self.stray(token)),
        }
    }

    fn group(&mut self, field: Option<&Literal>) -> Result<Expr, Diagnostic> {
        let open = self.tokens[self.at].span;
        self.at += 1;
        self.deeper()?;
        let inner = self.any(field)?;
        self.depth -= 1;
        if self.take(&TokenKind::Close) {
            return Ok(inner);
        }
        match self.peek() {
            Some(token) => Err(self.stray(token)),
            None => Err(Diagnostic::new(
                self.query,
                open,
                "unclosed_parenthesis",
                "",
                "This parenthesis is never closed.".to_owned(),
            )
            .with_fix(self.query, self.end(), ")")),
        }
    }

    /// What follows a word decides whether it is a field or a text.
    fn after_literal(&mut self, literal: &Literal) -> Result<Expr, Diagnostic> {
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Colon) => {
                self.at += 1;
                self.value(literal)
            }
            Some(TokenKind::Compare(op)) => {
                self.at += 1;
                self.compared(literal, *op)
            }
            _ if literal.is_any() => Ok(Expr::All),
            _ if literal.quoted => Ok(Expr::Text(literal.clone())),
            _ => Ok(Expr::Text(self.words(literal))),
        }
    }

    fn value(&mut self, field: &Literal) -> Result<Expr, Diagnostic> {
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Open) => self.group(Some(field)),
            Some(TokenKind::Literal(value)) => {
                self.at += 1;
                let value = if value.quoted { value.clone() } else { self.words(value) };
                Ok(is(field, value))
            }
            // `status:>=500` as other languages write it.
            Some(TokenKind::Compare(op)) => {
                self.at += 1;
                self.compared(field, *op)
            }
            _ => Err(self.no_value(field)),
        }
    }

    fn compared(&mut self, field: &Literal, op: Op) -> Result<Expr, Diagnostic> {
        let Some(TokenKind::Literal(value)) = self.peek().map(|token| &token.kind) else {
            return Err(self.no_value(field));
        };
        self.at += 1;
        if value.has_wildcard() && !value.quoted {
            return Err(Diagnostic::new(
                self.query,
                value.span,
                "wildcard_in_range",
                &value.plain(),
                format!("`{}` cannot be compared: a wildcard has no order.", value.plain()),
            ));
        }
        Ok(Expr::Range { field: field.clone(), op, value: value.clone() })
    }

    /// Joins the unquoted words that follow into one value, up to a word that is itself a field.
    fn words(&mut self, first: &Literal) -> Literal {
        let mut joined = first.clone();
        while let Some(TokenKind::Literal(next)) = self.peek().map(|token| &token.kind) {
            let is_field = matches!(
                self.tokens.get(self.at + 1).map(|token| &token.kind),
                Some(TokenKind::Colon | TokenKind::Compare(_))
            );
            if next.quoted || is_field {
                break;
            }
            joined.text.push(' ');
            joined.text.push_str(&next.text);
            joined.span = joined.span.to(next.span);
            self.at += 1;
        }
        joined
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek().is_some_and(|token| token.kind == *kind);
        self.at += usize::from(found);
        found
    }

    fn deeper(&mut self) -> Result<(), Diagnostic> {
        self.depth += 1;
        if self.depth <= NESTING_MAX {
            return Ok(());
        }
        let span = self.tokens[self.at - 1].span;
        Err(Diagnostic::new(
            self.query,
            span,
            "too_deep",
            "",
            format!("The query nests more than {NESTING_MAX} levels deep."),
        ))
    }

    fn end(&self) -> Span {
        let end = self.query.trim_end().len();
        Span { start: end, end }
    }

    /// The text ends where something must follow: the fault is the word before.
    fn missing(&self) -> Diagnostic {
        let last = self.tokens.last().map_or(self.end(), |token| token.span);
        let word = self.query.get(last.start..last.end).unwrap_or_default();
        Diagnostic::new(self.query, last, "nothing_follows", word, format!("Something must follow `{word}`."))
    }

    fn no_value(&self, field: &Literal) -> Diagnostic {
        let end = self.at.checked_sub(1).map_or(field.span, |at| self.tokens[at].span);
        let name = field.plain();
        let diagnostic = Diagnostic::new(
            self.query,
            field.span.to(end),
            "value_missing",
            &name,
            format!("A value for `{name}` is missing; write `{name}:*` to ask whether the field exists."),
        );
        let after = Span { start: end.end, end: end.end };
        match self.at.checked_sub(1).map(|at| &self.tokens[at].kind) {
            Some(TokenKind::Colon) => diagnostic.with_fix(self.query, after, "*"),
            _ => diagnostic,
        }
    }

    fn stray(&self, token: &Token) -> Diagnostic {
        let word = self.query.get(token.span.start..token.span.end).unwrap_or_default();
        let (code, message) = match token.kind {
            TokenKind::Close if self.depth == 0 => {
                ("unopened_parenthesis", "This parenthesis was never opened.".to_owned())
            }
            TokenKind::Close => {
                ("empty_parentheses", "Something must stand before this parenthesis.".to_owned())
            }
            TokenKind::Colon | TokenKind::Compare(_) => (
                "field_missing",
                format!(
                    "A field name must stand before `{word}`; put it in quotes to search for the character."
                ),
            ),
            _ => (
                "operand_missing",
                format!("Something must stand before `{word}`; put it in quotes to search for the word."),
            ),
        };
        let diagnostic = Diagnostic::new(self.query, token.span, code, word, message);
        match token.kind {
            TokenKind::Close if self.depth == 0 => diagnostic.with_fix(self.query, token.span, ""),
            _ => diagnostic,
        }
    }
}

fn is(field: &Literal, value: Literal) -> Expr {
    let anything = value.is_any() && !value.quoted;
    if anything && field.is_any() {
        return Expr::All;
    }
    Expr::Is { field: field.clone(), value }
}

fn joined(mut parts: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() > 1 {
        return join(parts);
    }
    parts.pop().unwrap_or(Expr::All)
}
