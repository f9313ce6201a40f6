//! The files of a shard: which of them a power cut cannot take, and what changed since.
//!
//! tantivy writes through [`ShardDirectory`]; `engine` decides when a state becomes durable.

mod directory;
mod fieldnorm;
mod integrity;
mod manifest;

pub(crate) use directory::{Pinned, ShardDirectory};
pub use integrity::IntegrityError;
pub(crate) use integrity::{check_files, damage_of, has_checksum, read_part, stored_checksum};
pub(crate) use manifest::{
    LENGTH_MAX as MANIFEST_BYTES_MAX, Manifest, ManifestError, NAME as MANIFEST_NAME, SegmentFile,
};
