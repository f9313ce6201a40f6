//! One shard on one disk: documents in, answers out. It knows no network and no cluster, and is given the time.
//!
//! [`Shard`] is the façade. Behind it: `mapping` (JSON → typed fields), `analysis` (text → terms), `geometry` (shapes), `translog` and `engine`
//! (writes that survive), `store` (files), `copying` (a shard's files to another copy), `query` (DSL → tantivy), `search` and `aggs` (answers), `highlight` (what of a text
//! was looked for), `suggest` (what somebody may have meant).
//!
//! # Invariants
//!
//! - No network, no async, no clock, no environment: `now` is an argument, settings are values. `engine/throttle.rs` measures
//!   how long a writer waits, `engine/activity.rs` how long work takes and `query/profile.rs` how long the parts of a query take, which
//!   decides nothing about a document.
//! - A panic-free path for foreign bytes: documents and queries are data, never trusted.

mod aggs;
mod analysis;
mod copying;
mod engine;
mod geometry;
mod highlight;
mod json_values;
pub mod mapping;
mod query;
mod replication;
mod search;
mod shard;
mod store;
mod suggest;
mod translog;
mod uids;

pub use aggs::{
    AggError, AggPartial, AggRequest, finish as finish_aggs, parse as parse_aggs, reduce as reduce_aggs,
};
pub use analysis::{
    Analysis, AnalysisError, AnalyzeRequest, Definitions as AnalysisDefinitions, DictionaryError,
    FieldAnalysis, GramLimits, Language, install_dictionary,
};
pub use copying::{FileInfo, FilesReceiver, Received};
pub use disk::{
    Disk, DiskFile, DiskOperation, HookedDisk, HostDisk, check_writable, create_folder_durably,
    create_inner_folder_durably, replace as replace_file,
};
pub use engine::{
    Applied, ApplyRun, Aside, Buffers, CacheFigures, Codec, Condition, CopyDigest, EngineError,
    EngineOptions, FieldBytes, Fielddata, FilesSnapshot, Flushed, ForceMerge, History, IndexSort, KeptAnswer,
    LARGE_DOCUMENT_BYTES, MergeOptions, QueryCache, QueryCacheOptions, RequestCache, RequestCacheOptions,
    SegmentFigures, ShardActivity, Shared, StoredDocument, Timed, TombstoneBudget, Workers, WriteOutcome,
    WriteRequest, WriteRun, Written,
};
pub use highlight::{
    BoundaryScanner, Fragmenter, Highlight, HighlightField, HighlightKind, HighlightOptions, Highlighter,
    VectorOptions,
};
pub use json_values::{json_kind, plain_values_at};
pub use query::{
    GeoDistance, InnerHitsAsked, Profiler, Query, QueryContext, QueryError, QueryLimits, QueryRules,
    ScriptSort, Similarities, Similarity, SliceBy, Sliced, boosted_field, parse_query, wrapped,
};
pub use search::{
    AskStop, DocValueAsked, Ending, Explanation, FieldAsked, FieldsShown, Helpers, Hit, InnerAnswer,
    InnerHit, InnerSearch, Missing, NamedSearch, NestedSort, NumericType, Room, Scan, ScriptField,
    ScriptFields, SearchAnswer, SearchError, SearchRequest, Slice, SortField, SortKey, SortMode, SortValue,
    SourceFilter, Stop, TermFilter, TermVectorsAsked, TermsEnumAsked, compare_hits, filter_source,
    one_of_each_group,
};
pub use shard::{Reader, Shard, ShardStats, uid, uid_parts};
pub use store::IntegrityError;
pub use suggest::{Completed, SuggestRequest, Suggested, SuggestedEntry, Suggestion, SuggestionOption};
pub use translog::{
    Inspection, NotAnOperation, Operation, OperationKind, Salvage, TranslogError,
    inspect as inspect_translog, salvage as salvage_translog,
};
