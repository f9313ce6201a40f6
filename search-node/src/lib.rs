//! search-node: documents in, answers out, over Elasticsearch's REST API.
//!
//! `rest` reads requests, `action` does them, `tasks` lists what takes longer, `script` runs update scripts, `indices` keeps indices and their shards, `node` joins the parts.
//!
//! # Invariants
//!
//! - Only `rest` and `error` know HTTP; only `node` knows every part.
//! - Nothing is acknowledged before the shard's translog is synced, unless the index says `async`.
//! - What may block runs in a pool with a bound; what does not fit is answered 429.
//!
//! `replication` keeps the copies of shards equal and fills them. `coordination` agrees with the other nodes on the map of the cluster; `action/cluster` and `rest/cluster` show it.

mod action;
mod cache_settings;
mod cluster_settings;
mod coordination;
mod cpu_meter;
mod disk_marks;
mod disk_watch;
mod episode;
mod error;
mod expiring;
mod indices;
mod json;
mod memory;
mod node;
mod planted;
mod pool;
mod pool_settings;
mod pool_threads;
mod publish;
mod relief;
mod replication;
mod rest;
mod script;
mod script_contexts;
mod script_settings;
mod serving;
mod settings;
mod slow_log;
mod tasks;
mod time_span;
pub mod translog_command;
mod usage;
mod watermark;

use disk::state_file;

pub use memory::{Heap, SilentHeap};
pub use node::{FolderLock, Node, Running};
pub use settings::{NodeSettings, SCHEMA};
pub use slow_log::DIRECTIVE as SLOW_LOG;
