//! Aggregations: what is computed over all matches.
//!
//! `request` reads the JSON; `checks` refuses what cannot be computed; `collect` fills buckets in one segment, where `values` are those of a field and `members` what a filter lets in; `partial` joins segments and
//! shards, in any order; `finish` makes the answer; `search/room` is asked for the memory of what they hold. A partial holds every bucket, so that
//! counts are exact.

mod checks;
mod collect;
mod field_formats;
mod finish;
mod hyperloglog;
mod members;
mod partial;
mod request;
mod values;

pub(crate) use checks::{check, runtime_fields_of};
pub(crate) use collect::SegmentAggs;
pub use finish::finish;
pub use partial::{AggPartial, reduce};
pub use request::{AggError, AggRequest, parse};
