//! HTTP in, JSON out, no decisions: each file reads one group of requests and calls `action` or `index`.

mod bulk;
mod call;
mod cat;
mod cluster;
mod document;
mod envelope;
mod index;
mod root;
mod router;
mod search;

pub(crate) use router::app;
