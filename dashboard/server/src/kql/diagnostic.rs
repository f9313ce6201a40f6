//! What is wrong with a query, where, and what would put it right.

use serde::Serialize;

use crate::kql::ast::Span;

/// One fault of a query, as the browser shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The first UTF-16 unit of the faulty part.
    pub start: usize,
    /// The unit after the last.
    pub end: usize,
    /// A stable name, by which the browser finds its own sentence in another language.
    pub code: &'static str,
    /// The word of the query that the sentence is about, empty if there is none.
    pub word: String,
    /// One plain sentence.
    pub message: String,
    /// An edit that would put it right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// An edit: put `text` in place of `start..end`, in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// The first unit to replace.
    pub start: usize,
    /// The unit after the last.
    pub end: usize,
    /// What to put there.
    pub text: String,
}

impl Diagnostic {
    /// A fault at `span` of `query`.
    pub fn new(query: &str, span: Span, code: &'static str, word: &str, message: String) -> Self {
        Self {
            start: utf16(query, span.start),
            end: utf16(query, span.end),
            code,
            word: word.to_owned(),
            message,
            fix: None,
        }
    }

    /// The same with an edit.
    #[must_use]
    pub fn with_fix(mut self, query: &str, span: Span, text: &str) -> Self {
        self.fix =
            Some(Fix { start: utf16(query, span.start), end: utf16(query, span.end), text: text.to_owned() });
        self
    }
}

/// The place `byte` of `query`, counted as browsers count.
pub(crate) fn utf16(query: &str, byte: usize) -> usize {
    let upto = query.get(..byte.min(query.len())).unwrap_or(query);
    upto.encode_utf16().count()
}
