//! Aggregations: what is computed over all matches.
//!
//! `request` reads the JSON; `collect` fills buckets in one segment; `partial` joins segments and shards, in any order;
//! `finish` makes the answer. A partial holds every bucket, so that counts are exact.

mod collect;
mod field_formats;
mod finish;
mod hyperloglog;
mod partial;
mod request;

pub(crate) use collect::{SegmentAggs, check, runtime_fields_of};
pub use finish::finish;
pub use partial::{AggPartial, reduce};
pub use request::{AggError, AggRequest, parse};
