//! Decisions of a cluster, without I/O, network or clock: what is agreed by all nodes, and what a copy of a shard does about it.
//!
//! ```text
//!  state/        the map: nodes, and for each shard its copies, its primary, its term. Changed by commands, in one order for all
//!  allocation/   which commands should come next: copies that are missing, primaries, balance
//!  health/       how well that is: counts and rows, as operators see them
//!  replication/  the data: when an operation is on every copy that counts, and what a copy drops when the primary changes
//!  read_lease    for how long a node may tell what its primaries have
//! ```
//!
//! The map is agreed upon by consensus, the data by the primaries that the map names. Safety rests on the map's terms and sets of
//! copies and on sequence numbers alone: never on a clock, and never on whether somebody could be reached. Only that reads by id
//! are not old rests on clocks besides, and only on how fast they go (`read_lease`).

pub mod allocation;
pub mod health;
pub mod read_lease;
pub mod replication;
pub mod state;
