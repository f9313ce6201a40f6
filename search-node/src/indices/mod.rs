//! Indices: their metadata, their shards, and finding them by name.

mod agreement;
mod blocks;
mod changes;
mod copy_folders;
mod data_stream;
mod default_settings;
#[cfg(test)]
mod durability;
mod following;
mod found;
#[cfg(test)]
mod full_disk;
mod id;
mod index;
mod index_names;
mod index_run;
#[cfg(test)]
mod losses;
mod lost_index;
#[cfg(test)]
mod mending;
mod merge_settings;
mod metadata;
mod names;
mod refreshes;
mod registry;
mod replicas;
mod routing;
mod served;
mod settings;
mod shard_copy;
mod sort_settings;
mod stored_copy;
#[cfg(test)]
mod test_disk;

pub(crate) use agreement::{Agreement, Disagreement};
pub(crate) use blocks::{Blocks, Level};
pub(crate) use default_settings::DEFAULTS;
pub(crate) use id::{IdMaker, new_id};
pub(crate) use index::{Index, Resources};
pub(crate) use index_run::{IndexRun, Place};
pub(crate) use lost_index::LostIndex;
pub(crate) use names::{NameOptions, expand, matches};
pub(crate) use registry::Indices;
pub(crate) use settings::nest;
pub(crate) use shard_copy::CopyState;
pub(crate) use stored_copy::IndexCopy;
#[cfg(test)]
pub(crate) use test_disk::resources;

#[cfg(test)]
mod power_cut;
