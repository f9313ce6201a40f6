//! The query as a tree, before any mapping is known.

use serde_json::{Map, Value};

mod computed;
mod full_text;
mod scoring;
mod sliced;
mod special;
mod walk;

pub use computed::{GeoDistance, ScriptSort};
pub(crate) use scoring::{
    BoostMode, FunctionKind, FunctionMode, FunctionScore, Modifier, ScoreFunction, ScoreScript,
};
pub(super) use scoring::{Decay, DecayMode, DecayShape, FeatureFunction};
pub use sliced::{SliceBy, Sliced};
pub(super) use special::{Area, GeoQuery, Joined, LeastTerms, Liked, MoreLikeThis, TermsSet};
pub use walk::InnerHitsAsked;

mod intervals;
mod patterns;
mod query_string;
mod spans;

pub(crate) use full_text::{
    Edits, Fuzziness, Matching, MultiMatchKind, Operator, Sign, SimpleQueryString, ZeroTerms,
};
pub(crate) use intervals::Intervals;
pub(super) use intervals::{IntervalFilter, Words};
pub(super) use patterns::{RegexpSyntax, Rewrite};
pub(crate) use query_string::QueryString;
pub(crate) use spans::{SpanClause, SpanQuery};

use super::minimum_should_match::MinimumShouldMatch;

/// The bounds of a `range`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RangeBounds {
    /// The lower bound and whether it belongs to the range.
    pub lower: Option<(Value, bool)>,
    /// The upper bound and whether it belongs to the range.
    pub upper: Option<(Value, bool)>,
    /// The format of dates, if not the field's own.
    pub format: Option<String>,
    /// The zone of dates without an offset.
    pub time_zone: Option<String>,
    /// How spans of values lie to it.
    pub relation: RangeRelation,
}

/// How a span of values that a document has lies to the one that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RangeRelation {
    /// They have a value in common.
    #[default]
    Intersects,
    /// It is inside.
    Within,
    /// It has all of the other.
    Contains,
}

