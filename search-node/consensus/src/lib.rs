//! What the nodes of a cluster agree on.
//!
//! [`Consensus`] is the façade: proposals go in as bytes, and every node applies the agreed ones in the same order to its
//! [`StateMachine`]. Behind it: `log_store` (what a node promised, on the disk), `snapshot` (the state as one file),
//! `state_machine`, `message` and `network` (what nodes ask one another), `membership` (who should vote).
//!
//! # Invariants
//!
//! - What [`Consensus::propose`] has answered is on the disks of a majority, and is never lost or taken back.
//! - A node never votes twice in a term and never forgets what it acknowledged; once its disk failed it says nothing more.
//! - The library that decides (openraft) shows in no public name, and in no byte on the disk, so that another is a swap.
//!
//! What a proposal means, who should join, and how bytes travel are the business of whoever uses this.
//! The byte layout is in `docs/formats/raft-log.md`.
#![warn(missing_docs)]

mod blocking;
mod consensus;
mod error;
mod log_store;
pub mod membership;
mod message;
mod network;
mod options;
mod payload;
mod raft_log;
mod snapshot;
mod state_machine;
mod status;
#[cfg(test)]
mod suite;
mod types;

pub use consensus::{Agreed, Consensus};
pub use error::{ChangeError, ProposeError, ReadError, StartError};
pub use log_store::{StoreError, holds_promises};
pub use network::{PeerError, Peers};
pub use options::{Options, Timing};
pub use state_machine::{Place, Reign, RestoreError, SnapshotError, StateMachine};
pub use status::{Leader, Status};
