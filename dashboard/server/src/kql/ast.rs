//! The tree of a query.

/// A part of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The span that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    /// The text without quotes and escapes; a wildcard stands in it as [`WILDCARD`].
    pub text: String,
    /// Whether it was written in quotes.
    pub quoted: bool,
    /// Where it stands.
    pub span: Span,
}

/// What an unescaped `*` becomes inside [`Literal::text`], so that an escaped one stays a star.
pub const WILDCARD: char = '\u{F8FF}';

impl Literal {
    /// Whether it has an unescaped `*`.
    pub fn has_wildcard(&self) -> bool {
        self.text.contains(WILDCARD)
    }

    /// Whether it is nothing but `*`.
    pub fn is_any(&self) -> bool {
        !self.text.is_empty() && self.text.chars().all(|c| c == WILDCARD)
    }

    /// The text with its wildcards written as `*` again, for messages.
    pub fn plain(&self) -> String {
        self.text.replace(WILDCARD, "*")
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `>`
    Gt,
    /// `>=`
    Gte,
}

impl Op {
    /// Its name in the range query.
    pub fn name(self) -> &'static str {
        match self {
            Op::Lt => "lt",
            Op::Lte => "lte",
            Op::Gt => "gt",
            Op::Gte => "gte",
        }
    }
}

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Everything: an empty query, `*`, `*:*`.
    All,
    /// Each must hold.
    And(Vec<Expr>),
    /// At least one must hold.
    Or(Vec<Expr>),
    /// Must not hold.
    Not(Box<Expr>),
    /// A value in a field.
    Is {
        /// The field, possibly with wildcards.
        field: Literal,
        /// The value.
        value: Literal,
    },
    /// A field compared with a value.
    Range {
        /// The field.
        field: Literal,
        /// The comparison.
        op: Op,
        /// The value.
        value: Literal,
    },
    /// Words or a phrase in any field.
    Text(Literal),
}
