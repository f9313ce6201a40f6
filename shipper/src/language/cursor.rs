//! A place in the text that moves on; white space and comments are passed over.

use std::cell::Cell;

use super::fault::{Fault, Position};

pub(super) struct Cursor<'t> {
    file: &'t str,
    text: &'t str,
    at: usize,
    /// The place asked for last, from which the next one is counted, so that no text is counted twice.
    last: Cell<(usize, Position)>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, at: 0, last: Cell::new((0, Position { line: 1, column: 1 })) }
    }

    pub(super) fn file(&self) -> String {
        self.file.to_owned()
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// Takes `token` if it comes next.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    /// Takes a word if it comes next and ends there.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let ends = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        ends && self.take(word)
    }

    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    pub(super) fn expect(&mut self, token: &str, after: &str) -> Result<(), Fault> {
        self.skip();
        if self.take(token) {
            return Ok(());
        }
        Err(self.fault(format!("expected `{token}` after {after}, found {}", self.found())))
    }

    pub(super) fn found(&self) -> String {
        match self.peek() {
            None => "the end of the text".to_owned(),
            Some(c) => {
                let word: String =
                    self.rest().chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(30).collect();
                if word.is_empty() { format!("`{c}`") } else { format!("`{word}`") }
            }
        }
    }

    pub(super) fn position(&self) -> Position {
        let (from, Position { mut line, mut column }) = self.last.get();
        for c in self.text[from..self.at].chars() {
            if c == '\n' {
                line += 1;
                column = 1;
            } else {
                column += 1;
            }
        }
        let here = Position { line, column };
        self.last.set((self.at, here));
        here
    }

    pub(super) fn fault(&self, reason: impl Into<String>) -> Fault {
        self.fault_at(self.position(), reason)
    }

    pub(super) fn fault_at(&self, at: Position, reason: impl Into<String>) -> Fault {
        Fault { file: self.file(), at, reason: reason.into() }
    }
}