/// What the scores of several nested objects come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ScoreMode {
    /// Their average.
    #[default]
    Avg,
    /// The highest.
    Max,
    /// The lowest.
    Min,
    /// Their sum.
    Sum,
    /// They do not count.
    None,
}

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Every document.
    MatchAll,
    /// No document.
    MatchNone,
    /// One of several parts of all documents.
    Slice(Sliced),
    /// One exact value.
    Term {
        /// The field.
        field: String,
        /// The value.
        value: Value,
        /// Whether case does not matter.
        case_insensitive: bool,
    },
    /// One of several exact values.
    Terms {
        /// The field.
        field: String,
        /// The values.
        values: Vec<Value>,
    },
    /// The terms of a text.
    Match {
        /// The field.
        field: String,
        /// The text, or a number, flag or date.
        value: Value,
        /// How it is asked for.
        matching: Matching,
    },
    /// The terms of a text in their order.
    Phrase {
        /// The field.
        field: String,
        /// The text.
        value: Value,
        /// Whether the last term may go on.
        prefix: bool,
        /// How it is asked for.
        matching: Matching,
    },
    /// The terms of a text, the last of which may go on.
    BoolPrefix {
        /// The field.
        field: String,
        /// The text.
        value: Value,
        /// How it is asked for.
        matching: Matching,
    },
    /// A text in several fields.
    MultiMatch {
        /// Field names or patterns with their boosts; empty for all fields.
        fields: Vec<(String, f32)>,
        /// The text.
        value: Value,
        /// How the fields are joined.
        kind: MultiMatchKind,
        /// How much of the scores of other fields than the best one is added; what is usual for the kind if none is given.
        tie_breaker: Option<f32>,
        /// How the text is asked for.
        matching: Matching,
    },
    /// A range of values.
    Range {
        /// The field.
        field: String,
        /// The bounds.
        bounds: RangeBounds,
    },
    /// Documents that have the field.
    Exists {
        /// The field or object.
        field: String,
    },
    /// Documents by id.
    Ids {
        /// The ids.
        values: Vec<String>,
        /// Their types; empty for every one.
        types: Vec<String>,
    },
    /// Values that begin so.
    Prefix {
        /// The field.
        field: String,
        /// The beginning.
        value: String,
        /// Whether case does not matter.
        case_insensitive: bool,
        /// How the terms count that begin so.
        rewrite: Rewrite,
    },
    /// Values like a pattern with `*` and `?`.
    Wildcard {
        /// The field.
        field: String,
        /// The pattern.
        pattern: String,
        /// Whether case does not matter.
        case_insensitive: bool,
        /// Whether the pattern is brought into the form of the terms of a text, as in a query string.
        is_normalized: bool,
        /// How the terms count that are like it.
        rewrite: Rewrite,
    },
    /// Values like a regular expression.
    Regexp {
        /// The field.
        field: String,
        /// The expression.
        pattern: String,
        /// How it is read.
        syntax: RegexpSyntax,
        /// How the terms count that are like it.
        rewrite: Rewrite,
    },
    /// Values within a few edits.
    Fuzzy {
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// How near they must be.
        fuzziness: Fuzziness,
        /// Whether the value is brought into the form of the terms of a text, as in a query string.
        is_normalized: bool,
    },
    /// Queries joined.
    Bool {
        /// All must match and count for the score.
        must: Vec<Query>,
        /// All must match.
        filter: Vec<Query>,
        /// Some should match.
        should: Vec<Query>,
        /// None may match.
        must_not: Vec<Query>,
        /// How many of `should` must match.
        minimum_should_match: Option<MinimumShouldMatch>,
    },
    /// The best of several counts.
    DisMax {
        /// The queries.
        queries: Vec<Query>,
        /// How much the others add.
        tie_breaker: f32,
    },
    /// The matches of one query, those of another demoted.
    Boosting {
        /// Which documents.
        positive: Box<Query>,
        /// Which of them are demoted.
        negative: Box<Query>,
        /// What their scores are multiplied by.
        negative_boost: f32,
    },
    /// A text in several fields that count as one.
    CombinedFields {
        /// Field names or patterns, with how often their words count.
        fields: Vec<(String, f32)>,
        /// The text.
        value: Value,
        /// How it is asked for.
        matching: Matching,
    },
    /// A text in a small language that has no errors.
    SimpleQueryString(Box<SimpleQueryString>),
    /// What has a nested object that matches.
    Nested {
        /// Where the nested objects are.
        path: String,
        /// Which of them.
        query: Box<Query>,
        /// What their scores come to.
        score_mode: ScoreMode,
        /// Whether a path that is not mapped matches nothing instead of failing.
        ignore_unmapped: bool,
        /// What is to be shown of the objects that match, as it was asked.
        inner_hits: Option<Map<String, Value>>,
    },
    /// The children of one parent.
    ParentId {
        /// What the children are, by the name that the join field gives them.
        child: String,
        /// The id of the parent.
        id: String,
        /// Whether a name that is not mapped matches nothing instead of failing.
        ignore_unmapped: bool,
    },
    /// A query whose matches all score the same.
    Constant {
        /// The query.
        query: Box<Query>,
    },
    /// A text in Lucene's query language.
    QueryString(Box<QueryString>),
    /// Parts of a text by where its terms stand.
    Span(Box<SpanQuery>),
    /// The shortest parts of a text that have something.
    Intervals {
        /// The field.
        field: String,
        /// What they have.
        intervals: Box<Intervals>,
    },
    /// The matches of a query with their scores computed anew.
    FunctionScore(Box<FunctionScore>),
    /// The matches of a query, which score what a script says.
    ScriptScore {
        /// Which documents.
        query: Box<Query>,
        /// What they score.
        script: ScoreScript,
        /// Documents below are no matches.
        min_score: Option<f32>,
    },
    /// Documents of which a script says so.
    Script(ScoreScript),
    /// Documents by how much they have of a feature.
    RankFeature {
        /// The feature.
        field: String,
        /// What they score.
        function: FeatureFunction,
    },
    /// Documents by how near they are.
    DistanceFeature {
        /// The date or point.
        field: String,
        /// What is near.
        origin: Value,
        /// At which distance they score half.
        pivot: String,
    },
    /// Documents with some of several exact values.
    TermsSet(Box<TermsSet>),
    /// Values that a document has which is still to be read (`terms` with an `index`, an `id` and a `path`).
    TermsOf {
        /// The field.
        field: String,
    },
    /// Some documents before all matches of a query.
    Pinned {
        /// Their ids, each with its index if it is said.
        documents: Vec<(Option<String>, String)>,
        /// Which others.
        organic: Box<Query>,
    },
    /// Documents that have much in common with texts.
    MoreLikeThis(Box<MoreLikeThis>),
    /// Documents by their children, or by their parent.
    Joined(Box<Joined>),
    /// Points somewhere.
    Geo(Box<GeoQuery>),
    /// A query with a name, by which a hit tells that it matched.
    Named {
        /// The query.
        query: Box<Query>,
        /// The name.
        name: String,
    },
    /// A query with its score multiplied.
    Boost {
        /// The query.
        query: Box<Query>,
        /// The factor.
        boost: f32,
    },
}

impl Query {
    /// The query with a name, if it has one.
    pub(super) fn named(self, name: Option<String>) -> Self {
        match name {
            Some(name) => Query::Named { query: Box::new(self), name },
            None => self,
        }
    }

    /// The query with its score multiplied, or as it is where that changes nothing.
    pub fn boosted(self, boost: f32) -> Self {
        if boost == 1.0 { self } else { Query::Boost { query: Box::new(self), boost } }
    }
}
