//! Queries: Elasticsearch's JSON and query strings to a tree, and the tree to tantivy.
//!
//! `dsl` and `query_string` read foreign text and know no index; `lower` knows the mapping and asks tantivy; `weights` are the
//! queries that tantivy does not have; `can_match` tells from a few numbers that a query matches nothing; `profile` measures.

mod ast;
mod cacheable;
mod can_match;
mod computed;
mod distance;
mod doc_values;
mod dsl;
pub(crate) mod edits;
mod faults;
mod limits;
mod lower;
mod lucene;
mod minimum_should_match;
mod models;
mod profile;
pub(crate) mod query_string;
mod regexp;
mod rules;
mod similarity;
mod simple_query_string;
mod weights;
mod wildcard;

pub(crate) use ast::{
    BoostMode, FunctionKind, FunctionMode, FunctionScore, Fuzziness, Intervals, Matching, Modifier,
    MultiMatchKind, QueryString, ScoreFunction, ScoreScript, SpanClause, SpanQuery,
};
pub use ast::{GeoDistance, InnerHitsAsked, Query, ScriptSort, SliceBy, Sliced};
pub(crate) use can_match::{can_match, segments_to_search};
pub(crate) use computed::{Computed, Distances, Scripted};
pub use dsl::{parse_query, wrapped};
pub(crate) use faults::Faults;
pub use limits::QueryLimits;
pub use lower::QueryContext;
pub(crate) use lower::{
    Asked, HeldValues, Prepared, Shape, no_aggregation_of_spans, runtime_fields_of, terms_like,
};
pub(crate) use lucene::Lucene;
pub use profile::Profiler;
pub(crate) use regexp::TermAutomaton;
pub use rules::{QueryRules, boosted_field};
pub use similarity::{Similarities, Similarity};
pub(crate) use weights::all_terms::AllTerms;
pub(crate) use weights::any_terms::AnyTerms;
pub(crate) use weights::bounds::{Bounds, constant_inside};
pub(crate) use weights::in_level::Levels;
pub(crate) use weights::passes::{passes, score_at};
pub(crate) use weights::spans::{SpanJoin, Spanned};
pub(crate) use weights::term_cursor::Best;
pub(crate) use wildcard::{between_signs, name_matches as wildcard_name_matches};

/// A query that cannot be read or cannot run, in Elasticsearch's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct QueryError {
    /// The error's type, e.g. `parsing_exception`.
    pub kind: &'static str,
    /// What is wrong, naming the query and field.
    pub reason: String,
}

impl QueryError {
    /// The type of the error of an answer with more buckets than it may have.
    pub const TOO_MANY_BUCKETS: &'static str = "too_many_buckets_exception";

    pub(crate) fn parsing(reason: impl Into<String>) -> Self {
        Self { kind: "parsing_exception", reason: reason.into() }
    }

    pub(crate) fn shard(reason: impl Into<String>) -> Self {
        Self { kind: "query_shard_exception", reason: reason.into() }
    }

    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self { kind: "illegal_argument_exception", reason: reason.into() }
    }
}

/// The automaton of a pattern, matched from the beginning of terms.
pub(crate) fn pattern_automaton(
    pattern: &str,
    flags: Option<&str>,
    effort: Option<u32>,
) -> Result<TermAutomaton, QueryError> {
    let flags = flags.map_or(Ok(regexp::Flags::ALL), regexp::Flags::parse)?;
    let expression = regexp::parse(pattern, flags, false).map_err(QueryError::argument)?;
    let automaton = expression.automaton(effort.unwrap_or(regexp::EFFORT_USUAL));
    automaton.map_err(|error| QueryError::argument(error.to_string()))
}

/// A distance such as `5km`, in metres.
pub(crate) fn read_metres(text: &str) -> Option<f64> {
    dsl::read_distance(text, 1.0).ok()
}

/// The query that a text in the small language without errors says.
pub(crate) fn read_simple_query_string(
    asked: &ast::SimpleQueryString,
    context: &QueryContext<'_>,
) -> Result<Query, QueryError> {
    let known = simple_query_string::Fields {
        defaults: &context.rules.default_fields,
        quoted: &|path, suffix| format!("{path}{suffix}"),
        has_words: &|_, _, _| true,
    };
    simple_query_string::parse(asked, &known)
}
