//! The query bar's language: KQL's basics, read into a tree and lowered to the search node's query DSL.
//!
//! `text → tokens → tree → DSL`. The browser has a tolerant tokeniser of its own for colours and completion; both sides
//! run `testdata/kql-cases.json`, and only this side makes DSL.
//!
//! # Invariants
//!
//! - Every fault is a [`Diagnostic`]: a span in UTF-16 units, a code that the browser translates, and a plain sentence.
//! - Nesting is bounded by [`NESTING_MAX`]; the length of a query by a setting, before it comes here.
//! - Words side by side must all be there; `or` has to be written.

mod ast;
mod diagnostic;
mod lexer;
mod lower;
mod parser;
#[cfg(test)]
mod tests;

pub use ast::{Expr, Literal, Op, Span, WILDCARD};
pub use diagnostic::{Diagnostic, Fix};
pub use lexer::{Token, TokenKind, tokens};
pub use lower::{FieldKind, FieldLookup, lower};
pub use parser::parse;

/// How deep parentheses and `not` may nest: deeper than any person writes, far below what a stack holds.
pub const NESTING_MAX: usize = 40;
