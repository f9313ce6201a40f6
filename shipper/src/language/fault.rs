//! A fault in a pipeline's text, with its place and a caret.

use std::fmt;

/// A place in a text; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, or what the text is called.
    pub file: String,
    /// Where.
    pub at: Position,
    /// What is wrong and what to do.
    pub reason: String,
}

impl Fault {
    /// The fault's line with a caret below its place, for a terminal.
    pub fn excerpt(&self, text: &str) -> String {
        let line = text.lines().nth(self.at.line - 1).unwrap_or_default().replace('\t', " ");
        format!("  {line}\n  {:>width$}", "^", width = self.at.column)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.file, self.at.line, self.at.column, self.reason)
    }
}

impl std::error::Error for Fault {}
