//! Intervals: the shortest parts of texts that have something.

use super::Query;

/// What intervals have.
#[derive(Debug, Clone, PartialEq)]
pub enum Intervals {
    /// The terms of a text.
    Match {
        /// The text.
        text: String,
        /// How they are cut and where they are looked for.
        words: Words,
        /// How many other terms there may be between them; none for any number.
        max_gaps: Option<i64>,
        /// Whether they must stand in this order.
        ordered: bool,
        /// How they must lie to others.
        filter: Option<Box<IntervalFilter>>,
    },
    /// A term like a pattern or near a word.
    Like {
        /// A query of the term; its field does not count.
        of: Box<Query>,
        /// How the pattern is brought into the form of terms, and where it is looked for.
        words: Words,
        /// How many terms it may be.
        max_expansions: Option<usize>,
    },
    /// Any of several.
    AnyOf {
        /// Them.
        intervals: Vec<Intervals>,
        /// How they must lie to others.
        filter: Option<Box<IntervalFilter>>,
    },
    /// All of several.
    AllOf {
        /// Them.
        intervals: Vec<Intervals>,
        /// How many other terms there may be between them; none for any number.
        max_gaps: Option<i64>,
        /// Whether they must stand in this order.
        ordered: bool,
        /// How they must lie to others.
        filter: Option<Box<IntervalFilter>>,
    },
}

/// How words are cut and where they are looked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Words {
    /// The name of the analyzer; none for that of the field.
    pub analyzer: Option<String>,
    /// The field; none for that of the query.
    pub use_field: Option<String>,
}

/// How intervals must lie to others.
#[derive(Debug, Clone, PartialEq)]
pub struct IntervalFilter {
    /// By its name.
    pub rule: &'static str,
    /// The others.
    pub others: Intervals,
}

impl IntervalFilter {
    /// The names of all rules.
    pub(in crate::query) const RULES: [&'static str; 8] = [
        "after",
        "before",
        "contained_by",
        "containing",
        "not_contained_by",
        "not_containing",
        "not_overlapping",
        "overlapping",
    ];
}
