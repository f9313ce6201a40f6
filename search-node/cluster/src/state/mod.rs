//! What all nodes agree on.
//!
//! The state is changed by [`Command`]s, which all nodes apply in one order. A command says what is to be: whoever leads has decided
//! it (see `allocation`), so that nodes of different builds come to the same state.

mod answered;
mod cluster;
mod command;
mod copies;
mod expectation;
mod filters;
mod forced;
mod hand_over;
mod ids;
mod index;
mod index_allocation;
mod metadata;
mod moving;
mod node;
mod shard_commands;
mod unassigned;

pub use answered::Answered;
pub use cluster::{ClusterState, Refusal};
pub use command::Command;
pub use copies::{Copy, CopyError, ShardCopies, Stage};
pub use expectation::Expectation;
pub use filters::check_rule;
pub(crate) use filters::{address_host, broken_rule};
pub use hand_over::HandOver;
pub use ids::{CopyId, IndexId, NodeId, ShardId};
pub use index::{IndexEntry, Replicas};
pub use index_allocation::{Enable, IndexAllocation, RebalanceEnable};
pub use metadata::{Metadata, MetadataText};
pub use node::{NodeEntry, Role};
pub use unassigned::{Unassigned, UnassignedReason};
