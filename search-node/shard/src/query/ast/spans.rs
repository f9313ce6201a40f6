//! Spans: parts of texts by where their terms stand.

use serde_json::Value;

use super::Query;

/// A query for spans.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanQuery {
    /// One term.
    Term {
        /// The field.
        field: String,
        /// The value.
        value: Value,
    },
    /// Spans near one another.
    Near {
        /// The spans.
        clauses: Vec<SpanClause>,
        /// How many other terms there may be between them.
        slop: i64,
        /// Whether they must stand in this order.
        in_order: bool,
    },
    /// Any of several.
    Or {
        /// The spans.
        clauses: Vec<SpanQuery>,
    },
    /// Spans that have no others near them.
    Not {
        /// The spans.
        include: Box<SpanQuery>,
        /// The others.
        exclude: Box<SpanQuery>,
        /// How many places before them must be free of the others.
        before: i64,
        /// How many places behind them.
        after: i64,
    },
    /// Spans that end so early.
    First {
        /// The spans.
        of: Box<SpanQuery>,
        /// How many places a text may have up to their end.
        end: i64,
    },
    /// Spans with others in them.
    Containing {
        /// The spans.
        big: Box<SpanQuery>,
        /// The others.
        little: Box<SpanQuery>,
    },
    /// Spans in others.
    Within {
        /// The others.
        big: Box<SpanQuery>,
        /// The spans.
        little: Box<SpanQuery>,
    },
    /// Terms that are like a pattern or near a word.
    Multi {
        /// The query for them.
        of: Box<Query>,
    },
    /// Spans of a field as if they were of another one.
    Masked {
        /// The spans.
        of: Box<SpanQuery>,
        /// The other field.
        field: String,
    },
}

/// One of the spans that are near one another.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanClause {
    /// Spans.
    Spans(SpanQuery),
    /// So many places that may be anything.
    Gap(i64),
}
