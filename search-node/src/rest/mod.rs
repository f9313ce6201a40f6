//! HTTP in, JSON out, no decisions: each file reads one group of requests and calls `action` or `index`.

mod body;
mod bulk;
mod by_query;
mod call;
mod cat;
mod cluster;
mod copies;
mod document;
mod envelope;
mod filter_path;
mod force_merge;
mod formats;
mod forward;
mod get;
mod guard;
mod human;
mod index;
mod index_settings;
mod parameters;
mod pieces;
mod root;
mod router;
mod search;
mod tasks;

pub(crate) use forward::answer_carried;
pub(crate) use router::{Entrance, app};
