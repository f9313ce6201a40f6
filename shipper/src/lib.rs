//! shipper: pipelines in Logstash's language, from inputs through filters to outputs.
//!
//! ```text
//!  input ──batch──▶ queue ──▶ N workers: filters ──▶ outputs
//!    ▲                                                 │
//!    └────────────────────── ack ──────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - A sender hears its ack only once every output took its events, a filter dropped them on purpose, or a node refused
//!   them for good and they were put aside as dead letters (or counted, where these are disabled).
//! - Every buffer is bounded: queue, batch, line, window, dead letters.
//! - A pipeline that would not run is refused at the start, with file, line, column and remedy.

pub mod api;
pub mod codec;
pub mod condition;
pub mod config;
pub mod dead_letters;
pub mod filters;
pub mod inputs;
pub mod language;
pub mod options;
pub mod outputs;
pub mod pipeline;
pub mod plugins;
mod program;
mod rubydebug;
mod stdout;
pub mod table;
pub mod variables;

pub use program::{about, run};

/// The program's name.
pub const PROGRAM: &str = "shipper";
