//! HTTP in, JSON out, no decisions: each file reads one group of requests and calls `action` or `index`.

mod blocks;
mod body;
mod bulk;
mod by_query;
mod cache;
mod call;
mod cat;
mod cluster;
mod copies;
mod document;
mod envelope;
mod field_caps;
mod field_mapping;
mod filter_path;
mod force_merge;
mod formats;
mod forward;
mod get;
mod guard;
mod human;
mod index;
mod index_figures;
mod index_settings;
mod mapped_fields;
mod parameters;
mod pieces;
mod root;
mod router;
mod search;
mod tasks;

pub(crate) use forward::answer_carried;
pub(crate) use router::{Entrance, app};
