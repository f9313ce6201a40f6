//! The files of a shard: which of them a power cut cannot take, and what changed since.
//!
//! tantivy writes through [`ShardDirectory`]; `engine` decides when a state becomes durable.

mod directory;
mod disk;
mod fieldnorm;
mod hooked_disk;
mod integrity;
mod manifest;

pub(crate) use directory::ShardDirectory;
pub use disk::{Disk, DiskFile, HostDisk, check_writable, create_folder_durably, replace};
pub use hooked_disk::{DiskOperation, HookedDisk};
pub use integrity::IntegrityError;
pub(crate) use integrity::{check_files, damage_of};
pub(crate) use manifest::{Manifest, ManifestError};
