//! Search: the best hits of one shard at one point in time, and what is computed over all matches.
//!
//! `collect` walks the matches of each segment once, for hits, total and aggregations together, or where only the best are wanted in one of
//! the shorter `ways`, or by `sorted` runs of documents, or in `index_order`; where it is much, several threads have `claims` to parts of it, as far as there are `helpers`; a `segment` is what one of them meets, and `found` what all of it comes to; `sort` orders them;
//! `scan` walks every match in batches; `inner_hits` looks among the nested objects of a hit; `source` cuts a document's JSON to what was asked for; `fields` and `doc_values` show single fields of it; `explain` tells why it has its score; `stop` ends a search early; `groups` keeps the best hit of each.

mod claims;
mod collect;
mod doc_values;
mod explain;
mod fields;
mod found;
mod groups;
mod helpers;
mod id_key;
mod index_order;
mod inner_hits;
mod joined;
mod named;
mod room;
mod scan;
mod scores;
mod script_fields;
mod segment;
mod sort;
mod sorted;
mod source;
mod statistics;
mod stop;
mod term_vectors;
mod terms;
mod terms_enum;
mod ways;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::aggs::{AggPartial, AggRequest};
use crate::query::{Profiler, Query, QueryError};

pub(crate) use collect::{search, search_helped};
pub use doc_values::DocValueAsked;
pub(crate) use doc_values::doc_values;
pub(crate) use explain::Explainer;
pub use explain::Explanation;
pub(crate) use explain::describe;
pub use fields::{FieldAsked, FieldsShown};
pub use groups::one_of_each_group;
pub use helpers::Helpers;
pub use inner_hits::{InnerAnswer, InnerHit, InnerSearch};
pub(crate) use joined::join_query;
pub use named::NamedSearch;
pub use room::Room;
pub(crate) use room::{Meter, Within};
pub use scan::{Scan, Slice};
pub(crate) use scores::scores;
pub use script_fields::{ScriptField, ScriptFields};
pub use sort::{Missing, NestedSort, NumericType, SortField, SortKey, SortMode, SortValue, compare_hits};
pub(crate) use sort::{check_words, no_column_for_ids, no_values_in_column};
pub use source::{SourceFilter, filter_source};
pub(crate) use statistics::Statistics;
#[cfg(test)]
pub(crate) use stop::never;
pub use stop::{AskStop, Ending, Stop};
pub(crate) use stop::{Watch, goes_on};
pub(crate) use term_vectors::term_vectors;
pub use term_vectors::{TermFilter, TermVectorsAsked};
pub(crate) use terms::Terms;
pub use terms_enum::TermsEnumAsked;
pub(crate) use terms_enum::terms_enum;

/// What a shard is asked.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Which documents.
    pub query: Query,
    /// Which of them are hits.
    pub post_filter: Option<Query>,
    /// How many hits, from the first one on.
    pub hits: usize,
    /// The order; empty for the best score first.
    pub sort: Vec<SortKey>,
    /// The sort values of the last hit seen, to go on after it.
    pub search_after: Option<Vec<SortValue>>,
    /// Hits below are left out.
    pub min_score: Option<f32>,
    /// Whether scores are wanted although the order does not need them.
    pub track_scores: bool,
    /// So many matches are counted; beyond that it need only be known that there are more.
    pub counted_to: u64,
    /// What to compute over all matches.
    pub aggs: AggRequest,
    /// After so many matches no more are looked for.
    pub terminate_after: Option<u64>,
    /// The field of whose values each has one hit, the best.
    pub collapse: Option<String>,
    /// What measures the query, if anybody wants to know.
    pub profiler: Option<Arc<Profiler>>,
}

impl SearchRequest {
    /// So many of the best hits of a query; all matches are counted, and nothing else is asked.
    pub fn of(query: Query, hits: usize) -> Self {
        Self {
            query,
            post_filter: None,
            hits,
            sort: Vec::new(),
            search_after: None,
            min_score: None,
            track_scores: false,
            counted_to: u64::MAX,
            aggs: AggRequest::default(),
            terminate_after: None,
            collapse: None,
            profiler: None,
        }
    }
}

/// One hit of a shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hit {
    /// Which shard of the request it comes from; set by who asks several.
    pub shard: usize,
    /// Its segment in the shard's point in time.
    pub segment: u32,
    /// Its number in the segment.
    pub document: u32,
    /// Its score, if there is one.
    pub score: Option<f32>,
    /// Its sort values, one for each key.
    pub sort: Vec<SortValue>,
    /// The value of its group, if hits are grouped.
    pub group: Option<SortValue>,
}

/// What a shard answers.
#[derive(Debug, Default)]
pub struct SearchAnswer {
    /// How many documents match; beyond what was to be counted some number above it.
    pub total: u64,
    /// The highest score, if there are scores.
    pub max_score: Option<f32>,
    /// The best hits in order.
    pub hits: Vec<Hit>,
    /// The aggregations, to be reduced with those of other shards.
    pub aggs: AggPartial,
    /// Whether there was no time to see all matches.
    pub is_partial: bool,
    /// Whether there are more matches than were to be looked for.
    pub is_terminated: bool,
}

/// A search that cannot be done, in Elasticsearch's words.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The request is wrong.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The shard failed.
    #[error("the index of the shard failed: {0}")]
    Index(tantivy::TantivyError),
    /// The shard's files cannot be read.
    #[error("the shard's files cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The shard's engine failed.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// Nobody wants the answer any more.
    #[error("the search was cancelled")]
    Cancelled,
    /// There was no time for what has to be done before any match is seen.
    #[error("the time of the search is up")]
    TimeIsUp,
}

/// More terms than a query may have are found out only once they are looked up.
impl From<tantivy::TantivyError> for SearchError {
    fn from(error: tantivy::TantivyError) -> Self {
        match error {
            tantivy::TantivyError::InvalidArgument(reason) if reason.starts_with("maxClauseCount") => {
                Self::Query(QueryError { kind: "too_many_clauses", reason })
            }
            tantivy::TantivyError::InvalidArgument(reason) if reason.starts_with("Automaton [") => {
                Self::Query(QueryError::argument(reason))
            }
            other => Self::Index(other),
        }
    }
}
