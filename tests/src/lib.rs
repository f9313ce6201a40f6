//! The shared pieces of the black-box tests: real programs as child processes, scratch folders, waiting for conditions.
//!
//! Every program started here listens on loopback on a free port, or on a host in a network namespace of the test's own, and is
//! ended by its process id when its handle goes.

mod cluster;
mod documents;
mod figures;
mod hosts;
mod links;
mod load;
mod long_search;
mod peer;
mod program;
mod scenario;
mod small_disk;
mod sockets;
mod wait;
mod ways;

pub use cluster::{Cluster, Member, START_WITHIN, tail};
pub use documents::{AccessLog, access_log_mapping};
pub use figures::{bytes_on_disk, median, quiet, size_of};
pub use hosts::Hosts;
pub use load::{bulk_bodies, bulk_load};
pub use long_search::{LONG_SEARCH_DOCUMENTS, long_search, long_search_bodies, long_search_mapping};
pub use peer::{OpenSearch, Peer, VictoriaLogs};
pub use program::{Program, SearchNode, binary, free_port, kept_port};
pub use scenario::{ScenarioOutcome, Server, run_scenarios};
pub use small_disk::SmallDisk;
pub use wait::wait_until;
pub use ways::{Flow, Ways};
