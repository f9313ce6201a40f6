//! The files of a shard: which of them a power cut cannot take, and what changed since.
//!
//! tantivy writes through [`ShardDirectory`]; `engine` decides when a state becomes durable.

mod directory;
mod fieldnorm;
mod integrity;
mod manifest;

pub(crate) use directory::ShardDirectory;
pub use integrity::IntegrityError;
pub(crate) use integrity::{check_files, damage_of};
pub(crate) use manifest::SegmentFile;
pub(crate) use manifest::{Manifest, ManifestError};
