//! HTTP in, JSON out, no decisions: each file reads one group of requests and calls `action` or `index`.

mod alias;
mod analyze;
mod body;
mod bulk;
mod by_query;
mod call;
mod cat;
mod cluster;
mod copies;
mod data_stream;
mod document;
mod entrance;
mod envelope;
mod force_merge;
mod forward;
mod get;
mod guard;
mod index;
mod index_settings;
mod parameters;
mod pieces;
mod resolve;
mod rollover;
mod root;
mod router;
mod search;
mod tasks;
mod template;

pub(crate) use entrance::Entrance;
pub(crate) use forward::answer_carried;
pub(crate) use router::app;
