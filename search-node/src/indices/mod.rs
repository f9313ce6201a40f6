//! Indices: their metadata, their shards, and finding them by name.

mod agreed_names;
mod agreement;
mod alias;
mod alias_changes;
mod analysis_settings;
mod auto_create;
mod blocks;
mod changes;
mod closing;
mod copy_folders;
mod creation;
mod data_stream;
mod date_math;
mod deciding;
#[cfg(test)]
mod durability;
mod flat_settings;
mod following;
mod found;
#[cfg(test)]
mod full_disk;
mod guard;
mod id;
mod index;
mod index_figures;
mod index_names;
mod index_refresh;
mod index_run;
mod known_settings;
mod lenient;
mod lookup;
#[cfg(test)]
mod losses;
mod lost_index;
#[cfg(test)]
mod mending;
mod merge_settings;
mod metadata;
mod names;
#[cfg(test)]
mod older_settings;
mod query_settings;
mod refreshes;
mod registry;
mod replicas;
mod resizing;
mod rollover;
mod routing;
mod served;
mod settings;
mod settings_changes;
mod shard_copy;
mod sort_settings;
mod sound_settings;
mod stored_copy;
mod stored_scripts;
mod stream_changes;
mod streams;
mod templates;
#[cfg(test)]
mod test_disk;
#[cfg(test)]
pub(crate) mod test_map;
mod untyped;

pub(crate) use agreement::{Agreement, Disagreement};
pub(crate) use alias::Alias;
pub(crate) use alias_changes::AliasAction;
pub(crate) use analysis_settings::TOKENS_MAX;
pub(crate) use auto_create::{AUTO_CREATE, AutoCreate};
pub(crate) use blocks::{Blocks, Level};
pub(crate) use data_stream::DataStream;
pub(crate) use id::{IdMaker, new_id};
pub(crate) use index::{Index, Resources};
pub(crate) use index_run::{IndexRun, Place};
pub(crate) use known_settings::defaults;
pub(crate) use lenient::{text_of, texts_of, truth_of};
pub(crate) use lookup::{Lookup, Searched, Stream};
pub(crate) use lost_index::LostIndex;
pub(crate) use metadata::{is_closed, resize_source_of};
pub(crate) use names::{NameOptions, matches};
pub(crate) use registry::Indices;
pub(crate) use resizing::{FirstDocuments, Resize, ResizeWish, fills_first};
pub(crate) use rollover::{Figures, Plan as RolloverPlan, RolloverCondition, are_met};
pub(crate) use routing::Routing;
pub(crate) use settings::nest;
pub(crate) use settings_changes::SettingsChange;
pub(crate) use shard_copy::CopyState;
pub(crate) use stored_copy::IndexCopy;
pub(crate) use stored_scripts::{StoredScript, may_name_scripts, no_script};
pub(crate) use stream_changes::StreamAction;
pub(crate) use templates::{
    ComponentTemplate, IndexBody, IndexTemplate, LegacyTemplate, NewTemplate, Simulated, TemplateKind,
};
#[cfg(test)]
pub(crate) use test_disk::resources;

#[cfg(test)]
mod pairs;
#[cfg(test)]
mod power_cut;
