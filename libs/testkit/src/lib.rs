//! What tests of several crates share. No program depends on it.
#![warn(missing_docs)]

mod chance;
mod crash_disk;
mod power_cut;
mod recorded_disk;
mod scratch;

pub use chance::Chance;
pub use crash_disk::{CrashDisk, FileId};
pub use power_cut::{PowerCut, Survival};
pub use recorded_disk::{Fate, RecordedDisk};
pub use scratch::{copy_folder, scratch};
